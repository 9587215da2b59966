"""The asyncio shell of a probe: one short session with a camera that shows everything the camera sends.

Unlike RtspSource it hands on whole responses, packets of every payload type and frames on channels that were never set
up, and it ends after a while. What it sends is the same: one video media is set up, nothing else.
"""

import asyncio
import contextlib
import functools
import os
import secrets
import socket
from collections.abc import Callable
from typing import Protocol, cast

from transcoder import clock
from transcoder.errors import ConnectionRefused, NotConnected, ProtocolError, ResponseError, TransportError
from transcoder.net.rtsp_source import CONNECT_TIMEOUT_S, LEAVE_S, MAX_REDIRECTS, SourceOptions
from transcoder.net.sockets import connect, port_pair
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.client_events import Closed, Described, Playing, Redirected, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrame, Response, RtspParser
from transcoder.rtsp.urls import RtspUrl
from transcoder.sdp import VideoSelection

TICK_S = 0.1


class ProbeHandler(Protocol):
    """Who looks at what a camera sends."""

    def on_response(self, response: Response) -> None:
        """Any response, whole."""

    def on_described(self, body: bytes) -> VideoSelection:
        """The session description; answers with the media to set up, or raises SdpSyntaxError."""

    def on_set_up(self, transport: Transport) -> None:
        """SETUP was answered."""

    def on_playing(self) -> None:
        """PLAY was answered."""

    def on_rtp(self, data: memoryview, now: float) -> None:
        """A packet where the video comes."""

    def on_rtcp(self, data: memoryview, now: float) -> None:
        """A packet where its RTCP comes."""

    def on_unassigned(self, channel: int, data: memoryview) -> None:
        """A frame on a channel that was never set up."""

    def on_tick(self, now: float) -> bytes | None:
        """Called every TICK_S; returns a receiver report when one is due."""


