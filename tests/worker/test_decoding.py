"""The decoding half: access units in, our own type of picture out."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from tests.support.coded_video import encode
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import CONCEALED, DECODE_ONLY, RANDOM_ACCESS, AccessUnitMessage
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.worker.decoding import CATCH_UP_S, VERY_LATE_S, Decoding, SourceFormat
from transcoder.worker.overload import LATE_S

SIZE = (320, 240)


class Feed:
    """Access units at 25 a second, each of them handled `late` seconds after it arrived."""

    def __init__(self, codec: Codec = Codec.H264) -> None:
        self.decoding = Decoding()
        self.codec = codec
        self.now = 100.0
        self.sources: list[SourceFormat] = []

    def one(
        self, unit: bytes, *, random_access: bool = False, late: float = 0.0, flags: int = 0
    ) -> list[DecodedPicture]:
        message = AccessUnitMessage(
            codec=self.codec,
            flags=flags | (RANDOM_ACCESS if random_access else 0),
            pts=round(self.now * 90_000),
            arrival=self.now,
            data=memoryview(unit),
        )
        pictures = []
        for item in self.decoding.access_unit(message, self.now + late):
            if isinstance(item, SourceFormat):
                self.sources.append(item)
            else:
                pictures.append(item)
        self.now += 0.04
        return pictures

    def feed(self, units: list[bytes], *, late: float = 0.0, flags: int = 0) -> list[DecodedPicture]:
        pictures = []
        for index, unit in enumerate(units):
            pictures += self.one(unit, random_access=index == 0, late=late, flags=flags)
        return pictures


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["H264", "H265"])
def test_a_picture_has_its_times(codec: str) -> None:
    feed = Feed(Codec(codec))
    for index, unit in enumerate(encode(codec, SIZE, 5)):
        arrival = feed.now
        [picture] = feed.one(unit, random_access=index == 0, late=0.1)
        assert (picture.pts, picture.arrival) == (round(arrival * 90_000), arrival)
        assert 0 < picture.decode_s < 5
        assert not picture.preroll
        assert not picture.concealed


def test_planes_are_what_an_independent_decoder_makes() -> None:
    units = encode("H264", SIZE, 5)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    feed = Feed()
    for index, unit in enumerate(units):
        [expected] = decoder.decode(av.Packet(unit))
        [picture] = feed.one(unit, random_access=index == 0)
        assert len(picture.planes) == 3
        for plane, samples in _planes(picture, expected):
            height, width = samples.shape
            np.testing.assert_array_equal(plane[:height, :width], samples)


def _planes(picture: DecodedPicture, expected: av.VideoFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    rows = expected.to_ndarray(format="yuv420p")
    width, height = SIZE
    luma, chroma = rows[:height], rows[height:].reshape(2, height // 2, width // 2)
    return list(zip(picture.planes, (luma, chroma[0], chroma[1]), strict=True))


FORMATS: dict[str, tuple[str, dict[str, Any], tuple[int, str, bool, bool], str]] = {
    "4:2:0": ("H264", {}, (8, "420", False, False), "yuv420p"),
    "full range": ("H264", {"pixel_format": "yuvj420p"}, (8, "420", True, False), "yuvj420p"),
    "4:2:2": ("H264", {"pixel_format": "yuv422p"}, (8, "422", False, False), "yuv422p"),
    "4:4:4": ("H264", {"pixel_format": "yuv444p"}, (8, "444", False, False), "yuv444p"),
    "10 bit": ("H265", {"pixel_format": "yuv420p10le"}, (10, "420", False, False), "yuv420p10le"),
    "grey": ("H265", {"pixel_format": "gray"}, (8, "", False, False), "gray"),
    "interlaced": ("H264", {"parameters": "tff=1:interlaced=1"}, (8, "420", False, True), "yuv420p"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_how_the_planes_are_stored_is_said(name: str) -> None:
    codec, form, expected, pixel_format = FORMATS[name]
    feed = Feed(Codec(codec))
    pictures = feed.feed(encode(codec, SIZE, 3, **form))
    picture = pictures[-1]
    assert (picture.bits, picture.chroma, picture.full_range, picture.interlaced) == expected
    assert (picture.width, picture.height) == SIZE
    assert len(picture.planes) == (3 if picture.chroma else 1)
    assert {plane.dtype for plane in picture.planes} == {np.dtype(np.uint8 if picture.bits == 8 else np.uint16)}
    assert feed.sources == [
        SourceFormat(codec=codec, width=320, height=240, pixel_format=pixel_format, interlaced=picture.interlaced)
    ]


def test_samples_that_are_not_square_are_told() -> None:
    feed = Feed()
    feed.feed(encode("H264", SIZE, 1, aspect=Fraction(12, 11)))
    feed.feed(encode("H264", SIZE, 1))
    wide, square = feed.sources
    assert wide.to_fields()["sample_aspect"] == pytest.approx(12 / 11)
    assert "sample_aspect" not in square.to_fields()


def test_a_pixel_format_that_the_stages_do_not_know_is_converted_and_named_as_it_was() -> None:
    feed = Feed(Codec.H265)
    pictures = feed.feed(encode("H265", SIZE, 2, pixel_format="gbrp", luma=(128, 128)))
    assert feed.sources[0].pixel_format == "gbrp"
    assert (pictures[0].bits, pictures[0].chroma) == (8, "420")
    # RGB 128 is 128 of 0..255, and 16 + 219 / 255 * 128 of 16..235
    expected = 128 if pictures[0].full_range else 126
    assert pictures[0].planes[0][:100, :320].mean() == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(("matrix", "expected"), [("bt709", 1), ("smpte170m", 6), ("bt470bg", 5), ("fcc", 2), ("", 2)])
def test_a_matrix_that_is_neither_bt_709_nor_601_is_unspecified(matrix: str, expected: int) -> None:
    parameters = f"colormatrix={matrix}" if matrix else ""
    [picture, *_] = Feed().feed(encode("H264", SIZE, 2, parameters=parameters))
    assert picture.matrix == expected


def test_the_aspect_of_a_sample_is_the_streams() -> None:
    [picture, *_] = Feed().feed(encode("H264", (704, 576), 2, aspect=Fraction(12, 11)))
    assert picture.aspect == Fraction(12, 11)
    [picture, *_] = Feed().feed(encode("H264", SIZE, 2))
    assert picture.aspect == 1


def test_a_picture_whose_reference_is_missing_is_marked() -> None:
    feed = Feed()
    units = encode("H264", SIZE, 12, parameters="slices=4")
    feed.feed(units[:6])
    cut = units[6][: len(units[6]) // 3]
    [picture] = feed.one(cut)
    assert picture.concealed
    assert feed.decoding.errors == {CONCEALED: 1}


def test_another_source_format_is_told_before_its_picture_and_counted() -> None:
    feed = Feed()
    feed.feed(encode("H264", SIZE, 3))
    feed.feed(encode("H264", (640, 480), 3))
    feed.feed(encode("H264", (640, 480), 3))
    assert [(source.width, source.height) for source in feed.sources] == [SIZE, (640, 480)]
    assert feed.decoding.counters["source_format_changes"] == 1
    feed.codec = Codec.H265
    feed.feed(encode("H265", (640, 480), 3))
    assert feed.sources[-1].codec == "H265"
    assert feed.decoding.counters["source_format_changes"] == 2


# -- what is not decoded -----------------------------------------------------------------------------------------------


def test_nothing_before_a_random_access_point() -> None:
    feed = Feed()
    for unit in encode("H264", SIZE, 10)[1:]:
        assert feed.one(unit) == []
    assert feed.decoding.counters == {"skipped_access_units": 9}


def test_what_is_late_is_decoded_and_what_is_very_late_is_not() -> None:
    feed = Feed()
    units = encode("H264", SIZE, 8)
    feed.feed(units[:4])
    assert len(feed.one(units[4], late=VERY_LATE_S - 0.01)) == 1
    assert feed.one(units[5], late=VERY_LATE_S + 0.01) == []
    assert feed.one(units[6]) == []  # it refers to what was given up
    assert feed.decoding.counters["shed_access_units"] == 1
    assert feed.decoding.counters["skipped_access_units"] == 1
    assert len(feed.one(units[0], random_access=True, late=VERY_LATE_S + 1)) == 1


def test_a_replay_is_preroll_and_what_waited_behind_it_is_not_too_late_for_a_while() -> None:
    feed = Feed()
    units = encode("H264", SIZE, 40)
    replayed = feed.feed(units[:10], late=5.0, flags=DECODE_ONLY)
    assert [picture.preroll for picture in replayed] == [True] * 10
    [picture] = feed.one(units[10], late=1.5)
    assert not picture.preroll
    feed.now += CATCH_UP_S + 4  # and never caught up
    assert feed.one(units[11], late=1.5) == []


def test_once_caught_up_very_late_is_very_late_again() -> None:
    feed = Feed()
    units = encode("H264", SIZE, 20)
    feed.feed(units[:5], late=2.0, flags=DECODE_ONLY)
    assert len(feed.one(units[5], late=LATE_S - 0.1)) == 1
    assert feed.one(units[6], late=VERY_LATE_S + 0.1) == []


@pytest.mark.parametrize("told", [True, False], ids=["told", "control"])
def test_what_waited_for_another_encoding_process_is_decoded(told: bool) -> None:
    feed = Feed()
    units = encode("H264", SIZE, 8)
    feed.one(units[0], random_access=True)
    if told:
        feed.decoding.catch_up(feed.now + VERY_LATE_S + 0.5)
    assert bool(feed.one(units[1], late=VERY_LATE_S + 0.5)) == told
    assert bool(feed.one(units[2], late=VERY_LATE_S + 0.4)) == told
