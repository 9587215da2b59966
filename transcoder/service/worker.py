"""The service's side of a stream's worker keeps one running, feeds it, and believes it no more than a camera."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.errors import CommandRejected
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import (
    MAX_AUDIO_SIZE,
    RANDOM_ACCESS,
    MessageType,
    serialize_audio,
    serialize_message,
    serialize_output_number,
    serialize_repeat,
)
from transcoder.ipc.thumbnails import Thumbnail, serialize_thumbnail_request
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.gop import GroupOfPictures, SentUnit
from transcoder.service.recurrence import RepeatedLine
from transcoder.service.split_halves import SplitHalves
from transcoder.service.status import WorkerStatus
from transcoder.service.stills import Wanted
from transcoder.service.worker_connection import MAX_BACKLOG, WorkerConnection
from transcoder.service.worker_life import RETRY_S
from transcoder.service.worker_process import WorkerProcess
from transcoder.service.worker_receiver import WorkerListener, WorkerReceiver
from transcoder.service.worker_settings import WorkerSettings
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat, Role, WorkerOptions

TOLD_AT_ONCE: Final = 3
"""Workers that are lost within a while and have a line each; a camera that kills all is told as one that is away."""


class Worker:
    """Keeps one stream's worker, which is replaced whenever it is lost.

    Args:
        name: the name of the stream.
        options: the options of the worker.
        fork_server: forks the workers.
        status: the worker's part of the stream's status; this Worker alone writes it.
        log: a log that is bound to the stream's name.
        listener: gets everything that workers make.

    Attributes:
        began: monotonic seconds at which the first worker was there, or 0. The first start of all compiles for a while.
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
        self._lost = RepeatedLine(log, "warning", at_once=TOLD_AT_ONCE, about=name)
        self._not_started = RepeatedLine(log, "error", about=name)
        self._listener = listener
        self._receiver = WorkerReceiver(self._settings, status, log, listener, self._on_link_broken)
        self._gop = GroupOfPictures()
        self._audio_format: AudioFormat | None = None
        roles = (Role.ENCODING, Role.DECODING) if options.split else (Role.WHOLE,)
        self._processes = {role: self._process(role) for role in roles}
        self._encoding, self._decoding = self._processes[roles[0]], self._processes[roles[-1]]
        self._is_split = options.split
        self._halves = SplitHalves()
        self.began = 0.0
        self._quiet = False
        self._banner = ""
        self._needed = asyncio.Event()
        self._owed: set[int] = set()
        """The outputs that want a slate from a worker that is still to be forked."""

    def _process(self, role: Role) -> WorkerProcess:
        return WorkerProcess(
            partial(self._start, role), partial(self._brief, role), partial(self._on_gone, role), self._on_not_started
        )

    # -- life ----------------------------------------------------------------------------------------------------

    def need(self) -> None:
        """Have a worker forked if there is none yet, and kept from now on."""
        self._needed.set()

    async def run(self) -> None:
        """Keep a worker running from the time when one is needed: a hundred cameras that are away need none."""
        await self._needed.wait()
        self._halves = SplitHalves()
        if not self._is_split:
            await self._encoding.run()
        async with asyncio.TaskGroup() as group:
            for process in self._processes.values():
                group.create_task(process.run())

    async def _start(self, role: Role, on_gone: Callable[[str], None]) -> WorkerConnection:
        options = self._settings.for_new_worker()
        if role is Role.DECODING:  # it gets no masks and no outputs
            options = WorkerOptions(memory_limit_mb=options.memory_limit_mb)
        receive = partial(self._receiver.receive, role)
        place = self._halves.place(role)
        return await WorkerConnection.start(
            self._fork_server, self._name, options, receive, on_gone, self._urgency, place
        )

    def _urgency(self) -> Urgency:
        has_readers = self._listener.has_readers
        return Urgency(has_readers, self.last_decoded > 0, owes_slate=has_readers or bool(self._owed))

    def _brief(self, role: Role, connection: WorkerConnection) -> None:
        """Tell a new process the facts that its predecessor knew."""
        if not connection.is_stopgap:
            self.began = self.began or clock.monotonic()
        self._status.starts += 1
        if role is Role.DECODING:
            self._status.decoding_pid = connection.pid
        else:
            self._status.pid = connection.pid
            if self._settings.changed_since():
                connection.configure(self._settings.options)
        if self._audio_format is not None:
            self._tell_audio(role, self._audio_format)
        takes_units = role is not Role.ENCODING and not connection.is_stopgap
        if takes_units:
            units = self._gop.replay(clock.monotonic())
            self._halves.replay(units)
        if self._is_split:
            self._introduce(role, connection)
        if takes_units:
            for unit in units:
                connection.send(unit.to_bytes())
        if role is not Role.DECODING:
            if self._banner:
                connection.send(serialize_message(MessageType.BANNER, self._banner.encode()))
            owed, self._owed = self._owed, set()
            for number in owed:
                self.repeat(number, clock.monotonic())

    def _introduce(self, role: Role, connection: WorkerConnection) -> None:
        """Tell the encoding process which decoding process it has, and what that one has been sent."""
        other = (self._encoding if role is Role.DECODING else self._decoding).connection
        if other is None:
            return
        if other.pid != connection.peer:  # another fork server's: they share no memory
            self._kill_quietly(other, "the other half of the worker was lost with its fork server")
            return
        for message in self._halves.introduction():
            self._encoding.send(message)

    def _kill_quietly(self, connection: WorkerConnection, reason: str) -> None:
        self._quiet = True
        connection.kill(reason)
        self._quiet = False

    def stop(self) -> None:
        """End the worker for good."""
        for process in self._processes.values():
            process.stop()
        self._status.pid = self._status.decoding_pid = None
        self._receiver.stop()
        self._gop.clear()
        self._owed.clear()

    def replace(self, reason: str) -> None:
        """End the worker and forget its pictures; run() starts another worker."""
        self._gop.clear()
        if self._is_split and self._decoding.connection is not None:
            self._kill_quietly(self._decoding.connection, reason)
        self._encoding.kill(reason)

    def configure(self, options: WorkerOptions) -> None:
        """Apply other settings, for this worker and later ones."""
        changed_codec = options.audio_codec is not self._settings.options.audio_codec
        self._settings.change(options)
        self._configure()
        if changed_codec and self._audio_format is not None:
            self.set_audio(self._audio_format)

    def set_slate_size(self, size: tuple[int, int]) -> None:
        """Give the slate the size that the camera claims: a slate of this size need not be given up for the camera."""
        if self._settings.change_slate_size(size):
            self._configure()

    def _configure(self) -> None:
        if self._encoding.connection is not None:
            self._encoding.connection.configure(self._settings.options)

    def check(self, now: float) -> None:
        """Look after the memory and the signs of life of the worker's processes."""
        for process in self._processes.values():
            process.check(now)
        connection = self._encoding.connection
        if connection is not None and connection.is_stopgap and self._fork_server.is_ready:
            self._kill_quietly(connection, "there are kernels now")

    @property
    def is_running(self) -> bool:
        """Return whether there is a worker that serves readers."""
        return self._encoding.connection is not None

    @property
    def cpu_s(self) -> float:
        """Return the processor time of all workers so far."""
        return self._status.cpu_s + self._receiver.cpu_s

    @property
    def audio_output(self) -> ServedAudio | None:
        """Return the format of our audio, once there is any."""
        return self._receiver.audio_output

    @property
    def last_decoded(self) -> float:
        """Return monotonic seconds of the last report of newly decoded pictures, or 0."""
        return self._receiver.last_decoded

    # -- towards the worker --------------------------------------------------------------------------------------

    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        """Send an access unit; return False when it was shed, and with it the access units that refer to it."""
        if not self._needed.is_set():
            self.need()
        wanted = self._gop.add(unit)
        connection, encoding = self._decoding.connection, self._encoding.connection
        if connection is None or connection.is_stopgap or not wanted:
            return True
        is_behind = self._is_split and encoding is not None and encoding.backlog() > 0  # it must hear first
        if connection.backlog() > MAX_BACKLOG or is_behind:
            self._status.shed_access_units += 1
            self._gop.clear()
            return False
        sent = SentUnit(unit, RANDOM_ACCESS if unit.random_access else 0, arrival)
        if self._is_split:
            self._encoding.send(self._halves.announce(sent))
        connection.send(sent.to_bytes())
        return True

    def set_audio(self, audio: AudioFormat) -> None:
        """Tell the worker the format of the camera's audio."""
        self._audio_format = audio
        for role in self._processes:
            self._tell_audio(role, audio)

    def _tell_audio(self, role: Role, audio: AudioFormat) -> None:
        if role is Role.ENCODING:  # it gets no word and no byte of the camera's
            audio = AudioFormat(encoding="", clock_rate=audio.clock_rate)
        audio = replace(audio, served=self._settings.options.audio_codec)
        self._processes[role].send(serialize_message(MessageType.AUDIO_FORMAT, audio.to_json()))

    def feed_audio(self, pts: int, data: bytes) -> None:
        """Send an audio unit; audio never makes pictures wait."""
        connection = self._decoding.connection
        if connection is not None and connection.backlog() < MAX_BACKLOG // 2 and len(data) <= MAX_AUDIO_SIZE:
            connection.send(serialize_audio(MessageType.AUDIO, pts, data))

    def force_idr(self, number: int) -> None:
        """Make the next picture of an output an IDR."""
        self._encoding.send(serialize_output_number(MessageType.KEYFRAME, number))

    def note_unread(self, number: int) -> None:
        """Say that nobody reads an output, so that its size may follow larger pictures."""
        self._encoding.send(serialize_output_number(MessageType.UNREAD, number))

    def set_awake(self, number: int, *, is_awake: bool) -> None:
        """Make an output that is made on demand, or let it sleep."""
        if self._settings.set_awake(number, is_awake=is_awake):
            self._configure()

    def repeat(self, number: int, shown: float) -> None:
        """Have the last picture of an output, or a slate, encoded again; it is shown at this monotonic second."""
        if self._encoding.connection is None:
            if not self._status.starts:  # a reader is the first who needs a worker; one that is replaced has pictures
                self._owed.add(number)
            self.need()
            return
        self._encoding.send(serialize_repeat(number, round(shown * VIDEO_CLOCK_RATE)))

    def set_banner(self, text: str) -> None:
        """Have slates say this from now on: lines of ASCII, or none."""
        if text != self._banner:
            self._banner = text
            self._encoding.send(serialize_message(MessageType.BANNER, text.encode()))

    async def snapshot(self, number: int = 0) -> bytes:
        """Return the last picture of an output, masked, as a JPEG.

        Raises:
            CommandRejected: there is no picture.
        """
        request = serialize_output_number(MessageType.SNAPSHOT, number)
        return (await self._still(Wanted("snapshot", number), request)).jpeg

    async def thumbnail(self, number: int, width: int, known: int = 0) -> Thumbnail:
        """Return the last picture of an output, masked and scaled down; its JPEG is empty where its version is known.

        Args:
            number: the number of the output.
            width: samples of a row; a smaller picture stays as it is.
            known: the version that the asker has, 0 for none.

        Raises:
            CommandRejected: there is no picture.
        """
        request = serialize_thumbnail_request(number, width, known)
        return await self._still(Wanted("thumbnail", number, width, known), request)

    async def _still(self, wanted: Wanted, request: bytes) -> Thumbnail:
        if not self._status.starts:
            raise CommandRejected(f"stream {self._name} has no picture yet")
        if self._encoding.connection is None:
            raise CommandRejected(f"stream {self._name} has no worker to make a snapshot")
        return await self._receiver.still(self._name, wanted, lambda: self._encoding.send(request))

    # -- from the worker -----------------------------------------------------------------------------------------

    def _on_gone(self, role: Role, reason: str) -> None:
        process = self._processes[role]
        # one that died before it was given any picture died of none; an encoding process never sees one of the camera
        if role is not Role.ENCODING and process.connection is not None and not self._quiet:
            self._gop.worker_died()
        if role is Role.DECODING:
            self._status.decoding_pid = None
        else:
            self._status.pid = None
        self._receiver.begin(role)
        if self._quiet:
            return
        self._status.deaths += 1
        self._status.decoding_deaths += role is Role.DECODING
        self._lost.tell("worker lost", reason, gops_discarded=self._gop.discarded)
        self._listener.on_worker_lost(reason)

    def _on_not_started(self, reason: str) -> None:
        self._status.start_failures += 1
        self._listener.on_worker_problem(reason)
        self._not_started.tell("worker not started", reason, retry_in_s=RETRY_S)

    def _on_link_broken(self, reason: str, generation: int) -> None:
        if generation == self._halves.generation:  # or it was replaced meanwhile
            self._decoding.kill(f"decoding process broke the rules of the shared memory: {reason}")
