"""Our own PPS and slice headers, read field by field, and by FFmpeg."""

import subprocess

import pytest

from tests.support.own_p_pictures import encoder, scene
from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.bit_writer import BitWriter
from transcoder.codecs.nal import join_byte_stream, remove_emulation_prevention
from transcoder.codecs.own_slices import p_slice, picture_parameter_set


def test_numbers_come_back_as_they_were_written():
    bits = BitWriter()
    unsigned, signed = [0, 1, 2, 7, 8, 254, 255, 65535], [0, 1, -1, 2, -2, 77, -300]
    for value in unsigned:
        bits.ue(value)
    for value in signed:
        bits.se(value)
    bits.u(5, 19)
    bits.trailing()
    reader = BitReader(bits.rbsp())
    assert [reader.ue() for _ in unsigned] == unsigned
    assert [reader.se() for _ in signed] == signed
    assert reader.u(5) == 19
    left = reader.left
    assert reader.u(left) == 1 << (left - 1)


@pytest.mark.parametrize(("bits", "value"), [(3, 8), (3, -1), (0, 1)])
def test_a_number_that_does_not_fit(bits, value):
    with pytest.raises(ValueError, match="does not fit"):
        BitWriter().u(bits, value)


def test_an_rbsp_ends_with_a_byte():
    bits = BitWriter()
    bits.u(3, 1)
    with pytest.raises(ValueError, match="not complete"):
        bits.rbsp()


def test_the_pps_by_hand():
    """7.3.2.2: ue(1) ue(0) 1 0 ue(0) ue(0) ue(0) 000 se(0) se(0) se(0) 100, 1 0 se(0), then the trailing bits."""
    fields = "010" + "1" + "1" + "0" + "111" + "000" + "111" + "100" + "101" + "100"
    assert picture_parameter_set() == bytes([0x68]) + int(fields, 2).to_bytes(3)


@pytest.mark.parametrize("deblocked", [False, True])
def test_a_slice_header_by_hand(deblocked):
    unit = p_slice(
        frame_num=5, frame_num_bits=4, qp=29, cabac_init_idc=2, deblocked=deblocked, slice_data=b"\x00\x00\x01\x80"
    )
    # 7.3.3: ue(0) ue(5) ue(1) 0101 0 0 0 ue(2) se(3), then disable_deblocking_filter_idc
    header = "100110010010100001100110" + ("111" if deblocked else "010")
    header += "1" * (-len(header) % 8)
    assert unit[0] == 0x41
    assert remove_emulation_prevention(unit[1:]) == int(header, 2).to_bytes(len(header) // 8) + b"\x00\x00\x01\x80"
    assert unit.endswith(b"\x00\x00\x03\x01\x80")


@pytest.mark.process
def test_ffmpeg_reads_the_headers():
    made, pictures = encoder(64, 48, 31), scene(64, 48, 1, 1)
    stream = b"".join(
        join_byte_stream(made.encode(next(pictures), None, 3600 * number, force_idr=number == 0))
        for number in range(20)
    )
    command = [
        "ffmpeg",
        "-hide_banner",
        "-f",
        "h264",
        "-i",
        "-",
        "-c",
        "copy",
        "-bsf:v",
        "trace_headers",
        "-f",
        "null",
        "-",
    ]
    told = subprocess.run(command, input=stream, capture_output=True, check=True, timeout=60).stderr.decode()
    values: dict[str, list[int]] = {}
    for line in told.splitlines():
        words = line.split()
        if words[-2:-1] == ["="]:
            values.setdefault(words[-4], []).append(int(words[-1]))
    assert values["pic_parameter_set_id"].count(1) >= 20
    assert values["frame_num"][-19:] == [number % 16 for number in range(1, 20)]
    assert values["slice_qp_delta"][-19:] == [31 - 26] * 19
    assert values["disable_deblocking_filter_idc"][-19:] == [0] * 19
    assert set(values["cabac_init_idc"]) == {0}
