"""The service's side of a stream's worker: it keeps one running, feeds it, and believes it no more than a camera."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import CommandRejected, WorkerError
from transcoder.ipc.messages import (
    MAX_AUDIO_SIZE,
    RANDOM_ACCESS,
    CodedMessage,
    MessageType,
    serialize_access_unit,
    serialize_audio,
    serialize_keyframe,
    serialize_message,
    serialize_repeat,
    serialize_snapshot_request,
)
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.gop import GroupOfPictures
from transcoder.service.status import WorkerStatus
from transcoder.service.worker_connection import MAX_BACKLOG, WorkerConnection
from transcoder.service.worker_life import RETRY_S, LifeAction, WorkerLife
from transcoder.service.worker_reports import (
    AudioOutput,
    CodedAudio,
    Failure,
    PictureFormat,
    Snapshot,
    SourceFormat,
    Statistics,
    is_timely,
    nal_unit_types,
    parse_report,
)
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat, OutputFormat, WorkerOptions

SNAPSHOT_WAIT_S = 3.0


class WorkerListener(Protocol):
    """Who gets what a stream's workers make, and is told what becomes of them."""

    @property
    def has_readers(self) -> bool:
        """Whether somebody watches the stream: then it gets a worker before others do."""

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        """Take a picture that our encoder made, and the types of its NAL units."""

    def on_format(self, report: PictureFormat) -> None:
        """Note the format in which pictures of an output come from now on."""

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        """Take an AAC frame of ours and its time, 90 kHz ticks."""

    def on_worker_lost(self, reason: str) -> None:
        """Note that a worker died or was given up."""

    def on_worker_problem(self, problem: str) -> None:
        """Note, in one line, why there is no worker or what a worker can't do."""


