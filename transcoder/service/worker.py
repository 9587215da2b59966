"""The worker side of a stream: keeps a worker running, feeds it, and believes it no more than a camera."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import is_allowed, is_vcl, nal_unit_type
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import CommandRejected, RemoteProtocolError, WorkerError
from transcoder.ipc.messages import (
    MAX_AUDIO_SIZE,
    RANDOM_ACCESS,
    CodedMessage,
    MessageType,
    check_output_number,
    parse_audio,
    parse_coded,
    parse_json,
    parse_snapshot,
    serialize_access_unit,
    serialize_audio,
    serialize_keyframe,
    serialize_message,
    serialize_repeat,
    serialize_snapshot_request,
)
from transcoder.service.forkserver import ForkServer
from transcoder.service.gop import CodedUnit, GroupOfPictures
from transcoder.service.status import StreamStatus
from transcoder.service.worker_connection import MAX_BACKLOG, WorkerConnection
from transcoder.worker_options import AudioFormat, OutputFormat, WorkerOptions

RESTART_DELAYS_S = (0.0, 0.2, 1.0)
"""Before a worker is replaced, by how many died in the last DEATHS_S."""
DEATHS_S = 10.0
RETRY_S = 1.0
"""Before another try, when no worker could be started."""
SNAPSHOT_WAIT_S = 3.0
MAX_CPU_S = 1e9
MAX_FRAME_RATE = 240
MAX_NUMBER = 1 << 31
MAX_AUDIO_RATE = 48_000
"""Samples a second of our audio at most."""
MAX_AHEAD_S = 10.0
"""A worker's presentation time may be this far from now; anything else is not one of ours."""

OnPicture = Callable[[CodedMessage, list[int]], None]
"""Called with a coded picture and the types of its NAL units."""


