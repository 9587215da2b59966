"""Parameter sets: built bit by bit from the syntax tables, made by x264 and x265, recorded from cameras."""

import base64
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.codecs.nal import Codec
from transcoder.codecs.parameter_sets import parse_pps, parse_sps
from transcoder.errors import BitstreamError

# of x264 and x265, told to make 352x208 at 15 fps, Main profile
X264 = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
X264_PPS = bytes.fromhex("68ef0f2c80")
X265 = bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10")
X265_PPS = bytes.fromhex("4401c172b46240")


class Bits:
    """Bits of an RBSP, written."""

    def __init__(self) -> None:
        self.text = ""

    def u(self, bits: int, value: int) -> "Bits":
        self.text += f"{value:0{bits}b}"
        return self

    def ue(self, *values: int) -> "Bits":
        for value in values:
            code = f"{value + 1:b}"
            self.text += "0" * (len(code) - 1) + code
        return self

    def se(self, *values: int) -> "Bits":
        for value in values:
            self.ue(2 * value - 1 if value > 0 else -2 * value)
        return self

    def nal_unit(self, header: bytes, tail: bytes = b"") -> bytes:
        text = self.text + "1"
        text += "0" * (-len(text) % 8)
        rbsp = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8)) + tail
        out, zeros = bytearray(header), 0
        for byte in rbsp:
            if zeros == 2 and byte <= 3:
                out.append(3)
                zeros = 0
            out.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return bytes(out)


def h264_sps(
    *, profile: int = 77, width_mbs: int = 45, height_mbs: int = 36, vui: Bits | None = None, **fields: int
) -> Bits:
    """H.264 section 7.3.2.1.1."""
    bits = Bits().u(8, profile).u(8, fields.get("constraints", 0)).u(8, fields.get("level", 30)).ue(0)
    if profile == 100:
        bits.ue(1, 0, 0).u(1, 0)  # 4:2:0, 8 bits, no bypass
        bits.u(1, 1)  # scaling matrix
        for index in range(8):
            bits.u(1, 1 if index in {0, 6} else 0)
            if index == 0:
                bits.se(*[1] * 16)
            if index == 6:
                bits.se(8, -16, *[0] * 0)  # 16, then 0: the rest repeats
    bits.ue(0, fields.get("order", 2))
    if fields.get("order") == 1:
        bits.u(1, 0).se(-3, 4).ue(2).se(1, -1)
    bits.ue(1).u(1, 0).ue(width_mbs - 1, height_mbs - 1)
    frame_only = fields.get("frame_only", 1)
    bits.u(1, frame_only)
    if not frame_only:
        bits.u(1, 1)
    bits.u(1, 1)
    crop = fields.get("crop_bottom", 0)
    bits.u(1, 1 if crop else 0)
    if crop:
        bits.ue(0, 0, 0, crop)
    bits.u(1, 1 if vui else 0)
    if vui:
        bits.text += vui.text
    return bits


def h264_vui() -> Bits:
    """Annex E.1.1: own aspect ratio 126:95, timing of 12.5 fps, restriction with one reordered picture."""
    bits = Bits().u(1, 1).u(8, 255).u(16, 126).u(16, 95)
    bits.u(1, 1).u(1, 0).u(1, 1).u(3, 5).u(1, 0).u(1, 1).u(8, 1).u(8, 1).u(8, 1)  # overscan, signal, colour
    bits.u(1, 1).ue(0, 0)  # chroma location
    bits.u(1, 1).u(32, 1).u(32, 25).u(1, 1)
    bits.u(1, 1).ue(0).u(4, 0).u(4, 0).ue(5, 6).u(1, 0).u(20, 0)  # NAL HRD
    bits.u(1, 0).u(1, 0).u(1, 0)  # VCL HRD, low_delay, pic_struct
    return bits.u(1, 1).u(1, 1).ue(0, 0, 10, 10, 1, 2)


