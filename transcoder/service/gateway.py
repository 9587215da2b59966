"""The service: configuration in, streams, listener and fork server running, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Protocol

import structlog

from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.config import Config, StreamConfig, is_allowed
from transcoder.net.rtsp_server import Listener, RtspServer, ServedStream
from transcoder.net.rtsp_source import SourceOptions
from transcoder.net.sockets import Binding
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.quirks import PROFILES
from transcoder.rtsp.session import EndReason
from transcoder.rtsp.urls import parse_url
from transcoder.service.admission import refusal
from transcoder.service.forkserver import ForkServer
from transcoder.service.host_gate import HostGate
from transcoder.service.stream import Stream
from transcoder.worker_options import EncoderSettings, Mask, OutputOptions, WorkerOptions

TICK_S = 0.25
ASK_AGAIN_S = 10.0
"""Between looks whether there is time for a stream that was refused."""
DEGRADED_DIVISOR = 4
"""A stream that is accepted without time for it begins with one picture in so many."""

OnEvent = Callable[[str, str, dict[str, Any]], None]

log = structlog.get_logger()


def worker_options(stream: StreamConfig) -> WorkerOptions:
    """What a worker is told of a configured stream."""
    video = stream.video
    output = OutputOptions(
        codec=Codec.H264 if video.codec == "h264" else Codec.H265,
        bitrate_kbps=video.bitrate_kbps,
        gop_s=video.gop_s,
        fps=video.fps,
        size=video.dimensions,
        preset=video.preset,
        encoder=EncoderSettings(**stream.encoder.model_dump()),
    )
    return WorkerOptions(
        display_aspect=stream.source.aspect,
        masks=tuple(Mask(polygon=mask.polygon, style=mask.style) for mask in stream.masks),
        memory_limit_mb=stream.memory_limit_mb,
        outputs=(output,),
    )


def source_options(stream: StreamConfig, allowed: Callable[[str], bool]) -> SourceOptions:
    """How to reach a configured stream's camera."""
    source = stream.source
    credentials = None
    if source.username is not None:
        credentials = Credentials(
            username=source.username.get_secret_value(),
            password=source.password.get_secret_value() if source.password is not None else "",
        )
    return SourceOptions(
        url=parse_url(source.url),
        credentials=credentials,
        transport=source.transport,
        allowed=allowed,
        binding=Binding(address=source.bind_address, interface=source.bind_interface),
        profile=PROFILES[source.profile],
        audio=stream.audio == "reencode",
    )


