"""Slices of one picture by H.264 section 7.4.1.2.4 and H.265 section 7.4.2.4.4: bits by hand, and real encoders'."""

import shutil
import subprocess
from pathlib import Path

import pytest

from transcoder.codecs.access_unit import AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import Codec, is_first_slice, is_vcl, nal_unit_type, split_byte_stream
from transcoder.codecs.slice_header import MAX_SETS, SliceComparison

AUD = {Codec.H264: b"\x09\xf0", Codec.H265: b"\x46\x01\x50"}
"""Access unit delimiters: each ends the picture before it."""


def ue(value: int) -> str:
    """An Exp-Golomb code (H.264 section 9.1)."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def se(value: int) -> str:
    return ue(2 * value - 1 if value > 0 else -2 * value)


def unit(header: int, bits: str) -> bytes:
    """A NAL unit with rbsp_trailing_bits; none of these needs emulation prevention."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return bytes((header, *(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))))


def sps(*, sps_id: int = 0, frame_num_bits: int = 4, order: str = ue(0) + ue(1), frame_only: bool = True) -> bytes:
    """Baseline, 64x64 (section 7.3.2.1.1)."""
    bits = f"{66:08b}{0:08b}{30:08b}" + ue(sps_id) + ue(frame_num_bits - 4) + order + ue(1) + "0" + ue(3) + ue(3)
    return unit(0x67, bits + ("1" if frame_only else "00") + "1" + "0" + "0")


def pps(*, pps_id: int = 0, sps_id: int = 0, field_order: bool = False) -> bytes:
    """Section 7.3.2.2."""
    return unit(
        0x68, ue(pps_id) + ue(sps_id) + "0" + str(int(field_order)) + ue(0) + ue(0) * 2 + "000" + se(0) * 3 + "000"
    )


def part(
    first_mb: int = 0,
    *,
    header: int = 0x41,
    pps_id: int = 0,
    frame_num: int = 3,
    field: str = "",
    idr_pic_id: int | None = None,
    order: int = 6,
    delta: str = "",
) -> bytes:
    """A slice header (section 7.3.3): frame_num of 4 bits, pic_order_cnt_lsb of 5."""
    idr = "" if idr_pic_id is None else ue(idr_pic_id)
    bits = ue(first_mb) + ue(5) + ue(pps_id) + f"{frame_num:04b}" + field + idr + f"{order:05b}" + delta
    return unit(header, bits + "110101")


FIELDS = (sps(frame_only=False), pps(), pps(pps_id=1, field_order=True))
FRAMES = (sps(), pps(), pps(pps_id=1))

