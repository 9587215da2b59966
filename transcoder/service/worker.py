"""The service's side of a stream's worker keeps one running, feeds it, and believes it no more than a camera."""

import asyncio
import contextlib

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.errors import CommandRejected, WorkerError
from transcoder.ipc.messages import (
    MAX_AUDIO_SIZE,
    RANDOM_ACCESS,
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
from transcoder.service.worker_receiver import WorkerListener, WorkerReceiver
from transcoder.service.worker_settings import WorkerSettings
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat, WorkerOptions


class Worker:
    """Keeps one stream's worker, which is replaced whenever it is lost.

    Args:
        name: the name of the stream.
        options: the options of the worker.
        fork_server: forks the workers.
        status: the worker's part of the stream's status; this Worker alone writes it.
        log: a log that is bound to the stream's name.
        listener: gets everything that workers make.
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
        self._settings = WorkerSettings(options)
        self._fork_server = fork_server
        self._status = status
        self._log = log
        self._listener = listener
        self._receiver = WorkerReceiver(self._settings, status, log, listener)
        self._life = WorkerLife()
        self._changed = asyncio.Event()
        self._gop = GroupOfPictures()
        self._audio_format: AudioFormat | None = None
        self._connection: WorkerConnection | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a worker running."""
        life = self._life
        life.want(clock.monotonic())
        while True:
            self._changed.clear()  # later changes are seen below, or end the waiting
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
        try:
            self._connection = await WorkerConnection.start(
                self._fork_server,
                self._name,
                self._settings.for_new_worker(),
                self._receiver.receive,
                self._on_gone,
                self._urgency,
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
        """Tell a new worker the facts that its predecessor knew."""
        connection = self._connection
        if connection is None:
            return
        if self._settings.changed_since():
            connection.configure(self._settings.options)
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
        self._receiver.stop()
        self._gop.clear()

    def replace(self, reason: str) -> None:
        """Give up the worker and its pictures."""
        self._gop.clear()
        if self._connection is not None:
            self._connection.kill(reason)

    def configure(self, options: WorkerOptions) -> None:
        """Apply other settings, for this worker and later ones."""
        self._settings.change(options)
        if self._connection is not None:
            self._connection.configure(options)

    def set_slate_size(self, size: tuple[int, int]) -> None:
        """Give the slate the size that the camera claims: a slate of this size need not be given up for the camera."""
        if self._settings.change_slate_size(size) and self._connection is not None:
            self._connection.configure(self._settings.options)

    def check(self, now: float) -> None:
        """Look after the worker's memory and signs of life."""
        if self._connection is not None:
            self._connection.check(now)

    @property
    def is_running(self) -> bool:
        """Return whether there is a worker."""
        return self._connection is not None

    @property
    def cpu_s(self) -> float:
        """Return the processor time of all workers so far."""
        return self._status.cpu_s + self._receiver.cpu_s

    @property
    def audio_output(self) -> tuple[int, bytes] | None:
        """Return samples a second and AudioSpecificConfig of our audio, once there is any."""
        return self._receiver.audio_output

    @property
    def last_decoded(self) -> float:
        """Return monotonic seconds of the last report of newly decoded pictures, or 0."""
        return self._receiver.last_decoded

    # -- towards the worker --------------------------------------------------------------------------------------

    def _send(self, message: bytes) -> None:
        if self._connection is not None:
            self._connection.send(message)

    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        """Send an access unit; return False when it was shed, and with it the access units that refer to it."""
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
        """Tell the worker the format of the camera's audio."""
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
        """Return the last picture, masked, as a JPEG.

        Raises:
            CommandRejected: there is no picture.
        """
        if self._connection is None:
            raise CommandRejected(f"stream {self._name} has no worker to make a snapshot")
        self._send(serialize_snapshot_request(0))
        return await self._receiver.snapshot(self._name)

    # -- from the worker -----------------------------------------------------------------------------------------

    def _on_gone(self, reason: str) -> None:
        now = clock.monotonic()
        if self._connection is not None:  # one that died before it was given any picture died of none
            self._gop.worker_died()
        self._connection = None
        self._status.pid = None
        self._status.deaths += 1
        self._receiver.begin()
        self._log.warning("worker lost", reason=reason, gops_discarded=self._gop.discarded)
        self._life.died(now)
        self._changed.set()
        self._listener.on_worker_lost(reason)
