"""A reader's connection is the asyncio shell around the RTSP server's core."""

import asyncio
import socket
from collections.abc import Mapping
from typing import Protocol, cast

from typing_extensions import override

from transcoder import clock
from transcoder.errors import RemoteProtocolError, TransportError
from transcoder.net.listening import plain_host
from transcoder.net.portions import Portions
from transcoder.net.reader_groups import ReaderGroups
from transcoder.net.reader_listeners import Listener
from transcoder.net.reader_ports import ReaderPorts
from transcoder.net.reader_tunnels import Half, ReaderTunnels, TunnelEnd
from transcoder.net.tcp_outlet import TcpOutlet, WebSocketOutlet
from transcoder.output.fanout import Fanout, Outlet, Readers, Track
from transcoder.output.session import ReaderSession
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.reader_tunnel import TunnelRefused
from transcoder.rtsp.server import ServerProtocol
from transcoder.rtsp.server_events import (
    AUDIO,
    VIDEO,
    DescribeRequested,
    PauseRequested,
    PlayRequested,
    ReaderFrame,
    ServerContext,
    SetupRequested,
    TeardownRequested,
)
from transcoder.rtsp.session import EndReason, ServerSession
from transcoder.sdp import with_group

SEND_BUFFER = 256 << 10
"""Bytes that the kernel may hold for a reader; further bytes wait in the product, where they are counted."""

_BESIDE_SESSIONS = frozenset({EndReason.IDLE, EndReason.STUCK, EndReason.PROTOCOL_ERROR, EndReason.LOGIN_FAILURES})
"""The reasons for which a connection itself ends; any other reason is told of the session that it is about."""


class ServedStream(Protocol):
    """This is the part of a stream that a reader's connection needs."""

    @property
    def fanout(self) -> Fanout:
        """Return the fan-out of the stream's pictures."""

    @property
    def is_enabled(self) -> bool:
        """Return whether pictures may come."""

    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        """Return the stream's session description, once there are parameter sets.

        Args:
            address: the address of ours on which the reader asked.
            audio: whether sound is described, if there is any.

        Raises:
            TransportError: there are no parameter sets, and none will come.
        """


class ReaderServer(Protocol):
    """This is the part of the server that a reader's connection needs."""

    @property
    def context(self) -> ServerContext:
        """Return the context that all connections share."""

    @property
    def tunnels(self) -> ReaderTunnels:
        """Return the tunnels over HTTP that are open."""

    def ports(self, listener: Listener) -> ReaderPorts | None:
        """Return the pair of UDP ports of a listener's address; None where nothing is sent in the clear."""

    def find(self, path: str) -> ServedStream | None:
        """Return the stream that is served under a path, None where no stream is."""

    def admit(self, connection: "ReaderConnection") -> bool:
        """Take a connection in, unless there are too many; return whether it was taken in."""

    def forget(self, connection: "ReaderConnection") -> None:
        """Forget a connection that is closed."""

    @property
    def groups(self) -> ReaderGroups:
        """Return the multicast groups that are sent to."""

    def set_up(self, event: SetupRequested, track: Track, readers: Readers, peer: str) -> None:
        """Note that a track of a session is set up, for the first time or again."""

    def tear_down(self, session: ServerSession, number: int) -> None:
        """Note that one track of a session ended."""

    def reader(self, session: ServerSession) -> ReaderSession | None:
        """Return the reader that belongs to an RTSP session, None where the reader's session has ended."""

    def end_session(self, session: ServerSession, reason: EndReason) -> None:
        """End the reader of an RTSP session; a reader that has ended stays as it is."""

    def connection_ended(self, peer: str, reason: EndReason) -> None:
        """Tell of a connection that ended for a reason of its own."""


