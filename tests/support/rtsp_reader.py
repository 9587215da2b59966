"""A reader that shares no code with the product: it logs in, plays over TCP or UDP, and keeps all with its time."""

import asyncio
import base64
import hashlib
import re
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self

import av
import numpy as np


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
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


def parse_packet(data: bytes, at: float) -> Packet:
    first, second, sequence_number, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
    assert first >> 6 == 2
    return Packet(at, first, second & 127, second >= 128, sequence_number, timestamp, ssrc, data[12:])


@dataclass(frozen=True, slots=True)
class AccessUnit:
    at: float
    timestamp: int
    nal_units: list[bytes]
    lost_before: bool
    """A sequence number is missing before its first packet, or within it."""

    def types(self, codec: str) -> list[int]:
        return [nal_type(codec, unit) for unit in self.nal_units]


def nal_type(codec: str, unit: bytes) -> int:
    return unit[0] & 31 if codec == "H264" else unit[0] >> 1 & 63


def nal_units(codec: str, payloads: Iterable[bytes]) -> list[bytes]:
    """Depacketize one access unit: RFC 6184 (single, STAP-A, FU-A) or RFC 7798 (single, AP, FU)."""
    header, aggregate, fragment = (1, 24, 28) if codec == "H264" else (2, 48, 49)
    found: list[bytes] = []
    for payload in payloads:
        kind = nal_type(codec, payload)
        if kind == aggregate:
            rest = payload[header:]
            while rest:
                size = int.from_bytes(rest[:2])
                found.append(rest[2 : 2 + size])
                rest = rest[2 + size :]
        elif kind == fragment:
            flags = payload[header]
            if flags & 0x80:
                if codec == "H264":
                    found.append(bytes([payload[0] & 0xE0 | flags & 31]))
                else:
                    found.append(bytes([payload[0] & 0x81 | (flags & 63) << 1, payload[1]]))
            found[-1] += payload[header + 1 :]
        else:
            found.append(payload)
    return found


def access_units(codec: str, packets: list[Packet]) -> list[AccessUnit]:
    """Complete access units: those whose last packet has the marker."""
    units = []
    group: list[Packet] = []
    previous: int | None = None
    lost = False
    for packet in packets:
        if previous is not None and packet.sequence_number != (previous + 1) & 0xFFFF:
            lost = True
        previous = packet.sequence_number
        group.append(packet)
        if packet.marker:
            payloads = [item.payload for item in group]
            units.append(AccessUnit(packet.at, packet.timestamp, nal_units(codec, payloads), lost))
            group, lost = [], False
    return units


def decode(codec: str, units: Iterable[AccessUnit]) -> list[np.ndarray]:
    """Luma planes of access units that all have to be decodable."""
    context = av.CodecContext.create("h264" if codec == "H264" else "hevc", "r")
    context.thread_count = 1
    pictures = []
    for unit in units:
        packet = av.Packet(b"".join(b"\0\0\0\1" + item for item in unit.nal_units))
        pictures += [luma(frame) for frame in context.decode(packet)]
    pictures += [luma(frame) for frame in context.decode(None)]
    return pictures


def luma(frame: av.VideoFrame) -> np.ndarray:
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width].copy()


def digest(user: str, password: str, realm: str, nonce: str, method: str, uri: str) -> str:
    """RFC 2617 section 3.2.2 without qop, computed here."""
    first, second = (
        hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # RFC 2617
        for text in (f"{user}:{realm}:{password}", f"{method}:{uri}")
    )
    return hashlib.md5(f"{first}:{nonce}:{second}".encode()).hexdigest()  # noqa: S324  # RFC 2617


class _UdpPort(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data)