class Worker:
    """One stream's worker, replaced whenever it is lost.

    Args:
        name: of the stream.
        options: of the worker.
        fork_server: where workers come from.
        status: the worker's part of what is known of the stream; this Worker alone writes it.
        log: bound to the stream's name.
        listener: gets what workers make.

    Attributes:
        audio_output: samples a second and AudioSpecificConfig of our audio, once there is any.
        last_decoded: monotonic seconds of the last report of newly decoded pictures.
    """

    def __init__(
        self,
        name: str,
        options: WorkerOptions,
        fork_server: ForkServer,
        status: WorkerStatus,
        log: structlog.stdlib.BoundLogger,
        listener: WorkerListener,
    ) -> None:
        self._name = name
        self._options = options
        self._fork_server = fork_server
        self._status = status
        self._log = log
        self._listener = listener
        self._audio_format: AudioFormat | None = None
        self.audio_output: tuple[int, bytes] | None = None
        self._life = WorkerLife()
        self._changed = asyncio.Event()
        self._gop = GroupOfPictures()
        self._connection: WorkerConnection | None = None
        self._told = options
        self._snapshots: list[asyncio.Future[bytes]] = []
        self._decoded_pictures = 0
        self._cpu_s = 0.0
        self._formats: dict[int, PictureFormat] = {}
        self.last_decoded = 0.0

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a worker running."""
        life = self._life
        life.want(clock.monotonic())
        while True:
            self._changed.clear()  # what changes from here on is seen below, or ends the waiting
            life.handle_timeout(clock.monotonic())
            action = life.next_action()
            if action is LifeAction.START:
                await self._start()
            elif action is LifeAction.BRIEF:
                self._brief()
            elif action is LifeAction.DISCARD:
                self._end()
            else:
                await self._wait(life.next_timeout())

    async def _wait(self, due: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - clock.monotonic(), 0.0)):
                await self._changed.wait()

    async def _start(self) -> None:
        self._told = self._with_fixed(self._fixed_formats())
        try:
            self._connection = await WorkerConnection.start(
                self._fork_server, self._name, self._told, self._on_message, self._on_gone, self._urgency
            )
        except WorkerError as error:
            self._listener.on_worker_problem(str(error))
            self._log.error("worker not started", reason=str(error), retry_in_s=RETRY_S)
            self._life.start_failed(clock.monotonic())
        else:
            self._life.started(clock.monotonic())

    def _urgency(self) -> Urgency:
        return Urgency(has_readers=self._listener.has_readers, has_played=self.last_decoded > 0)

    def _brief(self) -> None:
        """Tell a new worker what its predecessor knew."""
        connection = self._connection
        if connection is None:
            return
        if (
            self._with_fixed([output.fixed for output in self._told.outputs]) != self._told
        ):  # changed while the worker was started
            connection.configure(self._options)
        self._decoded_pictures = 0
        self._status.pid = connection.pid
        self._status.starts += 1
        if self._audio_format is not None:
            self.set_audio(self._audio_format)
        for message in self._gop.replay(clock.monotonic()):
            connection.send(message)

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.stop()
            self._connection = None

    def stop(self) -> None:
        """End the worker for good."""
        self._life.stop()
        self._end()
        self._status.pid = None
        self._retire()
        self._gop.clear()
        for snapshot in self._snapshots:
            snapshot.cancel()
        self._snapshots.clear()

    def replace(self, reason: str) -> None:
        """Give up the worker and what it knows."""
        self._gop.clear()
        if self._connection is not None:
            self._connection.kill(reason)

    def configure(self, options: WorkerOptions) -> None:
        """Other settings, for this worker and those to come."""
        if options.shapes != self._options.shapes:
            self._formats.clear()
        self._options = options
        if self._connection is not None:
            self._connection.configure(options)

    def set_slate_size(self, size: tuple[int, int]) -> None:
        """The camera claims pictures of this size: a slate that has it need not be given up for them."""
        width, height = size[0] & ~1, size[1] & ~1
        if not self._formats and is_sane_size(width, height) and (width, height) != self._options.slate_size:
            self.configure(replace(self._options, slate_size=(width, height)))

    def check(self, now: float) -> None:
        """Look after the worker's memory and signs of life."""
        if self._connection is not None:
            self._connection.check(now)

    @property
    def is_running(self) -> bool:
        """Whether there is a worker."""
        return self._connection is not None

    @property
    def cpu_s(self) -> float:
        """Processor time of all workers so far."""
        return self._status.cpu_s + self._cpu_s

    # -- towards the worker --------------------------------------------------------------------------------------

    def _send(self, message: bytes) -> None:
        if self._connection is not None:
            self._connection.send(message)

    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        """Send an access unit; False when it was shed, and with it what refers to it."""
        wanted = self._gop.add(unit)
        connection = self._connection
        if connection is None or not wanted:
            return True
        if connection.backlog() > MAX_BACKLOG:
            self._status.shed_access_units += 1
            self._gop.clear()
            return False
        flags = RANDOM_ACCESS if unit.random_access else 0
        connection.send(serialize_access_unit(unit.codec, flags, unit.pts, arrival, unit.data))
        return True

    def set_audio(self, audio: AudioFormat) -> None:
        """The camera's audio is of this kind."""
        self._audio_format = audio
        self._send(serialize_message(MessageType.AUDIO_FORMAT, audio.to_json()))

    def feed_audio(self, pts: int, data: bytes) -> None:
        """Send an audio unit; audio never makes pictures wait."""
        connection = self._connection
        if connection is not None and connection.backlog() < MAX_BACKLOG // 2 and len(data) <= MAX_AUDIO_SIZE:
            connection.send(serialize_audio(MessageType.AUDIO, pts, data))

    def force_idr(self, number: int) -> None:
        """Make the next picture of an output an IDR."""
        self._send(serialize_keyframe(number))

    def repeat(self, number: int, now: float) -> None:
        """Have the last picture of an output, or a slate, encoded again for now."""
        self._send(serialize_repeat(number, round(now * VIDEO_CLOCK_RATE)))

    async def snapshot(self) -> bytes:
        """The last picture, masked, as a JPEG.

        Raises:
            CommandRejected: there is none.
        """
        if self._connection is None:
            raise CommandRejected(f"stream {self._name} has no worker to make a snapshot")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._snapshots.append(future)
        self._send(serialize_snapshot_request(0))
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                picture = await future
        except TimeoutError:
            raise CommandRejected(f"stream {self._name} made no snapshot in {SNAPSHOT_WAIT_S:g} s") from None
        finally:
            if future in self._snapshots:
                self._snapshots.remove(future)
        if not picture:
            raise CommandRejected(f"stream {self._name} has no picture yet")
        return picture

    # -- from the worker -----------------------------------------------------------------------------------------

    def _on_gone(self, reason: str) -> None:
        now = clock.monotonic()
        if self._connection is not None:  # one that died before it was given any picture died of none
            self._gop.worker_died()
        self._connection = None
        self._status.pid = None
        self._status.deaths += 1
        self._retire()
        self._log.warning("worker lost", reason=reason, gops_discarded=self._gop.discarded)
        self._life.died(now)
        self._changed.set()
        self._listener.on_worker_lost(reason)

    def _retire(self) -> None:
        self._status.cpu_s += self._cpu_s
        self._cpu_s = 0.0

    def _on_message(self, kind: MessageType, body: memoryview) -> None:
        """Take a worker's message.

        Raises:
            RemoteProtocolError: no worker of ours sends this.
        """
        match parse_report(kind, body, len(self._options.outputs)):
            case CodedMessage() as picture:
                self._on_coded(picture)
            case CodedAudio(pts=pts, data=data):
                if is_timely(pts, clock.monotonic()):
                    self._listener.on_coded_audio(pts, data)
            case Statistics() as report:
                self._on_statistics(report)
            case PictureFormat() as report:
                self._on_format(report)
            case SourceFormat(document=document):
                self._on_source_format(document)
            case AudioOutput(clock_rate=rate, config=config):
                self.audio_output = (rate, config)
            case Failure(reason=reason):
                self._listener.on_worker_problem(reason)
                self._log.warning("worker reports", reason=reason)
            case Snapshot(jpeg=jpeg):
                for future in self._snapshots:
                    if not future.done():
                        future.set_result(jpeg)

    def _on_coded(self, picture: CodedMessage) -> None:
        """Let through only what our encoder makes, wherever it comes from."""
        types = nal_unit_types(picture, self._options.outputs[picture.output_number].codec)
        if types is None or not is_timely(picture.pts, clock.monotonic()):
            self._status.rejected += 1
        else:
            self._listener.on_picture(picture, types)

    def _on_statistics(self, report: Statistics) -> None:
        self._cpu_s = report.cpu_s
        if report.decoded_pictures > self._decoded_pictures:
            self._decoded_pictures = report.decoded_pictures
            self.last_decoded = clock.monotonic()
        self._status.report = report.document

    def _on_source_format(self, document: dict[str, Any]) -> None:
        known = self._status.source_format
        if known and document != known:
            self._log.info("source format changed", before=known, now=document)
        self._status.source_format = document

    def _on_format(self, report: PictureFormat) -> None:
        self._formats[report.output_number] = report
        self._listener.on_format(report)

    def _fixed_formats(self) -> list[OutputFormat | None]:
        """The format of every output that a new worker is to keep; a slate's is given up for the camera's."""
        made = [self._formats.get(number) for number in range(len(self._options.outputs))]
        return [report.output if report is not None and not report.is_slate else None for report in made]

    def _with_fixed(self, fixed: Sequence[OutputFormat | None]) -> WorkerOptions:
        """The options, with a format that a new worker is to keep, or None, for every output that has one."""
        kept = dict(enumerate(fixed))
        outputs = tuple(replace(output, fixed=kept.get(number)) for number, output in enumerate(self._options.outputs))
        return replace(self._options, outputs=outputs)
