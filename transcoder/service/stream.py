"""A configured stream ties a source, a worker and its outputs together and keeps them going."""

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.ipc.messages import CodedMessage
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.ledger import Ledger
from transcoder.output.output import OutputOwner
from transcoder.output.outputs import Outputs
from transcoder.output.remembered import Remembered
from transcoder.output.timing import LoopTiming, Timing
from transcoder.rtsp.session import EndReason
from transcoder.service.availability import Availability
from transcoder.service.decoding_watch import look_after_decoding
from transcoder.service.forkserver import ForkServer
from transcoder.service.host_gate import HostGate
from transcoder.service.observer import StreamObserver
from transcoder.service.relay import worker_class
from transcoder.service.settings import StreamSettings
from transcoder.service.source import Source, cancel_tasks
from transcoder.service.source_relay import SourceRelay
from transcoder.service.status import StreamStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.worker_options import MAIN

OnEvent = Callable[[str, str, dict[str, Any]], None]
"""A function that is called with a stream's name and with the kind and the detail of an event."""


class Stream(OutputOwner, WorkerListener):
    """A stream ties its source, its worker and its outputs together.

    Args:
        name: the stream's id, as in its URL.
        settings: the settings of source, worker and outputs.
        fork_server: forks the workers.
        end_readers: ends the sessions of all readers of a path, for a reason.
        on_event: hears the events of source, worker, format and observer.
        gate: decides who may try to connect now; all streams share it.
        timing: clock, timers and waiting of the outputs.
        make_worker: makes the worker.
        make_source: makes a source for every connection that begins anew.

    Attributes:
        status: the status of the stream.
        ledger: counts everything that was not let through.
        outputs: the outputs that are served, by name.
    """

    def __init__(
        self,
        name: str,
        settings: StreamSettings,
        fork_server: ForkServer,
        end_readers: Callable[[str, EndReason], None],
        on_event: OnEvent,
        gate: HostGate,
        *,
        timing: Timing | None = None,
        make_worker: Callable[..., Worker] = Worker,
        make_source: Callable[..., Source] = Source,
    ) -> None:
        self.name = name
        self.status, self.ledger = StreamStatus(name=name), Ledger()
        self._settings, self._gate = settings, gate
        self._end_readers, self._make_source = end_readers, make_source
        self._tell = functools.partial(on_event, name)
        self._log = structlog.get_logger().bind(stream=name)
        self._availability = Availability(self.status, self._tell, self._log, gate.memory.last_seen)
        make_worker = worker_class(settings.worker, make_worker)
        self._worker = make_worker(name, settings.worker, fork_server, self.status.worker, self._log, self)
        self._timing = timing or LoopTiming()
        self.outputs = Outputs(name, self._worker, self, self._timing)
        self._arrange_outputs()
        self._source = self._new_source()
        self._tasks: list[asyncio.Task[None]] = []
        self._observer = StreamObserver(self.status, self.ledger, self._log, self._tell)

    def _new_source(self) -> Source:
        self._relay = relay = SourceRelay(self._worker, self._availability, self._timing)
        return self._make_source(self._settings.source, self.ledger, self.status.source, self._log, relay, self._gate)

    def _arrange_outputs(self) -> None:
        self.outputs.arrange(self._settings.named_outputs())
        self.status.outputs = {name: output.status for name, output in self.outputs.items()}
        self._gate.memory.outputs.tell(self.outputs.values(), self._settings)

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pull and to serve."""
        if not self.is_enabled:
            self._availability.disable()
            return
        self._availability.start()
        self._tasks = [asyncio.create_task(self._worker.run()), asyncio.create_task(self._source.run())]

    async def leave(self) -> None:
        """Leave the camera for good."""
        await cancel_tasks(self._tasks[1:])

    async def stop(self) -> None:
        """Leave the camera, and end the worker."""
        self._availability.note_seen()
        await cancel_tasks(self._tasks)
        self._tasks = []
        self.outputs.stop()
        self._worker.stop()

    async def reconfigure(self, settings: StreamSettings) -> None:
        """Apply other settings, disturbing as little as possible.

        Another codec, size or shape ends the readers' sessions, another source means another connection, nothing else.
        """
        before, self._settings = self._settings, settings.following(self._settings)
        settings = self._settings
        for output in self.outputs.values():
            if settings.worker.display_aspect != before.worker.display_aspect:
                output.forget_format()
            if settings.audible != before.audible:
                output.forget_audio()
        self._arrange_outputs()
        if changed_worker := settings.worker != before.worker:
            self._worker.configure(settings.worker)
        if reason := settings.reason_to_replace(before):
            self._worker.replace(reason)
        if settings.enabled != before.enabled:
            await self.stop()
            if settings.enabled:
                self._source = self._new_source()
            else:
                self.outputs.end_readers()
            self.start()
        elif settings.enabled:
            if changed_worker:
                self.outputs.request_idr()
            if settings.source != before.source:
                await self._reconnect()

    async def restart(self) -> None:
        """Connect to the camera anew and replace the worker; readers stay."""
        if self.is_enabled:
            self._worker.replace("replaced on request")
            await self._reconnect()

    async def _reconnect(self) -> None:
        """Leave the camera and begin anew, with a fresh back-off."""
        await cancel_tasks(self._tasks[1:])
        self._source = self._new_source()
        self._tasks[1:] = [asyncio.create_task(self._source.run())]

    def note_problem(self, problem: str) -> None:
        """Show in one line why the stream does not play."""
        self._availability.note_problem(problem)

    async def snapshot(self, output: str = MAIN) -> bytes:
        """Return the last picture of an output, masked, as a JPEG; CommandRejected says why there is none."""
        return await self._worker.snapshot(await self.outputs.woken(output))

    async def thumbnail(self, output: str, width: int, known: int = 0) -> Thumbnail:
        """Return the same scaled down; it has no JPEG where its version is known."""
        return await self._worker.thumbnail(await self.outputs.woken(output), width, known)

    @property
    def reception(self) -> dict[str, Any]:
        """Return the counters of the current connection's reception."""
        return self._source.reception

    # -- from the worker -----------------------------------------------------------------------------------------

    @property
    @override
    def has_readers(self) -> bool:
        return any(output.is_awaited for output in self.outputs.values())

    @override
    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        is_shown = self.outputs.numbered(picture.output_number).on_picture(picture, types, clock.monotonic())
        if is_shown and not self._availability.is_playing:
            self._availability.note_picture(is_readable=self._source.is_connected and self._source.is_readable)

    @override
    def on_format(self, report: PictureFormat) -> None:
        self.outputs.numbered(report.output_number).on_format(report.output, is_slate=report.is_slate)

    @override
    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        if (audio := self._worker.audio_output) is not None and audio.codec is self._settings.audible:
            for output in self.outputs.values():
                output.on_audio(pts, frame, audio)

    @override
    def on_worker_lost(self, reason: str) -> None:
        self._tell("worker_restarted", {"reason": reason})

    @override
    def on_worker_problem(self, problem: str) -> None:
        self.note_problem(problem)

    # -- from the outputs ----------------------------------------------------------------------------------------

    @property
    @override
    def is_enabled(self) -> bool:
        return self._settings.enabled

    @property
    @override
    def expects_audio(self) -> bool:
        return self._settings.source.audio and self._source.expects_audio

    @override
    def end_readers(self, path: str, reason: EndReason) -> None:
        self._end_readers(path, reason)

    @override
    def remember(self, path: str, number: int, told: Remembered) -> None:
        self._gate.memory.outputs.note(path, self._settings.worker, number, told)

    @override
    def on_size_changed(self, path: str, made: dict[str, Any]) -> None:
        self._log.info("output format changed; readers have to ask again", path=path)
        self._tell("format_changed", made)

    # -- watch ---------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Look after the stream every TICK_S: watchdogs, and the repeated picture while the camera is away."""
        self._worker.check(now)
        self._worker.set_banner(self._availability.banner(self._settings.banner_title(self.name)))
        self.outputs.tick(now)
        self._relay.look(now)
        look_after_decoding(self._source, self._worker, now)

    def sample(self, now: float) -> None:
        """Observe the stream: rates, and events that are noticed by counting; the gateway calls this every second."""
        self._availability.look()
        self._observer.look(now, bytes_in=self._source.received_bytes, cpu_s=self._worker.cpu_s)
