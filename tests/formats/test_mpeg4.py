"""MPEG-4 Part 2 over RTP: pictures that FFmpeg made, sent by hand, and everything that cameras do to them."""

import re
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.rtp_packets import ENDS
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.formats.mpeg4 import Mpeg4Depacketizer
from transcoder.ledger import Ledger
from transcoder.rtp.packet import parse_rtp

Build = Callable[..., bytes]
CANARY = b"c0ffee5ec2e7ca4a"
STEP = 3600


def encode(count: int = 8, gop: int = 4, size: tuple[int, int] = (64, 48), b_frames: int = 0) -> list[bytes]:
    """VOPs with what FFmpeg writes before them: visual object sequence, object, layer, user data, group of VOP."""
    context = av.CodecContext.create("mpeg4", "w")
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 25)
    context.gop_size = gop
    context.max_b_frames = b_frames
    context.thread_count = 1
    context.bit_rate = 400_000
    context.options = {"sc_threshold": "1000000000"}
    noise = np.random.default_rng(1).integers(60, 100, (size[1] * 3 // 2, size[0])).astype(np.uint8)
    found = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(np.roll(noise, index, 1), format="yuv420p")
        frame.pts = index
        found += [bytes(packet) for packet in context.encode(frame)]
    return found + [bytes(packet) for packet in context.encode(None)]


def decode(units: list[bytes]) -> list[np.ndarray]:
    context = av.CodecContext.create("mpeg4", "r")
    context.thread_count = 1
    found = []
    for data in [*units, None]:
        packet = None
        if data is not None:
            packet = av.Packet(len(data))
            packet.update(data)
        found += [frame.to_ndarray() for frame in context.decode(packet)]
    return found


def elements(data: bytes) -> list[tuple[int, bytes]]:
    parts = re.split(rb"(?=\x00\x00\x01)", data, flags=re.DOTALL)
    return [(part[3], part) for part in parts if part]


def element(code: int, body: bytes) -> bytes:
    return b"\x00\x00\x01" + bytes((code,)) + body


class Feed:
    def __init__(self, rtp: Build, layers: tuple[bytes, ...] = ()) -> None:
        self.ledger = Ledger()
        self.depacketizer = Mpeg4Depacketizer(self.ledger, layers)
        self.rtp = rtp
        self.number = 0

    def send(
        self, data: bytes, *, timestamp: int = 0, marker: bool = True, size: int = 100, leave_out: int | None = None
    ) -> None:
        cuts = range(0, max(len(data), 1), size)
        for index, start in enumerate(cuts):
            if index == leave_out:
                self.depacketizer.lose(restart=False)
                continue
            last = marker and start == cuts[-1]
            packet = self.rtp(self.number, timestamp, data[start : start + size], marker=last)
            self.depacketizer.receive(parse_rtp(packet), 1.0)
            self.number += 1

    def end(self, timestamp: int) -> None:
        """End the picture that is open."""
        self.depacketizer.receive(parse_rtp(self.rtp(self.number, timestamp, ENDS["MP4V-ES"], marker=True)), 1.0)

    def take(self) -> list[AccessUnit]:
        found = []
        while (unit := self.depacketizer.next_access_unit()) is not None:
            found.append(unit)
        return found

    def counted(self) -> dict[str, int]:
        return {kind: entry.count for layer, kind, entry in self.ledger if layer == "picture_in"}


@pytest.fixture
def feed(rtp: Build) -> Feed:
    return Feed(rtp)


@pytest.fixture(scope="module")
def stream() -> list[bytes]:
    return encode()


def layer_of(stream: list[bytes]) -> bytes:
    return next(part for code, part in elements(stream[0]) if code == 0x20)


def test_every_picture_decodes_to_the_same_samples(feed: Feed, stream: list[bytes]) -> None:
    for index, data in enumerate(stream):
        feed.send(data, timestamp=STEP * index)
    units = feed.take()
    assert [unit.timestamp for unit in units] == [STEP * index for index in range(8)]
    assert [unit.random_access for unit in units] == [index % 4 == 0 for index in range(8)]
    assert {unit.codec for unit in units} == {PictureCodec.MPEG4}
    assert np.array_equal(decode([b"".join(unit.nal_units) for unit in units]), decode(stream))
    assert feed.depacketizer.faults == {}


def test_only_layers_and_pictures_are_let_through(feed: Feed, stream: list[bytes]) -> None:
    private = [element(0xB2, CANARY), element(0xC5, CANARY), element(0xC0, CANARY)]
    feed.send(b"".join([*private, stream[0], element(0xB2, CANARY)]))
    (unit,) = feed.take()
    assert [code for code, _ in elements(b"".join(unit.nal_units))] == [0x20, 0xB6]
    assert CANARY not in b"".join(unit.nal_units)
    assert feed.counted() == {
        "mpeg4 user data": 3, "mpeg4 start code c5": 1, "mpeg4 start code c0": 1, "mpeg4 visual object sequence": 1,
        "mpeg4 visual object": 1, "mpeg4 group of VOP": 1,
    }  # fmt: skip


def test_pictures_that_refer_to_both_sides_need_no_group_of_vop(feed: Feed) -> None:
    """The time of day in a group of VOP is dropped: what B-VOPs are made from is the distance between pictures."""
    stream = encode(count=20, gop=6, b_frames=2)
    assert {elements(data)[-1][1][4] >> 6 for data in stream} == {0, 1, 2}
    for index, data in enumerate(stream):
        feed.send(data, timestamp=STEP * index)
    units = [b"".join(unit.nal_units) for unit in feed.take()]
    assert np.array_equal(decode(units), decode(stream))


def test_the_layer_of_the_session_description(rtp: Build, stream: list[bytes]) -> None:
    """Y-Cam and FLIR tell it there; old firmware nowhere else."""
    layer = layer_of(stream)
    bare = [elements(data)[-1][1] for data in stream]
    feed = Feed(rtp, (layer,))
    for index, data in enumerate(bare):
        feed.send(data, timestamp=STEP * index)
    units = feed.take()
    assert [unit.random_access for unit in units] == [index % 4 == 0 for index in range(8)]
    assert units[0].nal_units == [layer, bare[0]]
    assert units[1].nal_units == [bare[1]]
    assert np.array_equal(decode([b"".join(unit.nal_units) for unit in units]), decode(stream))


def test_nothing_begins_without_a_layer(feed: Feed, stream: list[bytes]) -> None:
    bare = elements(stream[0])[-1][1]
    feed.send(bare)
    assert [unit.random_access for unit in feed.take()] == [False]
    feed.send(layer_of(stream), timestamp=1, marker=False)  # alone in a packet, as live555 sends it
    feed.send(bare, timestamp=1)
    assert [unit.random_access for unit in feed.take()] == [True]


def test_the_layer_of_the_stream_holds(rtp: Build, stream: list[bytes]) -> None:
    other = layer_of(encode(1, size=(128, 96)))
    feed = Feed(rtp, (other,))
    feed.send(stream[0])
    feed.send(elements(stream[4])[-1][1], timestamp=STEP)
    assert [unit.nal_units[0] for unit in feed.take()] == [layer_of(stream)] * 2


def test_pictures_without_marker(feed: Feed, stream: list[bytes]) -> None:
    """FLIR sets none."""
    for index, data in enumerate(stream[:3]):
        feed.send(data, timestamp=STEP * index, marker=False)
    assert [unit.timestamp for unit in feed.take()] == [0, STEP]
    feed.end(2 * STEP)
    assert [unit.timestamp for unit in feed.take()] == [2 * STEP]
    assert feed.depacketizer.faults == {"picture without marker": 2}


def test_a_picture_without_marker_is_held_back_until_it_is_released(feed: Feed, stream: list[bytes]) -> None:
    """FLIR, slowly."""
    feed.send(stream[0], timestamp=0, marker=False)
    assert feed.depacketizer.held_since == 1.0
    feed.depacketizer.release_picture()
    assert [unit.damaged for unit in feed.take()] == [False]
    assert feed.depacketizer.held_since is None
    feed.send(stream[1], timestamp=STEP)
    feed.send(stream[2], timestamp=2 * STEP, marker=False)
    assert len(feed.take()) == 1
    assert feed.depacketizer.held_since is None


def test_a_picture_that_lost_its_first_packet(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0], leave_out=0)
    feed.send(stream[1], timestamp=STEP)
    assert [(unit.damaged, bool(unit.nal_units)) for unit in feed.take()] == [(True, False), (False, True)]


def test_a_picture_that_lost_another_packet(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0], leave_out=3)
    (unit,) = feed.take()
    assert unit.damaged
    assert unit.random_access
    whole = len(elements(stream[0])[-1][1])
    assert len(unit.nal_units[-1]) == whole - 100


