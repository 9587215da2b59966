"""One configured stream: a source, a worker and the readers, tied together and kept going."""

import asyncio
import contextlib
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import structlog

from transcoder import clock, product
from transcoder.codecs.nal import is_parameter_set, is_random_access
from transcoder.codecs.parameter_sets import picture_size
from transcoder.errors import TransportError
from transcoder.ipc.messages import REPEATED, CodedMessage
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import SourceOptions
from transcoder.output.fanout import Fanout
from transcoder.output.status import ENCODE_BOUNDS_S
from transcoder.rtp.sender import AUDIO_PAYLOAD_TYPE, VIDEO_PAYLOAD_TYPE
from transcoder.rtsp.session import EndReason
from transcoder.sdp import ServedAudio, ServedVideo, serialize_served
from transcoder.service.forkserver import ForkServer
from transcoder.service.gop import CodedUnit
from transcoder.service.host_gate import HostGate
from transcoder.service.observer import Sample, StreamObserver
from transcoder.service.source import Source
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.worker import Worker
from transcoder.worker_options import WorkerOptions

IDR_INTERVAL_S = 0.5
"""Between forced IDRs: readers that come together share one."""
REPEAT_S = 1.0
"""Between repeated pictures while the camera is away."""
QUIET_S = 1.2
"""No picture for so long: the last one is repeated."""
DESCRIBE_WAIT_S = 5.0
SLATE_WAIT_S = 3.0
AUDIO_WAIT_S = 1.0
DECODE_WAIT_S = 30.0
"""Access units for so long and no decoded picture: the connection is tried anew."""

OnEvent = Callable[[str, str, dict[str, Any]], None]


def _ignore(name: str, kind: str, detail: dict[str, Any]) -> None:
    """Nobody wants to know."""


