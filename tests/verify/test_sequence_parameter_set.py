"""The checker's own reader of SPS: built bit by bit, made by x264 and x265, recorded; and beside the product's."""

import base64
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.codecs.test_parameter_sets import h264_sps, h264_vui
from tests.support.examples import examples
from transcoder.codecs import nal
from transcoder.codecs.parameter_sets import parse_sps
from transcoder.errors import BitstreamError
from transcoder.verify.codec import Codec
from transcoder.verify.sequence_parameter_set import SequenceParameterSet, read_sps

# of x264 and x265, told to make 352x208 at 15 fps, Main profile
X264 = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
X265 = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")


def said(sps: SequenceParameterSet) -> tuple[object, ...]:
    return sps.width, sps.height, sps.profile, sps.level, sps.frame_rate, sps.bytes_behind


BUILT = [
    ("plain", h264_sps(), (720, 576, "Main", "3.0", None, 0)),
    # 1920x1088 less 4 units of two lines (7.4.2.1.1: CropUnitY is 2 for 4:2:0 frames)
    ("cropped", h264_sps(width_mbs=120, height_mbs=68, crop_bottom=4), (1920, 1080, "Main", "3.0", None, 0)),
    # map units are of fields: twice the height; CropUnitY is 4
    (
        "interlaced",
        h264_sps(width_mbs=120, height_mbs=34, crop_bottom=2, frame_only=0),
        (1920, 1080, "Main", "3.0", None, 0),
    ),
    ("everything", h264_sps(profile=100, order=1, vui=h264_vui()), (720, 576, "High", "3.0", 12.5, 0)),
    (
        "constrained",
        h264_sps(profile=66, constraints=0xC0, level=31),
        (720, 576, "Constrained Baseline", "3.1", None, 0),
    ),
    ("level 1b", h264_sps(profile=77, constraints=0x10, level=11), (720, 576, "Main", "1b", None, 0)),
]


@pytest.mark.parametrize(("bits", "expected"), [row[1:] for row in BUILT], ids=[row[0] for row in BUILT])
def test_h264(bits, expected: tuple[object, ...]) -> None:
    assert said(read_sps(Codec.H264, bits.nal_unit(b"\x67"))) == expected


def test_x264_and_x265() -> None:
    assert said(read_sps(Codec.H264, X264)) == (352, 208, "Main", "3.1", 15.0, 0)
    assert said(read_sps(Codec.H265, X265)) == (352, 208, "Main", "2.0", 15.0, 0)


@pytest.mark.parametrize(("codec", "unit"), [(Codec.H264, X264), (Codec.H265, X265)])
def test_bytes_behind_the_end(codec: Codec, unit: bytes) -> None:
    assert read_sps(codec, unit + b"\x21\x43").bytes_behind == 2


REFUSED = [
    ("header only", Codec.H264, b"\x67"),
    ("cut off", Codec.H264, X264[:6]),
    ("no stop bit", Codec.H264, X264[:-1] + b"\x00"),
    ("zeros", Codec.H264, b"\x67" + bytes(200)),
    ("cropped to nothing", Codec.H264, h264_sps(crop_bottom=288).nal_unit(b"\x67")),
    ("a code of 33 zeros", Codec.H264, b"\x67\x4d\x00\x1e" + b"\x00\x00\x03" * 3 + b"\xff"),
    ("H.265 cut off", Codec.H265, X265[:12]),
]


@pytest.mark.parametrize(("codec", "unit"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(codec: Codec, unit: bytes) -> None:
    with pytest.raises(BitstreamError):
        read_sps(codec, unit)


def recorded(vectors: Path) -> list[tuple[Codec, str, bytes]]:
    def rows(name: str) -> list[list[str]]:
        lines = (vectors / "headers" / name).read_text().splitlines()
        return [line.split("\t") for line in lines if line and not line.startswith("#")]

    found = [
        (Codec.H264, size, base64.b64decode(text + "=" * (-len(text) % 4)))
        for _, text, size in rows("sps_samples_h264.txt")
        if not text.startswith("profile-level-id")
    ]
    # read with ffmpeg's trace_headers; the H.265 ones by their makers
    sizes = ["1280x960", "1920x1080", "2560x1440", "3072x1728", "1280x720"]
    found += [
        (Codec.H265 if "h265" in name else Codec.H264, size, bytes.fromhex(text))
        for (name, text), size in zip(rows("sps_samples_hex.txt"), sizes, strict=True)
    ]
    return found


def test_recorded_sets_say_what_the_products_reader_says(vectors: Path) -> None:
    """Two readers that share nothing: an error of one would have to be made twice."""
    cases = recorded(vectors)
    assert len(cases) == 13
    for codec, size, unit in cases:
        sps, other = read_sps(codec, unit), parse_sps(nal.Codec[codec.name], unit)
        assert f"{sps.width}x{sps.height}" == size
        assert said(sps) == (
            other.width, other.height, other.profile, other.level, other.frame_rate, other.trailing_size,
        )  # fmt: skip


@examples(300)
@given(st.sampled_from(list(Codec)), st.binary(max_size=80), st.integers(0, 40))
def test_any_bytes(codec: Codec, data: bytes, keep: int) -> None:
    for start in (X264[:keep], X265[:keep], b"\x67", b"\x42\x01"):
        with contextlib.suppress(BitstreamError):
            read_sps(codec, start + data)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x55", b"\xaa", b"\x01", b"\x80"])
@pytest.mark.parametrize("start", [X264[:4], X265[:20], b"\x67\x64\x00\x32\xad", b"\x67\xf4\x00\x32\xad"])
def test_work_is_bounded(fill: bytes, start: bytes, assert_linear: Callable[..., None]) -> None:
    def run(data: bytes) -> None:
        for codec in Codec:
            with contextlib.suppress(BitstreamError):
                read_sps(codec, data)

    assert_linear(lambda size: start + fill * size, run, 100_000, at_most_s=0.2)
