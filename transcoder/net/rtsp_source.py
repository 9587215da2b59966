"""The asyncio shell around the RTSP client and the reception of one camera, from connect to TEARDOWN."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

from transcoder import clock, product
from transcoder.codecs.access_unit import NEVER, PROOFS, AccessUnit
from transcoder.errors import ConnectionRefused, NotConnected, ProtocolError, ResponseError, Silent, TransportError
from transcoder.ledger import Ledger
from transcoder.net.media_ports import MediaPorts
from transcoder.net.sockets import Binding, connect
from transcoder.net.tunnel import Pipe, open_tunnel
from transcoder.rtp.audio import AudioReceiver, AudioUnit
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import AUTO, ClientProtocol
from transcoder.rtsp.client_events import Closed, Described, Playing, Redirected, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrames
from transcoder.rtsp.quirks import SourceProfile
from transcoder.rtsp.urls import RtspUrl
from transcoder.sdp import (
    AudioSelection,
    Media,
    SessionDescription,
    VideoSelection,
    parse_sdp,
    select_audio,
    select_video,
)

CONNECT_TIMEOUT_S = 10.0
NO_PACKET_S = 5.0
"""A camera that sends nothing for so long after PLAY is lost."""
NO_PICTURE_S = 10.0
"""Packets without one access unit for so long: it sends something else."""
SUSPICIOUS_S = 3.0
SUSPICIOUS_PACKETS = 50
"""So long and so many packets without one access unit, and the description contradicts itself about the codec."""
NO_RANDOM_ACCESS_S = 30.0
"""Access units that can't be decoded for so long. Smart codecs send their first IDR up to 20 s late."""
LEAVE_S = 1.0
"""How long the answer to TEARDOWN is waited for."""
MAX_REDIRECTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How to reach a camera.

    Attributes:
        url: without user info.
        transport: one of reconnection.TRANSPORTS, or "auto", which its user resolves.
        allowed: whether an address may be connected to.
        binding: local end.
        profile: quirks forced by hand.
        audio: whether audio is set up too, where there is any that can be decoded.
    """

    url: RtspUrl
    credentials: Credentials | None
    transport: str
    allowed: Callable[[str], bool]
    binding: Binding = field(default_factory=Binding)
    profile: SourceProfile = AUTO
    audio: bool = False


class SourceHandler(Protocol):
    """Who gets what a camera sends."""

    def on_described(self, description: SessionDescription, selection: VideoSelection, server: str) -> None:
        """The camera told what it has."""

    def on_playing(self) -> None:
        """Media may come from now on."""

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        """A picture came."""

    def on_restart(self) -> None:
        """The source began anew within the connection: its timestamps have no relation to those before."""

    def on_audio_set_up(self, selection: AudioSelection) -> None:
        """Audio comes as well."""

    def on_audio(self, unit: AudioUnit, *, restarted: bool) -> None:
        """Audio came; restarted: its timestamps have no relation to those before."""


class RtspSource(asyncio.Protocol):
    """One connection to a camera.

    Args:
        options: of the source.
        ledger: of the stream.
        handler: gets what comes.

    Attributes:
        video: the reception path, once SETUP was answered.
        faults: of the session description, tolerated; those of reception are the receivers'.
        received_bytes: on the RTSP connection and the UDP ports.
    """

    def __init__(self, options: SourceOptions, ledger: Ledger, handler: SourceHandler) -> None:
        self._options = options
        self._ledger = ledger
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._core: ClientProtocol | None = None
        self._transport: Pipe | None = None
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._work: set[asyncio.Task[None]] = set()
        self._server_ports: list[tuple[int, int] | None] = []
        self._host = ""
        self._ports = self._media_ports()
        self._channels: list[tuple[int, int]] = []
        self._audio_selection: AudioSelection | None = None
        self._audio_restarts = 0
        self.audio: AudioReceiver | None = None
        self._selection: VideoSelection | None = None
        self._description: tuple[SessionDescription, str] | None = None
        self._restarts = 0
        self._playing_since: float | None = None
        self._last_packet = 0.0
        self._last_picture = 0.0
        self._random_access = False
        self._redirect: RtspUrl | None = None
        self._lost = asyncio.Event()
        self.video: VideoReceiver | None = None
        self.faults: Counter[str] = Counter()
        self.received_bytes = 0

    async def run(self) -> None:
        """Connect and receive until the connection ends or is cancelled; leaves with TEARDOWN.

        Raises:
            TransportError: no connection, or it was lost, or nothing useful came over it.
            ProtocolError: the camera broke the protocol past repair.
            ResponseError: the camera refused.
        """
        url, handler = self._options.url, self._handler
        for _ in range(MAX_REDIRECTS + 1):
            self._handler = handler
            try:
                await self._run(url)
            finally:
                await self._leave()
            if self._redirect is None:
                raise TransportError("the camera closed the connection")
            url, self._redirect = self._redirect, None
            self._done = self._loop.create_future()
            self._channels, self._server_ports = [], []
        raise TransportError(f"the camera redirects more than {MAX_REDIRECTS} times")

    async def _run(self, url: RtspUrl) -> None:
        self._host = await self._resolve(url)
        self._ports = self._media_ports()
        self._core = ClientProtocol(
            url,
            self._options.credentials,
            cnonce=secrets.token_hex(8),
            now=clock.monotonic(),
            profile=self._options.profile,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connect(url)
        except TimeoutError:
            raise NotConnected(f"no connection to port {url.port} in {CONNECT_TIMEOUT_S:g} s") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)  # the event loop's text is another one
            refused = isinstance(error, ConnectionRefusedError)
            raise (ConnectionRefused if refused else NotConnected)(
                f"no connection to port {url.port}: {reason}"
            ) from None
        await self._done

    async def _connect(self, url: RtspUrl) -> None:
        binding = self._options.binding
        if self._options.transport == "http":
            tunnel = await open_tunnel(
                url, self._host, binding, self.data_received, self.connection_lost, self._options.credentials
            )
            self._begin(tunnel)
            return
        if self._options.transport == "udp":
            await self._ports.open()
            if self._options.audio:
                await self._ports.open()
        sock = await connect(self._host, url.port, binding)
        await self._loop.create_connection(lambda: self, sock=sock)

    def _media_ports(self) -> MediaPorts:
        return MediaPorts(self._host, self._options.binding, self._on_datagram, self._on_foreign_datagram)

    async def _resolve(self, url: RtspUrl) -> str:
        """One address of the host, checked: what is connected to can't change between check and connect."""
        try:
            found = await self._loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotConnected(f"host name {url.host} is not known: {error.strerror or error}") from None
        for _, _, _, _, address in found:
            if self._options.allowed(str(address[0])):
                return str(address[0])
        raise NotConnected(f"{url.host} is in none of the networks of sources.allow")

    # -- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands: say what the core wants said."""
        self._begin(cast(asyncio.Transport, transport))  # uvloop's is none by inheritance

    def _begin(self, pipe: Pipe) -> None:
        self._transport = pipe
        self._lost.clear()
        self._after(clock.monotonic())

    def data_received(self, data: bytes) -> None:
        """Feed the core."""
        core = self._core
        if core is None or self._done.done():
            return
        now = clock.monotonic()
        self.received_bytes += len(data)
        try:
            core.receive_data(data, now)
            self._after(now)
        except (ProtocolError, ResponseError, TransportError) as error:
            self._fail(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        self._transport = None
        self._lost.set()
        if not self._done.done():
            if self._redirect is not None:
                self._done.set_result(None)
            else:
                reason = "the camera closed the connection" if exc is None else f"connection lost: {exc}"
                self._done.set_exception(TransportError(reason))

    def give_up(self, reason: str) -> None:
        """End the connection for a reason that only its user can see."""
        self._fail(TransportError(reason))

    def _fail(self, error: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    # -- the core's events ---------------------------------------------------------------------------------------

    def _after(self, now: float) -> None:
        core = self._core
        if core is None:
            return
        quiet = self._timer is not None  # frames alone change no timeout
        while (event := core.next_event()) is not None:
            if type(event) is InterleavedFrames:
                self._frames(event, now)
                continue
            quiet = False
            if isinstance(event, Described):
                self._described(event, now)
            elif isinstance(event, SetUp):
                self._set_up(event.transport, now)
            elif isinstance(event, Playing):
                self._playing_since = self._last_packet = self._last_picture = now
                self._handler.on_playing()
            elif isinstance(event, Redirected):
                self._redirect = event.url
                self._done.set_result(None)
            elif isinstance(event, Closed) and not self._done.done():
                self._done.set_result(None)
        self._flush()
        if not quiet:
            self._arm(now)

    def _start(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = self._loop.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def _flush(self) -> None:
        out = self._core.data_to_send() if self._core is not None else []
        if out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(out))

    def _described(self, event: Described, now: float) -> None:
        description = parse_sdp(event.body)
        selection = select_video(description)
        if self._options.profile.codec is not None:
            codec = self._options.profile.codec
            selection = replace(selection, codec=codec, suspected=None, parameter_sets=(), decoding_order=None)
        self._selection = selection
        self._description = description, event.server
        self._audio_selection = select_audio(description, selection) if self._options.audio else None
        self._count_media(description, selection)
        self._handler.on_described(description, selection, event.server)
        if self._core is not None:
            more = self._audio_selection is not None
            self._core.setup(selection.media.control, self._wanted_transport(0), now, more=more)

    def _wanted_transport(self, track: int) -> Transport:
        if self._options.transport == "udp":
            return Transport(lower="UDP", client_port=self._ports.pairs[track])
        if self._options.transport == "multicast":
            return Transport(lower="UDP", unicast=False)
        return Transport(lower="TCP", interleaved=(2 * track, 2 * track + 1))

    def _count_media(self, description: SessionDescription, selection: VideoSelection) -> None:
        for index, media in enumerate(description.media):
            audio = self._audio_selection
            if index != selection.index and (audio is None or index != audio.index):
                names = "/".join(item.encoding for item in media.formats if item.encoding) or "/".join(
                    media.raw_formats
                )
                self._ledger.count("rtsp_media", f"{media.kind} {names}"[:80])

    def _set_up(self, transport: Transport | None, now: float) -> None:
        selection, audio = self._selection, self._audio_selection
        if selection is None or self._core is None:
            return
        track = len(self._channels)
        if transport is None:  # the camera keeps its audio: it is done without
            return
        self._channels.append(transport.interleaved or (2 * track, 2 * track + 1))
        self._server_ports.append(transport.server_port)
        reorder = transport.lower == "UDP"
        if track == 0:
            self.video = self._receiver(selection, reorder=reorder)
            if audio is not None:
                self._core.setup(audio.media.control, self._wanted_transport(1), now, optional=True)
        elif audio is not None:
            self.audio = AudioReceiver(audio, self._ledger, reorder=reorder)
            self._handler.on_audio_set_up(audio)
        if not transport.unicast:
            self._start(self._join(transport, selection.media if track == 0 or audio is None else audio.media))
        elif reorder and transport.server_port is not None:
            self._ports.punch(track, transport.server_port)

    def _receiver(self, selection: VideoSelection, *, reorder: bool) -> VideoReceiver:
        return VideoReceiver(
            codec=selection.codec,
            payload_types=selection.payload_types,
            clock_rate=selection.clock_rate,
            ledger=self._ledger,
            reorder=reorder,
            ssrc=secrets.randbits(32),
            cname=product.NAME,
            marker_proofs=PROOFS if self._options.profile.trust_marker else NEVER,
            parameter_sets=selection.parameter_sets,
            picture_size=selection.picture_size,
            decoding_order=selection.decoding_order,
        )

    def _suspect(self, now: float, since: float) -> None:
        """A description that calls H.264 H265: no access unit comes of it, and its parameters say so."""
        selection, video = self._selection, self.video
        if selection is None or selection.suspected is None or video is None or self._description is None:
            return
        unseen = self._last_picture == since and now - since > SUSPICIOUS_S
        if not unseen or video.receiver.received < SUSPICIOUS_PACKETS:
            return
        self._selection = replace(
            selection, codec=selection.suspected, suspected=None, parameter_sets=(), decoding_order=None
        )
        self.video = self._receiver(self._selection, reorder=self._options.transport in {"udp", "multicast"})
        self.faults[f"{selection.codec.value} that is {self._selection.codec.value}"] += 1
        self._restarts = 0
        description, server = self._description
        self._handler.on_described(description, self._selection, server)

    def _frames(self, frames: InterleavedFrames, now: float) -> None:
        video = self.video
        if video is None or frames.channel != self._channels[0][0]:
            for data in frames:
                self._frame(frames.channel, data, now)
            return
        self._last_packet = now
        buffer, spans = frames.buffer, frames.spans
        index, count = 0, len(spans)
        while index < count:
            index = video.receive_packets(buffer, spans, index, now)
            self._drain(video)

    def _frame(self, channel: int, data: memoryview, now: float) -> None:
        video = self.video
        if video is None:
            return
        self._last_packet = now
        if channel == self._channels[0][0]:
            video.receive_rtp(data, now)
            self._drain(video)
        elif self.audio is not None and channel == self._channels[1][0]:
            self.audio.receive_rtp(data, now)
            self._drain_audio(self.audio)
        elif self.audio is not None and channel == self._channels[1][1]:
            self.audio.receive_rtcp(data, now)
        else:
            video.receive_rtcp(data, now)

    def _drain_audio(self, audio: AudioReceiver) -> None:
        while (unit := audio.next_unit()) is not None:
            restarted = audio.restarts != self._audio_restarts
            self._audio_restarts = audio.restarts
            self._handler.on_audio(unit, restarted=restarted)

    def _drain(self, video: VideoReceiver) -> None:
        while (unit := video.next_access_unit()) is not None:
            if video.restarts != self._restarts:
                self._restarts = video.restarts
                self._handler.on_restart()
            self._last_picture = unit.completed
            self._random_access = self._random_access or unit.random_access
            self._handler.on_access_unit(unit)

    # -- time ----------------------------------------------------------------------------------------------------

    def _arm(self, now: float) -> None:
        """Have _on_timer called when something is due, and once a second for the watchdogs."""
        due = now + 1.0
        for other in (
            self._core.next_timeout() if self._core else None,
            self.video.next_timeout() if self.video else None,
        ):
            if other is not None and other < due:
                due = other
        if self._timer is not None:
            if self._timer_at <= due:
                return
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._loop.call_later(max(due - now, 0.0), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        core = self._core
        if core is None or self._done.done():
            return
        now = clock.monotonic()
        try:
            core.handle_timeout(now)
            if self.video is not None:
                self.video.handle_timeout(now)
                self._drain(self.video)
                if self.audio is not None:
                    self.audio.handle_timeout(now)
                    self._drain_audio(self.audio)
                report = self.video.report_due(now) if self._playing_since is not None else None
                if report is not None:
                    self._send_rtcp(report)
            if self._core is not None and self._core.counters.unassigned_channel:
                counters = self._core.counters
                self._ledger.count(
                    "rtsp_channel", "never set up", count=counters.unassigned_channel, size=counters.unassigned_bytes
                )
                counters.unassigned_channel = counters.unassigned_bytes = 0
            self._watch(now)
        except (ProtocolError, ResponseError, TransportError) as error:
            self._fail(error)
            return
        self._after(now)

    def _watch(self, now: float) -> None:
        since = self._playing_since
        if since is None:
            return
        self._suspect(now, since)
        if now - self._last_packet > NO_PACKET_S:
            raise Silent(f"no packet in {NO_PACKET_S:g} s")
        if now - self._last_picture > NO_PICTURE_S:
            raise Silent(f"packets, but no picture in {NO_PICTURE_S:g} s")
        if not self._random_access and now - since > NO_RANDOM_ACCESS_S:
            raise Silent(f"no IDR picture in {NO_RANDOM_ACCESS_S:g} s")

    # -- UDP -----------------------------------------------------------------------------------------------------

    async def _join(self, transport: Transport, media: Media) -> None:
        """Join the group that the camera named: by its Transport, or else by its session description."""
        group = transport.destination or media.connection.partition("/")[0]
        try:
            await self._ports.join(group, transport.port or (media.port, media.port + 1))
        except TransportError as error:
            self._fail(error)

    def _on_datagram(self, track: int, kind: int, data: bytes) -> None:
        now = clock.monotonic()
        self.received_bytes += len(data)
        if track < len(self._channels):
            self._frame(self._channels[track][kind], memoryview(data), now)
        if self.video is not None and self.video.next_timeout() is not None:
            self._arm(now)

    def _on_foreign_datagram(self, size: int) -> None:
        self._ledger.count("udp_source", "another host", size=size)

    def _send_rtcp(self, report: bytes) -> None:
        if self._options.transport in {"udp", "multicast"}:
            ports = self._server_ports[0]
            if ports is not None:
                self._ports.send_rtcp(0, report, ports[1])
        elif self._core is not None:
            self._core.send_frame(self._channels[0][1], report)

    # -- the end -------------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        core, transport = self._core, self._transport
        self._disarm()
        for task in self._work:
            task.cancel()
        self._ports.close()
        if core is not None and transport is not None and not transport.is_closing():
            self._done = self._loop.create_future()
            core.teardown(clock.monotonic())
            self._handler = _Nobody()
            with contextlib.suppress(ProtocolError, ResponseError, TransportError):
                self._after(clock.monotonic())
            with contextlib.suppress(TimeoutError, ProtocolError, ResponseError, TransportError):
                async with asyncio.timeout(LEAVE_S):
                    await self._done
            transport.abort()
            # its end must not be taken for that of a connection which follows
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_S):
                    await self._lost.wait()
        self._disarm()
        self._core = None

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Nobody:
    """Takes what still comes after TEARDOWN."""

    def on_described(self, description: SessionDescription, selection: VideoSelection, server: str) -> None:
        pass

    def on_playing(self) -> None:
        pass

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        pass

    def on_restart(self) -> None:
        pass

    def on_audio_set_up(self, selection: AudioSelection) -> None:
        pass

    def on_audio(self, unit: AudioUnit, *, restarted: bool) -> None:
        pass
