"""The asyncio shell around the RTSP server core: connections, the UDP port pair, sessions that end."""

import asyncio
import contextlib
import functools
import secrets
import socket
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from transcoder import clock, product
from transcoder.errors import PayloadError, RemoteProtocolError, TransportError
from transcoder.output.fanout import Fanout, Reader, Track
from transcoder.rtp.rtcp import ReceiverReport, SenderReport, parse_rtcp, serialize_goodbye
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import serialize_frame
from transcoder.rtsp.server import (
    SESSION_SLACK_S,
    SESSION_TIMEOUT_S,
    DescribeRequested,
    Directory,
    PauseRequested,
    PlayRequested,
    ReaderFrame,
    ServerProtocol,
    ServerSession,
    SetupRequested,
    TeardownRequested,
)

DESCRIBE_WAIT_S = 5.0
"""How long DESCRIBE waits for parameter sets."""
FIRST_PICTURE_S = 3.0
"""How long the answer to PLAY waits for the first picture before it goes without its timestamp."""
MAX_CONNECTIONS = 1024
IDLE_S = 75.0
"""A connection without a session may be silent so long."""
STUCK_S = 30.0
"""A reader that took nothing for so long is gone."""
SEND_BUFFER = 256 << 10
"""Bytes the kernel may hold for a reader: the rest waits here, where it is counted."""
UDP_SEND_BUFFER = 4 << 20
"""Bytes; an IDR of several streams at once."""

_SESSION_ALPHABET = string.ascii_uppercase + string.digits


class ServedStream(Protocol):
    """What the server needs of a stream."""

    @property
    def fanout(self) -> Fanout:
        """Its readers."""

    async def describe(self, address: str) -> bytes:
        """Its session description, once there are parameter sets.

        Raises:
            TransportError: there are none and can be none.
        """


class Catalogue(Directory, Protocol):
    """Users, rights and streams."""

    def find(self, stream: str) -> ServedStream | None:
        """A stream by name."""


@dataclass(slots=True)
class ServerTotals:
    """Over the life of the server."""

    connections: int = 0
    sessions: int = 0
    auth_failures: int = 0
    protocol_errors: int = 0


class _Seat:
    """What a session holds here: its tracks and, while it plays, its reader."""

    def __init__(self, stream: ServedStream, video: Track) -> None:
        self.stream = stream
        self.video = video
        self.audio: Track | None = None
        self.reader: Reader | None = None

    def leave(self) -> None:
        if self.reader is not None:
            self.stream.fanout.remove(self.reader)
            self.reader = None


