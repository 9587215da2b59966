"""What comes over the network: a client that reads by hand, and the packets handed to a bad network."""

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from transcoder.lab.cameras.behaviour import override
from transcoder.lab.cameras.defects.delivery import DeliveryDefects, Interference
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.server import SimulatedCamera


def camera_of(contents, *settings: str, family: str = "longse", **options) -> SimulatedCamera:
    behaviour = override(FAMILIES[family].behaviour, settings)
    return SimulatedCamera(behaviour, contents[behaviour.codec], **options)


def through(**defects: Any) -> list[int]:
    numbers = [memoryview(index.to_bytes(2)) for index in range(10_000)]
    network = Interference(DeliveryDefects(**defects), "1")
    return [int.from_bytes(packet) for packet in network.datagrams(numbers)]


def test_a_good_network() -> None:
    assert through() == list(range(10_000))


def test_loss() -> None:
    arrived = through(udp_loss=0.05)
    assert arrived == sorted(set(arrived))
    assert 9300 < len(arrived) < 9700


def test_duplicates() -> None:
    arrived = Counter(through(udp_duplicates=0.1))
    assert len(arrived) == 10_000
    assert set(arrived.values()) == {1, 2}
    assert 800 < sum(count == 2 for count in arrived.values()) < 1200


def test_reordering() -> None:
    arrived = through(udp_reorder=0.1)
    late = [index for index in range(1, len(arrived)) if arrived[index] < arrived[index - 1]]
    assert sorted(arrived) == list(range(10_000))
    assert 700 < len(late) < 1200
    assert all(arrived[index - 1] - arrived[index] == 1 for index in late)


async def test_packets_before_the_answer_to_play(contents, client_class) -> None:
    """Recent Reolink."""
    async with camera_of(contents, "early_data=true") as camera:
        client = await client_class(camera.url).connect()
        await client.describe()
        await client.request("SETUP", client.controls()[0], Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        before = len(client.recorded)
        client.write(f"PLAY {client.base} RTSP/1.0\r\nCSeq: 9\r\nSession: {client.session}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            while b"\r\n\r\n" not in client.recorded[before:]:
                await asyncio.sleep(0.01)
        client.close()
    data = bytes(client.recorded[before:])
    assert data[:2] == b"$\0"
    answer, _, _ = data[4 + int.from_bytes(data[2:4]) :].partition(b"\r\n\r\n")
    assert b"RTSP/1.0 200" in answer


async def raw(camera: SimulatedCamera, client_class, seconds: float) -> bytes:
    """All that comes after the answer to PLAY."""
    async with camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        await asyncio.sleep(seconds)
        client.close()
    return bytes(client.recorded[client.played :])


async def test_stray_bytes_between_frames(contents, client_class) -> None:
    data = await raw(camera_of(contents, "stray_bytes=7", "rtcp=false"), client_class, 1.6)
    at, strays = 0, 0
    while at + 4 < len(data):
        if data[at] != 0x24:
            strays += 1
            at += 7
            assert data[at] == 0x24
            continue
        at += 4 + int.from_bytes(data[at + 2 : at + 4])
    assert strays == 1  # after 25 of the 32 pictures


async def test_crlf_before_frames(contents, client_class) -> None:
    data = await raw(camera_of(contents, "crlf_before_frames=true"), client_class, 0.3)
    at = frames = 0
    while at + 6 < len(data):
        assert data[at : at + 4] in {b"\r\n$\0", b"\r\n$\x01"}
        at += 6 + int.from_bytes(data[at + 4 : at + 6])
        frames += 1
    assert frames > 6


async def test_an_earlier_session_goes_on(contents, client_class) -> None:
    """live555 before 2017: Reolink, Foscam."""
    async with camera_of(contents, "stale_session_s=0.6") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        early, late = await client.packets(0.5), (await client.packets(0.2), await client.packets(0.5))[1]
        client.close()
    first, second = Counter(packet.ssrc for packet in early).most_common()
    assert first[1] - second[1] in {-1, 0, 1}
    assert len({packet.ssrc for packet in late}) == 1
    for ssrc in (first[0], second[0]):
        numbers = [packet.sequence_number for packet in early if packet.ssrc == ssrc]
        assert numbers == [(numbers[0] + index) % 2**16 for index in range(len(numbers))]


async def test_requests_of_the_camera(contents, client_class) -> None:
    data = await raw(camera_of(contents, "server_requests_every_s=0.2"), client_class, 0.9)
    found = re.findall(rb"(OPTIONS|SET_PARAMETER) rtsp://\S+ RTSP/1.0\r\nCSeq: (\d)\r\n\r\n", data)
    assert found[:3] == [(b"OPTIONS", b"1"), (b"SET_PARAMETER", b"2"), (b"OPTIONS", b"3")]


async def test_closed_after_some_seconds(contents, client_class) -> None:
    async with camera_of(contents, "close_every_s=0.4") as camera:
        for _ in range(2):
            client = await client_class(camera.url).connect()
            await client.play([0])
            assert await client.packets(0.25)
            with pytest.raises(ConnectionError):
                await client.packets(1.0)


async def test_stall_over_tcp_loses_nothing(contents, client_class) -> None:
    async with camera_of(contents, "stall_every_s=0.4", "stall_s=0.5") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        await client.packets(0.35)
        await client.packets(0.1)
        assert await client.packets(0.35) == []
        after = await client.packets(0.3)
        client.close()
    numbers = [packet.sequence_number for packet in after]
    assert numbers == [(numbers[0] + index) % 2**16 for index in range(len(numbers))]
    assert len({packet.timestamp for packet in after}) >= 10


async def test_packets_of_8000_bytes(contents, client_class) -> None:
    """Tapo: packets far over an Ethernet frame."""
    async with camera_of(contents, family="tapo") as camera:
        client = await client_class(camera.url).connect()
        await client.play([0])
        packets = await client.packets(0.6)
        client.close()
    assert max(len(packet.payload) for packet in packets) > 4000


def test_requests_and_ends_by_the_clock() -> None:
    network = Interference(DeliveryDefects(close_every_s=5.0, server_requests_every_s=2.0), "1")
    network.begin(10.0)
    network.begin(12.0)
    assert not network.ends(14.9)
    assert network.ends(15.0)
    assert network.request(11.9, "rtsp://x/") == b""
    assert network.request(12.0, "rtsp://x/").startswith(b"OPTIONS rtsp://x/ RTSP/1.0")
    assert network.request(12.1, "rtsp://x/") == b""
