"""The decoder: one picture for one access unit, and errors that end."""

from fractions import Fraction

import pytest

from tests.support.coded_video import encode
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
