"""Parameter sets are written anew: FFmpeg decodes the same pictures by them, and no text passes."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from transcoder.codecs.bit_writer import BitWriter
from transcoder.codecs.nal import (
    Codec,
    add_emulation_prevention,
    is_allowed,
    is_parameter_set,
    nal_unit_type,
    split_byte_stream,
)
from transcoder.codecs.parameter_sets import parse_sps
from transcoder.codecs.relayed_pictures import RelayedPictures
from transcoder.codecs.relayed_sets import MAX_SET, relayed_set
from transcoder.errors import BitstreamError

SIZE = (320, 180)


def encoded(codec: Codec, **options: str) -> list[list[bytes]]:
    """The NAL units of twelve access units of x264 or x265, without SEI and the like."""
    context: Any = av.CodecContext.create("libx264" if codec is Codec.H264 else "libx265", "w")
    context.width, context.height = SIZE
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, 10), Fraction(10)
    context.options = {"preset": "veryfast", **options}
    if codec is Codec.H265:
        context.options = {**context.options, "x265-params": f"log-level=none:pools=1:{options.get('x265-params', '')}"}
    packets = []
    noise = np.random.default_rng(1)
    for index in range(12):
        picture = np.full((SIZE[1] * 3 // 2, SIZE[0]), 90, np.uint8)
        picture[: SIZE[1] // 2] += noise.integers(0, 60, (SIZE[1] // 2, SIZE[0]), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = index
        packets += context.encode(frame)
    packets += context.encode(None)
    units = [list(split_byte_stream(bytes(packet))) for packet in packets]
    return [[unit for unit in each if is_allowed(codec, nal_unit_type(codec, unit))] for each in units]


def decoded(codec: Codec, access_units: list[list[bytes]]) -> list[bytes]:
    context: Any = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
    frames = []
    for units in access_units:
        frames += context.decode(av.Packet(b"".join(b"\0\0\0\1" + unit for unit in units)))
    frames += context.decode(None)
    return [frame.to_ndarray().tobytes() for frame in frames]


H264 = {"bf": "0", "profile": "high"}
H265 = {"x265-params": "bframes=0"}


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        (Codec.H264, H264),
        (Codec.H264, H264 | {"profile": "baseline"}),
        (Codec.H264, H264 | {"profile": "main", "slices": "3"}),
        (Codec.H264, H264 | {"x264-params": "vbv-maxrate=500:vbv-bufsize=500:nal-hrd=vbr:range=pc:colorprim=bt709"}),
        (Codec.H265, H265),
        (Codec.H265, {"x265-params": "bframes=0:hrd=1:vbv-maxrate=500:vbv-bufsize=500:range=full:transfer=bt709"}),
        (Codec.H265, {"x265-params": "bframes=0:ref=4:slices=2"}),
    ],
)
def test_the_same_pictures_are_decoded_by_what_passes(codec: Codec, options: dict[str, str]) -> None:
    given = encoded(codec, **options)
    relayed = RelayedPictures(codec)
    passed = [relayed.take(units) for units in given]
    assert decoded(codec, passed) == decoded(codec, given)
    assert len(decoded(codec, passed)) == 12
    sets = [unit for unit in passed[0] if is_parameter_set(codec, nal_unit_type(codec, unit))]
    assert len(sets) == (2 if codec is Codec.H264 else 3)
    sps = parse_sps(codec, sets[-2])
    assert ((sps.width, sps.height), sps.frame_rate, sps.trailing_size) == (SIZE, None, 0)
    assert [relayed_set(codec, unit)[-1] for unit in sets if relayed_set(codec, unit)] == sets[-2:]  # nothing is left


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        (Codec.H264, {"bf": "2", "profile": "high"}),
        (Codec.H264, H264 | {"x264-params": "cqm=jvt"}),
        (Codec.H265, {"x265-params": "bframes=3"}),
    ],
)
def test_what_would_come_out_of_order_or_holds_lists_is_refused(codec: Codec, options: dict[str, str]) -> None:
    relayed = RelayedPictures(codec)
    units = [unit for each in encoded(codec, **options) for unit in each]
    with pytest.raises(BitstreamError):
        relayed.take(units)


def test_text_behind_a_set_and_in_other_units_does_not_pass() -> None:
    [first, *_] = encoded(Codec.H264, **H264)
    sps, pps, *slices = first
    sei = b"\x06\x05\x10" + b"vendor-serial-12" + b"\x80"
    passed = RelayedPictures(Codec.H264).take(
        [b"\x09\xf0", sps + b"vendor-serial-12", pps, sei, *slices, b"\x18vendor"]
    )
    assert not any(b"vendor" in unit for unit in passed)
    assert [nal_unit_type(Codec.H264, unit) for unit in passed] == [7, 8, *(5 for _ in slices)]


@pytest.mark.parametrize(
    "unit",
    [
        b"\x67" + bytes(MAX_SET),
        b"\x67\x64\x00",
        b"\x68",
        b"\x65\x88\x00\x00\x01\x06\x05text",  # a byte stream would have an SEI behind it
        b"\x62\x88\x80",  # a partition
    ],
)
def test_what_can_not_be_read_is_refused(unit: bytes) -> None:
    relayed = RelayedPictures(Codec.H264)
    if len(unit) == 1:
        assert relayed.take([unit]) == []
        return
    with pytest.raises(BitstreamError):
        relayed.take([unit])


def test_a_slice_of_another_layer_is_refused() -> None:
    with pytest.raises(BitstreamError):
        RelayedPictures(Codec.H265).take([bytes([1 << 1, 0x09, 0x80, 0x00])])


@pytest.mark.parametrize(
    ("codec", "header", "says"),
    [
        (Codec.H264, b"\xe5", "forbidden_zero_bit"),
        (Codec.H264, b"\x81", "forbidden_zero_bit"),
        (Codec.H265, b"\x82\x01", "forbidden_zero_bit"),
        (Codec.H265, b"\x02\x00", "nuh_temporal_id_plus1"),
        (Codec.H265, b"\x03\x01", "another layer"),
    ],
)
def test_a_header_that_the_standard_forbids_is_refused(codec: Codec, header: bytes, says: str) -> None:
    """H.264 section 7.3.1, H.265 section 7.3.1.2 and 7.4.2.2."""
    with pytest.raises(BitstreamError, match=says):
        RelayedPictures(codec).take([header + b"\x88\x80\x40"])


def test_whether_a_slice_is_referred_to_passes_as_it_is() -> None:
    for header in (b"\x01", b"\x21", b"\x61"):  # nal_ref_idc of 0, 1 and 3
        assert RelayedPictures(Codec.H264).take([header + b"\xe0\x80"]) == [header + b"\xe0\x80"]
    for header in (b"\x02\x01", b"\x02\x07"):  # nuh_temporal_id_plus1 of 1 and 7
        assert RelayedPictures(Codec.H265).take([header + b"\xe0\x80"]) == [header + b"\xe0\x80"]


def pps_with_tiles(*, is_uniform: bool) -> bytes:
    """A PPS of H.265 (section 7.3.2.3.1) with four columns and three rows of tiles."""
    out = BitWriter()
    out.ue(0)
    out.ue(0)
    out.u(7, 0)
    for _ in range(3):  # two numbers of references, init_qp_minus26
        out.ue(0)
    out.u(3, 0)
    out.se(0)
    out.se(0)
    out.u(4, 0)
    out.u(2, 2)  # tiles_enabled_flag
    out.ue(3)
    out.ue(2)
    out.u(1, is_uniform)
    for number in () if is_uniform else b"tiles":
        out.ue(number)
    out.u(3, 0)  # loop filter across tiles and slices, deblocking control
    out.u(2, 0)  # scaling lists, lists modification
    out.ue(0)
    out.u(2, 0)
    out.trailing()
    return b"\x44\x01" + add_emulation_prevention(out.rbsp())


def test_tiles_of_free_widths_are_refused() -> None:
    assert len(relayed_set(Codec.H265, pps_with_tiles(is_uniform=True))) == 1
    with pytest.raises(BitstreamError):
        relayed_set(Codec.H265, pps_with_tiles(is_uniform=False))


def test_text_in_the_sizes_of_blocks_of_an_sps_is_refused() -> None:
    [sps] = [unit for unit in encoded(Codec.H265, **H265)[0] if nal_unit_type(Codec.H265, unit) == 33]
    found = set()
    for index in range(2, len(sps) + 1):
        try:
            passed = b"".join(relayed_set(Codec.H265, sps[:index] + b"CANARY" * 2 + sps[index:]))
        except BitstreamError:
            continue
        bits = int.from_bytes(passed, "big")
        found |= {index for shift in range(8) if b"CANARY" in (bits >> shift).to_bytes(len(passed), "big")}
    assert found == set()