class Worker:
    """One stream's worker, replaced whenever it is lost.

    Args:
        name: of the stream.
        options: of the worker.
        fork_server: where workers come from.
        status: of the stream; the worker's part is kept here.
        log: bound to the stream's name.
        on_picture: gets what our encoder made.
        on_death: told why a worker was lost.
        on_problem: told why there is no worker, or what a worker can't do, in one line.
        on_audio: gets our audio: 90 kHz ticks and an AAC frame.

    Attributes:
        audio_output: samples a second and AudioSpecificConfig of our audio, once there is any.
        output: the format that is served, once known.
        slate: whether that is a slate's, to be given up for the camera's.
        last_decoded: monotonic seconds of the last report of newly decoded pictures.
    """

    def __init__(
        self,
        name: str,
        options: WorkerOptions,
        fork_server: ForkServer,
        status: StreamStatus,
        log: structlog.stdlib.BoundLogger,
        on_picture: OnPicture,
        on_death: Callable[[str], None],
        on_problem: Callable[[str], None],
        on_audio: Callable[[int, bytes], None],
    ) -> None:
        self._name = name
        self._options = options
        self._fork_server = fork_server
        self._status = status
        self._log = log
        self._on_picture = on_picture
        self._on_death = on_death
        self._on_problem = on_problem
        self._on_audio = on_audio
        self._audio_format: AudioFormat | None = None
        self.audio_output: tuple[int, bytes] | None = None
        self._gop = GroupOfPictures()
        self._link: WorkerConnection | None = None
        self._wanted = asyncio.Event()
        self._deaths: list[float] = []
        self._snapshots: list[asyncio.Future[bytes]] = []
        self._decoded_pictures = 0
        self._cpu_s = 0.0
        self.output: OutputFormat | None = None
        self.slate = False
        self.last_decoded = 0.0

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a worker running."""
        self._wanted.set()
        while True:
            await self._wanted.wait()
            now = clock.monotonic()
            self._deaths = [at for at in self._deaths if now - at < DEATHS_S]
            await asyncio.sleep(RESTART_DELAYS_S[min(len(self._deaths), len(RESTART_DELAYS_S) - 1)])
            options = self._with_fixed(self.output if not self.slate else None)
            try:
                link = await WorkerConnection.start(
                    self._fork_server, self._name, options, self._on_message, self._on_gone
                )
            except WorkerError as error:
                self._on_problem(str(error))
                self._log.error("worker not started", reason=str(error), retry_in_s=RETRY_S)
                await asyncio.sleep(RETRY_S)
                continue
            self._wanted.clear()
            self._link = link
            if self._with_fixed(options.outputs[0].fixed) != options:  # changed while the worker was started
                link.configure(self._options)
            self._decoded_pictures = 0
            self._status.worker.pid = link.pid
            self._status.worker.starts += 1
            if self._audio_format is not None:
                link.send(serialize_message(MessageType.AUDIO_FORMAT, self._audio_format.to_json()))
            for message in self._gop.replay(clock.monotonic()):
                link.send(message)

    def stop(self) -> None:
        """End the worker for good."""
        if self._link is not None:
            self._link.stop()
            self._link = None
        self._status.worker.pid = None
        self._retire()
        self._gop.clear()
        for snapshot in self._snapshots:
            snapshot.cancel()
        self._snapshots.clear()

    def replace(self, reason: str) -> None:
        """Give up the worker and what it knows."""
        self._gop.clear()
        if self._link is not None:
            self._link.kill(reason)

    def configure(self, options: WorkerOptions) -> None:
        """Other settings, for this worker and those to come."""
        if options.shapes != self._options.shapes:
            self.output = None
        self._options = options
        if self._link is not None:
            self._link.configure(options)

    def set_slate_size(self, size: tuple[int, int]) -> None:
        """The camera claims pictures of this size: a slate that has it need not be given up for them."""
        width, height = size[0] & ~1, size[1] & ~1
        if self.output is None and is_sane_size(width, height) and (width, height) != self._options.slate_size:
            self.configure(replace(self._options, slate_size=(width, height)))

    def check(self, now: float) -> None:
        """Look after the worker's memory and signs of life."""
        if self._link is not None:
            self._link.check(now)

    @property
    def is_running(self) -> bool:
        """Whether there is a worker."""
        return self._link is not None

    @property
    def cpu_s(self) -> float:
        """Processor time of all workers so far."""
        return self._status.worker.cpu_s + self._cpu_s

    # -- towards the worker --------------------------------------------------------------------------------------

    def feed(self, unit: CodedUnit, arrival: float) -> bool:
        """Send an access unit; False when it was shed, and with it what refers to it."""
        wanted = self._gop.add(unit)
        link = self._link
        if link is None or not wanted:
            return True
        if link.backlog() > MAX_BACKLOG:
            self._status.worker.shed_access_units += 1
            self._gop.clear()
            return False
        flags = RANDOM_ACCESS if unit.random_access else 0
        link.send(serialize_access_unit(unit.codec, flags, unit.pts, arrival, unit.data))
        return True

    def set_audio(self, audio: AudioFormat) -> None:
        """The camera's audio is of this kind."""
        self._audio_format = audio
        if self._link is not None:
            self._link.send(serialize_message(MessageType.AUDIO_FORMAT, audio.to_json()))

    def feed_audio(self, pts: int, data: bytes) -> None:
        """Send an audio unit; audio never makes pictures wait."""
        if self._link is not None and self._link.backlog() < MAX_BACKLOG // 2 and len(data) <= MAX_AUDIO_SIZE:
            self._link.send(serialize_audio(MessageType.AUDIO, pts, data))

    def force_idr(self) -> None:
        """Make the next picture an IDR."""
        if self._link is not None:
            self._link.send(serialize_keyframe(0))

    def repeat(self, now: float) -> None:
        """Have the last picture, or a slate, encoded again for now."""
        if self._link is not None:
            self._link.send(serialize_repeat(0, round(now * VIDEO_CLOCK_RATE)))

    async def snapshot(self) -> bytes:
        """The last picture, masked, as a JPEG.

        Raises:
            CommandRejected: there is none.
        """
        if self._link is None:
            raise CommandRejected(f"stream {self._name} has no worker to make a snapshot")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._snapshots.append(future)
        self._link.send(serialize_snapshot_request(0))
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
        self._link = None
        self._status.worker.pid = None
        self._status.worker.deaths += 1
        self._retire()
        self._deaths.append(clock.monotonic())
        self._gop.worker_died()
        self._log.warning("worker lost", reason=reason, gops_discarded=self._gop.discarded)
        self._on_death(reason)
        self._wanted.set()

    def _retire(self) -> None:
        self._status.worker.cpu_s += self._cpu_s
        self._cpu_s = 0.0

    def _on_message(self, kind: MessageType, body: memoryview) -> None:
        """A worker's message.

        Raises:
            RemoteProtocolError: it can't be one of our worker's.
        """
        if kind is MessageType.CODED:
            self._on_coded(parse_coded(body, len(self._options.outputs)))
        elif kind is MessageType.AUDIO_CODED:
            pts, data = parse_audio(body)
            if abs(pts / VIDEO_CLOCK_RATE - clock.monotonic()) < MAX_AHEAD_S:
                self._on_audio(pts, data)
        elif kind is MessageType.AUDIO_OUTPUT:
            self._on_audio_output(parse_json(body))
        elif kind is MessageType.STATS:
            self._on_stats(parse_json(body))
        elif kind is MessageType.FORMAT:
            self._on_format(parse_json(body))
        elif kind is MessageType.SOURCE_FORMAT:
            self._on_source_format(parse_json(body))
        elif kind is MessageType.FAILED:
            reason = str(parse_json(body).get("reason", ""))[:500]
            self._on_problem(reason)
            self._log.warning("worker reports", reason=reason)
        elif kind is MessageType.SNAPSHOT_TAKEN:
            _, picture = parse_snapshot(body, len(self._options.outputs))
            for future in self._snapshots:
                if not future.done():
                    future.set_result(picture)
        elif kind is not MessageType.READY:
            raise RemoteProtocolError(f"a worker does not send {kind.name}")

    def _on_audio_output(self, report: dict[str, Any]) -> None:
        rate, config = report.get("rate"), report.get("config")
        if not isinstance(rate, int) or not 8000 <= rate <= MAX_AUDIO_RATE or not isinstance(config, str):
            raise RemoteProtocolError("a worker's audio output is none")
        try:
            self.audio_output = (rate, bytes.fromhex(config[:128]))
        except ValueError:
            raise RemoteProtocolError("a worker's audio configuration is none") from None

    def _on_coded(self, message: CodedMessage) -> None:
        """Only what our encoder makes is let through, wherever it comes from."""
        codec = self._options.outputs[0].codec
        types = [nal_unit_type(codec, unit) for unit in message.nal_units]
        honest = message.codec is codec and all(is_allowed(codec, kind) for kind in types)
        honest = honest and any(is_vcl(codec, kind) for kind in types)
        if not honest or abs(message.pts / VIDEO_CLOCK_RATE - clock.monotonic()) > MAX_AHEAD_S:
            self._status.worker.rejected += 1
            return
        self._on_picture(message, types)

    def _on_stats(self, report: dict[str, Any]) -> None:
        cpu_s = report.get("cpu_s")
        if not isinstance(cpu_s, float) or not 0 <= cpu_s < MAX_CPU_S:
            raise RemoteProtocolError("a worker's report lacks its processor time")
        for name in ("counters", "decode_errors", "encoder_dropped", "audio_errors"):
            counts = report.get(name)
            if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
                raise RemoteProtocolError(f"a worker's report lacks its {name}")
        counters = report["counters"]
        self._cpu_s = cpu_s
        decoded = counters.get("decoded_pictures", 0)
        if isinstance(decoded, int) and decoded > self._decoded_pictures:
            self._decoded_pictures = decoded
            self.last_decoded = clock.monotonic()
        self._status.worker.report = report

    def _on_source_format(self, report: dict[str, Any]) -> None:
        status = self._status
        known = status.worker.source_format
        if known and report != known:
            self._log.info("source format changed", before=known, now=report)
        status.worker.source_format = report

    def _on_format(self, report: dict[str, Any]) -> None:
        number = check_output_number(report.get("output_number"), len(self._options.outputs))
        output = report.get("output")
        if not isinstance(output, dict):
            raise RemoteProtocolError("a worker's format lacks the output's")
        self.output = _output_format(output)
        self.slate = bool(report.get("slate"))
        self._status.output.format = {"codec": self._options.outputs[number].codec.value, **asdict(self.output)}

    def _with_fixed(self, fixed: OutputFormat | None) -> WorkerOptions:
        """The options, with the format that a new worker is to keep."""
        outputs = self._options.outputs
        return replace(self._options, outputs=(replace(outputs[0], fixed=fixed), *outputs[1:]))


def _output_format(output: dict[str, Any]) -> OutputFormat:
    """An output format of a worker.

    Raises:
        RemoteProtocolError: it is none.
    """
    numbers = [output.get(name) for name in ("width", "height", "frame_rate", "matrix")]
    if not all(isinstance(number, int | float) and abs(number) < MAX_NUMBER for number in numbers):
        raise RemoteProtocolError("a worker's output format is none")
    width, height, rate, matrix = (float(number or 0) for number in numbers)
    if not is_sane_size(int(width), int(height)) or not 0 < rate <= MAX_FRAME_RATE or not 0 <= matrix < 256:
        raise RemoteProtocolError("a worker's output format is out of bounds")
    return OutputFormat(width=int(width), height=int(height), frame_rate=rate, matrix=int(matrix))