class RtspProbe(asyncio.Protocol):
    """One session with a camera.

    Args:
        options: of the source; `transport` is "tcp" or "udp".
        handler: looks at what comes.

    Attributes:
        ended_early: why the session ended before its time, or "".
    """

    def __init__(self, options: SourceOptions, handler: ProbeHandler) -> None:
        self._options = options
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._core: ClientProtocol | None = None
        self._tap = RtspParser()
        self._transport: asyncio.Transport | None = None
        self._playing: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._redirect: RtspUrl | None = None
        self._channels: tuple[int, int] | None = None
        self._udp: list[asyncio.DatagramTransport] = []
        self._server_ports: tuple[int, int] | None = None
        self._host = ""
        self.ended_early = ""

    async def run(self, seconds: float) -> None:
        """Play for some seconds, counted from the answer to PLAY, and leave with TEARDOWN.

        Returns early where the camera ends the session after PLAY.

        Raises:
            TransportError: no connection, or it was lost before PLAY was answered.
            ProtocolError: the camera broke the protocol past repair, or offers no video that can be read.
            ResponseError: the camera refused.
        """
        url = self._options.url
        for _ in range(MAX_REDIRECTS + 1):
            ticker = self._loop.create_task(self._tick())
            try:
                await self._connect(url)
                await asyncio.wait({self._playing, self._ended}, return_when=asyncio.FIRST_COMPLETED)
                if self._playing.done():
                    await self._watch(seconds)
                    return
                self._ended.result()
            finally:
                ticker.cancel()
                await self._leave()
            if self._redirect is None:
                raise TransportError("the camera closed the connection")
            url, self._redirect = self._redirect, None
            self._tap = RtspParser()
            self._ended = self._loop.create_future()
        raise TransportError(f"the camera redirects more than {MAX_REDIRECTS} times")

    async def _watch(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._ended)
        except TimeoutError:
            pass
        except (TransportError, ProtocolError, ResponseError) as error:
            self.ended_early = str(error)

    async def _connect(self, url: RtspUrl) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                found = await self._loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
                self._host = str(found[0][4][0])
                if not self._options.allowed(self._host):
                    raise TransportError(f"{url.host} may not be connected to")
                if self._options.transport == "udp":
                    await self._open_udp()
                now = clock.monotonic()
                self._core = ClientProtocol(url, self._options.credentials, cnonce=secrets.token_hex(8), now=now)
                sock = await connect(self._host, url.port, self._options.binding)
                await self._loop.create_connection(lambda: self, sock=sock)
        except TimeoutError:
            raise NotConnected(f"no connection to {url.host}:{url.port} in {CONNECT_TIMEOUT_S:g} s") from None
        except socket.gaierror as error:
            raise NotConnected(f"host name {url.host} is not known: {error.strerror or error}") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            refused = isinstance(error, ConnectionRefusedError)
            raise (ConnectionRefused if refused else NotConnected)(
                f"no connection to {url.host}:{url.port}: {reason}"
            ) from None

    # -- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands: say what the core wants said."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Feed the core, then look at the same bytes without its filters."""
        if self._core is None or self._ended.done():
            return
        now = clock.monotonic()
        failure: Exception | None = None
        try:
            self._core.receive_data(data, now)
            self._events(now)
        except (ProtocolError, ResponseError, TransportError) as error:
            failure = error  # what was refused or can't be used is looked at all the same
        try:
            self._look(data, now)
        except ProtocolError as error:
            failure = failure or error
        if failure is not None:
            self._end(failure)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        self._transport = None
        reason = "the camera closed the connection" if exc is None else f"connection lost: {exc}"
        self._end(TransportError(reason))

    def _end(self, error: Exception | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(None)
        else:
            self._ended.set_exception(error)

    def _look(self, data: bytes, now: float) -> None:
        self._tap.receive_data(data)
        while (event := self._tap.next_event()) is not None:
            if type(event) is InterleavedFrame:
                if self._channels is None or event.channel not in self._channels:
                    self._handler.on_unassigned(event.channel, event.data)
                elif event.channel == self._channels[0]:
                    self._handler.on_rtp(event.data, now)
                else:
                    self._handler.on_rtcp(event.data, now)
            elif type(event) is Response:
                self._handler.on_response(event)

    def _events(self, now: float) -> None:
        core = self._core
        while core is not None and (event := core.next_event()) is not None:
            if isinstance(event, Described):
                selection = self._handler.on_described(event.body)
                core.setup(selection.media.control, self._wanted(), now)
            elif isinstance(event, SetUp) and event.transport is not None:
                self._channels = event.transport.interleaved
                self._server_ports = event.transport.server_port
                self._handler.on_set_up(event.transport)
                self._punch()
            elif isinstance(event, Playing) and not self._playing.done():
                self._handler.on_playing()
                self._playing.set_result(None)
            elif isinstance(event, Redirected):
                self._redirect = event.url
                self._end(None)
            elif isinstance(event, Closed):
                self._end(None)
        self._flush()

    def _flush(self) -> None:
        out = self._core.data_to_send() if self._core is not None else []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now = clock.monotonic()
            report = self._handler.on_tick(now)
            if self._core is None:
                continue
            try:
                if report is not None and self._playing.done():
                    self._send_report(report)
                self._core.handle_timeout(now)
                self._events(now)
            except (ProtocolError, ResponseError, TransportError) as error:
                self._end(error)

    # -- UDP -----------------------------------------------------------------------------------------------------

    def _wanted(self) -> Transport:
        if not self._udp:
            return Transport(lower="TCP", interleaved=(0, 1))
        port = self._udp[0].get_extra_info("sockname")[1]
        return Transport(lower="UDP", client_port=(port, port + 1))

    async def _open_udp(self) -> None:
        sockets = port_pair(self._host, self._options.binding)
        for index, sock in enumerate(sockets):
            factory = functools.partial(_Port, functools.partial(self._on_datagram, index))
            transport, _ = await self._loop.create_datagram_endpoint(factory, sock=sock)
            self._udp.append(transport)

    def _on_datagram(self, index: int, data: bytes, host: str) -> None:
        if host.removeprefix("::ffff:") != self._host:
            return
        receive = self._handler.on_rtp if index == 0 else self._handler.on_rtcp
        receive(memoryview(data), clock.monotonic())

    def _punch(self) -> None:
        """Open the way through NAT and firewalls."""
        for transport, port in zip(self._udp, self._server_ports or (), strict=False):
            if port:
                transport.sendto(b"\x80\x00" + bytes(10), (self._host, port))

    def _send_report(self, report: bytes) -> None:
        if self._udp:
            if self._server_ports is not None and self._server_ports[1]:
                self._udp[1].sendto(report, (self._host, self._server_ports[1]))
        elif self._core is not None and self._channels is not None:
            self._core.send_frame(self._channels[1], report)

    async def _leave(self) -> None:
        for port in self._udp:
            port.close()
        self._udp = []
        core, transport = self._core, self._transport
        if core is not None and transport is not None and not transport.is_closing():
            if self._ended.done():
                self._ended.exception()
            self._ended = self._loop.create_future()
            with contextlib.suppress(TimeoutError, ProtocolError, ResponseError, TransportError):
                core.teardown(clock.monotonic())
                self._events(clock.monotonic())
                async with asyncio.timeout(LEAVE_S):
                    await self._ended
            transport.abort()
        if self._ended.done() and not self._ended.cancelled():
            self._ended.exception()  # read, so that nobody is told of it
        self._core = None


class _Port(asyncio.DatagramProtocol):
    """One UDP port; errors that ICMP reports (a refused hole punch) mean nothing."""

    def __init__(self, receive: Callable[[bytes, str], None]) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._receive(data, addr[0])