H264_CASES = [
    ("the same", FRAMES, part(), part(8), True),
    ("in front of the one before", FRAMES, part(8), part(4), False),
    ("the first of its picture", FRAMES, part(), part(0), False),
    ("another frame_num", FRAMES, part(), part(8, frame_num=4), False),
    ("another pic_parameter_set_id", FRAMES, part(), part(8, pps_id=1), False),
    ("nal_ref_idc 0 and not", FRAMES, part(), part(8, header=0x01), False),
    ("nal_ref_idc 1 and 2", FRAMES, part(header=0x21), part(8, header=0x41), True),
    ("another pic_order_cnt_lsb", FRAMES, part(), part(8, order=8), False),
    ("IDR and not", FRAMES, part(), part(8, header=0x65, idr_pic_id=0), False),
    ("the same idr_pic_id", FRAMES, part(header=0x65, idr_pic_id=1), part(8, header=0x65, idr_pic_id=1), True),
    ("another idr_pic_id", FRAMES, part(header=0x65, idr_pic_id=1), part(8, header=0x65, idr_pic_id=2), False),
    ("the same field", FIELDS, part(field="10"), part(4, field="10"), True),
    ("the other field", FIELDS, part(field="10"), part(4, field="11"), False),
    ("a field and a frame", FIELDS, part(field="0"), part(4, field="10"), False),
    ("the same delta", FIELDS, part(pps_id=1, field="0", delta=se(-1)),
     part(4, pps_id=1, field="0", delta=se(-1)), True),
    ("another delta_pic_order_cnt_bottom", FIELDS, part(pps_id=1, field="0", delta=se(-1)),
     part(4, pps_id=1, field="0", delta=se(1)), False),
    ("no SPS known", (pps(),), part(), part(8), False),
    ("no PPS known", (sps(),), part(), part(8), False),
    ("the PPS of an SPS that is not known", (sps(), pps(sps_id=3)), part(), part(8), False),
    ("a data partition", FRAMES, part(header=0x42), part(8, header=0x42), False),
    ("cut off", FRAMES, part(), part(8)[:2], False),
    ("longer frame_num", (sps(frame_num_bits=9, order=ue(2)), pps()), part(), part(8), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sets", "first", "later", "expected"), [row[1:] for row in H264_CASES], ids=[row[0] for row in H264_CASES]
)
def test_h264(sets: tuple[bytes, ...], first: bytes, later: bytes, expected: bool) -> None:
    comparison = SliceComparison(Codec.H264)
    for each in sets:
        comparison.note(each)
    assert comparison.is_one_picture(first, later) is expected


# H.265: first_slice_segment_in_pic_flag, no_output_of_prior_pics_flag of IRAP, slice_pic_parameter_set_id
H265_CASES = [
    ("the same", "0201 d0", "0201 50", True),  # 1 1...; 0 1...
    ("the first of its picture", "0201 d0", "0201 d0", False),
    ("another parameter set", "0201 d0", "0201 20", False),  # 0 010: id 1
    ("another type", "0201 d0", "0001 50", False),
    ("the same, IDR", "2601 a8", "2601 28", True),  # 1 0 1...; 0 0 1...
    ("cut off", "2601 a8", "2601", False),
]


@pytest.mark.parametrize(
    ("first", "later", "expected"), [row[1:] for row in H265_CASES], ids=[row[0] for row in H265_CASES]
)
def test_h265(first: str, later: str, expected: bool) -> None:
    assert SliceComparison(Codec.H265).is_one_picture(bytes.fromhex(first), bytes.fromhex(later)) is expected


def test_sets_that_change_are_followed() -> None:
    comparison = SliceComparison(Codec.H264)
    for each in (sps(), pps(), sps(frame_num_bits=16), sps(), b"\x67\x42", b"\x41\x9a"):
        comparison.note(each)
    assert comparison.is_one_picture(part(), part(8))


def test_sets_are_not_remembered_without_bound() -> None:
    comparison = SliceComparison(Codec.H264)
    for number in range(200):
        comparison.note(pps(pps_id=number))
        comparison.note(b"\x68" + bytes((number, 1)))
    assert len(comparison._known) <= MAX_SETS


# -- access units ------------------------------------------------------------------------------------------------------


def assemble(
    codec: Codec,
    packets: list[tuple[int, bytes]],
    *,
    marker_on: frozenset[int] = frozenset(),
    known: tuple[bytes, ...] = (),
) -> tuple[list[AccessUnit], AccessUnitAssembler]:
    assembler = AccessUnitAssembler(codec, parameter_sets=known)
    found = []
    for index, (timestamp, each) in enumerate(packets):
        assembler.add(each, timestamp, 0.0)
        assembler.end_of_packet(marker=index in marker_on)
    assembler.add(AUD[codec], 0, 0.0)
    while (access_unit := assembler.next_access_unit()) is not None:
        found.append(access_unit)
    return found, assembler


PICTURE = [(0, part()), (40, part(4)), (80, part(8))]
NEXT = [(3600, part(frame_num=4, order=8)), (3640, part(8, frame_num=4, order=8))]


@pytest.mark.parametrize("described", [True, False])
def test_a_timestamp_that_changes_inside_a_picture(described: bool) -> None:
    in_band = [] if described else [(0, each) for each in FRAMES]
    found, assembler = assemble(Codec.H264, [*in_band, *PICTURE, *NEXT], known=FRAMES if described else ())
    assert [(each.timestamp, len(each.nal_units) - (len(in_band) if index == 0 else 0), each.damaged)
            for index, each in enumerate(found)] == [(0, 3, False), (3600, 2, False)]  # fmt: skip
    assert assembler.faults == {"timestamp changes inside a picture": 3}


def test_the_marker_too_stands_inside_it() -> None:
    found, assembler = assemble(Codec.H264, [*PICTURE[:2], *NEXT], marker_on=frozenset({0, 1, 2, 3}), known=FRAMES)
    # the first picture comes in two halves; then the marker is not believed any more
    assert [(each.timestamp, len(each.nal_units)) for each in found] == [(0, 1), (40, 1), (3600, 2)]
    assert assembler.faults == {"marker inside a picture": 1, "timestamp changes inside a picture": 1}


def test_after_a_loss_the_timestamp_tells() -> None:
    assembler = AccessUnitAssembler(Codec.H264, parameter_sets=FRAMES)
    assembler.add(part(), 0, 0.0)
    assembler.lose()
    assembler.add(part(8), 3600, 0.0)
    assembler.add(AUD[Codec.H264], 0, 0.0)
    first, second = assembler.next_access_unit(), assembler.next_access_unit()
    assert first is not None and second is not None  # noqa: PT018
    assert (first.timestamp, first.damaged, second.timestamp, second.damaged) == (0, True, 3600, True)


def test_a_picture_whose_first_slice_the_camera_left_out() -> None:
    found, assembler = assemble(Codec.H264, [(0, part()), NEXT[1]], known=FRAMES)
    assert [(each.timestamp, each.damaged) for each in found] == [(0, False), (3640, True)]
    assert not assembler.faults


ENCODERS = {
    "x264": (Codec.H264, ["libx264", "-x264-params", "slices=4:bframes=3:b-pyramid=none:keyint=8", "-f", "h264"]),
    "x264 interlaced": (Codec.H264, ["libx264", "-x264-params", "slices=3:interlaced=1:keyint=8", "-f", "h264"]),
    "x264 intra": (Codec.H264, ["libx264", "-x264-params", "slices=4:keyint=1", "-f", "h264"]),
    "x265": (Codec.H265, ["libx265", "-x265-params", "slices=3:keyint=8:log-level=none", "-f", "hevc"]),
}


@pytest.mark.process
@pytest.mark.parametrize("name", ENCODERS)
def test_every_slice_with_a_timestamp_of_its_own(name: str, tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if not ffmpeg:
        pytest.skip("ffmpeg is not installed")
    codec, options = ENCODERS[name]
    source = ["-f", "lavfi", "-i", "testsrc2=s=320x256:r=10:d=2"]
    made = tmp_path / "made"
    subprocess.run([ffmpeg, "-v", "error", *source, "-c:v", *options, made], check=True, timeout=60)
    units = list(split_byte_stream(made.read_bytes()))
    slices = [each for each in units if is_vcl(codec, nal_unit_type(codec, each))]
    starts = [each for each in slices if is_first_slice(codec, each)]
    assert len(starts) == 20
    assert len(slices) >= 60
    found, assembler = assemble(codec, [(1000 * index, each) for index, each in enumerate(units)])
    assert [sum(is_vcl(codec, nal_unit_type(codec, each)) for each in one.nal_units) for one in found] == [
        len(slices) // 20
    ] * 20
    assert [one.timestamp for one in found] == [1000 * units.index(each) for each in starts]
    assert not any(one.damaged for one in found)
    assert assembler.faults == {"timestamp changes inside a picture": len(slices) - 20}
