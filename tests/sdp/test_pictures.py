"""Session descriptions of cameras that send JPEG or MPEG-4 Part 2."""

from pathlib import Path

import pytest

from transcoder.codecs.mpeg4 import parse_layer
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.sdp import VideoSelection, parse_sdp, select_video

# FLIR's, shortened: visual object sequence, visual object, video object, video object layer
CONFIG = "000001B002000001B59113000001000000012000C888800F514043C14103"
LAYER = bytes.fromhex("0000012000C888800F514043C14103")


def select(*lines: str) -> VideoSelection:
    return select_video(parse_sdp("".join(f"{line}\r\n" for line in ("v=0", "s=-", *lines)).encode()))


def test_jpeg_by_its_static_number() -> None:
    chosen = select("m=video 0 RTP/AVP 26", "a=control:track1")
    assert (chosen.codec, chosen.payload_types, chosen.clock_rate) == (PictureCodec.JPEG, {26}, 90_000)
    assert chosen.parameter_sets == ()


def test_jpeg_by_a_dynamic_number() -> None:
    chosen = select("m=video 0 RTP/AVP 98", "a=rtpmap:98 jpeg/90000")
    assert (chosen.codec, chosen.payload_types) == (PictureCodec.JPEG, {98})


@pytest.mark.parametrize(
    ("attribute", "size"),
    [
        ("x-dimensions:2592,1944", (2592, 1944)),
        ("x-dimensions: 2592 , 1944", (2592, 1944)),
        ("framesize:26 2592-1944", (2592, 1944)),
        ("framesize:97 2592-1944", None),
        ("x-dimensions:99999,99999", None),
        ("x-dimensions:0,0", None),
        ("x-dimensions:x", None),
    ],
)
def test_the_size_of_large_pictures(attribute: str, size: tuple[int, int] | None) -> None:
    assert select("m=video 0 RTP/AVP 26", f"a={attribute}").picture_size == size


def test_mpeg4_with_its_layer() -> None:
    chosen = select(
        "m=video 0 RTP/AVP 96", "a=rtpmap:96 MP4V-ES/90000", f"a=fmtp:96 profile-level-id=1;config={CONFIG}"
    )
    assert (chosen.codec, chosen.payload_types) == (PictureCodec.MPEG4, {96})
    assert chosen.parameter_sets == (LAYER,)
    found = parse_layer(LAYER)
    assert (found.width, found.height) == (640, 480)  # FLIR says so in a=framesize


@pytest.mark.parametrize("config", ["", "0", "zz", CONFIG[:-20], "000001B2" + "41" * 20, "00" * 9000])
def test_mpeg4_without_a_layer_that_can_be_read(config: str) -> None:
    chosen = select("m=video 0 RTP/AVP 96", "a=rtpmap:96 MP4V-ES/90000", f"a=fmtp:96 config={config}")
    assert chosen.parameter_sets == ()


@pytest.mark.parametrize(
    ("lines", "codec", "payload_types"),
    [
        (("m=video 0 RTP/AVP 96 97", "a=rtpmap:96 MP4V-ES/90000", "a=rtpmap:97 H264/90000"), Codec.H264, {97}),
        (("m=video 0 RTP/AVP 26", "m=video 0 RTP/AVP 97", "a=rtpmap:97 H265/90000"), Codec.H265, {97}),
        (("m=video 0 RTP/AVP 26 96", "a=rtpmap:96 MP4V-ES/90000"), PictureCodec.MPEG4, {96}),
    ],
)
def test_the_best_encoding_is_chosen(lines: tuple[str, ...], codec: object, payload_types: set[int]) -> None:
    chosen = select(*lines)
    assert (chosen.codec, chosen.payload_types) == (codec, payload_types)


def test_recorded(vectors: Path) -> None:
    expected = {
        "live555_oem/sdp_mjpeg_t140.sdp": (PictureCodec.JPEG, {26}),
        "live555_oem/sdp_mpeg4_t140.sdp": (PictureCodec.MPEG4, {96}),
        "flir/sdp_t_now.sdp": (Codec.H264, {111, 112}),
    }
    for name, (codec, payload_types) in expected.items():
        chosen = select_video(parse_sdp((vectors / name).read_bytes()))
        assert (chosen.codec, chosen.payload_types) == (codec, payload_types)
        assert chosen.media.kind == "video"


@pytest.mark.parametrize(("stated", "ticks"), [("/30000", 30_000), ("/90000", 90_000), ("", 90_000), ("/7", 90_000)])
def test_the_clock_of_mpeg4_is_the_stated_one(stated: str, ticks: int) -> None:
    """RFC 6416 section 7.1 leaves the rate open; RFC 6184 section 8.2.1 does not."""
    chosen = select("m=video 0 RTP/AVP 96", f"a=rtpmap:96 MP4V-ES{stated}", f"a=fmtp:96 config={CONFIG}")
    assert chosen.clock_rate == ticks
    assert select("m=video 0 RTP/AVP 96", f"a=rtpmap:96 H264{stated}").clock_rate == 90_000
