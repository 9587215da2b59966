"""A push over RTMP, or as MPEG-TS over UDP, goes through a process of its own, because FFmpeg muxes and sends it.

The process is started when the target is there and gets coded units over a socket, as a reader of the output: it loses
pictures up to the next IDR where it is slow. One that takes nothing is killed.
"""

import asyncio
import base64
import contextlib
import os
import re
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from typing_extensions import override

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.errors import ConnectionRefused, LimitExceeded, NotConnected, TransportError
from transcoder.ipc.push_messages import (
    LEFT,
    SENDS,
    LineParser,
    PushHead,
    PushKind,
    PushUnit,
    problem_of,
)
from transcoder.net.push_options import PushOptions
from transcoder.net.reader_connection import ServedStream
from transcoder.net.rtsp_push import LOOK_S, REPORT_S, STUCK_S
from transcoder.net.sockets import Binding, new_socket
from transcoder.output.fanout import AUDIO, VIDEO, Outlet, Reader, Track
from transcoder.rtp.sender import PreparedAccessUnit
from transcoder.service.forkserver_process import worker_environment

START_S: Final = 30.0
"""Seconds in which a process has to be started and the target to take the stream, also on a machine that is busy."""
STOP_S: Final = 1.0
"""Seconds that a process has to say goodbye to its target; then it is killed."""
KNOCK_S: Final = 0.2
"""Seconds in which a host says that nobody listens at a UDP port: more than the way there and back in most networks."""
_NULL_PACKET: Final = bytes((0x47, 0x1F, 0xFF, 0x10)) + b"\xff" * 184
"""A packet of a transport stream that every receiver passes over (ISO/IEC 13818-1 section 2.4.1)."""
_CODECS: Final = {b"H264": Codec.H264, b"H265": Codec.H265}
_VIDEO_LINE: Final = re.compile(rb"a=rtpmap:\d+ (H26[45])/90000")
_AUDIO_LINE: Final = re.compile(rb"a=rtpmap:\d+ MPEG4-GENERIC/(\d+)/1")
_SETS: Final = re.compile(rb"sprop-(?:parameter-sets|vps|sps|pps)=([A-Za-z0-9+/=,]+)")
_START_CODE: Final = b"\0\0\0\1"