@dataclass
class RtspReader:
    """One connection; `async with RtspReader(url) as reader: await reader.play()`."""

    url: str
    user: str = ""
    password: str = ""
    receive_buffer: int = 0
    packets: list[Packet] = field(default_factory=list)
    reports: list[tuple[float, bytes]] = field(default_factory=list)
    recorded: bytearray = field(default_factory=bytearray)
    marked: int = 0
    """Packets with the marker: pictures that are whole."""
    closed: bool = False
    session: str = ""
    sdp: str = ""
    codec: str = ""
    cseq: int = 0
    server_ports: tuple[int, int] = (0, 0)

    async def __aenter__(self) -> Self:
        match = re.fullmatch(r"rtsp://([^:/]+):(\d+)(/.*)", self.url)
        assert match
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._nonce = self._realm = ""
        self._basic = False
        self._udp: list[asyncio.DatagramTransport] = []
        self._may_read = asyncio.Event()
        self._may_read.set()
        self.reader, self.writer = await asyncio.open_connection(match[1], int(match[2]), limit=1 << 20)
        self._host = match[1]
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        self.writer.close()
        for transport in self._udp:
            transport.close()

    def stop_reading(self) -> None:
        """Take nothing more from the connection."""
        self._may_read.clear()
        self.writer.transport.pause_reading()

    def go_on_reading(self) -> None:
        self.writer.transport.resume_reading()
        self._may_read.set()

    async def _read(self) -> None:
        try:
            while True:
                await self._may_read.wait()
                head = await self.reader.readexactly(1)
                if head == b"$":
                    head += await self.reader.readexactly(3)
                    data = await self.reader.readexactly(int.from_bytes(head[2:]))
                    self.recorded += head + data
                    self._take(head[1], data)
                else:
                    text = head + await self.reader.readuntil(b"\r\n\r\n")
                    lines = text.decode().split("\r\n")
                    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
                    body = await self.reader.readexactly(int(headers.get("content-length", "0")))
                    self.recorded += text + body
                    self._answers.put_nowait(Answer(int(lines[0].split()[1]), headers, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True

    def _take(self, channel: int, data: bytes) -> None:
        at = time.monotonic()
        if channel % 2:
            self.reports.append((at, data))
        else:
            self.packets.append(parse_packet(data, at))
            self.marked += self.packets[-1].marker

    def _take_datagram(self, channel: int, data: bytes) -> None:
        self.recorded += data
        self._take(channel, data)

    def write_request(self, method: str, uri: str, headers: dict[str, str]) -> None:
        self.cseq += 1
        fields = {"CSeq": str(self.cseq), **headers}
        if self.session and "Session" not in headers:
            fields["Session"] = self.session
        if self._basic:
            fields["Authorization"] = f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"
        elif self._nonce:
            response = digest(self.user, self.password, self._realm, self._nonce, method, uri)
            fields["Authorization"] = (
                f'Digest username="{self.user}", realm="{self._realm}", nonce="{self._nonce}", uri="{uri}", '
                f'response="{response}"'
            )
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.writer.write(f"{method} {uri} RTSP/1.0\r\n{lines}\r\n".encode())

    async def answer(self, timeout_s: float = 15.0) -> Answer:
        async with asyncio.timeout(timeout_s):
            return await self._answers.get()

    async def request(self, method: str, uri: str = "", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.write_request(method, uri or self.url, named)
        answer = await self.answer()
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status == 401 and self.user and not self._nonce and not self._basic:
            self._basic = challenge.startswith("Basic")
            found = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
            self._realm, self._nonce = found["realm"], found.get("nonce", "")
            self.write_request(method, uri or self.url, named)
            answer = await self.answer()
        assert answer.headers["cseq"] == str(self.cseq)
        if "session" in answer.headers and method == "SETUP":
            self.session = answer.headers["session"].partition(";")[0]
        elif method == "TEARDOWN":
            self.session = ""
        return answer

    async def describe(self) -> str:
        answer = await self.request("DESCRIBE", Accept="application/sdp")
        assert answer.status == 200, answer
        self.sdp = answer.body.decode()
        encoding = re.search(r"a=rtpmap:\d+ (H26[45])/90000", self.sdp)
        assert encoding
        self.codec = encoding[1]
        return self.sdp

    async def set_up(self, transport: str = "tcp") -> Answer:
        header = "RTP/AVP/TCP;unicast;interleaved=0-1"
        if transport == "udp":
            header = f"RTP/AVP;unicast;client_port={await self._open_udp()}"
        answer = await self.request("SETUP", f"{self.url}/trackID=0", Transport=header)
        assert answer.status == 200, answer
        ports = re.search(r"server_port=(\d+)-(\d+)", answer.headers["transport"])
        if ports:
            self.server_ports = int(ports[1]), int(ports[2])
        return answer

    async def _open_udp(self) -> str:
        loop = asyncio.get_running_loop()
        numbers = []
        for channel in (0, 1):
            transport, _ = await loop.create_datagram_endpoint(
                lambda channel=channel: _UdpPort(lambda data: self._take_datagram(channel, data)),
                local_addr=(self._host, 0),
            )
            self._udp.append(transport)
            numbers.append(transport.get_extra_info("sockname")[1])
        return f"{numbers[0]}-{numbers[1]}"

    def send_receiver_report(self) -> None:
        """An empty RR (RFC 3550 section 6.4.2) over UDP or interleaved."""
        data = struct.pack("!BBHI", 0x80, 201, 1, 0x1234)
        if self._udp:
            self._udp[1].sendto(data, (self._host, self.server_ports[1]))
        else:
            self.writer.write(b"$\x01" + len(data).to_bytes(2) + data)

    async def play(self, transport: str = "tcp") -> Answer:
        await self.describe()
        await self.set_up(transport)
        answer = await self.request("PLAY", Range="npt=0.000-")
        assert answer.status == 200, answer
        return answer

    async def until(self, condition: Callable[[], object], timeout_s: float) -> float:
        """Wait for a condition; how long it took."""
        started = time.monotonic()
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)
        return time.monotonic() - started

    def units(self) -> list[AccessUnit]:
        return access_units(self.codec, self.packets)

    def pictures(self) -> list[np.ndarray]:
        return decode(self.codec, self.units())