def test_a_lost_packet_between_pictures_damages_none(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0])
    feed.depacketizer.lose(restart=False)
    feed.send(stream[1], timestamp=STEP)
    assert [unit.damaged for unit in feed.take()] == [False, False]


def test_a_restart_of_the_source(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0][:200], marker=False)
    feed.depacketizer.lose(restart=True)
    feed.send(stream[0])
    units = feed.take()
    assert [unit.damaged for unit in units][-1] is False
    assert feed.depacketizer.faults["cut off by a restart"] == 1


def test_several_pictures_in_one_packet(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0] + stream[1] + stream[2])
    units = feed.take()
    assert [unit.random_access for unit in units] == [True, False, False]
    assert feed.depacketizer.faults == {"several pictures in one unit": 2}


# ISO/IEC 14496-2 section 6.2.3: random_accessible_vol 0, type 1, no identifier, square samples, no control
# parameters, rectangular, marker, 25 ticks a second, marker, no fixed rate, marker, width, marker, height, marker
def layer(width: int, height: int, *, shape: int = 0) -> bytes:
    bits = f"0{1:08b}0{1:04b}0{shape:02b}1{25:016b}101{width:013b}1{height:013b}1"
    bits += "0" * (-len(bits) % 8)
    return element(0x20, int(bits, 2).to_bytes(len(bits) // 8))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (layer(0, 48), "a video object layer's size is zero or over the limit"),
        (layer(8191, 8191), "a video object layer's size is zero or over the limit"),
        (layer(64, 48, shape=1), "a video object layer is not rectangular"),
        (layer(64, 48)[:8], "it ends within a value"),
        (layer(64, 48) + bytes(600), "a video object layer is too long"),
    ],
)
def test_layers_that_are_refused(data: bytes, fault: str, feed: Feed, stream: list[bytes]) -> None:
    feed.send(data + elements(stream[0])[-1][1])
    assert [unit.random_access for unit in feed.take()] == [False]
    assert feed.depacketizer.faults == {fault: 1}