class UnitOutlet(Outlet):
    """Hands units to the process.

    Args:
        transport: the socket to the process.

    Attributes:
        handed: the units that were handed over.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.handed = 0

    @override
    def backlog(self) -> int:
        return self._transport.get_write_buffer_size()

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        raise AssertionError("a UnitTrack sends no RTP")

    @override
    def send_rtcp(self, data: bytes) -> None:
        raise AssertionError("a UnitTrack sends no RTCP")

    def send_unit(self, unit: PushUnit) -> None:
        """Send one unit."""
        if not self._transport.is_closing():
            self.handed += 1
            self._transport.write(unit.serialize())


@dataclass(slots=True, kw_only=True)
class UnitTrack(Track):
    """A unit track carries one medium to a process, without RTP.

    Attributes:
        kind: the kind of its records.
        rate: the ticks a second of its timestamps.
        last: the RTP timestamp of the last unit; at the begin that of the moment at which all tracks begin.
        ticks: the ticks since that moment.
    """

    kind: PushKind
    rate: int
    last: int = 0
    ticks: int = 0

    @override
    def send(self, unit: PreparedAccessUnit) -> int:
        self.ticks += ((unit.timestamp - self.last + (1 << 31)) & 0xFFFF_FFFF) - (1 << 31)
        self.last = unit.timestamp
        if self.kind is PushKind.VIDEO:
            body = b"".join(_START_CODE + nal_unit for nal_unit in unit.nal_units)
        else:
            body = b"".join(unit.nal_units)
        pts = self.ticks * VIDEO_CLOCK_RATE // self.rate
        record = PushUnit(kind=self.kind, body=body, pts=max(pts, 0), random_access=unit.random_access)
        cast(UnitOutlet, self.outlet).send_unit(record)
        return len(body)

    @override
    def size(self, unit: PreparedAccessUnit) -> int:
        return sum(map(len, unit.nal_units))

    @override
    def leave(self) -> None:
        pass

    @override
    def report(self, now: float, wall: float) -> None:
        pass


class MuxedPush(asyncio.Protocol):
    """Sends one output to one target, by one process.

    Args:
        options: the options of the push.
        served: the output.
        on_playing: is called when the first picture leaves.
    """

    def __init__(self, options: PushOptions, served: ServedStream, on_playing: Callable[[], None]) -> None:
        self._options = options
        self._served = served
        self._on_playing = on_playing
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._is_sending = False
        self._take_stream: Callable[[], None] = lambda: None
        """Begins to read the output, once the target takes it."""
        self._lines = LineParser()
        self._left = 0
        """The units that the process handed to the network."""
        self._outlet: UnitOutlet | None = None
        self._tracks: dict[int, UnitTrack] = {}
        self._reader: Reader | None = None

    @property
    def sent_bytes(self) -> int:
        """Return the bytes of the units that were sent."""
        return self._reader.sent_bytes if self._reader is not None else 0

    @property
    def dropped(self) -> int:
        """Return how many pictures the target was too slow for."""
        return self._reader.dropped if self._reader is not None else 0

    def end(self) -> None:
        """End the process, because the output is of another format now."""
        self._settle(None)

    def _settle(self, error: TransportError | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    async def run(self) -> None:
        """Send until end() is called or the task is cancelled.

        Raises:
            TransportError: the target is not there, takes nothing, or there is nothing to send.
        """
        address = (await self._options.resolve(self._options.url.port))[0]
        if self._options.url.scheme != "udp":
            await self._send(await self._head("flv", self._rtmp_url(address)), None)
            return
        with await knock(address, self._options.url.port) as datagrams:
            await self._send(await self._head("mpegts"), datagrams)

    async def _head(self, container: str, url: str = "") -> PushHead:
        description = await self._served.describe("127.0.0.1")
        video, audio = _VIDEO_LINE.search(description), _AUDIO_LINE.search(description)
        if video is None:
            raise TransportError("the output has no video that can be muxed")
        return PushHead(
            container=container,
            codec=_CODECS[video[1]],
            parameter_sets=tuple(
                base64.b64decode(text) for found in _SETS.findall(description) for text in found.split(b",")
            ),
            audio_rate=int(audio[1]) if audio is not None else 0,
            url=url,
            port=self._options.url.port if url else 0,
            is_required=self._options.requires_sandbox,
        )

    def _rtmp_url(self, address: str) -> str:
        """Return the target's URL with the address that was checked in the place of its host's name."""
        host = f"[{address}]" if ":" in address else address
        path, mark, query = self._options.url.rest.partition("?")
        key = self._options.stream_key
        path = f"{path.rstrip('/')}/{key}" if key else path
        return f"rtmp://{host}:{self._options.url.port}{path}{mark}{query}"

    async def _send(self, head: PushHead, datagrams: socket.socket | None) -> None:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "transcoder.worker.push_process", "datagrams" if datagrams else ""),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL if datagrams is None else datagrams.fileno(),
                    stderr=asyncio.subprocess.DEVNULL,
                    env=worker_environment(os.environ),
                    start_new_session=True,
                )
            ours.setblocking(False)
            transport, _ = await self._loop.create_unix_connection(lambda: self, sock=ours)
        except BaseException:
            ours.close()  # a process that was started ends with it
            raise
        try:
            transport.write(head.serialize())
            self._take_stream = lambda: self._begin(transport, head)
            await self._watched()
        finally:
            self._settle(None)  # the end of the process is no news any more
            self._ended.exception()  # read, so that nobody is told of it a second time
            if self._reader is not None:
                self._served.fanout.remove(self._reader)
            transport.close()
            await asyncio.shield(_stop(process))
            transport.abort()

    def _begin(self, transport: asyncio.Transport, head: PushHead) -> None:
        fanout, self._outlet = self._served.fanout, UnitOutlet(transport)
        rates = {VIDEO: VIDEO_CLOCK_RATE} | ({AUDIO: head.audio_rate} if head.audio_rate else {})
        self._tracks = {
            number: UnitTrack(
                outlet=self._outlet,
                sender=fanout.new_sender(REPORT_S, audio=number == AUDIO),
                kind=PushKind.AUDIO if number == AUDIO else PushKind.VIDEO,
                rate=rate,
            )
            for number, rate in rates.items()
        }
        self._reader = Reader(self._tracks, self._on_first)
        fanout.add(self._reader)

    def _on_first(self, packets: Mapping[int, tuple[int, int | None]]) -> None:
        for number, (_, timestamp) in packets.items():
            self._tracks[number].last = timestamp or 0
        self._on_playing()

    async def _watched(self) -> None:
        """Wait for the end; give up a process that does not begin or stands still."""
        before, moved_at = -1, clock.monotonic()
        while not self._ended.done():
            now, handed = clock.monotonic(), self._outlet.handed if self._outlet is not None else 0
            if self._left != before or (self._is_sending and self._left >= handed):
                before, moved_at = self._left, now
            if now - moved_at > (STUCK_S if self._is_sending else START_S):
                raise _standstill(is_sending=self._is_sending)
            await asyncio.wait({self._ended}, timeout=LOOK_S)
        await self._ended

    # -- from the process ----------------------------------------------------------------------------------------

    @override
    def data_received(self, data: bytes) -> None:
        try:
            lines = self._lines.receive_data(data)
        except LimitExceeded:
            self._settle(TransportError("the process that sends says what it can't"))
            return
        for line in lines:
            if line == LEFT:
                self._left += 1
            elif line == SENDS and not self._is_sending:
                self._is_sending = True
                self._take_stream()
            elif (problem := problem_of(line)) is not None:
                self._settle(TransportError(f"it can't be sent: {problem}"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._settle(TransportError("the process that sends it ended"))


def _standstill(*, is_sending: bool) -> TransportError:
    if is_sending:
        return TransportError(f"the target took nothing of what was sent to it for {STUCK_S:g} s")
    return NotConnected(f"the target did not take the stream in {START_S:g} s")


async def knock(address: str, port: int) -> socket.socket:
    """Return a socket that is connected to a UDP port, unless its host says that nobody listens there.

    Raises:
        ConnectionRefused: nobody listens.
        NotConnected: there is no way to the host.
    """
    sock = new_socket(address, socket.SOCK_DGRAM, Binding())
    try:
        sock.connect((address, port))
        sock.send(_NULL_PACKET)
        await asyncio.sleep(KNOCK_S)
        sock.send(_NULL_PACKET)  # fails where the host has answered that nobody listens
        sock.setblocking(True)
    except ConnectionRefusedError:
        sock.close()
        raise ConnectionRefused(f"nobody listens at UDP port {port}") from None
    except OSError as error:
        sock.close()
        raise NotConnected(f"no way to UDP port {port}: {error.strerror}") from None
    except BaseException:
        sock.close()
        raise
    return sock


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process whose socket is closed; it has a moment to say goodbye."""
    with contextlib.suppress(TimeoutError, ProcessLookupError):
        async with asyncio.timeout(STOP_S):
            await process.wait()
            return
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
