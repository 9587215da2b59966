"""JPEG over RTP: pictures that FFmpeg made, sent by hand, and everything that cameras do to them."""

import re
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.jpeg_feed import CANARY, Build, Feed
from tests.support.jpeg_file import aspect_ratio, decode, encode, payloads, read, segment, segments, words
from tests.support.rtp_packets import ENDS
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.formats.jpeg import JpegDepacketizer, parse_fragment
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp


@pytest.mark.parametrize(("slices", "kind"), [(1, 1), (4, 65)])
def test_a_picture_decodes_to_the_same_samples(slices: int, kind: int, feed: Feed) -> None:
    original = encode(320, 240, slices=slices)
    picture = payloads(read(original))
    assert {payload[4] for payload in picture} == {kind}
    feed.send(picture)
    rebuilt = feed.picture()
    assert np.array_equal(decode(rebuilt), decode(original))
    assert feed.depacketizer.faults == {}
    assert len(feed.ledger) == 0


@pytest.mark.parametrize(("kind", "sampling"), [(0, 0x21), (1, 0x22), (64, 0x21), (65, 0x22)])
def test_types(kind: int, sampling: int, feed: Feed, file: bytes) -> None:
    """RFC 2435 section 4.1 and appendix B: luma 2x1 in types 0 and 64, 2x2 in 1 and 65, chroma 1x1, its own tables."""
    restart = b"\x00\x05\xff\xff" if kind & 64 else b""
    feed.send([b"\0\0\0\0" + bytes((kind, 50, 40, 30)) + restart + read(file).scan])
    found = {marker: body for marker, body, _ in segments(feed.picture())}
    assert found[0xC0] == struct.pack("!BHHB3B3B3B", 8, 240, 320, 3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1)
    assert found[0xDA] == bytes((3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0))
    assert found.get(0xDD) == (b"\x00\x05" if kind & 64 else None)


def test_only_our_headers_are_in_it(feed: Feed, file: bytes) -> None:
    feed.send(payloads(read(file)))
    rebuilt = feed.picture()
    assert [marker for marker, _, _ in segments(rebuilt)] == [0xDB, 0xDB, 0xC0, 0xC4, 0xC4, 0xC4, 0xC4, 0xDA]
    assert read(rebuilt).scan == read(file).scan
    assert rebuilt.endswith(b"\xff\xd9")