def test_h264_plain() -> None:
    sps = parse_sps(Codec.H264, h264_sps().nal_unit(b"\x67"))
    assert (sps.width, sps.height, sps.profile, sps.level) == (720, 576, "Main", "3.0")
    assert (sps.profile_level_id, sps.chroma_format, sps.bit_depth, sps.interlaced) == ("4d001e", 1, 8, False)
    assert (sps.sar, sps.frame_rate, sps.num_reorder, sps.max_reference_pictures) == (None, None, None, 1)
    assert sps.trailing_size == 0


def test_h264_cropping() -> None:
    # 1920x1088 less 4 units of two lines (7.4.2.1.1: CropUnitY is 2 for 4:2:0 frames)
    sps = parse_sps(Codec.H264, h264_sps(width_mbs=120, height_mbs=68, crop_bottom=4).nal_unit(b"\x67"))
    assert (sps.width, sps.height) == (1920, 1080)


def test_h264_interlaced() -> None:
    # map units are of fields: twice the height; CropUnitY is 4
    sps = parse_sps(Codec.H264, h264_sps(width_mbs=120, height_mbs=34, crop_bottom=2, frame_only=0).nal_unit(b"\x67"))
    assert (sps.width, sps.height, sps.interlaced) == (1920, 1080, True)


def test_h264_vui_and_scaling_lists_and_order() -> None:
    sps = parse_sps(Codec.H264, h264_sps(profile=100, order=1, vui=h264_vui()).nal_unit(b"\x67"))
    assert (sps.profile, sps.sar, sps.frame_rate, sps.num_reorder) == ("High", (126, 95), 12.5, 1)


@pytest.mark.parametrize(
    ("profile", "constraints", "level", "names"),
    [
        (66, 0xC0, 31, ("Constrained Baseline", "3.1")),
        (66, 0x00, 11, ("Baseline", "1.1")),
        (66, 0x10, 11, ("Baseline", "1b")),
        (77, 0x10, 11, ("Main", "1b")),
        (100, 0x10, 11, ("High", "1.1")),
        (77, 0x00, 62, ("Main", "6.2")),
    ],
)
def test_h264_names(profile: int, constraints: int, level: int, names: tuple[str, str]) -> None:
    sps = parse_sps(Codec.H264, h264_sps(profile=profile, constraints=constraints, level=level).nal_unit(b"\x67"))
    assert (sps.profile, sps.level) == names


def test_bytes_behind_the_syntax() -> None:  # Reolink RLC-822A
    sps = parse_sps(Codec.H264, h264_sps().nal_unit(b"\x67", b"\x21\x43"))
    assert (sps.width, sps.height, sps.trailing_size) == (720, 576, 2)


def test_x264_and_x265() -> None:
    first = parse_sps(Codec.H264, X264)
    assert (first.width, first.height, first.frame_rate, first.profile, first.level) == (352, 208, 15.0, "Main", "3.1")
    second = parse_sps(Codec.H265, memoryview(X265))
    assert (second.width, second.height, second.frame_rate, second.profile) == (352, 208, 15.0, "Main")
    assert (second.chroma_format, second.bit_depth, second.interlaced) == (1, 8, False)
    assert (parse_pps(Codec.H264, X264_PPS).id, parse_pps(Codec.H264, X264_PPS).sps_id) == (0, 0)
    assert (parse_pps(Codec.H265, X265_PPS).id, parse_pps(Codec.H265, X265_PPS).sps_id) == (0, 0)


def test_pps() -> None:
    pps = parse_pps(Codec.H264, Bits().ue(3, 5).u(8, 0).nal_unit(b"\x68"))
    assert (pps.id, pps.sps_id) == (3, 5)
    pps = parse_pps(Codec.H265, Bits().ue(7, 2).u(1, 0).u(1, 1).u(3, 2).u(8, 0).nal_unit(b"\x44\x01"))
    assert (pps.id, pps.sps_id, pps.extra_slice_header_bits) == (7, 2, 2)


