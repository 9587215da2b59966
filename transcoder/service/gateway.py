"""The service: configuration in, streams, listener and fork server running, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Callable

import structlog

from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.config import Config, StreamConfig, is_allowed
from transcoder.ipc.options import Mask, WorkerOptions
from transcoder.net.rtsp_server import RtspServer, ServedStream
from transcoder.net.rtsp_source import SourceOptions
from transcoder.net.sockets import Binding
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url
from transcoder.service.forkserver import ForkServer
from transcoder.service.stream import Stream

TICK_S = 0.25

log = structlog.get_logger()


def worker_options(stream: StreamConfig) -> WorkerOptions:
    """What a worker is told of a configured stream."""
    video = stream.video
    return WorkerOptions(
        codec=Codec.H264 if video.codec == "h264" else Codec.H265,
        bitrate_kbps=video.bitrate_kbps,
        gop_s=video.gop_s,
        fps=video.fps,
        size=video.dimensions,
        preset=video.preset,
        masks=tuple(Mask(polygon=mask.polygon, style=mask.style) for mask in stream.masks),
        memory_limit_mb=stream.memory_limit_mb,
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
    )


class Gateway:
    """Everything that runs.

    Args:
        config: validated.

    Attributes:
        streams: by name.
        server: the RTSP listener.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._fork_server = ForkServer(config.state_dir / "numba")
        self.server = RtspServer(self, config.rtsp.listen.host, config.rtsp.listen.port, config.rtsp.udp_ports)
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
        try:
            await self._fork_server.start()
        except BaseException:
            await self.server.stop()
            raise
        networks = self._config.sources.allow
        for name, stream in self._config.streams.items():
            self.streams[name] = Stream(
                name,
                source_options(stream, lambda address: is_allowed(address, networks)),
                worker_options(stream),
                self._fork_server,
                self.server.end_readers,
                enabled=stream.enabled,
            )
            self.streams[name].start()
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    async def stop(self) -> None:
        """Say goodbye to readers, leave the cameras, end the workers."""
        if self._ticker is not None:
            self._ticker.cancel()
        await self.server.stop()
        await asyncio.gather(*(stream.stop() for stream in self.streams.values()))
        await self._fork_server.close()

    async def _tick(self) -> None:
        next_sample = 0.0
        while True:
            now = clock.monotonic()
            sampling = now >= next_sample
            if sampling:
                next_sample = now + 1.0
            for stream in self.streams.values():
                stream.tick(now)
                if sampling:
                    stream.sample(now)
            await asyncio.sleep(TICK_S)


async def run_until_stopped(gateway: Gateway) -> None:
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
    log.info("stopping", streams=len(gateway.streams))
    stopped.clear()
    drain = loop.create_task(gateway.stop())
    impatience = loop.create_task(stopped.wait())
    await asyncio.wait({drain, impatience}, return_when=asyncio.FIRST_COMPLETED, timeout=10.0)
    for task in (drain, impatience):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await drain