def test_a_layer_made_by_hand_is_read(feed: Feed, stream: list[bytes]) -> None:
    feed.send(layer(64, 48) + elements(stream[0])[-1][1])
    assert [unit.random_access for unit in feed.take()] == [True]


def test_bytes_that_are_no_picture(feed: Feed) -> None:
    feed.send(b"hello")
    feed.send(b"", timestamp=1)
    feed.send(element(0xB6, b""), timestamp=2)
    assert feed.take() == []
    assert feed.depacketizer.faults == {"bytes before the first start code": 1}


def test_a_flood_of_elements(feed: Feed, stream: list[bytes]) -> None:
    feed.send(stream[0] + element(0xB6, b"\x40") * 500, size=1400)
    assert len(feed.take()) <= 256
    assert feed.depacketizer.faults["too many elements in a unit"] == 1


def test_a_picture_over_the_size_limit(feed: Feed) -> None:
    for index in range(300):
        feed.send(element(0xB6, b"\x40") if index == 0 else b"a" * 60_000, marker=False, size=60_000)
    feed.end(0)
    assert [(unit.damaged, unit.size) for unit in feed.take()] == [(True, 0)]
    assert feed.depacketizer.faults["picture over the size limit"] == 1


def test_work_is_linear(rtp: Build, assert_linear) -> None:
    def make(count: int) -> list[bytes]:
        body = bytes(1000) + b"\x00\x00\x01" * 50
        return [rtp(index, 0, body, marker=index == count - 1) for index in range(count)]

    def run(packets: list[bytes]) -> None:
        depacketizer = Mpeg4Depacketizer(Ledger())
        for data in packets:
            depacketizer.receive(parse_rtp(data), 1.0)

    assert_linear(make, run, 1000, at_most_s=1.0)


PIECE = st.one_of(
    st.binary(max_size=30),
    st.builds(element, st.sampled_from([0x00, 0x20, 0x2F, 0xB0, 0xB2, 0xB3, 0xB5, 0xB6, 0xC3]), st.binary(max_size=30)),
    st.just(layer(64, 48)),
)
PACKET = st.tuples(
    st.lists(PIECE, max_size=6).map(b"".join),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from([None, None, None, False, True]),
)


@examples(300)
@given(st.lists(PACKET, max_size=8))
def test_any_bytes(rtp: Build, packets: list) -> None:
    """Whatever comes: an access unit is one VOP, behind one layer at most, or it is damaged and empty."""
    depacketizer = Mpeg4Depacketizer(Ledger())
    for number, (payload, marker, timestamp, lost) in enumerate(packets):
        if lost is not None:
            depacketizer.lose(restart=lost)
        depacketizer.receive(parse_rtp(rtp(number, timestamp, payload, marker=marker)), 1.0)
    depacketizer.receive(parse_rtp(rtp(9, 3, ENDS["MP4V-ES"], marker=True)), 1.0)
    while (unit := depacketizer.next_access_unit()) is not None:
        codes = [code for code, _ in elements(b"".join(unit.nal_units))]
        if not codes:
            assert unit.damaged
            continue
        assert codes[-1] == 0xB6
        assert all(0x20 <= code <= 0x2F for code in codes[:-1])
        assert len(codes) <= 2
        assert not unit.random_access or (len(codes) == 2 and unit.nal_units[-1][4] >> 6 == 0)