REFUSED = [
    ("nothing", Codec.H264, b""),
    ("header only", Codec.H264, b"\x67"),
    ("a PPS", Codec.H264, X264_PPS),
    ("forbidden bit", Codec.H264, b"\xe7" + X264[1:]),
    ("without its header (VStarcam)", Codec.H264, X264[1:]),
    ("cut off", Codec.H264, X264[:6]),
    ("zeros", Codec.H264, b"\x67" + bytes(200)),
    ("too wide", Codec.H264, h264_sps(width_mbs=5000).nal_unit(b"\x67")),
    ("cropped to nothing", Codec.H264, h264_sps(crop_bottom=288).nal_unit(b"\x67")),
    ("a code of 33 zeros", Codec.H264, b"\x67\x4d\x00\x1e" + b"\x00\x00\x03" * 3 + b"\xff"),
    ("another codec", Codec.H265, X264),
    ("H.265 cut off", Codec.H265, X265[:12]),
    ("H.265 of 8 sub-layers", Codec.H265, b"\x42\x01\x0f" + X265[3:]),
]


@pytest.mark.parametrize(("codec", "unit"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused(codec: Codec, unit: bytes) -> None:
    with pytest.raises(BitstreamError):
        parse_sps(codec, unit)


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text().splitlines() if line and not line.startswith("#")]


def test_recorded_sizes(vectors: Path) -> None:
    found = rows(vectors / "headers/sps_samples_h264.txt")
    sizes = [(name, text, size) for name, text, size in found if not text.startswith("profile-level-id")]
    assert len(sizes) == 8
    for name, text, size in sizes:
        sps = parse_sps(Codec.H264, base64.b64decode(text + "=" * (-len(text) % 4)))
        assert f"{sps.width}x{sps.height}" == size, name


def test_recorded_hexadecimal(vectors: Path) -> None:
    # read with ffmpeg's trace_headers: 80x60, 120x68 less 8 lines, 160x90 macroblocks; the H.265 ones by their makers
    expected = [(1280, 960, 25), (1920, 1080, 25), (2560, 1440, 20), (3072, 1728, None), (1280, 720, None)]
    for (name, text), (width, height, rate) in zip(
        rows(vectors / "headers/sps_samples_hex.txt"), expected, strict=True
    ):
        sps = parse_sps(Codec.H265 if "h265" in name else Codec.H264, bytes.fromhex(text))
        assert (sps.width, sps.height) == (width, height), name
        assert rate is None or sps.frame_rate == rate


def test_recorded_size_of_tenda(vectors: Path) -> None:
    line = (vectors / "tenda_cp3pro/hevc_fmtp.txt").read_text().splitlines()[0]
    text = dict(item.split("=", 1) for item in line.split(";"))["sprop-sps"]
    sps = parse_sps(Codec.H265, base64.b64decode(text))
    assert (sps.width, sps.height) == (640, 368)


@examples(300)
@given(st.sampled_from(list(Codec)), st.binary(max_size=80), st.integers(0, 40))
def test_any_bytes(codec: Codec, data: bytes, keep: int) -> None:
    for start in (X264[:keep], X265[:keep], b"\x67", b"\x42\x01", b"\x68", b"\x44\x01"):
        for parse in (parse_sps, parse_pps):
            with contextlib.suppress(BitstreamError):
                parse(codec, start + data)


@pytest.mark.parametrize("fill", [b"\x00", b"\xff", b"\x55", b"\xaa", b"\x01", b"\x80"])
@pytest.mark.parametrize("start", [X264[:4], X265[:20], b"\x67\x64\x00\x32\xad", b"\x67\xf4\x00\x32\xad"])
def test_work_is_bounded(fill: bytes, start: bytes, assert_linear: Callable[..., None]) -> None:
    def run(data: bytes) -> None:
        for codec in Codec:
            with contextlib.suppress(BitstreamError):
                parse_sps(codec, data)

    assert_linear(lambda size: start + fill * size, run, 20_000, at_most_s=0.1)
