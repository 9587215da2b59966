"""The receiving side of a stream's workers checks and counts their messages, and hands them on."""

import asyncio
from typing import Any, Protocol

import structlog

from transcoder import clock
from transcoder.errors import CommandRejected, LimitExceeded
from transcoder.ipc.messages import CodedMessage, MessageType
from transcoder.service.coded_pictures import CodedPictures
from transcoder.service.line_limit import LineLimit
from transcoder.service.status import WorkerStatus
from transcoder.service.worker_budget import WorkerBudget
from transcoder.service.worker_reports import (
    AudioOutput,
    CodedAudio,
    Failure,
    PictureFormat,
    Snapshot,
    SourceFormat,
    Statistics,
    is_timely,
    parse_report,
)
from transcoder.service.worker_settings import WorkerSettings

SNAPSHOT_WAIT_S = 3.0
MAX_LINES = 5
"""Lines of the log of one kind that a stream's workers may cause within LINES_SPAN_S; the next line tells how many it
stands for."""
LINES_SPAN_S = 60.0
DEFAULT_FRAME_RATE = 25.0
"""Pictures a second of an output whose worker did not tell."""


class WorkerListener(Protocol):
    """Gets everything that a stream's workers make, and the news of the workers."""

    @property
    def has_readers(self) -> bool:
        """Return whether somebody watches the stream: then it gets a worker before others do."""

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        """Take a picture that our encoder made, and the types of its NAL units."""

    def on_format(self, report: PictureFormat) -> None:
        """Note the format in which pictures of an output come from now on."""

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        """Take an AAC frame of ours and its time, 90 kHz ticks."""

    def on_worker_lost(self, reason: str) -> None:
        """Note that a worker died or was given up."""

    def on_worker_problem(self, problem: str) -> None:
        """Note in one line why there is no worker, or which work a worker can't do."""


class WorkerReceiver:
    """Takes the messages of one worker after another.

    Args:
        settings: the settings of the workers.
        status: the worker's part of the stream's status.
        log: a log that is bound to the stream's name.
        listener: gets the messages that are let through.

    Attributes:
        audio_output: samples a second and AudioSpecificConfig of our audio, once there is any.
        last_decoded: monotonic seconds of the last report of newly decoded pictures, or 0.
        cpu_s: processor time of the present worker, seconds.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        status: WorkerStatus,
        log: structlog.stdlib.BoundLogger,
        listener: WorkerListener,
    ) -> None:
        self._settings = settings
        self._status = status
        self._log = log
        self._listener = listener
        self._decoded_pictures = 0
        self._pictures: dict[int, CodedPictures] = {}
        self._budget = WorkerBudget()
        self._lines = LineLimit[str](MAX_LINES, LINES_SPAN_S)
        self._snapshots: list[asyncio.Future[bytes]] = []
        self.audio_output: tuple[int, bytes] | None = None
        self.last_decoded = 0.0
        self.cpu_s = 0.0

    def begin(self) -> None:
        """Expect another worker, which counts from zero; the processor time of the last one is added up."""
        self._status.cpu_s += self.cpu_s
        self.cpu_s = 0.0
        self._decoded_pictures = 0
        self._pictures.clear()
        self._budget = WorkerBudget()

    def stop(self) -> None:
        """Expect no worker any more."""
        self.begin()
        for snapshot in self._snapshots:
            if not snapshot.done():  # an error, because to cancel it would cancel whoever waits for it
                snapshot.set_exception(CommandRejected("the stream was stopped before it made a snapshot"))
        self._snapshots.clear()

    async def snapshot(self, stream: str) -> bytes:
        """Wait for the picture that the worker was asked for.

        Args:
            stream: the stream's name, for the error.

        Raises:
            CommandRejected: there is no picture.
        """
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._snapshots.append(future)
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                picture = await future
        except TimeoutError:
            raise CommandRejected(f"stream {stream} made no snapshot in {SNAPSHOT_WAIT_S:g} s") from None
        finally:
            if future in self._snapshots:
                self._snapshots.remove(future)
        if not picture:
            raise CommandRejected(f"stream {stream} has no picture yet")
        return picture

    def receive(self, kind: MessageType, body: memoryview) -> None:
        """Take a worker's message.

        Raises:
            RemoteProtocolError: no worker of ours sends this.
        """
        now = clock.monotonic()
        self._budget.count(kind, now)
        match parse_report(kind, body, len(self._settings.options.outputs)):
            case CodedMessage() as picture:
                self._on_picture(picture, now)
            case CodedAudio(pts=pts, data=data):
                if is_timely(pts, now):
                    self._listener.on_coded_audio(pts, data)
            case Statistics() as report:
                self._on_statistics(report)
            case PictureFormat() as report:
                self._settings.note_format(report)
                self._listener.on_format(report)
            case SourceFormat(document=document):
                self._on_source_format(document)
            case AudioOutput(clock_rate=rate, config=config):
                self.audio_output = (rate, config)
            case Failure(reason=reason, problem=problem):
                self._listener.on_worker_problem(problem)
                if count := self._lines.take("failure", now):
                    self._log.warning("worker reports", reason=reason, reports=count)
            case Snapshot(jpeg=jpeg):
                for future in self._snapshots:
                    if not future.done():
                        future.set_result(jpeg)

    def _on_picture(self, picture: CodedMessage, now: float) -> None:
        """Hand on a picture only if our encoder can have made it, wherever it comes from."""
        number = picture.output_number
        options = self._settings.options.outputs[number]
        known = self._pictures.get(number)
        if known is None or known.codec is not options.codec:
            known = self._pictures[number] = CodedPictures(options.codec)
        types = known.types(picture)
        rate = self._settings.frame_rate(number) or DEFAULT_FRAME_RATE
        try:
            self._budget.count_picture(number, options, known.size, rate, 8 * sum(map(len, picture.nal_units)), now)
        except LimitExceeded:
            self._settings.forget_formats()  # a camera may have become faster than an output's frame rate says
            raise
        if types is None or not is_timely(picture.pts, now) or not self._settings.is_told(number, known.size):
            self._status.rejected += 1
        else:
            self._listener.on_picture(picture, types)

    def _on_statistics(self, report: Statistics) -> None:
        self.cpu_s = report.cpu_s
        if report.decoded_pictures > self._decoded_pictures:
            self._decoded_pictures = report.decoded_pictures
            self.last_decoded = clock.monotonic()
        self._status.report = report.document

    def _on_source_format(self, document: dict[str, Any]) -> None:
        known = self._status.source_format
        if known and document != known and (count := self._lines.take("source format", clock.monotonic())):
            self._log.info("source format changed", before=known, now=document, changes=count)
        self._status.source_format = document
