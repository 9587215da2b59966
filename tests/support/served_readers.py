"""Readers of an RTSP server in the test's own process: how they begin, and what they got."""

import asyncio
from itertools import pairwise

import pytest

from tests.support.rtsp_reader import RtspReader
from tests.support.served import Stream
from transcoder.net.rtsp_server import RtspServer


def with_options(**changes: float) -> pytest.MarkDecorator:
    """Give the fixture of the server's options these."""
    return pytest.mark.parametrize("options", [changes], indirect=True, ids=[""])


def open_reader(server: RtspServer, name: str = "front", **options) -> RtspReader:
    return RtspReader(server.url("127.0.0.1", name), **options)


async def begin(reader: RtspReader, stream: Stream, transport: str = "tcp") -> dict[str, str]:
    """Play, while the stream sends an IDR; the headers of the answer."""

    async def idr_when_asked() -> None:
        asked = stream.idr_requests
        while stream.idr_requests == asked:
            await asyncio.sleep(0.005)
        stream.send(idr=True)

    helper = asyncio.create_task(idr_when_asked())
    answer = await reader.play(transport)
    await helper
    await reader.until(lambda: reader.packets, 2)
    return answer.headers


def numbers(reader: RtspReader) -> list[int]:
    """Of the access units that a reader got."""
    return [int.from_bytes(unit.nal_units[-1][1:5]) for unit in reader.units()]


def assert_whole(reader: RtspReader) -> None:
    """No gap in the sequence numbers, one SSRC, time that advances, nothing before parameter sets and an IDR."""
    sequence = [packet.sequence_number for packet in reader.packets]
    assert all(later == (earlier + 1) & 0xFFFF for earlier, later in pairwise(sequence))
    assert len({packet.ssrc for packet in reader.packets}) == 1
    times = list(dict.fromkeys(packet.timestamp for packet in reader.packets))
    assert all(0 < (later - earlier) % 2**32 < 2**31 for earlier, later in pairwise(times))
    assert reader.units()[0].types("H264") == [7, 8, 5]
    assert {packet.first for packet in reader.packets} == {0x80}
    assert {packet.payload_type for packet in reader.packets} == {96}
