"""This reader of served streams shares no RTSP, RTP or codec code with the product; it keeps all data with its time."""

import asyncio
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import av
import numpy as np
from typing_extensions import override

from transcoder.lab.reader import access_units
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.codec import Codec
from transcoder.verify.dialog import server_ports
from transcoder.verify.messages import Message
from transcoder.verify.own_text import read_description
from transcoder.verify.rtp import Packet as RtpPacket
from transcoder.verify.rtp import read_rtp
from transcoder.verify.target import parse_target


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    """The header fields; their names are in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet (RFC 3550 section 5.1) and the monotonic second at which it came."""

    at: float
    first: int
    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    read: RtpPacket


@dataclass(frozen=True, slots=True)
class AccessUnit:
    at: float
    timestamp: int
    nal_units: list[bytes]
    lost_before: bool = False
    """Whether a sequence number is missing before the first packet of the access unit, or within it."""

    def types(self, codec: str) -> list[int]:
        return [nal_type(codec, unit) for unit in self.nal_units]


def parse_packet(data: bytes, at: float) -> Packet:
    read = read_rtp(data)
    assert not isinstance(read, str), read
    return Packet(
        at, data[0], read.payload_type, read.marker, read.sequence_number, read.timestamp, read.ssrc, read.payload, read
    )


def nal_type(codec: str, unit: bytes) -> int:
    return Codec(codec).nal_unit_type(unit)


def read_access_units(codec: str, packets: list[Packet]) -> list[AccessUnit]:
    """Return the complete access units, whose last packet has the marker."""
    reader = access_units.AccessUnits(Codec(codec))
    found = [unit for packet in packets if (unit := reader.receive(packet.read, packet.at)) is not None]
    assert not reader.faults
    return [AccessUnit(unit.at, unit.timestamp, unit.nal_units, unit.lost_before) for unit in found]


def decode(codec: str, units: Iterable[AccessUnit]) -> list[np.ndarray]:
    """Decode access units, which all have to be decodable, and return their luma planes."""
    context = av.CodecContext.create("h264" if codec == "H264" else "hevc", "r")
    context.thread_count = 1
    pictures = []
    for unit in units:
        packet = av.Packet(b"".join(b"\0\0\0\1" + item for item in unit.nal_units))
        pictures += [luma(frame) for frame in context.decode(packet)]
    pictures += [luma(frame) for frame in context.decode(None)]
    return pictures


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane: Any = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


class RtspReader(Listener):
    """Holds one connection to the server. `async with` connects and closes.

    Attributes:
        recorded: every byte received, as it came: RTSP, interleaved frames, datagrams.
        packets: the RTP packets received.
        reports: the RTCP packets received, with their time.
        marked: the number of packets with the marker, which is that of complete pictures.
    """

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self.url = url
        self.recorded = bytearray()
        self.packets: list[Packet] = []
        self.reports: list[tuple[float, bytes]] = []
        self.marked = 0
        self.sdp = self.codec = ""
        self.server_ports = (0, 0)
        self._target = parse_target(url, user or None, password)
        self.client = RtspClient(self._target, self, agent="test")

    async def __aenter__(self) -> Self:
        await self.client.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.close()

    # -- Listener ------------------------------------------------------------------------------------------------------

    @override
    def received(self, data: bytes) -> None:
        self.recorded += data

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        if channel % 2:
            self.reports.append((at, data))
        else:
            self.packets.append(parse_packet(data, at))
            self.marked += self.packets[-1].marker

    # -- the connection ------------------------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        return self.client.closed.is_set()

    @property
    def session(self) -> str:
        return self.client.dialog.session

    @session.setter
    def session(self, value: str) -> None:
        self.client.dialog.session = value

    def stop_reading(self) -> None:
        """Read no more from the connection."""
        self.client.stop_reading()

    def go_on_reading(self) -> None:
        self.client.go_on_reading()

    def close_connection(self) -> None:
        """Close the connection and keep listening on UDP."""
        self.client.close_connection()

    # -- requests ------------------------------------------------------------------------------------------------------

    def write_request(self, method: str, uri: str, headers: dict[str, str]) -> None:
        self.client.send_request(method, uri, headers)

    async def answer(self, timeout_s: float = 15.0) -> Answer:
        async with asyncio.timeout(timeout_s):
            return _answer((await self.client.next_answer("the last request"))[1])

    async def request(self, method: str, uri: str = "", **headers: str) -> Answer:
        answer = await self.client.request(method, uri or self.url, **headers)
        assert not self.client.dialog.surprises
        return _answer(answer)

    async def describe(self) -> str:
        answer = await self.request("DESCRIBE", Accept="application/sdp")
        assert answer.status == 200, answer
        self.sdp = answer.body.decode()
        codec = read_description(answer.body).media[0].codec
        assert codec
        self.codec = codec.value
        return self.sdp

    async def set_up(self, transport: str = "tcp") -> Answer:
        set_up = self.client.set_up_udp if transport == "udp" else self.client.set_up
        answer = await set_up(f"{self.url}/trackID=0", 0)
        assert answer.status == 200, answer
        self.server_ports = server_ports(answer) or (0, 0)
        return _answer(answer)

    async def play(self, transport: str = "tcp") -> Answer:
        await self.describe()
        await self.set_up(transport)
        answer = await self.request("PLAY", Range="npt=0.000-")
        assert answer.status == 200, answer
        return answer

    def send_rtcp(self, data: bytes) -> None:
        """Send bytes to where the server takes RTCP: its UDP port, or channel 1."""
        if self.client.ports:
            self.client.ports[0].send(self._target.host, 1, data)
        else:
            self.client.write(b"$\x01" + len(data).to_bytes(2) + data)

    def send_receiver_report(self) -> None:
        """Send an empty RR (RFC 3550 section 6.4.2) over UDP or interleaved."""
        self.send_rtcp(struct.pack("!BBHI", 0x80, 201, 1, 0x1234))

    # -- what came -----------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], timeout_s: float) -> float:
        """Wait for a condition, and return the seconds that it took."""
        started = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)
        return time.monotonic() - started

    def units(self) -> list[AccessUnit]:
        return read_access_units(self.codec, self.packets)

    def pictures(self) -> list[np.ndarray]:
        return decode(self.codec, self.units())


def _answer(message: Message) -> Answer:
    return Answer(message.status, {name.lower(): value for name, value in message.fields}, message.body)