class Stream:
    """One stream of the service.

    Args:
        name: its id, as in its URL.
        source: how to reach the camera; transport may be "auto".
        options: of the worker.
        fork_server: where workers come from.
        end_readers: ends the sessions of this stream's readers, for a reason.
        on_event: told what happens: (name, kind, detail); kinds are source_lost, source_encrypted, source_recovered,
            worker_restarted, channel_seen, overload, format_changed and those of SCENE_EVENTS.
        gate: shared by all streams: who may try to connect now.
        enabled: False: known, but not pulled.

    Attributes:
        status: what is known of it.
        ledger: what was not let through.
        fanout: its readers.
    """

    def __init__(
        self,
        name: str,
        source: SourceOptions,
        options: WorkerOptions,
        fork_server: ForkServer,
        end_readers: Callable[[str, EndReason], None],
        on_event: OnEvent | None = None,
        gate: HostGate | None = None,
        *,
        enabled: bool = True,
    ) -> None:
        self.name = name
        self.status = StreamStatus(name=name)
        self.ledger = Ledger()
        self.fanout = Fanout(product.NAME, self.request_idr)
        self.fanout.set_cap(options.outputs[0].bitrate_kbps)
        self._source_options = source
        self._options = options
        self._enabled = enabled
        self._end_readers = end_readers
        self._on_event = on_event or _ignore
        self._gate = gate or HostGate()
        self._log = structlog.get_logger().bind(stream=name)
        self._worker = Worker(
            name,
            options,
            fork_server,
            self.status,
            self._log,
            self._on_picture,
            self._on_worker_death,
            self._on_worker_problem,
            self._on_audio,
        )
        self._source = self._new_source()
        self._tasks: list[asyncio.Task[None]] = []
        self._parameter_sets: tuple[bytes, ...] = ()
        self._described = asyncio.Event()
        self._audible = asyncio.Event()
        self._description_version = int(time.time())
        self._unreadable = False
        self._last_picture = 0.0
        self._next_repeat = 0.0
        self._last_idr_request = 0.0
        self._idr_timer: asyncio.TimerHandle | None = None
        self._observer = StreamObserver(self._log, self._tell)

    def _new_source(self) -> Source:
        return Source(
            self._source_options,
            self.ledger,
            self.status.source,
            self._log,
            self._on_unit,
            self._on_source_lost,
            self._worker.set_slate_size,
            self._on_problem,
            self._gate,
            self._worker.set_audio,
            self._worker.feed_audio,
        )

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pull and to serve."""
        if not self._enabled:
            self.status.state = StreamState.DISABLED
            return
        self.status.state = StreamState.CONNECTING
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._worker.run()), loop.create_task(self._source.run())]

    async def stop(self) -> None:
        """Leave the camera, end the worker."""
        await _cancel(self._tasks)
        self._tasks = []
        if self._idr_timer is not None:
            self._idr_timer.cancel()
            self._idr_timer = None
        self._worker.stop()

    async def reconfigure(self, source: SourceOptions, options: WorkerOptions, *, enabled: bool) -> None:
        """Apply other settings, disturbing as little as possible.

        What the encoder can't change in place is changed by a new encoder at an IDR. Another codec, size or shape ends
        the readers' sessions, another source means another connection, and nothing else does.
        """
        changed_source = source != self._source_options
        changed_options = options != self._options
        changed_output = options.shapes != self._options.shapes
        if source.audio != self._source_options.audio:
            changed_output = True
            self.fanout.set_audio_rate(0)
            self._audible.clear()
        self._source_options = source
        self._options = options
        self.fanout.set_cap(options.outputs[0].bitrate_kbps)
        if changed_output:
            self._forget_output()
        if changed_options:
            self._worker.configure(options)
        if enabled != self._enabled:
            self._enabled = enabled
            await self.stop()
            if enabled:
                self._source = self._new_source()
            else:
                self._end_readers(self.name, EndReason.STREAM_GONE)
            self.start()
        elif enabled:
            if changed_options:
                self.request_idr()
            if changed_source:
                await self._reconnect()

    async def restart(self) -> None:
        """Connect to the camera anew and replace the worker; readers stay."""
        if self._enabled:
            self._worker.replace("replaced on request")
            await self._reconnect()

    async def _reconnect(self) -> None:
        """Leave the camera and begin anew, with a fresh back-off."""
        await _cancel(self._tasks[1:])
        self._source = self._new_source()
        self._tasks[1:] = [asyncio.get_running_loop().create_task(self._source.run())]

    async def snapshot(self) -> bytes:
        """The last picture, masked, as a JPEG.

        Raises:
            CommandRejected: there is none.
        """
        return await self._worker.snapshot()

    @property
    def enabled(self) -> bool:
        """Whether it is pulled."""
        return self._enabled

    @property
    def reception(self) -> dict[str, Any]:
        """Counters of the current connection's reception."""
        return self._source.reception

    def _tell(self, kind: str, detail: dict[str, Any]) -> None:
        self._on_event(self.name, kind, detail)

    # -- from the source to the worker ---------------------------------------------------------------------------

    def _on_unit(self, unit: CodedUnit, arrival: float) -> None:
        if not self._worker.feed(unit, arrival):
            self._source.skip_to_random_access()

    def _on_source_lost(self, reason: str, was_playing: bool) -> None:
        self.status.state = StreamState.AWAY
        self.status.problem = reason
        if was_playing:
            self._tell("source_lost", {"reason": reason})

    def _on_problem(self, problem: str) -> None:
        """Pictures come, and none of them can be shown: what there was, or a slate, is repeated."""
        self.status.state = StreamState.AWAY
        self.status.problem = problem
        self._unreadable = True
        self._tell("source_encrypted", {"reason": problem})

    def _on_worker_problem(self, problem: str) -> None:
        self.status.problem = problem

    def _on_worker_death(self, reason: str) -> None:
        self._tell("worker_restarted", {"reason": reason})

    # -- from the worker to the readers --------------------------------------------------------------------------

    def _on_picture(self, message: CodedMessage, types: list[int]) -> None:
        codec = message.codec
        status = self.status.output
        random_access = any(is_random_access(codec, kind) for kind in types)
        if random_access:
            status.idr += 1
            units = zip(message.nal_units, types, strict=True)
            self._note_parameter_sets(tuple(unit for unit, kind in units if is_parameter_set(codec, kind)))
        if not self._parameter_sets:
            return
        status.pictures += 1
        if message.flags & REPEATED:
            status.repeated += 1
        else:
            self._last_picture = now = clock.monotonic()
            self._note_playing(now, now - message.arrival)
        status.bytes += sum(map(len, message.nal_units))
        status.decode_s += message.decode_s
        status.stages_s += message.stages_s
        status.encode_s += message.encode_s
        status.encode_counts[bisect_left(ENCODE_BOUNDS_S, message.encode_s)] += 1
        self.fanout.send(codec, message.nal_units, message.pts, random_access=random_access)

    def _on_audio(self, pts: int, unit: bytes) -> None:
        output = self._worker.audio_output
        if output is None or not self._source_options.audio:
            return
        if self.fanout.audio_rate != output[0]:
            self.fanout.set_audio_rate(output[0])
            self._audible.set()
        self.status.output.audio_units += 1
        self.fanout.send_audio(pts, unit)

    def _note_playing(self, now: float, delay_s: float) -> None:
        status = self.status
        status.output.note_delay(now, delay_s)
        if status.state is not StreamState.PLAYING and self._source.is_connected and not self._source.is_encrypted:
            status.state = StreamState.PLAYING
            status.problem = ""
            told, self._unreadable = self._unreadable, False
            if told or status.source.losses:
                self._tell("source_recovered", {})

    def _note_parameter_sets(self, sets: tuple[bytes, ...]) -> None:
        if sets == self._parameter_sets or not sets:
            return
        codec, known = self._options.outputs[0].codec, self._parameter_sets
        if known and picture_size(codec, sets) != picture_size(codec, known):
            # other parameter sets of the same size come in the stream, before the IDR that needs them
            self._log.info("output format changed; readers have to ask again", readers=self.fanout.readers)
            self._end_readers(self.name, EndReason.FORMAT_CHANGE)
            self._tell("format_changed", dict(self.status.output.format))
        self._parameter_sets = sets
        self._description_version += 1
        self._described.set()

    def _forget_output(self) -> None:
        """What is served changes: its description is made anew with the next IDR."""
        if self._parameter_sets:
            self._end_readers(self.name, EndReason.FORMAT_CHANGE)
        self._parameter_sets = ()
        self._described.clear()

    # -- readers -------------------------------------------------------------------------------------------------

    async def describe(self, address: str) -> bytes:
        """ServedStream: waits for parameter sets, then for a slate."""
        if not self._described.is_set():
            if not self._enabled:
                raise TransportError(f"stream {self.name} is disabled")
            try:
                async with asyncio.timeout(DESCRIBE_WAIT_S):
                    await self._described.wait()
            except TimeoutError:
                await self._describe_slate()
        output = self._worker.output
        video = ServedVideo(
            codec=self._options.outputs[0].codec,
            payload_type=VIDEO_PAYLOAD_TYPE,
            parameter_sets=self._parameter_sets,
            bitrate_kbps=self._options.outputs[0].bitrate_kbps,
            frame_rate=output.frame_rate if output is not None else None,
        )
        audio = None
        if self._source_options.audio:
            await self._wait_for_audio()
        sound = self._worker.audio_output
        if sound is not None and self.fanout.audio_rate:
            audio = ServedAudio(payload_type=AUDIO_PAYLOAD_TYPE, clock_rate=sound[0], config=sound[1])
        return serialize_served(video, session_id=self._description_version, address=address, audio=audio)

    async def _wait_for_audio(self) -> None:
        """Audio that was asked for comes a moment after the first picture, or not at all."""
        if self._source.is_connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AUDIO_WAIT_S):
                    await self._audible.wait()

    async def _describe_slate(self) -> None:
        self._repeat()
        try:
            async with asyncio.timeout(SLATE_WAIT_S):
                await self._described.wait()
        except TimeoutError:
            raise TransportError(f"stream {self.name} has no picture and no worker to make one") from None

    def request_idr(self) -> None:
        """Have an IDR soon: at once, or when the last one is IDR_INTERVAL_S old."""
        if self._idr_timer is not None:
            return
        wait = self._last_idr_request + IDR_INTERVAL_S - clock.monotonic()
        if wait <= 0:
            self._force_idr()
        else:
            self._idr_timer = asyncio.get_running_loop().call_later(wait, self._force_idr)

    def _force_idr(self) -> None:
        self._idr_timer = None
        self._last_idr_request = clock.monotonic()
        self._worker.force_idr()
        if self._last_idr_request - self._last_picture > QUIET_S / 2:
            self._repeat()

    def _repeat(self) -> None:
        """Have the last picture, or a slate, encoded again for now."""
        now = clock.monotonic()
        self._worker.repeat(now)
        self._next_repeat = now + REPEAT_S

    # -- watch ---------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Called every TICK_S of the gateway: watchdogs, and the repeated picture while the camera is away."""
        self.status.output.readers = self.fanout.readers
        self._worker.check(now)
        quiet = now - self._last_picture > QUIET_S and now >= self._next_repeat
        if quiet and self.fanout.readers and self._described.is_set():
            self._repeat()
        played_s = self._source.played_s()
        if played_s is not None and self._source.is_connected and self._worker.is_running:
            waited = min(played_s, now - self._worker.last_decoded)
            if waited > DECODE_WAIT_S and not self._source.is_encrypted:
                self._source.give_up(f"access units, but no picture could be decoded in {DECODE_WAIT_S:g} s")

    def sample(self, now: float) -> None:
        """Called every second: rates, and events that are noticed by counting."""
        status = self.status
        found = self._observer.take(
            Sample(
                at=now,
                is_playing=status.state is StreamState.PLAYING,
                access_units_in=status.source.access_units,
                bytes_in=self._source.received_bytes,
                pictures_out=status.output.pictures,
                bytes_out=status.output.bytes,
                shed_access_units=status.shed_access_units,
                cpu_s=self._worker.cpu_s,
                report=status.worker.report,
                channels=tuple((layer, kind) for layer, kind, _ in self.ledger),
            )
        )
        status.rates = found.rates
        status.overloaded = found.is_overloaded
        status.rate_divisor, status.motion, status.conditions = found.rate_divisor, found.motion, found.conditions


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
