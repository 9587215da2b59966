"""The asyncio shell of a push over RTSP: the socket between `rtsp/publisher.py` and one server."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Final, cast

from typing_extensions import override

from transcoder import clock
from transcoder.errors import ProtocolError, RemoteProtocolError, ResponseError, TransportError
from transcoder.net.camera_tls import check_camera, connect_protocol, lost_connection
from transcoder.net.outcome import settle
from transcoder.net.portions import Portions
from transcoder.net.push_options import PushOptions
from transcoder.net.reader_connection import SEND_BUFFER, ServedStream
from transcoder.net.sockets import Binding, connect_any, connecting
from transcoder.net.tcp_outlet import TcpOutlet
from transcoder.output.fanout import AUDIO, Reader, Track
from transcoder.rtsp.auth import Authenticator
from transcoder.rtsp.messages import TURN_EVENTS
from transcoder.rtsp.publisher import Closed, PublisherProtocol, Ready, Recording, Redirected
from transcoder.rtsp.urls import RtspUrl, parse_url
from transcoder.sdp import announced

CONNECT_S: Final = 10.0
"""Seconds until a connection stands."""
STUCK_S: Final = 10.0
"""Seconds for which a target takes none of the bytes that wait for it, after which it is given up: as for readers."""
LOOK_S: Final = 1.0
"""Seconds between looks whether bytes go out."""
CLOSE_TIMEOUT_S: Final = 1.0
"""Seconds for which the end of a connection that was closed is waited for."""
MAX_REDIRECTS: Final = 3
"""Redirects in a row that are followed; balancers use one."""
REPORT_S: Final = 5.0
"""Seconds between sender reports (RFC 3550 section 6.2)."""


class RtspPush(asyncio.Protocol):
    """Sends one output to one server, over one connection.

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
        self._url = parse_url(options.url.text)
        self._core: PublisherProtocol
        self._portions: Portions
        self._transport: asyncio.Transport | None = None
        self._ended: asyncio.Future[RtspUrl | None] = self._loop.create_future()
        """The end of the connection: a result, the URL to go on at or None, or an error."""
        self._left: asyncio.Future[None] = self._loop.create_future()
        self._closed = asyncio.Event()
        self._timers: list[asyncio.TimerHandle] = []
        self._describing: asyncio.Task[None] | None = None
        self._numbers: tuple[int, ...] = ()
        self._tracks: dict[int, Track] = {}
        self._reader: Reader | None = None
        self._backlog, self._moved_at = 0, 0.0

    @property
    def sent_bytes(self) -> int:
        """Return the bytes of the RTP packets that were sent."""
        return self._reader.sent_bytes if self._reader is not None else 0

    @property
    def dropped(self) -> int:
        """Return how many pictures the target was too slow for."""
        return self._reader.dropped if self._reader is not None else 0

    async def run(self) -> None:
        """Connect, and send until the output is another one (end) or the task is cancelled; leave with TEARDOWN.

        Raises:
            TransportError: there was no connection, or it was lost, or there is nothing to send.
            ProtocolError: the server broke the protocol past repair.
            ResponseError: the server refused.
        """
        url = self._url
        for _ in range(MAX_REDIRECTS + 1):
            self._ended = self._loop.create_future()
            try:
                await self._connect(url)
                following = await self._ended
            finally:
                await self._leave()
            if following is None:
                return
            url = following
        raise RemoteProtocolError(f"the target redirects more than {MAX_REDIRECTS} times")

    def end(self) -> None:
        """End the connection, because what was announced is not true any more."""
        self._settle(None)

    def _settle(self, outcome: RtspUrl | Exception | None) -> None:
        """Have the connection end; a second outcome is of no interest."""
        if self._ended.done():
            return
        if isinstance(outcome, Exception):
            self._ended.set_exception(outcome)
        else:
            self._ended.set_result(outcome)

    # -- connecting ----------------------------------------------------------------------------------------------

    async def _connect(self, url: RtspUrl) -> None:
        options = self._options
        addresses = await options.resolve(url.port)
        async with connecting(url.port, CONNECT_S):
            sock, _ = await connect_any(addresses, url.port, Binding())
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
                login = Authenticator(options.credentials, secrets.token_hex(8)) if options.credentials else None
                self._core = PublisherProtocol(url, login, now=clock.monotonic())
                self._url = url
                await connect_protocol(lambda: self, sock, url, options.tls)
            except BaseException:
                sock.close()
                raise

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        pipe = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._portions = Portions(pipe, self._take)
        self._closed.clear()
        self._transport = pipe
        try:
            check_camera(pipe, self._url, self._options.tls, self._options.keys)
        except TransportError as error:
            pipe.abort()
            self._settle(error)
        else:
            self._pump()

    # -- from the socket to the core and back --------------------------------------------------------------------

    @override
    def data_received(self, data: bytes) -> None:
        self._portions.receive(data)

    def _take(self, data: bytes) -> bool:
        return self._guarded(lambda: self._core.receive_data(data, clock.monotonic(), TURN_EVENTS))

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """Have the core do something; an error ends the connection."""
        try:
            has_more = work()
        except (ProtocolError, ResponseError) as error:
            self._settle(error)
            settle(self._left)
            return False
        self._pump()
        return has_more

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._portions.close()
        self._transport = None
        self._closed.set()
        self._settle(lost_connection(exc))
        settle(self._left)

    def _pump(self) -> None:
        core = self._core
        while (event := core.next_event()) is not None:
            if isinstance(event, Ready):
                self._describing = self._loop.create_task(self._announce())
            elif isinstance(event, Recording):
                self._record(event)
            elif isinstance(event, Redirected):
                self._follow(event.url)
            elif isinstance(event, Closed):
                settle(self._left)
        out = core.data_to_send()
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(out)
        due = core.next_timeout()
        if due is not None:
            self._arm(max(due - clock.monotonic(), 0.0), self._on_timer)

    def _arm(self, delay_s: float, call: Callable[[], None]) -> None:
        self._disarm()
        self._timers.append(self._loop.call_later(delay_s, call))

    def _disarm(self) -> None:
        while self._timers:
            self._timers.pop().cancel()

    def _on_timer(self) -> None:
        def handle() -> bool:
            self._core.handle_timeout(clock.monotonic())
            return False

        self._guarded(handle)

    def _follow(self, url: RtspUrl) -> None:
        if self._url.is_secure and not url.is_secure:  # after a redirect into TLS, too
            self._settle(RemoteProtocolError("the target redirects from TLS to a connection without it"))
            return
        try:
            self._settle(self._options.redirected(url))
        except RemoteProtocolError as error:
            self._settle(error)

    # -- sending -------------------------------------------------------------------------------------------------

    async def _announce(self) -> None:
        """Announce the output, once there are parameter sets; only now is anything asked of the worker."""
        transport = self._transport
        if transport is None:
            return
        try:
            description = await self._served.describe(transport.get_extra_info("sockname")[0])
            text, controls = announced(description)
        except Exception as error:  # noqa: BLE001  # run() ends with it, whatever it is: nobody waits for this task
            self._settle(error)
            return
        self._numbers = tuple(controls)

        def announce() -> bool:
            self._core.announce(text, list(controls.values()), clock.monotonic())
            return False

        if not self._ended.done():
            self._guarded(announce)

    def _record(self, event: Recording) -> None:
        transport, fanout = self._transport, self._served.fanout
        if transport is None:
            return
        for number, channels in zip(self._numbers, event.channels, strict=True):
            sender = fanout.new_sender(REPORT_S, audio=number == AUDIO)
            self._tracks[number] = Track(outlet=TcpOutlet(transport, channels), sender=sender, channel=channels[0])
        self._reader = Reader(self._tracks, self._on_first)
        fanout.add(self._reader)
        self._moved_at = clock.monotonic()
        self._loop.call_later(LOOK_S, self._look)

    def _on_first(self, packets: Mapping[int, tuple[int, int | None]]) -> None:
        del packets  # RECORD has no answer that would tell a server of them
        self._on_playing()

    def _look(self) -> None:
        """Give a target up that takes nothing."""
        transport, now = self._transport, clock.monotonic()
        if transport is None or self._ended.done():
            return
        waiting = transport.get_write_buffer_size()
        if waiting == 0 or waiting < self._backlog:
            self._moved_at = now
        self._backlog = waiting
        if now - self._moved_at > STUCK_S:
            self._settle(TransportError(f"the target took nothing of what was sent to it for {STUCK_S:g} s"))
        self._loop.call_later(LOOK_S, self._look)

    # -- leaving -------------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        if self._reader is not None:
            self._served.fanout.remove(self._reader)
        if self._describing is not None:
            self._describing.cancel()
        if self._ended.done() and not self._ended.cancelled():
            self._ended.exception()  # read, so that nobody is told of it a second time
        transport = self._transport
        if transport is not None and not transport.is_closing():
            await self._say_goodbye(transport)
        self._disarm()
        self._tracks.clear()

    async def _say_goodbye(self, transport: asyncio.Transport) -> None:
        self._left = self._loop.create_future()
        for track in self._tracks.values():
            track.leave()
        try:
            self._core.teardown(clock.monotonic())
            self._pump()
            await self._left
        finally:
            self._disarm()
            transport.abort()
        # the end of this connection must not be taken for that of the next one
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._closed.wait()
