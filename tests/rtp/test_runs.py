"""Packets taken a receive buffer at a time come to the same as packets taken one by one."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.rtp_packets import end_picture
from transcoder.codecs.nal import MAX_NAL_UNIT_SIZE, Codec
from transcoder.formats import h264, h265
from transcoder.ledger import Ledger
from transcoder.rtp.video import VideoReceiver

Build = Callable[..., bytes]
NOW = 10.0
UNITS = {
    Codec.H264: [b"\x65\x88" + bytes(range(1, 201)) * 5, b"\x41\x9a" + bytes(range(1, 201)) * 9],
    Codec.H265: [b"\x26\x01\xaf" + bytes(range(1, 201)) * 5, b"\x02\x01\xd0" + bytes(range(1, 201)) * 9],
}


def receiver(codec: Codec, *, reorder: bool = False) -> VideoReceiver:
    return VideoReceiver(
        codec=codec,
        payload_types=frozenset({96}),
        clock_rate=90_000,
        ledger=Ledger(),
        reorder=reorder,
        ssrc=1,
        cname="x",
    )


def spans_of(packets: list[bytes]) -> tuple[bytes, list[tuple[int, int]]]:
    """The packets as interleaved frames, and where each stands."""
    buffer, spans = bytearray(), []
    for packet in packets:
        buffer += b"$\x00" + len(packet).to_bytes(2)
        spans.append((len(buffer), len(buffer) + len(packet)))
        buffer += packet
    return bytes(buffer), spans


def outcome(video: VideoReceiver, codec: Codec, following: int, units: list[Any]) -> dict[str, Any]:
    """What came of it, the open picture and held packets too; following: number of the packet that is next."""
    end_picture(video, codec.value, following, 0, NOW + 100)
    video.handle_timeout(NOW + 200)
    while (unit := video.next_access_unit()) is not None:
        units.append(unit)
    counted = video.receiver
    return {
        "units": [(unit.timestamp, unit.nal_units, unit.damaged, unit.random_access, unit.completed) for unit in units],
        "faults": video.faults,
        "ledger": [(layer, kind, entry.count) for layer, kind, entry in video._ledger],
        "restarts": video.restarts,
        "packets": (counted.received, counted.received_bytes, counted.lost, counted.duplicates, counted.late,
                    counted.malformed),
        "jitter": pytest.approx(counted.jitter, abs=1e-6),
        "report": counted.report(0, 0.0),
    }  # fmt: skip


def one_by_one(codec: Codec, reads: list[list[bytes]], following: int, *, reorder: bool) -> dict[str, Any]:
    video, units = receiver(codec, reorder=reorder), []
    for number, packets in enumerate(reads):
        for packet in packets:
            video.receive_rtp(packet, NOW + number)
            while (unit := video.next_access_unit()) is not None:
                units.append(unit)
    return outcome(video, codec, following, units)


def in_rows(codec: Codec, reads: list[list[bytes]], following: int, *, reorder: bool) -> dict[str, Any]:
    video, units = receiver(codec, reorder=reorder), []
    for number, packets in enumerate(reads):
        buffer, spans = spans_of(packets)
        index = 0
        while index < len(spans):
            index = video.receive_packets(buffer, spans, index, NOW + number)
            while (unit := video.next_access_unit()) is not None:
                units.append(unit)
    return outcome(video, codec, following, units)


@examples(300)
@given(data=st.data())
def test_any_stream_comes_to_the_same(rtp: Build, data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(list(Codec)))
    packetize = h264.packetize if codec is Codec.H264 else h265.packetize
    packets: list[bytes] = []
    number = data.draw(st.sampled_from([0, 65_530]))
    for picture in range(data.draw(st.integers(1, 4))):
        payloads = packetize([UNITS[codec][picture > 0]], data.draw(st.sampled_from([64, 100, 1400])))
        for index, payload in enumerate(payloads):
            packets.append(rtp(number, 3600 * picture, payload, marker=index == len(payloads) - 1))
            number = (number + 1) & 0xFFFF
    # what real networks and cameras do to them: each of these at any place
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(packets) - 1))
        kind = data.draw(st.sampled_from(["lose", "repeat", "swap", "byte", "cut", "foreign", "empty"]))
        packet = packets[at]
        if kind == "lose" and len(packets) > 1:
            del packets[at]
        elif kind == "repeat":
            packets.insert(at, packet)
        elif kind == "swap":
            packets[at - 1], packets[at] = packet, packets[at - 1]
        elif kind == "byte":
            place = data.draw(st.integers(0, min(len(packet), 16) - 1)) if packet else 0
            packets[at] = packet[:place] + bytes((data.draw(st.integers(0, 255)),)) + packet[place + 1 :]
        elif kind == "cut":
            packets[at] = packet[: data.draw(st.integers(0, 18))]
        elif kind == "foreign":
            packets.insert(at, packet[:1] + b"\x70" + packet[2:])
        else:
            packets[at] = packet[:14]
    reads, at = [], 0
    while at < len(packets):
        step = data.draw(st.sampled_from([1, 2, 5, 50]))
        reads.append(packets[at : at + step])
        at += step
    reorder = data.draw(st.booleans())
    assert in_rows(codec, reads, number, reorder=reorder) == one_by_one(codec, reads, number, reorder=reorder)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_run_is_taken_at_once_and_its_bytes_are_those_that_were_sent(rtp: Build, codec: Codec) -> None:
    unit = UNITS[codec][0]
    payloads = (h264 if codec is Codec.H264 else h265).packetize([unit], 100)
    packets = [rtp(number, 0, payload, marker=number == len(payloads) - 1) for number, payload in enumerate(payloads)]
    buffer, spans = spans_of(packets)
    video = receiver(codec)
    assert video.receive_packets(buffer, spans, 0, NOW) == 1  # the start tells what the others look like
    assert video.receive_packets(buffer, spans, 1, NOW) == len(packets) - 1
    assert video.next_access_unit() is None
    assert video.receive_packets(buffer, spans, len(packets) - 1, NOW) == len(packets)
    found = video.next_access_unit()
    assert found is not None
    assert found.nal_units == [unit]
    assert video.receiver.received == len(packets)


@pytest.mark.parametrize("codec", list(Codec))
def test_a_packet_of_another_name_inside_a_unit_that_comes_late(rtp: Build, codec: Codec) -> None:
    """The packet behind it came first and is of the first SSRC: it says nothing of what the next ones look like."""
    payloads = (h264 if codec is Codec.H264 else h265).packetize([UNITS[codec][0]], 64)
    packets = [rtp(number, 0, payload, marker=number == len(payloads) - 1) for number, payload in enumerate(payloads)]
    packets[2] = packets[2][:8] + b"\xff" + packets[2][9:]
    packets = [*packets[:2], packets[3], packets[2], packets[4], *packets[4:]]
    reads = [packets]
    rows, singly = (way(codec, reads, len(payloads), reorder=True) for way in (in_rows, one_by_one))
    assert rows == singly
    assert rows["restarts"] == 0
    assert len(rows["units"]) == 1


def test_a_unit_without_an_end_stays_within_its_limit(rtp: Build) -> None:
    video = receiver(Codec.H264)
    start = rtp(0, 0, b"\x7c\x85" + b"\x88" * 60_000)
    number, kept = 1, 0
    buffer, spans = spans_of([start])
    video.receive_packets(buffer, spans, 0, NOW)
    while not video.faults["unit over the size limit"]:
        packets = [rtp((number + index) & 0xFFFF, 0, b"\x7c\x05" + b"\x88" * 60_000) for index in range(4)]
        number += 4
        buffer, spans = spans_of(packets)
        index = 0
        while index < len(spans):
            index = video.receive_packets(buffer, spans, index, NOW)
        kept += 240_000
        assert kept < MAX_NAL_UNIT_SIZE + 1_000_000
    assert video.next_access_unit() is None


def test_what_follows_a_unit_over_the_limit_is_of_no_unit(rtp: Build) -> None:
    packets = [rtp(0, 0, b"\x7c\x85" + b"\x88" * 60_000)]
    packets += [rtp(number & 0xFFFF, 0, b"\x7c\x05" + b"\x88" * 60_000) for number in range(1, 150)]
    packets.append(rtp(150, 0, b"\x7c\x45" + b"\x88" * 100, marker=True))
    at_once, one_by_one = receiver(Codec.H264), receiver(Codec.H264)
    for first in range(0, len(packets), 10):  # a read each
        buffer, spans = spans_of(packets[first : first + 10])
        index = 0
        while index < len(spans):
            index = at_once.receive_packets(buffer, spans, index, NOW)
    for packet in packets:
        one_by_one.receive_rtp(packet, NOW)
    for video in (at_once, one_by_one):
        assert video.faults["unit over the size limit"] == 1
        assert video.faults["fragment without start"] > 0
        assert video.next_access_unit() is None