# RFC 2435 appendix A, in zigzag order
LUMA = (
    "16 11 12 14 12 10 16 14 13 14 18 17 16 19 24 40 26 24 22 22 24 49 35 37 29 40 58 51 61 60 57 51 "
    "56 55 64 72 92 78 64 68 87 69 55 56 80 109 81 87 95 98 103 104 103 62 77 113 121 112 100 120 92 101 103 99"
)
CHROMA = "17 18 18 24 21 24 47 26 26 47 99 66 56 66 " + "99 " * 50


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 80, 99])
def test_quantisers_of_a_quality(quality: int, feed: Feed, file: bytes) -> None:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    expected = [
        bytes(min(max((int(number) * scale + 50) // 100, 1), 255) for number in table.split())
        for table in (LUMA, CHROMA)
    ]
    feed.send(payloads(read(file), quality=quality))
    assert read(feed.picture()).tables == expected


@pytest.mark.parametrize("quality", [0, 100, 127])
def test_a_reserved_quality(quality: int, feed: Feed, file: bytes) -> None:
    feed.send(payloads(read(file), quality=quality))
    assert [(unit.damaged, unit.nal_units) for unit in feed.take()] == [(True, [])]
    assert feed.depacketizer.faults == {"a JPEG picture came without its quantisers": 1}


def test_quantisers_are_remembered_by_quality(feed: Feed, file: bytes) -> None:
    """RFC 2435 section 3.1.8: a length of 0 means that they came before; with Q=255 they always come."""
    picture = read(file)
    feed.send(payloads(picture, quality=200), timestamp=0)
    feed.send(payloads(picture, quality=200, with_tables=False), timestamp=3600)
    feed.send(payloads(picture, quality=201, with_tables=False), timestamp=7200)
    feed.send(payloads(picture, quality=255), timestamp=10800)
    feed.send(payloads(picture, quality=255, with_tables=False), timestamp=14400)
    units = feed.take()
    assert [unit.damaged for unit in units] == [False, False, True, False, True]
    assert units[0].nal_units == units[1].nal_units == units[3].nal_units


def test_one_quantiser_for_all_and_16_bits(feed: Feed, file: bytes) -> None:
    picture = read(file)
    wide = b"".join(number.to_bytes(2) for number in picture.tables[0])
    head = payloads(picture, size=10**6)[0][:8]
    feed.send([head + struct.pack("!BBH", 0, 1, 128) + wide + picture.scan])
    assert np.array_equal(decode(feed.picture()), decode(file))
    feed.send([head + struct.pack("!BBH", 0, 0, 64) + picture.tables[0] + picture.scan], timestamp=1)
    assert np.array_equal(decode(feed.picture()), decode(file))


# -- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [0, 3, -1])
def test_a_picture_that_lost_a_packet(lost: int, feed: Feed, file: bytes) -> None:
    picture = payloads(read(file))
    feed.send(picture, timestamp=0, leave_out=lost % len(picture))
    feed.send(picture, timestamp=3600)
    units = feed.take()
    assert [(unit.timestamp, unit.damaged, unit.random_access) for unit in units] == [
        (0, True, False), (3600, False, True),
    ]  # fmt: skip
    assert units[0].nal_units == []


def test_pictures_without_marker(feed: Feed, file: bytes) -> None:
    """FLIR sets none."""
    for index in range(3):
        feed.send(payloads(read(file)), timestamp=3600 * index, marker=False)
    assert [(unit.timestamp, unit.damaged) for unit in feed.take()] == [(0, False), (3600, False)]
    feed.end(7200)
    assert [unit.timestamp for unit in feed.take()] == [7200]
    assert feed.depacketizer.faults == {"picture without marker": 2}


def test_a_picture_without_marker_is_held_back_until_it_is_released(feed: Feed, file: bytes) -> None:
    """A camera without markers that sends a picture in 8 s; where markers are set, a picture without lacks its end."""
    feed.send(payloads(read(file)), timestamp=0, marker=False)
    assert feed.depacketizer.held_since == 1.0
    feed.depacketizer.release_picture()
    assert not feed.take()[0].damaged
    assert feed.depacketizer.held_since is None
    feed.send(payloads(read(file)), timestamp=3600)
    feed.send(payloads(read(file))[:-1], timestamp=7200, marker=False)
    assert len(feed.take()) == 1
    assert feed.depacketizer.held_since is None
    feed.depacketizer.release_picture()
    assert feed.take() == []


def test_two_pictures_of_one_timestamp(feed: Feed, file: bytes) -> None:
    feed.send(payloads(read(file)), marker=False)
    feed.send(payloads(read(file)))
    assert [unit.damaged for unit in feed.take()] == [False, False]


def test_a_restart_of_the_source(feed: Feed, file: bytes) -> None:
    picture = payloads(read(file))
    feed.send(picture[:3], marker=False)
    feed.depacketizer.lose(restart=True)
    feed.send(picture)
    assert [unit.damaged for unit in feed.take()] == [True, False]
    assert feed.depacketizer.faults == {"cut off by a restart": 1}


def test_offsets_that_are_wrong(feed: Feed, file: bytes) -> None:
    picture = payloads(read(file))
    picture[2:] = [payload[:1] + b"\x00\x00\x07" + payload[4:] for payload in picture[2:]]
    feed.send(picture)
    assert np.array_equal(decode(feed.picture()), decode(file))
    assert feed.depacketizer.faults["fragment offset"] >= 1


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"", "packet shorter than its header"),
        (b"\0\0\0\0\1\xff\x28", "packet shorter than its header"),
        (b"\0\0\0\0\x41\x32\x28\x1e\0\1\xff", "packet shorter than its restart marker header"),
        (b"\0\0\0\0\1\xff\x28\x1e", "packet shorter than its quantisers"),
        (b"\0\0\0\0\1\xff\x28\x1e\0\0\0\x80" + bytes(127), "packet shorter than its quantisers"),
        (b"\0\0\0\0\1\x32\x28\x1e", "a JPEG picture is empty"),
        (b"\0\0\0\0\x05\x32\x28\x1eabc", "a JPEG picture is of unknown type"),
        (b"\0\0\0\0\x80\x32\x28\x1eabc", "a JPEG picture is of unknown type"),
        (b"\0\0\0\0\1\x32\0\x1eabc", "a JPEG picture came without its size or is over the size limit"),
    ],
)
def test_payloads_that_are_no_picture(payload: bytes, fault: str, feed: Feed) -> None:
    feed.send([payload])
    assert all(unit.damaged and not unit.nal_units for unit in feed.take())
    assert feed.depacketizer.faults == {fault: 1}


