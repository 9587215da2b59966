"""The decoder: one picture for one access unit, and errors that end."""

from fractions import Fraction

import av
import pytest

from tests.support.coded_video import encode, picture
from transcoder.codecs.nal import Codec
from transcoder.media import decoder as decoder_module
from transcoder.media.decoder import ERRORS_TO_RESET, Decoder
from transcoder.media.geometry import fit, square_size

BOTH = pytest.mark.parametrize("codec", list(Codec), ids=lambda codec: codec.value)


@BOTH
def test_each_access_unit_gives_its_picture_with_its_time(codec: Codec) -> None:
    decoder = Decoder(codec)
    for index, unit in enumerate(encode(codec.value, (320, 240), 10)):
        [frame] = decoder.decode(unit, 1000 + 3600 * index)
        assert frame.pts == 1000 + 3600 * index
    assert not decoder.errors


@BOTH
def test_a_decoder_that_refuses_everything_is_made_anew(codec: Codec) -> None:
    decoder = Decoder(codec)
    for _ in range(2 * ERRORS_TO_RESET):
        assert decoder.decode(b"\0\0\0\1" + b"\xff" * 40, 0) == []
    good = encode(codec.value, (320, 240), 3)
    assert sum(len(decoder.decode(unit, 0)) for unit in good) == 3


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\1", b"\0\0\1\0", b"\xff" * 100_000])
@BOTH
def test_bytes_that_are_no_video(codec: Codec, data: bytes) -> None:
    assert Decoder(codec).decode(data, 0) == []


def test_a_picture_over_the_size_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_module, "is_sane_size", lambda width, height: width < 320)
    decoder = Decoder(Codec.H264)
    assert decoder.decode(encode("H264", (320, 240), 1)[0], 0) == []
    assert decoder.errors == {"picture over the size limit": 1}


@pytest.mark.parametrize(
    ("aspect", "expected"), [(None, 1), (Fraction(12, 11), Fraction(12, 11)), (Fraction(100, 1), 1)]
)
def test_sample_aspect_ratio(aspect: Fraction | None, expected: Fraction) -> None:
    decoder = Decoder(Codec.H264)
    [picture] = decoder.decode(encode("H264", (320, 240), 1, aspect=aspect)[0], 0)
    assert picture.aspect == expected


@pytest.mark.parametrize(
    ("size", "aspect", "expected"),
    [
        ((704, 576), Fraction(12, 11), (768, 576)),
        ((1920, 1080), Fraction(1), (1920, 1080)),
        ((704, 480), Fraction(10, 11), (704, 528)),
        ((321, 241), Fraction(1), (320, 240)),
        ((1, 1), Fraction(1), (2, 2)),
    ],
)
def test_square_size(size: tuple[int, int], aspect: Fraction, expected: tuple[int, int]) -> None:
    assert square_size(*size, aspect) == expected


@pytest.mark.parametrize("into", [(320, 240), (1920, 1080), (640, 640), (352, 288), (2, 2)])
@pytest.mark.parametrize("size", [(320, 240), (1920, 1080), (2560, 960), (240, 960), (8192, 1800)])
def test_fit_is_centred_even_inside_and_keeps_the_shape(size: tuple[int, int], into: tuple[int, int]) -> None:
    found = fit(size, into)
    for value in (found.x, found.y, found.width, found.height):
        assert value % 2 == 0
        assert value >= 0
    assert found.width <= into[0]
    assert found.height <= into[1]
    assert found.width == into[0] or found.height == into[1]
    assert abs(into[0] - found.width - 2 * found.x) <= 2
    assert abs(into[1] - found.height - 2 * found.y) <= 2
    if min(into) > 100:
        assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.05)


def _reordered(codec: str, gop: int, count: int) -> list[tuple[int, bytes]]:
    """Access units with B pictures, in the order in which they are sent, each with its presentation time."""
    context = av.CodecContext.create({"H264": "libx264", "H265": "libx265"}[codec], "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 320, 240, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.gop_size, context.max_b_frames, context.thread_count = gop, 2, 1
    quiet = {"x265-params": f"log-level=error:pools=none:frame-threads=1:open-gop=0:keyint={gop}:b-adapt=0:bframes=2"}
    context.options = {"x264-params": "b-adapt=0:scenecut=0"} if codec == "H264" else quiet
    units = []
    for index in range(count):
        frame = picture(320, 240, "yuv420p", index=index)
        frame.pts, frame.time_base = index, Fraction(1, 25)
        units += context.encode(frame)
    return [(packet.pts, bytes(packet)) for packet in (*units, *context.encode(None)) if packet.pts is not None]


@BOTH
def test_a_random_access_point_is_known_by_its_picture(codec: Codec) -> None:
    units = _reordered(codec.value, 10, 40)
    assert [pts for pts, _ in units] != sorted(pts for pts, _ in units)
    decoder = Decoder(codec)
    found = []
    for pts, unit in units:
        found += decoder.decode(unit, 3600 * pts, random_access=pts % 10 == 0, preroll=pts < 20)
    assert [frame.pts // 3600 for frame in found if frame.random_access] == [0, 10, 20, 30]


def test_a_random_access_point_that_is_dropped_marks_no_other_picture() -> None:
    units = encode("H264", (320, 240), 12, gop=4)
    decoder = Decoder(Codec.H264)
    found = []
    for index, unit in enumerate(units):
        data = b"\0\0\0\1\x65" + b"\xff" * 40 if index == 4 else unit
        found += decoder.decode(data, 3600 * index, random_access=index % 4 == 0)
    assert len(found) < 12
    assert [frame.pts // 3600 for frame in found if frame.random_access] == [0, 8]