class ReaderConnection(asyncio.Protocol, Half):
    """Holds one connection of a reader.

    Args:
        server: the server that the connection belongs to.
        listener: the listener that the reader connected to.
    """

    def __init__(self, server: ReaderServer, listener: Listener) -> None:
        self._server = server
        self._listener = listener
        self.address = ""
        self.since = clock.monotonic()
        self._is_full = False
        self._host = "127.0.0.1"
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self._reason: EndReason | None = None
        self._is_lost = False
        self._tunnel = TunnelEnd(self, server.tunnels)
        self._transport: asyncio.Transport
        self._portions: Portions
        self._core: ServerProtocol
        self.peer = ""

    # -- asyncio -------------------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._portions = Portions(transport, self._take, self._server.context.options.turn_bytes)
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.address = plain_host(peer[0]) if peer else ""
        self.peer = f"{_bracketed(self.address)}:{peer[1]}" if peer else ""
        self._host = plain_host(local[0]) if local else "127.0.0.1"
        transport.set_write_buffer_limits(high=self._server.context.options.max_unsent)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        base = f"{self._listener.scheme}://{_bracketed(self._host)}:{self._listener.port}"
        self._ports = self._server.ports(self._listener)
        self._core = ServerProtocol(
            self._server.context,
            base=base,
            nonce=self._server.context.nonces.make(self.address, clock.monotonic()),
            now=clock.monotonic(),
            address=self.address,
            is_secure=self._listener.certificate is not None,
        )
        if not self._server.admit(self):
            self._reason = EndReason.CONNECTION_LIMIT
            transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        self._portions.receive(data)

    def _take(self, data: bytes) -> bool:
        try:
            data = self._tunnel.receive(data)
            has_more = self._tunnel.deliver(data) if self._tunnel.is_upward else self.take_requests(data)
        except RemoteProtocolError as error:
            if isinstance(error, TunnelRefused):
                self.write(error.reply)
            self.close(EndReason.PROTOCOL_ERROR)
            return False
        return has_more

    @override
    def take_requests(self, data: bytes) -> bool:
        if self._transport.is_closing():
            raise RemoteProtocolError("the reader's connection is closed")
        try:
            has_more = self._core.receive_data(data, clock.monotonic(), self._server.context.options.turn_events)
        except RemoteProtocolError:
            self._flush()
            self.close(EndReason.PROTOCOL_ERROR)
            raise
        self._after()
        return has_more

    @override
    def pause_writing(self) -> None:
        self._is_full = True

    @override
    def resume_writing(self) -> None:
        self._is_full = False
        self._tunnel.go_on()

    @override
    def go_on(self) -> None:
        self._portions.go_on()

    @override
    def stop(self) -> None:
        self._portions.stop()

    @override
    def write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)
            if self._is_full:  # answers to what a WebSocket asks of its own
                self._tunnel.stop()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._is_lost = True
        self._portions.close()
        for task in self._tasks:
            task.cancel()
        for timer in self._timers:
            timer.cancel()
        self._server.forget(self)
        self._tunnel.leave()
        self._after()
        reason = self._reason or EndReason.PEER_CLOSED
        ended = self._core.receive_eof()
        for session in ended:
            self._server.end_session(session, reason)
        if reason is EndReason.CONNECTION_LIMIT or (reason in _BESIDE_SESSIONS and not ended):
            self._server.connection_ended(self.peer, reason)

    # -- the core's events ---------------------------------------------------------------------------------------

    def _after(self) -> None:
        """Act upon the core's events; once the connection is lost, only upon requests that were answered already."""
        while (event := self._core.next_event()) is not None:
            if isinstance(event, PauseRequested):
                reader = self._server.reader(event.session)
                if reader is not None:
                    reader.pause()
            elif isinstance(event, TeardownRequested) and event.track is not None:
                self._server.tear_down(event.session, event.track)
            elif isinstance(event, TeardownRequested):
                self._server.end_session(event.session, EndReason.TEARDOWN)
            elif self._is_lost or isinstance(event, ReaderFrame):
                pass  # nobody waits for an answer; the core noted the sign of life
            elif isinstance(event, DescribeRequested):
                self._start(self._describe(event))
            elif isinstance(event, SetupRequested) and event.transport.unicast:
                self._set_up(event)
            elif isinstance(event, SetupRequested):
                self._start(self._join_group(event))
            elif isinstance(event, PlayRequested):
                self._play(event)
        self._flush()
        if self._core.end_reason is not None:
            self.close(self._core.end_reason)

    def _flush(self) -> None:
        out = self._core.data_to_send()
        if out and not self._transport.is_closing():
            self._transport.write(self._tunnel.framed(out))
            if self._is_full:  # pictures are shed, answers are not: no more of them are asked for
                self._tunnel.stop()

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _describe(self, event: DescribeRequested) -> None:
        stream = self._server.find(event.path)
        if stream is None:  # the stream went after the core had asked
            self._core.reject(404, clock.monotonic())
        else:
            try:
                async with asyncio.timeout(self._server.context.options.description_limit_s):
                    body = await stream.describe(self._host, audio=event.audio)
            except (TimeoutError, TransportError):
                self._core.reject(503, clock.monotonic())
            else:
                if event.group is not None:
                    ports = [event.group.ports(number)[0] for number in (VIDEO, AUDIO)]
                    body = with_group(body, event.group.address, event.group.ttl, ports)
                self._core.respond_description(event, body, clock.monotonic())
        self._after()

    def _set_up(self, event: SetupRequested) -> None:
        now = clock.monotonic()
        stream, outlet = self._server.find(event.session.path), self._outlet(event.transport)
        if stream is None or outlet is None:  # they went after the core had asked
            self._core.reject(503, now)
            return
        interval_s = self._server.context.options.report_interval_s
        sender = stream.fanout.new_sender(interval_s, audio=event.track == AUDIO)
        track = Track(outlet=outlet, sender=sender, channel=(event.transport.interleaved or (0, 1))[0])
        self._server.set_up(event, track, stream.fanout, self.peer)
        self._core.accept_setup(event, sender.ssrc, now)

    async def _join_group(self, event: SetupRequested) -> None:
        path = event.session.path
        stream = self._server.find(path)
        try:
            feed = await self._server.groups.feed(path, self._host, stream.fanout) if stream is not None else None
        except TransportError:
            feed = None
        if feed is None:
            self._core.reject(503, clock.monotonic())
        else:
            track = feed.share(event.track)
            self._server.set_up(event, track, feed, self.peer)
            self._core.accept_setup(event, track.sender.ssrc, clock.monotonic())
        self._after()

    def _outlet(self, transport: Transport) -> Outlet | None:
        if transport.interleaved is not None:
            outlet = WebSocketOutlet if self._tunnel.is_web_socket else TcpOutlet
            return outlet(self._transport, transport.interleaved)
        if transport.client_port is None or self._ports is None:
            return None
        return self._ports.outlet(self.address, transport.client_port)

    def _play(self, event: PlayRequested) -> None:
        reader = self._server.reader(event.session)
        if reader is None:
            self._core.reject(454, clock.monotonic())
            return
        loop = asyncio.get_running_loop()
        answered = False

        def answer(packets: Mapping[int, tuple[int, int | None]]) -> None:
            nonlocal answered
            if not answered:
                answered = True
                timer.cancel()
                self._timers.discard(timer)
                self._core.respond_play(event, packets, clock.monotonic())
                self._flush()  # the answer has to leave before the first packet
                loop.call_soon(self._after)  # requests waited behind PLAY; the fan-out is amid a picture

        wait_s = self._server.context.options.first_picture_s
        without_time = {number: (track.sender.next_sequence, None) for number, track in reader.tracks.items()}
        timer = loop.call_later(wait_s, answer, without_time)
        self._timers.add(timer)
        reader.play(answer)

    # -- for the server ------------------------------------------------------------------------------------------

    @property
    @override
    def is_known(self) -> bool:
        answers = self._tunnel.answers
        return self._core.is_readers if answers is self else answers.is_known

    @property
    @override
    def asks_for_login(self) -> bool:
        return bool(self._server.context.directory.passwords())

    def check(self, now: float) -> None:
        """Close a connection that is dead."""
        if self._tunnel.is_upward:
            return  # it ends with the connection that it brings requests to
        was_held = self._core.is_held
        self._core.check(self._transport.get_write_buffer_size(), now)
        if was_held:
            self._after()
        if self._core.end_reason is not None:
            self.close(self._core.end_reason)

    @override
    def close(self, reason: EndReason) -> None:
        # bytes that wait to be sent are given up
        if self._transport.is_closing():
            return
        self._reason = self._reason or reason
        if self._transport.get_write_buffer_size() > 0:
            self._transport.abort()
        else:
            self._transport.close()

    def serves_only(self, session: ServerSession) -> bool:
        """Return whether a session is the only one that is used on this connection."""
        return self._core.serves_only(session)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
