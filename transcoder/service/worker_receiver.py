"""The receiving side of a stream's workers checks and counts their messages, and hands them on."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from transcoder import clock
from transcoder.errors import LimitExceeded, RemoteProtocolError
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import CodedMessage, MessageType
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.service.coded_pictures import CodedPictures
from transcoder.service.line_limit import LineLimit
from transcoder.service.recurrence import RepeatedLine
from transcoder.service.status import WorkerStatus
from transcoder.service.stills import Stills, Wanted
from transcoder.service.worker_budget import WorkerBudget
from transcoder.service.worker_reports import (
    CodedAudio,
    Failure,
    LinkBroken,
    PictureFormat,
    Snapshot,
    SourceFormat,
    Statistics,
    is_timely,
    parse_report,
)
from transcoder.service.worker_settings import WorkerSettings
from transcoder.service.worker_words import joined_report
from transcoder.worker_options import Fallback, Role

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
        """Take a frame of our sound and its time, 90 kHz ticks."""

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
        on_link_broken: is called with the rule that a decoding process broke and the generation of that process.

    Attributes:
        audio_output: the format of our audio, once there is any.
        last_decoded: monotonic seconds of the last report of newly decoded pictures, or 0.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        status: WorkerStatus,
        log: structlog.stdlib.BoundLogger,
        listener: WorkerListener,
        on_link_broken: Callable[[str, int], None],
    ) -> None:
        self._on_link_broken = on_link_broken
        self._settings = settings
        self._status = status
        self._log = log
        self._failures = RepeatedLine(log, "warning", at_once=MAX_LINES, is_traced=False)
        self._listener = listener
        self._decoded_pictures = 0
        self._pictures: dict[int, CodedPictures] = {}
        self._budgets: defaultdict[Role, WorkerBudget] = defaultdict(WorkerBudget)
        self._reports: dict[Role, dict[str, Any]] = {}
        self._lines = LineLimit[str](MAX_LINES, LINES_SPAN_S)
        self._told_fallbacks: set[Fallback] = set()
        self._stills = Stills()
        self.audio_output: ServedAudio | None = None
        self.last_decoded = 0.0

    def begin(self, role: Role) -> None:
        """Expect another process, which counts from zero; the processor time of the last one is added up.

        Args:
            role: the role of the process.
        """
        self._status.cpu_s += self._reports.pop(role, {}).get("cpu_s", 0.0)
        self._budgets.pop(role, None)
        if role is not Role.ENCODING:
            self._decoded_pictures = 0
        if role is not Role.DECODING:
            self._pictures.clear()

    def stop(self) -> None:
        """Expect no worker any more."""
        for role in Role:
            self.begin(role)
        self._stills.stop()

    async def still(self, stream: str, wanted: Wanted, send: Callable[[], None]) -> Thumbnail:
        """Ask the worker for a picture, and wait for it.

        Args:
            stream: the stream's name, for the error.
            wanted: the picture.
            send: sends the request.

        Raises:
            CommandRejected: there is no picture.
        """
        return await self._stills.take(stream, wanted, send, SNAPSHOT_WAIT_S)

    @property
    def cpu_s(self) -> float:
        """Return the processor time of the present worker, seconds."""
        return float(sum(report["cpu_s"] for report in self._reports.values()))

    def receive(self, role: Role, kind: MessageType, body: memoryview) -> None:
        """Take a worker's message.

        Args:
            role: the role of the process that sent it.
            kind: the type of the message.
            body: the rest of the message.

        Raises:
            RemoteProtocolError: no worker of ours sends this.
        """
        now = clock.monotonic()
        self._budgets[role].count(kind, now)
        match parse_report(kind, body, self._settings.outputs_told, role):
            case CodedMessage(output_number=number) | PictureFormat(output_number=number) if self._is_gone(number):
                pass  # it was on its way when the output was taken away
            case CodedMessage() as picture:
                self._on_picture(role, picture, now)
            case CodedAudio(pts=pts, data=data):
                if self.audio_output is None or not self.audio_output.codec.allows(data):
                    raise RemoteProtocolError("a worker's audio unit is none of our encoder")
                if is_timely(pts, now):
                    self._listener.on_coded_audio(pts, data)
            case Statistics() as report:
                self._on_statistics(role, report)
            case PictureFormat() as report:
                self._settings.note_format(report)
                self._listener.on_format(report)
            case SourceFormat(document=document):
                self._on_source_format(document)
            case ServedAudio() as audio:
                self.audio_output = audio
            case Failure(reason=reason, problem=problem):
                self._listener.on_worker_problem(problem)
                self._failures.tell("worker reports", reason)
            case LinkBroken(reason=reason, generation=generation):
                self._on_link_broken(reason, generation)
            case Snapshot(output_number=number, jpeg=jpeg):
                taken = Thumbnail(output_number=number, width=0, version=int(bool(jpeg)), jpeg=jpeg)
                self._stills.answer("snapshot", taken)
            case Thumbnail() as thumbnail:
                self._stills.answer("thumbnail", thumbnail)

    def _is_gone(self, number: int) -> bool:
        return number >= len(self._settings.options.outputs)

    def _on_picture(self, role: Role, picture: CodedMessage, now: float) -> None:
        """Hand on a picture only if our encoder can have made it, wherever it comes from."""
        number = picture.output_number
        options = self._settings.options.outputs[number]
        known = self._pictures.get(number)
        if known is None or known.codec is not options.codec:
            known = self._pictures[number] = CodedPictures(options.codec)
        types = known.types(picture)
        rate = self._settings.frame_rate(number) or DEFAULT_FRAME_RATE
        try:
            bits = 8 * sum(map(len, picture.nal_units))
            self._budgets[role].count_picture(number, options, known.size, rate, bits, now)
        except LimitExceeded:
            self._settings.forget_formats()  # a camera may have become faster than an output's frame rate says
            raise
        if types is None or not is_timely(picture.pts, now) or not self._settings.is_told(number, known.size):
            self._status.rejected += 1
        else:
            self._listener.on_picture(picture, types)

    def _on_statistics(self, role: Role, report: Statistics) -> None:
        self._reports[role] = report.document
        if role is not Role.ENCODING and report.decoded_pictures > self._decoded_pictures:
            self._decoded_pictures = report.decoded_pictures
            self.last_decoded = clock.monotonic()
        self._status.report = joined_report(self._reports)
        for reason in Fallback:
            if reason not in self._told_fallbacks and report.document["counters"].get(reason.counter):
                self._told_fallbacks.add(reason)
                if reason is Fallback.DIFFERENCE:
                    self._log.error("decoders show other pictures than the profile motion believes: x264 encodes")
                else:
                    self._log.warning("x264 is called over FFmpeg's interface instead of its own", reason=reason.value)

    def _on_source_format(self, document: dict[str, Any]) -> None:
        known = self._status.source_format
        if known and document != known and (count := self._lines.take("source format", clock.monotonic())):
            self._log.info("source format changed", before=known, now=document, changes=count)
        self._status.source_format = document