# -- what cameras put in beside the picture ------------------------------------------------------------------------


def test_a_whole_file_in_the_payload(feed: Feed, file: bytes) -> None:
    private = segment(0xE1, b"Exif" + CANARY) + segment(0xFE, CANARY)
    picture = read(file)
    picture.scan = file[:2] + private + file[2:]
    feed.send(payloads(picture, quality=50))
    rebuilt = feed.picture()
    assert np.array_equal(decode(rebuilt), decode(file))
    assert CANARY not in rebuilt
    assert feed.counted() == {"jpeg APP1": 1, "jpeg COM": 2}  # the second one is FFmpeg's own
    assert feed.depacketizer.faults == {"headers in the payload": 1}


def test_segments_and_bytes_around_the_data(feed: Feed, file: bytes) -> None:
    picture = read(file)
    half = picture.scan.index(b"\xff\x00", len(picture.scan) // 2)
    private = segment(0xFE, CANARY) + segment(0xEF, CANARY)
    picture.scan = picture.scan[:half] + private + picture.scan[half:] + b"\xff\xd9" + CANARY + bytes(100)
    feed.send(payloads(picture))
    rebuilt = feed.picture()
    assert rebuilt.count(CANARY) == 0
    assert read(rebuilt).scan == read(file).scan
    assert feed.counted() == {"jpeg COM": 1, "jpeg APP15": 1, "jpeg data behind the picture": 1}


def test_padding_behind_the_picture_is_nothing(feed: Feed, file: bytes) -> None:
    picture = read(file)
    picture.scan += b"\xff\xd9" + bytes(20) + b"\xff"
    feed.send(payloads(picture))
    assert read(feed.picture()).scan == read(file).scan
    assert feed.counted() == {}


def test_fields(feed: Feed, file: bytes) -> None:
    """RFC 2435 section 4.1: of an interlaced picture the odd field is shown, its samples twice as high as wide."""
    picture = read(file)
    feed.send(payloads(picture, type_specific=1), marker=False)
    feed.send(payloads(picture, type_specific=2))
    data = feed.picture()
    assert np.array_equal(decode(data), decode(file))
    assert aspect_ratio(data) == Fraction(1, 2)
    assert feed.counted() == {"jpeg even field": 1}
    feed.send(payloads(picture, type_specific=3), timestamp=1)
    assert aspect_ratio(feed.picture()) == Fraction(1, 2)


# -- recorded, hostile ---------------------------------------------------------------------------------------------


def test_recorded_packet(footage: Path, rtp: Build) -> None:
    data = (footage / "es/sharprtsp_jpeg_0.rtp").read_bytes()
    packet = parse_rtp(data)
    fragment = parse_fragment(packet.payload)
    assert (fragment.width, fragment.height, fragment.kind, fragment.quality) == (320, 240, 0, 255)
    assert fragment.restart_interval == 0x40
    assert fragment.tables is not None
    assert fragment.tables[0] == data[28:92]
    assert fragment.tables[1] == data[92:156]
    assert bytes(fragment.data) == data[156:]
    feed = Feed(rtp)
    feed.depacketizer.receive(packet, 1.0)
    feed.end(packet.timestamp)
    (unit,) = feed.take()
    assert unit.codec is PictureCodec.JPEG
    assert read(unit.nal_units[0]).restart_interval == 0x40
    assert read(unit.nal_units[0]).kind == 0


def test_a_flood_of_markers(feed: Feed) -> None:
    feed.send([b"\0\0\0\0\1\x32\x28\x1e" + b"\xff\xe0\x00\x02" * 300])
    assert feed.depacketizer.faults == {"JPEG data has more than 256 markers in it": 1}
    assert len(feed.ledger) == 1


def test_a_picture_over_the_size_limit(rtp: Build) -> None:
    feed = Feed(rtp)
    for index in range(260):
        payload = b"\0" + (index * 65_000 & 0xFFFFFF).to_bytes(3) + b"\1\x32\x28\x1e" + b"a" * 65_000
        feed.send([payload], marker=False)
    feed.end(0)
    assert [(unit.damaged, unit.size) for unit in feed.take()] == [(True, 0)]
    assert feed.depacketizer.faults["picture over the size limit"] >= 1


def test_work_is_linear(rtp: Build, assert_linear) -> None:
    def make(count: int) -> list[bytes]:
        body = b"\xff" * 1000 + b"\x00" + b"\xff\xd0" * 100 + b"\xff\x00" * 100
        return [
            rtp(index, 0, b"\0\0\0\0\1\x32\x28\x1e"[:8] + (body if index else b"a" + body), marker=index == count - 1)
            for index in range(count)
        ]

    def run(packets: list[bytes]) -> None:
        depacketizer = JpegDepacketizer(Ledger())
        for data in packets:
            depacketizer.receive(parse_rtp(data), 1.0)

    assert_linear(make, run, 1000, at_most_s=1.0)


PIECES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"\xff\xd8", b"\xff\xd9", b"\xff\xdb\x00\x43\x00" + bytes(64), b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"]
    ),
    st.builds(segment, st.integers(0xC0, 0xFE), st.binary(max_size=20)),
)
PAYLOAD = st.builds(
    lambda head, parts: head + b"".join(parts),
    st.one_of(
        st.binary(max_size=12),
        st.builds(
            lambda specific, offset, kind, quality: struct.pack("!I4B", specific << 24 | offset, kind, quality, 2, 2),
            st.integers(0, 3), st.sampled_from([0, 0, 9, 65_536]), st.sampled_from([0, 1, 64, 65, 2, 200]),
            st.sampled_from([0, 50, 128, 255]),
        ),
    ),
    st.lists(PIECES, max_size=5),
)  # fmt: skip
PACKET = st.tuples(
    PAYLOAD,
    st.booleans(),
    st.integers(0, 2),
    st.one_of(st.none(), st.tuples(st.sampled_from([0xFFD8, 0xFFFF, 1]), st.lists(PIECES, max_size=4))),
    st.sampled_from([None, None, None, False, True]),
)


