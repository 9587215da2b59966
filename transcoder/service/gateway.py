"""The gateway keeps the RTSP server, the fork server and every configured stream running until it is told to stop."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import structlog

from transcoder import clock
from transcoder.config import Config, StreamConfig
from transcoder.net.rtsp_server import RtspServer
from transcoder.net.sockets import is_this_machine
from transcoder.rtsp.session import EndReason
from transcoder.service.admission import Admissions
from transcoder.service.catalogue import ServedStreams
from transcoder.service.forkserver import fork_server
from transcoder.service.host_gate import HostGate
from transcoder.service.line_limit import LineLimit
from transcoder.service.listeners import listeners_of, login_ways_of, multicast_of
from transcoder.service.pushes import Pushes
from transcoder.service.reader_register import OnEvent, ReaderRegister
from transcoder.service.sandbox import log_sandbox
from transcoder.service.settings import StreamSettings, networked_settings
from transcoder.service.source_networks import SourceNetworks
from transcoder.service.status import StreamStatus
from transcoder.service.stream import Stream

TICK_S = 0.25
SAMPLE_S = 1.0
"""Seconds between samples of a stream, and so the span of its rates."""
FAULT_SPAN_S = 60.0
"""Seconds in which one log line tells of all faults in looking after one stream."""
ASK_AGAIN_S = 10.0
"""Seconds between looks whether there is time for a stream that was refused."""

log = structlog.get_logger()


def _ignore(stream: str | None, kind: str, detail: dict[str, Any]) -> None:
    """Ignore an event."""


class Gateway:
    """The gateway brings streams to their configuration.

    Args:
        config: the validated configuration.
        on_event: hears the events of streams and their readers.
        make_stream: makes a stream that is configured.

    Attributes:
        streams: the streams by name.
        fork_server: forks the workers.
        catalogue: what the RTSP server serves, and to whom.
        server: the RTSP server.
        watch_faults: how often a stream could not be looked after.
        readers: the register of the server's readers.
        other_ports: the ports of listeners of this gateway besides the RTSP server.
        networks: says which addresses a source may connect to.
        gate: decides who may try to connect now, and remembers the cameras.
        pushes: sends streams to their targets.
        withheld: why a stream is not pulled although it is enabled, by the stream's name; set before the start.
    """

    def __init__(
        self, config: Config, on_event: OnEvent = _ignore, *, make_stream: Callable[..., Stream] = Stream
    ) -> None:
        self._config = config
        self._on_event = on_event
        self._applied: dict[str, StreamConfig] = {}
        # a lock is kept as long as somebody has it or waits for it
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.fork_server = fork_server(config)
        self._is_split = config.worker.split  # for as long as this gateway runs
        self.readers = ReaderRegister(on_event)
        self.streams: dict[str, Stream] = {}
        self.catalogue = ServedStreams(lambda: self._config, self.streams)
        listeners, udp_ports = listeners_of(config), config.rtsp.udp_ports
        self.server = RtspServer(
            self.catalogue, listeners, udp_ports, reader_listener=self.readers, multicast=multicast_of(config)
        )
        self.server.context.brake, self.server.context.login_ways = self.readers.brakes["rtsp"], login_ways_of(config)
        self.networks = SourceNetworks(
            lambda: self._config,
            lambda: [self._applied[n] for n, s in self.streams.items() if s.status.output.pictures],
        )
        self.gate = HostGate()
        self.pushes = Pushes(self.gate.memory.keys, on_event, requires_sandbox=config.sandbox == "required")
        self._admissions = Admissions()
        self._make_stream = make_stream
        self.withheld: Mapping[str, str] = {}
        self.other_ports: list[Collection[int]] = []
        self._ticker: asyncio.Task[None] | None = None
        self._next_sample = self._next_question = 0.0
        self._fault_lines = LineLimit[str](1, FAULT_SPAN_S)
        self.watch_faults = 0

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen, start the fork server and every stream.

        Raises:
            TransportError: the listener's address can't be used.
            WorkerError: there can be no workers.
        """
        # names are known before anybody can ask for one, and cameras are connected while the fork server loads
        await self.apply(self._config, self._config.streams)
        try:
            await self.server.start()
            log.info("listening", **self.server.places())
            for name in self.streams:
                self.streams[name].status.url = self.server.url(self.server.host, name)
            self._ticker = asyncio.get_running_loop().create_task(self._tick())
            await self.fork_server.start()
        except BaseException:
            await self.stop()
            raise
        log_sandbox(self.fork_server.measures)

    async def apply(self, config: Config, streams: Iterable[str]) -> None:
        """Go on with another configuration.

        Args:
            config: the validated configuration.
            streams: the streams that differ; the others are not touched.
        """
        self._config = config
        await asyncio.gather(*(self._reconcile(name) for name in list(streams)))

    async def _reconcile(self, name: str) -> None:
        """Bring a stream to its present configuration, which may be newer than the call."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        async with lock:
            wanted, stream = self._config.streams.get(name), self.streams.get(name)
            if wanted is None:
                await self._remove(name)
            elif stream is None or wanted != self._applied[name] or name in self._admissions.refused:
                settings = networked_settings(wanted, self.networks, self.is_own).with_split(split=self._is_split)
                settings = self.gate.memory.outputs.settings(name, settings)
                if name in self.withheld:
                    settings = replace(settings, enabled=False)
                settings = self._admissions.admit(name, settings, self._config.admission, self._statuses())
                if stream is not None and self._applied[name].video.mode != wanted.video.mode:
                    await self._remove(name)
                    stream = None
                self._applied[name] = wanted
                if stream is None:
                    stream = self._add(name, settings)
                else:
                    await stream.reconfigure(settings)
                if not settings.enabled:
                    stream.note_problem(self.withheld.get(name) or self._admissions.refused.get(name, settings.refusal))
                await self.pushes.arrange(stream, settings.pushes if settings.enabled else {})

    def _add(self, name: str, settings: StreamSettings) -> Stream:
        stream = self.streams[name] = self._make_stream(
            name, settings, self.fork_server, self._end_readers, self._on_event, self.gate
        )
        stream.ledger.now, stream.status.url = clock.wall_clock(), self.server.url(self.server.host, name)
        stream.start()
        return stream

    def _end_readers(self, path: str, reason: EndReason) -> None:
        self.server.end_readers(path, reason)
        self.readers.viewers.end_readers(path, reason)
        self.pushes.end(path)

    async def _remove(self, name: str) -> None:
        await self.pushes.remove(name)
        self._applied.pop(name, None)
        self._admissions.refused.pop(name, None)
        if (stream := self.streams.pop(name, None)) is not None:
            stream.outputs.end_readers()
            await stream.stop()
            self.gate.memory.forget(name)

    def _statuses(self) -> dict[str, StreamStatus]:
        return {name: stream.status for name, stream in self.streams.items()}

    async def _ask_again(self) -> None:
        """Start a stream that was refused, if there is time for it now: one at a time, so that it is measured."""
        if (name := self._admissions.next_admissible(self._statuses())) is not None:
            await self._reconcile(name)

    def is_own(self, address: str, port: int) -> bool:
        """Say whether an address and a port belong to a listener of this gateway, which is nobody's camera."""
        return any(port in each for each in (self.server.ports_taken, *self.other_ports)) and is_this_machine(address)

    async def restart(self, name: str) -> None:
        """Connect a stream's camera and its targets anew and replace its worker."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name in self.streams:
                await self.streams[name].restart()
                await self.pushes.restart(name)

    async def leave_cameras(self) -> None:
        """Say goodbye to all cameras: a session that is left open takes a place in the camera's table of users."""
        await asyncio.gather(*(stream.leave() for stream in self.streams.values()))

    async def stop(self) -> None:
        """Say goodbye to readers, leave the cameras, end the workers."""
        if self._ticker is not None:
            self._ticker.cancel()
        self.readers.viewers.stop()
        await self.server.stop()
        await self.pushes.stop()
        await asyncio.gather(*(stream.stop() for stream in self.streams.values()))
        await self.fork_server.close()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the tasks that look after everything: none of them may end before the gateway is stopped."""
        return [task for task in (self._ticker, self.server.ticker) if task is not None]

    async def _tick(self) -> None:
        while True:
            await self.tick(clock.monotonic(), clock.wall_clock())
            await asyncio.sleep(TICK_S)

    async def tick(self, now: float, wall: float) -> None:
        """Look after all streams; every second sample them, and now and then ask again for the refused ones.

        Args:
            now: monotonic seconds.
            wall: UTC seconds.
        """
        if self._admissions.refused and now >= self._next_question:
            self._next_question = now + ASK_AGAIN_S
            await self._ask_again()
        if is_sampled := now >= self._next_sample:
            self._next_sample = now + SAMPLE_S
            self.readers.tick(now)
            self.pushes.sample()
        for stream in list(self.streams.values()):
            stream.ledger.now = wall
            try:
                stream.tick(now)
                if is_sampled:
                    stream.sample(now)
            except Exception as error:  # noqa: BLE001  # a fault of one stream must not end the watch over the others
                self._note_fault(stream.name, error, now)

    def _note_fault(self, name: str, error: Exception, now: float) -> None:
        self.watch_faults += 1
        if count := self._fault_lines.take(name, now):
            log.error("a stream could not be looked after", stream=name, faults=count, exc_info=error)
