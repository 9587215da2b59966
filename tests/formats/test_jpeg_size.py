"""Sizes that wrap in RTP's header, of pictures that FFmpeg made; the data decides."""

import numpy as np
import pytest

from tests.support.jpeg_feed import Build, Feed
from tests.support.jpeg_file import decode, encode, payloads, read
from transcoder.codecs.jpeg import JpegHeader, read_segments
from transcoder.codecs.jpeg_scan import McuCount, mcus_of
from transcoder.formats.jpeg_size import MCUS_IN_DOUBT


def stated(width: int, height: int) -> tuple[int, int]:
    """The two bytes as such cameras make them, units of 8 pixels."""
    return -(-width // 8) % 256, -(-height // 8) % 256


def shown(feed: Feed, original: bytes, count: int, **options: object) -> list[bytes]:
    """Send a picture so often; what is handed on."""
    found = []
    picture = payloads(read(original), size=20_000, **options)  # type: ignore[arg-type]
    for index in range(count):
        feed.send(picture, timestamp=9000 * index)
        found += [unit.nal_units[0] for unit in feed.take() if unit.nal_units]
    return found


@pytest.mark.parametrize("slices", [1, 4])
@pytest.mark.parametrize("size", [(320, 240), (1280, 720), (24, 8), (1000, 1000)])
def test_mcus_are_counted(size: tuple[int, int], slices: int) -> None:
    """T.81 section A.2.3: 16x16 samples in an MCU of 4:2:0, completed at the edges."""
    original = encode(*size, slices=slices)
    header, start = read_segments(original, JpegHeader(), lambda *_: None)
    count = McuCount(header, read(original).scan)
    expected = -(-size[0] // 16) * -(-size[1] // 16)
    assert mcus_of(header, *size) == expected
    count.advance(expected + 1)
    assert (count.mcus, count.is_complete) == (expected, True)
    assert start < len(original)


@pytest.mark.parametrize("size", [(2560, 1440), (2304, 1296), (3840, 2160)])
def test_a_width_that_wraps(size: tuple[int, int], rtp: Build) -> None:
    """go2rtc#83, v4l2rtspserver#237: 2560 is sent as 512; no picture is shown before its size is known."""
    original = encode(*size)
    feed = Feed(rtp)
    count = -(-size[0] // 16) * -(-size[1] // 16) // MCUS_IN_DOUBT + 3
    found = shown(feed, original, count, dimensions=stated(*size))
    assert 1 <= len(found) <= 3
    assert len(set(found)) == 1
    assert np.array_equal(decode(found[0]), decode(original))
    assert set(feed.depacketizer.faults) == {"size not known yet"}


def test_a_width_of_2048_that_is_sent_as_0(rtp: Build) -> None:
    original = encode(2048, 1536)
    found = shown(Feed(rtp), original, 24, dimensions=(0, 192))
    assert found
    assert np.array_equal(decode(found[-1]), decode(original))


def test_both_sides_wrap(rtp: Build) -> None:
    """4096x2160 is sent as 0x112: 4088 pixels have as many MCUs, and no camera has such a width."""
    original = encode(4096, 2160)
    found = shown(Feed(rtp), original, 256 * 135 // MCUS_IN_DOUBT + 3, dimensions=stated(4096, 2160))
    assert [(read(each).width, read(each).height) for each in found[-1:]] == [(4096, 2160)]


def test_a_size_that_wraps_and_looks_right_at_first(rtp: Build) -> None:
    """2848x2448 is sent as 800x400: shown as stated until the data says more, then as it is."""
    original = encode(2848, 2448)
    feed = Feed(rtp)
    found = shown(feed, original, 15 + 27234 // MCUS_IN_DOUBT + 3, dimensions=stated(2848, 2448))
    sizes = [(read(each).width, read(each).height) for each in (found[0], found[-1])]
    assert sizes == [(800, 400), (2848, 2448)]


def test_a_true_size_is_shown_from_the_first_picture_on(rtp: Build) -> None:
    original = encode(640, 480)
    feed = Feed(rtp)
    found = shown(feed, original, 40)
    assert len(found) == 40
    assert len(set(found)) == 1
    assert feed.depacketizer.faults == {}


def test_upright_and_flat_pictures_are_shown(rtp: Build) -> None:
    for size in ((272, 640), (1600, 320)):
        assert len(shown(Feed(rtp), encode(*size), 10)) >= 6


def test_data_that_no_size_fits(rtp: Build) -> None:
    original = encode(2000, 1000)
    feed = Feed(rtp)
    found = shown(feed, original, 30, dimensions=(32, 125))
    assert found == []
    assert feed.depacketizer.faults["no size fits the data of a JPEG picture"] > 5


def test_the_description_confirms_a_size(rtp: Build) -> None:
    original = encode(2688, 1520)
    found = shown(Feed(rtp, (2688, 1520)), original, 40, dimensions=stated(2688, 1520))
    assert found
    assert np.array_equal(decode(found[-1]), decode(original))