class _TcpOutlet:
    def __init__(self, transport: asyncio.Transport, channels: tuple[int, int]) -> None:
        self._transport = transport
        self.channels = channels

    def backlog(self) -> int:
        return self._transport.get_write_buffer_size()

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        del unit
        if not self._transport.is_closing():
            self._transport.write(data)

    def send_rtcp(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(serialize_frame(self.channels[1], data))


class _UdpOutlet:
    def __init__(
        self, rtp: asyncio.DatagramTransport, rtcp: asyncio.DatagramTransport, host: str, ports: tuple[int, int]
    ) -> None:
        self._rtp = rtp
        self._rtcp = rtcp
        self.rtp_address = (host, ports[0])
        self.rtcp_address = (host, ports[1])

    def backlog(self) -> int:
        # both loops' datagram transports have it, the type declared for them does not
        return int(self._rtp.get_write_buffer_size())  # type: ignore[attr-defined]

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        view = memoryview(data)
        send, address = self._rtp.sendto, self.rtp_address
        ends = (*unit.offsets[1:], len(data))
        for start, end in zip(unit.offsets, ends, strict=True):
            send(view[start + FRAMING_SIZE : end], address)

    def send_rtcp(self, data: bytes) -> None:
        self._rtcp.sendto(data, self.rtcp_address)


class _Connection(asyncio.Protocol):
    def __init__(self, server: "RtspServer") -> None:
        self._server = server
        self._core = ServerProtocol(server.catalogue, server.sessions, secrets.token_hex(16))
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._local = "127.0.0.1"
        self._tasks: set[asyncio.Task[None]] = set()
        self.last_data = clock.monotonic()
        self.last_progress = self.last_data
        self._auth_failures = 0
        self._waiting = 0

    # -- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self._peer = peer[0] if peer else ""
        self._local = (local[0] if local else "").removeprefix("::ffff:") or "127.0.0.1"
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._server.admit(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self.last_data = clock.monotonic()
        try:
            self._core.receive_data(data, self.last_data)
        except RemoteProtocolError:
            self._server.totals.protocol_errors += 1
            self.close()
            return
        self._after()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for task in self._tasks:
            task.cancel()
        self._server.forget(self)
        session = self._core.session
        # a UDP session lives on: its reader may come back on another connection
        if session is not None and session.transport.lower == "TCP":
            self._server.end_session(session)

    # -- the core's events ---------------------------------------------------------------------------------------

    def _after(self) -> None:
        while (event := self._core.next_event()) is not None:
            if isinstance(event, DescribeRequested):
                self._start(self._describe(event))
            elif isinstance(event, SetupRequested):
                self._setup(event)
            elif isinstance(event, PlayRequested):
                self._start(self._play(event.session))
            elif isinstance(event, PauseRequested):
                _seat(event.session).leave()
            elif isinstance(event, TeardownRequested):
                self._server.end_session(event.session)
            elif isinstance(event, ReaderFrame):
                pass  # the core noted the sign of life
        self._flush()
        failures = self._core.counters.auth_failures
        self._server.totals.auth_failures += failures - self._auth_failures
        self._auth_failures = failures
        if self._core.closing:
            self.close()

    def _flush(self) -> None:
        out = self._core.data_to_send()
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _describe(self, event: DescribeRequested) -> None:
        stream = self._server.catalogue.find(event.stream)
        if stream is None:
            self._core.reject(404, clock.monotonic())
        else:
            try:
                async with asyncio.timeout(2 * DESCRIBE_WAIT_S):
                    body = await stream.describe(self._local)
            except (TimeoutError, TransportError):
                self._core.reject(503, clock.monotonic())
            else:
                self._core.respond_description(
                    body, f"{self._server.url(self._local, event.stream)}/", clock.monotonic()
                )
        self._after()

    def _setup(self, event: SetupRequested) -> None:
        now = clock.monotonic()
        stream = self._server.catalogue.find(event.stream)
        if stream is None:
            self._core.reject(404, now)
            return
        outlet = self._outlet(event.transport)
        if outlet is None:
            self._core.reject(461, now)
            return
        audio = event.track == 1
        if audio and not stream.fanout.audio_rate:
            self._core.reject(404, now)
            return
        sender = stream.fanout.new_sender(audio=audio)
        transport = Transport(
            lower=event.transport.lower,
            interleaved=event.transport.interleaved,
            client_port=event.transport.client_port,
            server_port=self._server.udp_ports if event.transport.lower == "UDP" else None,
            ssrc=sender.ssrc,
        )
        track = Track(outlet=outlet, sender=sender, channel=(event.transport.interleaved or (0, 1))[0])
        if audio and event.session is not None:
            event.session.audio = transport
            _seat(event.session).audio = track
            self._core.accept_setup(event.session, now, track=1)
            return
        if event.session is not None:
            self._server.end_session(event.session)
        session = ServerSession(
            id=event.session.id if event.session is not None else _session_id(),
            stream=event.stream,
            uri=self._server.url(self._local, event.stream),
            transport=transport,
            user=self._core.user,
            last_seen=now,
        )
        session.owner = _Seat(stream, track)
        self._server.begin_session(session)
        self._core.accept_setup(session, now)

    def _outlet(self, transport: Transport) -> _TcpOutlet | _UdpOutlet | None:
        if self._transport is None:
            return None
        if transport.lower == "TCP":
            return _TcpOutlet(self._transport, transport.interleaved or (0, 1))
        if transport.client_port is None:
            return None
        return self._server.udp_outlet(self._peer, transport.client_port)

    async def _play(self, session: ServerSession) -> None:
        seat = _seat(session)
        answered = False

        def first(sequence_number: int, timestamp: int, audio: tuple[int, int] | None) -> None:
            nonlocal answered
            if not answered:
                answered = True
                self._core.respond_play(sequence_number, timestamp, clock.monotonic(), audio)
                self._flush()

        seat.leave()
        seat.reader = Reader(seat.video, seat.audio, first)
        seat.stream.fanout.add(seat.reader)
        await asyncio.sleep(FIRST_PICTURE_S)
        if not answered:
            answered = True
            self._core.respond_play(seat.video.sender.next_sequence, None, clock.monotonic())
            self._after()

    # -- for the server ------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Close a connection that is dead: silent without a session, or taking nothing."""
        transport = self._transport
        if transport is None:
            return
        waiting = transport.get_write_buffer_size()
        if waiting == 0 or waiting != self._waiting:  # a stuck reader gets nothing new, so its backlog stands still
            self.last_progress = now
        self._waiting = waiting
        idle = self._core.session is None and now - self.last_data > IDLE_S
        if idle or now - self.last_progress > STUCK_S:
            self.close()

    def close(self) -> None:
        """Close now; what waits to be sent is given up."""
        if self._transport is not None and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() > 0:
                self._transport.abort()
            else:
                self._transport.close()

    def holds(self, session: ServerSession) -> bool:
        """Whether a session was set up on this connection."""
        return self._core.session is session


def _seat(session: ServerSession) -> _Seat:
    if not isinstance(session.owner, _Seat):
        raise TypeError("a session without a seat")
    return session.owner


def _session_id() -> str:
    return "".join(secrets.choice(_SESSION_ALPHABET) for _ in range(16))


class _RtcpEndpoint(asyncio.DatagramProtocol):
    """Receiver reports over UDP: signs of life, told apart by address."""

    def __init__(self, on_report: Callable[[tuple[str, int]], None]) -> None:
        self._on_report = on_report

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            packets = parse_rtcp(data)
        except PayloadError:
            return
        if any(isinstance(packet, ReceiverReport | SenderReport) for packet in packets):
            self._on_report((addr[0], addr[1]))


class _RtpEndpoint(asyncio.DatagramProtocol):
    """Hole punches of readers come here; nothing is read of them."""


class RtspServer:
    """An RTSP server on one TCP port and one pair of UDP ports.

    Args:
        catalogue: streams and users.
        host: address to listen on.
        port: 0 for any.
        udp_ports: RTP and RTCP; (0, 0) for any.
    """

    def __init__(self, catalogue: Catalogue, host: str, port: int, udp_ports: tuple[int, int]) -> None:
        self.catalogue = catalogue
        self.host = host
        self.port = port
        self.udp_ports = udp_ports
        self.sessions: dict[str, ServerSession] = {}
        self.totals = ServerTotals()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._rtp: asyncio.DatagramTransport | None = None
        self._rtcp: asyncio.DatagramTransport | None = None
        self._ticker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            TransportError: an address is taken or not ours.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(functools.partial(_Connection, self), self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]
        except OSError as error:
            raise TransportError(f"rtsp.listen {self.host}:{self.port}: {error.strerror or error}") from None
        try:
            await self._open_udp()
        except OSError as error:
            await self.stop()
            raise TransportError(f"rtsp.udp_ports {list(self.udp_ports)}: {error.strerror or error}") from None
        self._ticker = loop.create_task(self._tick())

    async def _open_udp(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(20):  # any even port whose neighbour is free, where none is configured
            rtp, _ = await loop.create_datagram_endpoint(_RtpEndpoint, local_addr=(self.host, self.udp_ports[0]))
            number = rtp.get_extra_info("sockname")[1]
            wanted = self.udp_ports[1] or number + 1
            try:
                if self.udp_ports[0] == 0 and number % 2:
                    raise OSError("an odd port")  # noqa: TRY301  # tried again below
                rtcp, _ = await loop.create_datagram_endpoint(
                    functools.partial(_RtcpEndpoint, self._on_report), local_addr=(self.host, wanted)
                )
            except OSError:
                rtp.close()
                if self.udp_ports[0]:
                    raise
                continue
            rtp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_SEND_BUFFER)
            self._rtp, self._rtcp = rtp, rtcp
            self.udp_ports = (number, wanted)
            return
        raise OSError("no pair of free UDP ports")

    async def stop(self) -> None:
        """Say goodbye to readers and close everything."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._server is not None:
            self._server.close()
        for session in list(self.sessions.values()):
            self.end_session(session)
        for connection in list(self._connections):
            connection.close()
        for transport in (self._rtp, self._rtcp):
            if transport is not None:
                transport.close()
        await asyncio.sleep(0)

    def url(self, host: str, stream: str) -> str:
        """URL of a stream on an address of ours."""
        name = f"[{host}]" if ":" in host else host
        return f"rtsp://{name}:{self.port}/{stream}"

    # -- for connections -----------------------------------------------------------------------------------------

    def admit(self, connection: _Connection) -> bool:
        """Take a connection in, unless there are too many."""
        if len(self._connections) >= MAX_CONNECTIONS:
            return False
        self._connections.add(connection)
        self.totals.connections += 1
        return True

    def forget(self, connection: _Connection) -> None:
        """A connection is closed."""
        self._connections.discard(connection)

    def begin_session(self, session: ServerSession) -> None:
        """A reader has set up a stream."""
        self.sessions[session.id] = session
        self.totals.sessions += 1

    def end_session(self, session: ServerSession) -> None:
        """A reader left, was silent too long, or its stream is no longer what it was told."""
        self.sessions.pop(session.id, None)
        seat = _seat(session)
        if seat.reader is not None:
            with contextlib.suppress(OSError):
                seat.video.outlet.send_rtcp(serialize_goodbye(seat.video.sender.ssrc, product.NAME))
        seat.leave()

    def end_readers(self, stream: str) -> None:
        """End all sessions of a stream: its session description is not true any more."""
        for session in [item for item in self.sessions.values() if item.stream == stream]:
            self.end_session(session)
            for connection in list(self._connections):
                if connection.holds(session):
                    connection.close()

    def udp_outlet(self, host: str, ports: tuple[int, int]) -> _UdpOutlet | None:
        """An outlet to a reader's ports: always on the host that it connected from."""
        if self._rtp is None or self._rtcp is None:
            return None
        return _UdpOutlet(self._rtp, self._rtcp, host, ports)

    def _on_report(self, address: tuple[str, int]) -> None:
        now = clock.monotonic()
        for session in self.sessions.values():
            seat = _seat(session)
            for track in (seat.video, seat.audio):
                if track is not None and isinstance(track.outlet, _UdpOutlet) and track.outlet.rtcp_address == address:
                    session.last_seen = now

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            now = clock.monotonic()
            for session in list(self.sessions.values()):
                silent = now - session.last_seen > SESSION_TIMEOUT_S + SESSION_SLACK_S
                if silent and session.transport.lower == "UDP":
                    self.end_session(session)
            for connection in list(self._connections):
                connection.tick(now)
