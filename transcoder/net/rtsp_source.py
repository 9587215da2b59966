"""The asyncio shell of a camera session: the sockets between `source/session.py` and one camera."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from typing import cast

from typing_extensions import override

from transcoder import clock
from transcoder.errors import NoPicture, TransportError
from transcoder.ledger import Ledger
from transcoder.net.camera_tls import check_camera, connect_protocol, lost_connection
from transcoder.net.media_ports import MediaPorts
from transcoder.net.outcome import settle
from transcoder.net.portions import Portions
from transcoder.net.sockets import connect_any, connecting
from transcoder.net.source_options import SourceOptions
from transcoder.net.tunnel import Pipe, open_tunnel
from transcoder.rtsp.urls import RtspUrl
from transcoder.source.events import JoinGroup, Left, Lost, OnEvent, OpenWay, Reactions, Redirected, SendReport
from transcoder.source.session import CameraSession

CLOSE_TIMEOUT_S = 1.0
"""Seconds for which the end of a connection that was closed is waited for."""


class RtspSource(asyncio.Protocol):
    """Makes the connections of one session with a camera.

    Args:
        options: the options of the source.
        ledger: the ledger of the stream.
        on_event: gets every event of the session that is not for the shell itself.
        keep_everything: see CameraSession.

    Attributes:
        session: the core, which knows what was received.
        addresses: the addresses for the next connection, where the caller has looked them up already.
        address: the address of the latest connection, or "" before the first one.
    """

    def __init__(
        self, options: SourceOptions, ledger: Ledger, on_event: OnEvent, *, keep_everything: bool = False
    ) -> None:
        self.session = CameraSession(
            options, ledger, ssrc=secrets.randbits(32), cnonce=secrets.token_hex(8), keep_everything=keep_everything
        )
        self._options = options
        self._turn_bytes, self._turn_events = options.turn_bytes, options.turn_events
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._transport: Pipe | None = None
        self._portions: Portions
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._closed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._joining: set[asyncio.Task[None]] = set()
        self._ports = self._media_ports("")
        self.addresses: Sequence[str] = ()
        self._actions: Reactions = {
            JoinGroup: self._join,
            OpenWay: lambda event: self._ports.punch(event.track, event.ports),
            SendReport: lambda event: self._ports.send_rtcp(0, event.data, event.port),
            Redirected: lambda _: settle(self._ended),
            Lost: lambda event: settle(self._ended, event.error),
            Left: lambda _: settle(self._left),
        }

    async def run(self) -> None:
        """Connect and receive until the connection ends or the task is cancelled; leave with TEARDOWN.

        Raises:
            TransportError: there was no connection, or it was lost, or nothing useful came over it.
            ProtocolError: the camera broke the protocol past repair.
            ResponseError: the camera refused.
        """
        while True:  # only a redirect ends a connection without an error, and the session counts them
            self._ended = self._loop.create_future()
            try:
                await self._connect(self.session.url)
                await self._ended
            finally:
                await self._leave()

    def give_up(self, reason: str) -> None:
        """End the connection for a reason that only the caller can see."""
        self._lose(NoPicture(reason))

    # -- connecting ----------------------------------------------------------------------------------------------

    async def _connect(self, url: RtspUrl) -> None:
        addresses, self.addresses = self.addresses or await self._options.resolve(url), ()
        async with connecting(url.port, self._options.timeouts.connect_s):
            opener = self._open_tunnel if self._options.transport == "http" else self._open
            await opener(url, addresses)

    async def _open(self, url: RtspUrl, addresses: Sequence[str]) -> None:
        sock, host = await connect_any(addresses, url.port, self._options.binding)
        try:
            self._ports = self._media_ports(host)
            for _ in range(self.session.port_pairs):
                await self._ports.open()
            self.session.begin(clock.monotonic(), self._ports.pairs)
            await connect_protocol(lambda: self, sock, url, self._options.tls)
        except BaseException:
            sock.close()
            raise

    async def _open_tunnel(self, url: RtspUrl, addresses: Sequence[str]) -> None:
        """Open a tunnel to the first address that answers: one at a time, because each try is two connections."""
        options = self._options
        ways = (options.binding, self._take, self._on_lost)
        for left, host in zip(range(len(addresses), 0, -1), addresses, strict=True):
            self._ports = self._media_ports(host)
            self.session.begin(clock.monotonic(), self._ports.pairs)
            with contextlib.suppress(*((OSError, TimeoutError) if left > 1 else ())):
                async with asyncio.timeout(options.timeouts.connect_s / len(addresses)):
                    login = options.authenticator(url, secrets.token_hex(8))
                    self._begin(await open_tunnel(url, host, *ways, login))
                break

    def _media_ports(self, host: str) -> MediaPorts:
        self.address = host
        return MediaPorts(host, self._options.binding, self._on_datagram, self.session.receive_foreign_datagram)

    # -- from the sockets to the core and back -------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pipe = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._portions = Portions(pipe, self._take, self._options.turn_bytes)
        try:
            check_camera(pipe, self.session.url, self._options.tls, self._options.keys)
        except TransportError as error:
            pipe.abort()
            self._lose(error)
        else:
            self._begin(pipe)

    def _begin(self, pipe: Pipe) -> None:
        self._transport = pipe
        self._closed.clear()
        self._pump()

    @override
    def data_received(self, data: bytes) -> None:
        portions = self._portions
        if portions.is_idle and len(data) <= self._turn_bytes:  # the way of nearly every read, so it calls little
            session = self.session
            if session.receive_data(data, clock.monotonic(), self._turn_events):
                portions.wait()
            if session.events:
                self._deliver()
            if session.has_work:
                self._pump()
        else:
            portions.receive(data)

    def _take(self, data: bytes) -> bool:
        has_more = self.session.receive_data(data, clock.monotonic(), self._turn_events)
        self._pump()
        return has_more

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._portions.close()
        self._on_lost(exc)

    def _on_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._closed.set()
        self._lose(lost_connection(exc))

    def _on_datagram(self, track: int, kind: int, data: bytes) -> None:
        if self.session.receive_datagram(track, data, clock.monotonic(), is_rtcp=kind == 1):
            self._pump()

    def _lose(self, error: TransportError) -> None:
        self.session.lose_connection(error)
        self._pump()

    def _on_timer(self) -> None:
        self._timer = None
        self.session.handle_timeout(clock.monotonic())
        self._pump()

    def _deliver(self) -> None:
        events, actions, on_event = self.session.events, self._actions, self._on_event
        while events:
            event = events.popleft()
            actions.get(type(event), on_event)(event)

    def _pump(self) -> None:
        self._deliver()
        session = self.session
        out = session.data_to_send()
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))
        due = session.next_timeout()
        if due is None or (self._timer is not None and self._timer_at <= due):
            return
        self._disarm()
        self._timer_at = due
        self._timer = self._loop.call_later(max(due - clock.monotonic(), 0.0), self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- requests of the core ------------------------------------------------------------------------------------

    def _join(self, event: JoinGroup) -> None:
        async def join() -> None:
            try:
                await self._ports.join(event.group, event.ports)
            except TransportError as error:
                self._lose(error)

        task = self._loop.create_task(join())
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _leave(self) -> None:
        self._disarm()
        for task in self._joining:
            task.cancel()
        self._ports.close()
        if self._ended.done() and not self._ended.cancelled():
            self._ended.exception()  # read, so that nobody is told of it a second time
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._left = self._loop.create_future()
        self.session.leave(clock.monotonic())
        try:
            self._pump()
            await self._left
        finally:
            self._disarm()
            transport.abort()
        # the end of this connection must not be taken for that of the next one
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed.wait()
