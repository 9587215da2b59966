"""This source and this worker do nothing but note each call: a stream is tested between them."""

import asyncio
from typing import Any

from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.urls import parse_url
from transcoder.service.settings import StreamSettings
from transcoder.service.source import Source, SourceListener
from transcoder.service.status import WorkerStatus
from transcoder.service.stream import Stream
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.source.intake import CodedUnit
from transcoder.source.status import SourceStatus
from transcoder.worker_options import MAIN, OutputOptions, WorkerOptions


def allow(address: str) -> bool:
    """Let a camera be anywhere."""
    del address
    return True


def source_options(url: str = "rtsp://192.0.2.1/live", *, audio: bool = False) -> SourceOptions:
    return SourceOptions(url=parse_url(url), credentials=None, transport="tcp", allowed=allow, audio=audio)


def stream_settings(
    *names: str, enabled: bool = True, source: SourceOptions | None = None, **options: Any
) -> StreamSettings:
    """Make the settings of a stream with these outputs, or MAIN alone; the options are the worker's."""
    names = names or (MAIN,)
    options.setdefault("outputs", tuple(OutputOptions() for _ in names))
    return StreamSettings(
        enabled=enabled, source=source or source_options(), worker=WorkerOptions(**options), outputs=names
    )


class FakeWorker(Worker):
    """Stands in for a worker that takes everything and makes no pictures.

    Attributes:
        told: all calls in turn: the name of the method and its arguments.
        takes: whether the worker has room for access units.
    """

    audio_output: ServedAudio | None = None
    last_decoded = 0.0
    began = 0.0

    def __init__(
        self,
        name: str,
        options: WorkerOptions,
        fork_server: object,
        status: WorkerStatus,
        log: object,
        listener: WorkerListener,
    ) -> None:
        self.listener = listener
        self.told: list[tuple[Any, ...]] = []
        self.takes = True
        self.banner = ""
        self.has_process = False
        self.used_cpu_s = 0.0

    def need(self) -> None:
        pass  # once a connection, and once a reader

    async def run(self) -> None:
        self.has_process = True
        await asyncio.Event().wait()

    def stop(self) -> None:
        self.has_process = False
        self.told.append(("stop",))

    def replace(self, reason: str) -> None:
        self.told.append(("replace", reason))

    def configure(self, options: WorkerOptions) -> None:
        self.told.append(("configure", options))

    def check(self, now: float) -> None:
        pass

    @property
    def is_running(self) -> bool:
        return self.has_process

    @property
    def cpu_s(self) -> float:
        return self.used_cpu_s

    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        self.told.append(("feed", unit, arrival))
        return self.takes

    def force_idr(self, number: int) -> None:
        self.told.append(("force_idr", number))

    def note_unread(self, number: int) -> None:
        pass  # several times a minute

    def set_awake(self, number: int, *, is_awake: bool) -> None:
        pass  # once at first

    def repeat(self, number: int, shown: float) -> None:
        self.told.append(("repeat", number))

    def set_banner(self, text: str) -> None:
        self.banner = text

    async def snapshot(self, number: int = 0) -> bytes:
        return b"JPEG" + str(number or "").encode()

    async def thumbnail(self, number: int, width: int, known: int = 0) -> Thumbnail:
        self.told.append(("thumbnail", number, width, known))
        jpeg = b"" if known == 7 else b"small JPEG"
        return Thumbnail(output_number=number, width=width, version=7, jpeg=jpeg)

    def told_since(self) -> list[tuple[Any, ...]]:
        """Return the calls since the last call of this method."""
        told, self.told = self.told, []
        return told


class FakeSource(Source):
    """Stands in for a source and has no camera."""

    def __init__(
        self,
        options: SourceOptions,
        ledger: object,
        status: SourceStatus,
        log: object,
        listener: SourceListener,
        gate: object,
    ) -> None:
        self.options = options
        self.status = status
        self.listener = listener
        self.running = False
        self.given_up: list[str] = []
        self.plays_for: float | None = None
        self.encrypted = False
        self.bytes = 0

    async def run(self) -> None:
        self.running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.running = False

    def played_s(self) -> float | None:
        return self.plays_for

    @property
    def is_connected(self) -> bool:
        return self.plays_for is not None

    @property
    def patience_s(self) -> float:
        return 0.0  # a camera without pauses

    @property
    def is_readable(self) -> bool:
        return not self.encrypted

    @property
    def received_bytes(self) -> int:
        return self.bytes

    @property
    def reception(self) -> dict[str, Any]:
        return {"packets": 7}

    def give_up(self, reason: str) -> None:
        self.given_up.append(reason)


class StreamParts:
    """Makes the parts of one stream and keeps them.

    Attributes:
        workers: all workers that were made.
        sources: all sources that were made, the present one last.
    """

    def __init__(self) -> None:
        self.workers: list[FakeWorker] = []
        self.sources: list[FakeSource] = []

    def make_worker(self, *arguments: Any) -> FakeWorker:
        self.workers.append(FakeWorker(*arguments))
        return self.workers[-1]

    def make_source(self, *arguments: Any) -> FakeSource:
        self.sources.append(FakeSource(*arguments))
        return self.sources[-1]

    @property
    def worker(self) -> FakeWorker:
        [worker] = self.workers
        return worker

    @property
    def source(self) -> FakeSource:
        return self.sources[-1]


class KeptStream(Stream):
    """Runs a stream between parts that do nothing.

    Attributes:
        parts: the stream's source and worker.
        ticks: the times of all calls of tick.
        samples: the times of all calls of sample.
    """

    def __init__(self, name: str, settings: StreamSettings, *arguments: Any) -> None:
        self.parts = StreamParts()
        self.ticks: list[float] = []
        self.samples: list[float] = []
        super().__init__(
            name, settings, *arguments, make_worker=self.parts.make_worker, make_source=self.parts.make_source
        )

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    def sample(self, now: float) -> None:
        self.samples.append(now)