class Gateway:
    """Everything that runs.

    Args:
        config: validated.
        on_event: told what happens to a stream: (its name, kind, detail).

    Attributes:
        streams: by name.
        server: the RTSP listener.
    """

    def __init__(self, config: Config, on_event: OnEvent | None = None) -> None:
        self._config = config
        self._on_event = on_event
        self._applied: dict[str, StreamConfig] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._fork_server = ForkServer(config.state_dir / "numba")
        self.server = RtspServer(
            self, [Listener(host=config.rtsp.listen.host, port=config.rtsp.listen.port)], config.rtsp.udp_ports
        )
        self._gate = HostGate()
        self._refused: dict[str, str] = {}
        self.streams: dict[str, Stream] = {}
        self._ticker: asyncio.Task[None] | None = None

    # -- Catalogue -----------------------------------------------------------------------------------------------

    def passwords(self) -> dict[str, str]:
        """Readers' passwords by user name."""
        return {name: user.password.get_secret_value() for name, user in self._config.rtsp.users.items()}

    def may_read(self, user: str, stream: str) -> bool:
        """Whether a reader may read a stream."""
        known = self._config.rtsp.users.get(user)
        return known is not None and known.may_read(stream)

    def find(self, stream: str) -> ServedStream | None:
        """A stream that is served."""
        return self.streams.get(stream)

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen, start the fork server and every stream.

        Raises:
            TransportError: the listener's address can't be used.
            WorkerError: there can be no workers.
        """
        await self.server.start()
        log.info("listening", url=self.server.url(self._config.rtsp.listen.host, ""), udp_ports=self.server.udp_ports)
        # names are known and cameras are connected while the fork server loads
        await self.apply(self._config, self._config.streams)
        self._ticker = asyncio.get_running_loop().create_task(self._tick())
        try:
            await self._fork_server.start()
        except BaseException:
            await self.stop()
            raise

    async def apply(self, config: Config, streams: Iterable[str]) -> None:
        """Go on with another configuration.

        Args:
            config: validated.
            streams: those that differ; the others are not touched.
        """
        self._config = config
        await asyncio.gather(*(self._reconcile(name) for name in list(streams)))

    async def _reconcile(self, name: str) -> None:
        """Bring a stream to what is configured now, which may be more than when this was asked for."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            wanted, stream = self._config.streams.get(name), self.streams.get(name)
            if wanted is None:
                self._applied.pop(name, None)
                self._refused.pop(name, None)
                if stream is not None:
                    del self.streams[name]
                    self.server.end_readers(name, EndReason.STREAM_GONE)
                    await stream.stop()
            elif stream is None:
                enabled, options = self._admit(name, wanted)
                stream = Stream(
                    name,
                    source_options(wanted, self.may_connect),
                    options,
                    self._fork_server,
                    self.server.end_readers,
                    self._on_event,
                    self._gate,
                    enabled=enabled,
                )
                stream.ledger.now = clock.wall_clock()
                self.streams[name] = stream
                self._applied[name] = wanted
                stream.start()
                stream.status.problem = self._refused.get(name, "")
            elif wanted != self._applied[name] or name in self._refused:
                self._applied[name] = wanted
                enabled, options = self._admit(name, wanted)
                await stream.reconfigure(source_options(wanted, self.may_connect), options, enabled=enabled)
                if name in self._refused:
                    stream.status.problem = self._refused[name]

    def _admit(self, name: str, wanted: StreamConfig) -> tuple[bool, WorkerOptions]:
        """Whether a stream is started, and with which settings; one that runs is not asked again."""
        options = worker_options(wanted)
        running = name in self.streams and self.streams[name].enabled
        self._refused.pop(name, None)
        policy = self._config.admission
        if policy == "accept" or running or not wanted.enabled:
            return wanted.enabled, options
        reason = refusal(stream.status for other, stream in self.streams.items() if other != name)
        if reason is None:
            return True, options
        log.warning("no time for a stream", stream=name, admission=policy, reason=reason)
        if policy == "degrade":
            outputs = tuple(replace(output, rate_divisor=DEGRADED_DIVISOR) for output in options.outputs)
            return True, replace(options, outputs=outputs)
        self._refused[name] = reason
        return False, options

    async def _ask_again(self) -> None:
        """Start a stream that was refused, if there is time for it now: one at a time, so that it is measured."""
        for name in list(self._refused):
            if refusal(stream.status for other, stream in self.streams.items() if other != name) is None:
                await self._reconcile(name)
                return

    def may_connect(self, address: str) -> bool:
        """Whether a camera may be at this address."""
        return is_allowed(address, self._config.sources.allow)

    async def restart(self, name: str) -> None:
        """Connect a stream's camera anew and replace its worker."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name in self.streams:
                await self.streams[name].restart()

    async def stop(self) -> None:
        """Say goodbye to readers, leave the cameras, end the workers."""
        if self._ticker is not None:
            self._ticker.cancel()
        await self.server.stop()
        await asyncio.gather(*(stream.stop() for stream in self.streams.values()))
        await self._fork_server.close()

    async def _tick(self) -> None:
        next_sample = next_question = 0.0
        while True:
            now = clock.monotonic()
            if self._refused and now >= next_question:
                next_question = now + ASK_AGAIN_S
                await self._ask_again()
            sampling = now >= next_sample
            if sampling:
                next_sample = now + 1.0
            wall = clock.wall_clock()
            for stream in list(self.streams.values()):
                stream.ledger.now = wall
                stream.tick(now)
                if sampling:
                    stream.sample(now)
            await asyncio.sleep(TICK_S)


class Runnable(Protocol):
    """What is started, runs and is stopped."""

    async def start(self) -> None:
        """Returns when it runs."""

    async def stop(self) -> None:
        """Drains."""


async def run_until_stopped(gateway: Runnable) -> None:
    """Run a gateway until SIGTERM or SIGINT; drain; a second signal does not wait.

    Raises:
        TransportError: as Gateway.start.
        WorkerError: as Gateway.start.
    """
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await gateway.start()
    await stopped.wait()
    log.info("stopping")
    stopped.clear()
    drain = loop.create_task(gateway.stop())
    impatience = loop.create_task(stopped.wait())
    await asyncio.wait({drain, impatience}, return_when=asyncio.FIRST_COMPLETED, timeout=10.0)
    for task in (drain, impatience):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await drain
