"""NAL units: types and allow-lists from the tables of the standards, byte streams from Annex B."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.nal import (
    H264_ALLOWED,
    H265_ALLOWED,
    Codec,
    is_allowed,
    is_first_slice,
    is_parameter_set,
    is_random_access,
    is_vcl,
    join_byte_stream,
    nal_unit_name,
    nal_unit_type,
    remove_emulation_prevention,
    split_byte_stream,
)

H264, H265 = Codec.H264, Codec.H265


def test_h264_allow_list() -> None:
    # table 7-1: 1 slice, 2-4 partitions, 5 IDR, 7 SPS, 8 PPS; everything else is no part of a picture's samples
    assert {number for number in range(32) if is_allowed(H264, number)} == {1, 2, 3, 4, 5, 7, 8} == H264_ALLOWED


def test_h265_allow_list() -> None:
    # table 7-1: 0-9 trailing and leading pictures, 16-21 IRAP, 32 VPS, 33 SPS, 34 PPS; 10-15 and 22-31 are reserved
    expected = {*range(10), *range(16, 22), 32, 33, 34}
    assert {number for number in range(64) if is_allowed(H265, number)} == expected == H265_ALLOWED


def test_vcl_types() -> None:
    assert [number for number in range(32) if is_vcl(H264, number)] == [1, 2, 3, 4, 5]
    assert [number for number in range(64) if is_vcl(H265, number)] == list(range(32))


def test_random_access_types() -> None:
    assert [number for number in range(32) if is_random_access(H264, number)] == [5]
    # nal_unit_type from BLA_W_LP to RSV_IRAP_VCL23 is an IRAP picture (H.265 section 3.72)
    assert [number for number in range(64) if is_random_access(H265, number)] == list(range(16, 24))


def test_parameter_set_types() -> None:
    assert [number for number in range(32) if is_parameter_set(H264, number)] == [7, 8]
    assert [number for number in range(64) if is_parameter_set(H265, number)] == [32, 33, 34]


@pytest.mark.parametrize(
    ("codec", "header", "expected"),
    [
        (H264, "67", 7),
        (H264, "27", 7),  # NRI 1
        (H264, "e5", 5),  # forbidden_zero_bit set
        (H265, "4001", 32),
        (H265, "4201", 33),
        (H265, "4401", 34),
        (H265, "2601", 19),
        (H265, "7f01", 63),
        (H265, "2801", 20),
    ],
)
def test_type_of_a_header(codec: Codec, header: str, expected: int) -> None:
    assert nal_unit_type(codec, bytes.fromhex(header)) == expected


def test_names() -> None:
    assert "SEI" in nal_unit_name(H264, 6)
    assert "VPS" in nal_unit_name(H265, 32)
    assert "31" in nal_unit_name(H264, 31)
    assert "55" in nal_unit_name(H265, 55)


@pytest.mark.parametrize(
    ("codec", "unit", "expected"),
    [
        (H264, "6588", True),  # first_mb_in_slice ue(v) 0 is the bit 1
        (H264, "4140", False),  # 010: 1
        (H264, "4102", False),
        (H264, "4280", True),  # partition A begins with a slice header
        (H264, "4380", False),  # partition B follows its A
        (H264, "4480", False),
        (H264, "65", False),  # nothing behind the header
        (H265, "260180", True),  # first_slice_segment_in_pic_flag
        (H265, "26017f", False),
        (H265, "2601", False),
    ],
)
def test_first_slice(codec: Codec, unit: str, expected: bool) -> None:
    assert is_first_slice(codec, bytes.fromhex(unit)) is expected


BYTE_STREAMS = [
    ("4-byte start codes", "0000000167aa0000000168bb", ["67aa", "68bb"]),
    ("both lengths mixed (Reolink)", "00000146015000000001400c000001420100", ["460150", "400c", "4201"]),
    ("bytes before the first start code", "67aabb00000168cc", ["67aabb", "68cc"]),
    ("no start code", "67aabb", ["67aabb"]),
    ("long zero runs between units", "0000000167aa" + "00" * 40 + "0168bb" + "00" * 9, ["67aa", "68bb"]),
    ("empty units", "000001000001000001" + "65aa", ["65aa"]),
    ("zeros only", "00" * 64, []),
    ("nothing", "", []),
    ("emulation prevention stays", "00000165000003000003" + "01", ["6500000300000301"]),
]


@pytest.mark.parametrize(("stream", "units"), [row[1:] for row in BYTE_STREAMS], ids=[row[0] for row in BYTE_STREAMS])
def test_split(stream: str, units: list[str]) -> None:
    data = bytes.fromhex(stream)
    assert [unit.hex() for unit in split_byte_stream(data)] == units
    assert [unit.hex() for unit in split_byte_stream(memoryview(data))] == units


def read_hex(path: Path) -> bytes:
    return bytes.fromhex("".join(line for line in path.read_text().splitlines() if not line.startswith("#")))


def test_recorded_zero_padding(vectors: Path) -> None:
    units = list(split_byte_stream(read_hex(vectors / "unknown_misc/h264_zero_padding_between_nals_annexb.hex")))
    assert [unit[0] & 31 for unit in units] == [7, 8, 5, 1]
    assert all(unit[-1] for unit in units)


def test_recorded_parameter_sets_of_reolink(vectors: Path) -> None:
    units = list(split_byte_stream(read_hex(vectors / "reolink/hevc_parameter_sets_au_annexb.hex")))
    assert [nal_unit_type(H265, unit) for unit in units] == [35, 32, 33, 34, 19]


UNITS = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda body: body.replace(b"\x00", b"\x02")), min_size=1, max_size=8
)


@given(UNITS)
def test_join_and_split_are_inverse(units: list[bytes]) -> None:
    stream = join_byte_stream(units)
    assert stream == b"".join(b"\x00\x00\x00\x01" + unit for unit in units)
    assert list(split_byte_stream(stream)) == units


@examples(200)
@given(st.lists(st.sampled_from([b"\x00", b"\x01", b"\x03", b"\x65", b"\x00\x00\x01"]), max_size=60).map(b"".join))
def test_no_unit_holds_a_start_code_or_ends_in_zero(data: bytes) -> None:
    units = list(split_byte_stream(data))
    assert all(unit and unit[-1] and b"\x00\x00\x01" not in unit for unit in units)
    assert sum(map(len, units)) <= len(data)


def insert_emulation_prevention(rbsp: bytes) -> bytes:
    """H.264 section 7.3.1, written from the encoder's side."""
    out, zeros = bytearray(), 0
    for byte in rbsp:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


@given(st.lists(st.sampled_from([0, 1, 2, 3, 4, 255]), max_size=60).map(bytes))
def test_emulation_prevention_is_removed(rbsp: bytes) -> None:
    if rbsp.endswith(b"\x00"):
        rbsp += b"\x80"
    assert remove_emulation_prevention(insert_emulation_prevention(rbsp)) == rbsp


def test_removal_reads_the_start_only_where_that_is_wanted() -> None:
    assert remove_emulation_prevention(b"\x67\x00\x00\x03\x01" + b"\x99" * 100, limit=5) == b"\x67\x00\x00\x01"


@pytest.mark.parametrize(
    "piece", [b"\x00\x00\x01\x65", b"\x00\x00\x01", b"\x00", b"\x00\x01", b"\x00\x00\x02", b"\x65\x88"]
)
def test_split_costs_no_more_than_its_input(piece: bytes, assert_linear: Callable[..., None]) -> None:
    assert_linear(
        lambda size: piece * (size // len(piece)),
        lambda data: sum(1 for _ in split_byte_stream(data)),
        200_000,
        at_most_s=0.5,
    )