@examples(300)
@given(st.lists(PACKET, max_size=8))
def test_any_bytes(rtp: Build, packets: list) -> None:
    """Whatever comes: an access unit is damaged and empty, or one JPEG file without a segment of the camera."""
    depacketizer = JpegDepacketizer(Ledger())
    units = []
    for number, (payload, marker, timestamp, extension, lost) in enumerate(packets):
        if lost is not None:
            depacketizer.lose(restart=lost)
        words_of = None if extension is None else (extension[0], words(b"".join(extension[1])))
        depacketizer.receive(parse_rtp(rtp(number, timestamp, payload, marker=marker, extension=words_of)), 1.0)
        while (unit := depacketizer.next_access_unit()) is not None:
            units.append(unit)
    depacketizer.receive(parse_rtp(rtp(9, 3, ENDS["JPEG"], marker=True)), 1.0)
    while (unit := depacketizer.next_access_unit()) is not None:
        units.append(unit)
    for unit in units:
        if unit.damaged:
            assert unit.nal_units == []
            continue
        (data,) = unit.nal_units
        allowed = {0xE0, 0xDB, 0xDD, 0xC0, 0xC1, 0xC4, 0xDA}
        assert {marker for marker, _, _ in segments(data)} <= allowed
        *_, (_, _, end) = segments(data)
        assert not re.search(rb"\xff[\x01-\xcf\xd8-\xfe]", data[end:-2])
