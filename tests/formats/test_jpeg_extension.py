"""ONVIF's extension of JPEG over RTP: what the header of RFC 2435 can't say, and the size in the description."""

import re

import numpy as np
import pytest

from tests.support.jpeg_feed import CANARY, Build, Feed
from tests.support.jpeg_file import decode, encode, payloads, read, segment, segments, words
from transcoder.formats.jpeg import MAX_HEADER_SIZE


def headers(original: bytes, *markers: int) -> bytes:
    return b"".join(segment(marker, body) for marker, body, _ in segments(original) if marker in markers)


def test_a_picture_over_2040_pixels(rtp: Build) -> None:
    original = encode(2304, 64)
    feed = Feed(rtp)
    private = segment(0xE0, b"JFIF\0" + CANARY) + segment(0xFE, CANARY)
    extension = words(private + headers(original, 0xDB, 0xC0, 0xC4))
    picture = payloads(read(original), quality=0, dimensions=(0, 0))
    feed.send(picture, extensions={0: (0xFFD8, extension)})
    rebuilt = feed.picture()
    assert np.array_equal(decode(rebuilt), decode(original))
    assert CANARY not in rebuilt
    assert feed.counted() == {"jpeg APP0": 1, "jpeg COM": 1}
    # what is not said again holds
    feed.send(picture, timestamp=3600, extensions={0: (0xFFD8, b"")})
    assert feed.picture() == rebuilt


def test_the_extension_over_several_packets(rtp: Build, file: bytes) -> None:
    """The first packet may have no data, and the segments may be cut anywhere."""
    feed = Feed(rtp)
    picture = payloads(read(file), quality=1)
    extension = words(headers(file, 0xDB, 0xC0, 0xC4, 0xDA))
    half = len(extension) // 8 * 4
    first = picture[0][:8]
    feed.send([first, first, *picture], extensions={0: (0xFFD8, extension[:half]), 1: (0xFFFF, extension[half:])})
    assert np.array_equal(decode(feed.picture()), decode(file))


def test_a_sampling_that_only_the_extension_can_say(rtp: Build) -> None:
    """FFmpeg writes 4:2:2 as 2x2, 1x2, 1x2."""
    original = encode(320, 240, "yuvj422p")
    feed = Feed(rtp)
    feed.send(payloads(read(original)), extensions={0: (0xFFD8, words(headers(original, 0xC0)))})
    assert np.array_equal(decode(feed.picture()), decode(original))


def test_a_restart_interval_of_the_extension_holds(rtp: Build) -> None:
    original = encode(320, 240, slices=4)
    feed = Feed(rtp)
    picture = read(original)
    interval, picture.restart_interval = picture.restart_interval, 7
    feed.send(payloads(picture), extensions={0: (0xFFD8, words(segment(0xDD, interval.to_bytes(2))))})
    assert np.array_equal(decode(feed.picture()), decode(original))


def test_other_extensions_are_not_read(feed: Feed, file: bytes) -> None:
    extension = words(headers(file, 0xDB, 0xC0) + segment(0xFE, CANARY))
    feed.send(payloads(read(file)), extensions={0: (0xABAC, extension)})
    assert np.array_equal(decode(feed.picture()), decode(file))
    assert feed.counted() == {}


def test_the_size_of_the_session_description(rtp: Build) -> None:
    """GStreamer's payloader tells the size of large pictures there only."""
    original = encode(2304, 64)
    feed = Feed(rtp, (2304, 64))
    feed.send(payloads(read(original), dimensions=(0, 0)))
    assert np.array_equal(decode(feed.picture()), decode(original))


@pytest.mark.parametrize(
    ("extension", "fault"),
    [
        (segment(0xC2, b"\x08" + bytes(14)), "JPEG SOF2 is not baseline"),
        (segment(0xC0, b"\x0c\0\x40\0\x40\x01\x01\x11\0"), "a JPEG frame is neither grey nor YCbCr of 8 bits"),
        (segment(0xC0, b"\x08\0\x40\0\x40\x01\x01\x33\0"), "a JPEG component has impossible sampling factors"),
        (segment(0xC0, b"\x08\xff\xff\xff\xff\x01\x01\x11\0"), "without its size or is over the size limit"),
        (segment(0xDB, b"\x20" + bytes(256)), "a JPEG quantiser is cut off or impossible"),
        (segment(0xC4, b"\x00\x03" + bytes(15) + b"abc"), "a JPEG Huffman table is cut off or impossible"),
        (segment(0xDA, b"\x01\x01\x00\x00\x3f\x00"), "a JPEG scan does not have all components"),
        (segment(0xDB, bytes(65))[:-4], "a JPEG DQT segment is cut off"),
        (b"\xff\xe0\x00\x01", "a JPEG APP0 segment is cut off"),
        (b"abcd", "a JPEG header has bytes between its segments"),
        pytest.param(b"\xff\xd8" * 300, "a JPEG header has more than 256 segments", id="300 segments"),
    ],
)
def test_extensions_that_are_refused(extension: bytes, fault: str, feed: Feed, file: bytes) -> None:
    feed.send(payloads(read(file)), extensions={0: (0xFFD8, words(extension))})
    assert [(unit.damaged, unit.nal_units) for unit in feed.take()] == [(True, [])]
    (found,) = feed.depacketizer.faults
    assert re.search(re.escape(fault), found)


def test_headers_are_bounded(feed: Feed, file: bytes) -> None:
    picture = payloads(read(file))
    big = segment(0xFE, b"a" * 60_000)
    first = [picture[0][:8].replace(b"\xff", b"\x32")]
    many = {index: (0xFFD8 if index == 0 else 0xFFFF, words(big)) for index in range(3)}
    feed.send(first * 3 + picture, extensions=many)
    assert [unit.damaged for unit in feed.take()] == [True]
    assert feed.depacketizer.faults["picture over the size limit"] >= 1
    assert 3 * len(big) > MAX_HEADER_SIZE
