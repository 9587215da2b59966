"""One configured stream: a source, a worker and the readers, tied together and kept going."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.access_unit import AccessUnit, filter_nal_units
from transcoder.codecs.nal import (
    is_allowed,
    is_parameter_set,
    is_random_access,
    is_vcl,
    join_byte_stream,
    nal_unit_type,
)
from transcoder.errors import (
    CommandRejected,
    RemoteProtocolError,
    ResponseError,
    TranscoderError,
    TransportError,
    WorkerError,
)
from transcoder.ipc.messages import (
    RANDOM_ACCESS,
    REPEATED,
    CodedMessage,
    MessageType,
    parse_coded,
    parse_json,
    serialize_access_unit,
    serialize_message,
)
from transcoder.ipc.options import OutputFormat, WorkerOptions
from transcoder.ledger import Ledger
from transcoder.net.fanout import Fanout
from transcoder.net.rtsp_source import RtspSource, SourceOptions
from transcoder.rtp.sender import VIDEO_PAYLOAD_TYPE
from transcoder.rtp.timeline import Timeline
from transcoder.sdp import ServedVideo, SessionDescription, VideoSelection, serialize_served
from transcoder.service.backoff import Backoff
from transcoder.service.forkserver import ForkServer
from transcoder.service.gop import CodedUnit, GroupOfPictures
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.worker_link import MAX_BACKLOG, WorkerLink

CNAME = "transcoder"
IDR_INTERVAL_S = 0.5
"""Between forced IDRs: readers that come together share one."""
REPEAT_S = 1.0
"""Between repeated pictures while the camera is away."""
QUIET_S = 1.2
"""No picture for so long: the last one is repeated."""
DESCRIBE_WAIT_S = 5.0
SNAPSHOT_WAIT_S = 3.0
SLATE_WAIT_S = 3.0
DECODE_WAIT_S = 30.0
"""Access units for so long and no decoded picture: the connection is tried anew."""
RESTART_DELAYS_S = (0.0, 0.2, 1.0)
"""Before a worker is replaced, by how many died just before."""
MAX_AHEAD_S = 10.0
"""A worker's presentation time may be this far from now; anything else is not one of ours."""


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
        end_readers: ends the sessions of this stream's readers.
        on_event: told what happens: (name, kind, detail); kinds are source_lost, source_recovered, worker_restarted,
            channel_seen, overload, format_changed.
        enabled: False: known, but not pulled.
    """

    def __init__(
        self,
        name: str,
        source: SourceOptions,
        options: WorkerOptions,
        fork_server: ForkServer,
        end_readers: Callable[[str], None],
        on_event: OnEvent = _ignore,
        *,
        enabled: bool = True,
    ) -> None:
        self.name = name
        self.status = StreamStatus(name=name)
        self.ledger = Ledger()
        self.fanout = Fanout(CNAME, self.request_idr)
        self.fanout.set_cap(options.bitrate_kbps)
        self._source_options = source
        self._options = options
        self._fork_server = fork_server
        self._end_readers = end_readers
        self._on_event = on_event
        self._enabled = enabled
        self._log = structlog.get_logger().bind(stream=name)
        self._timeline = Timeline(VIDEO_CLOCK_RATE)
        self._gop = GroupOfPictures()
        self._worker: WorkerLink | None = None
        self._worker_wanted = asyncio.Event()
        self._deaths: list[float] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._connection: RtspSource | None = None
        self._transport = "tcp" if source.transport == "auto" else source.transport
        self._parameter_sets: tuple[bytes, ...] = ()
        self._described = asyncio.Event()
        self._description_version = int(time.time())
        self._output: OutputFormat | None = None
        self._slate = False
        self._skip_to_random_access = False
        self._last_output = 0.0
        self._last_decoded = 0.0
        self._decoded_pictures = 0
        self._playing_since: float | None = None
        self._last_idr_request = 0.0
        self._idr_timer: asyncio.TimerHandle | None = None
        self._snapshots: list[asyncio.Future[bytes]] = []
        self._channels_seen = 0
        self._shed_before = 0
        self._last_sample: tuple[float, int, int, int, int, float] | None = None
        self._worker_cpu_s = 0.0

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to pull and to serve."""
        if not self._enabled:
            self.status.state = StreamState.DISABLED
            return
        loop = asyncio.get_running_loop()
        self._worker_wanted.set()
        self._tasks = [loop.create_task(self._run_worker()), loop.create_task(self._run_source())]

    async def stop(self) -> None:
        """Leave the camera, end the worker."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._idr_timer is not None:
            self._idr_timer.cancel()
            self._idr_timer = None
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
            self.status.worker_pid = None
        for snapshot in self._snapshots:
            snapshot.cancel()
        self._snapshots.clear()

    async def reconfigure(self, source: SourceOptions, options: WorkerOptions, *, enabled: bool) -> None:
        """Apply other settings, disturbing as little as possible.

        What the encoder can't change in place is changed by a new encoder at an IDR. Another codec or size ends the
        readers' sessions, another source means another connection, and nothing else does.
        """
        options = replace(options, fixed=None)
        changed_source = source != self._source_options
        changed_options = options != self._options
        changed_output = (options.codec, options.size) != (self._options.codec, self._options.size)
        self._source_options = source
        self._options = options
        if changed_source:
            self._transport = "tcp" if source.transport == "auto" else source.transport
        if changed_output:
            self._forget_output()
        if enabled != self._enabled:
            await self.stop()
            self._enabled = enabled
            if not enabled:
                self._forget_output()
                self._gop.clear()
                self._end_readers(self.name)
            self.start()
            return
        if not enabled:
            return
        self.fanout.set_cap(options.bitrate_kbps)
        if changed_options and self._worker is not None:
            self._worker.configure(options)
            self.request_idr()
        if changed_source:
            await self._reconnect()

    async def restart(self) -> None:
        """Connect to the camera anew and replace the worker; readers stay."""
        if not self._enabled:
            return
        if self._worker is not None:
            self._worker.kill("worker replaced on request")
        self._gop.clear()
        await self._reconnect()

    async def _reconnect(self) -> None:
        """Leave the camera and begin anew, with a fresh back-off."""
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks[1:], return_exceptions=True)
        self._tasks = [*self._tasks[:1], asyncio.get_running_loop().create_task(self._run_source())]

    def _forget_output(self) -> None:
        """What is served changes: its description is made anew with the next IDR."""
        if self._parameter_sets:
            self._end_readers(self.name)
        self._parameter_sets = ()
        self._described.clear()
        self._output = None

    async def snapshot(self) -> bytes:
        """The last picture, masked, as a JPEG.

        Raises:
            CommandRejected: there is none.
        """
        if self._worker is None:
            raise CommandRejected(f"stream {self.name} has no worker to make a snapshot")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._snapshots.append(future)
        self._worker.send(serialize_message(MessageType.SNAPSHOT))
        try:
            async with asyncio.timeout(SNAPSHOT_WAIT_S):
                picture = await future
        except TimeoutError:
            raise CommandRejected(f"stream {self.name} made no snapshot in {SNAPSHOT_WAIT_S:g} s") from None
        finally:
            if future in self._snapshots:
                self._snapshots.remove(future)
        if not picture:
            raise CommandRejected(f"stream {self.name} has no picture yet")
        return picture

    # -- source --------------------------------------------------------------------------------------------------

    async def _run_source(self) -> None:
        """Pull the camera for ever: connect, receive, wait, again."""
        backoff = Backoff()
        while True:
            self.status.state = StreamState.CONNECTING if self._last_decoded == 0 else StreamState.AWAY
            error, played_s = await self._pull()
            if played_s is not None:
                backoff.succeeded(played_s)
                self.status.totals.source_losses += 1
            if self._falls_back(error):
                continue
            delay = backoff.next_delay(error)
            self.status.state = StreamState.AWAY
            self.status.problem = str(error)
            self._log.warning("source lost", reason=str(error), retry_in_s=round(delay, 1))
            if played_s is not None:
                self._on_event(self.name, "source_lost", {"reason": str(error)})
            await asyncio.sleep(delay)

    async def _pull(self) -> tuple[TranscoderError, float | None]:
        """One connection, to its end: why it ended, and how long it played, if it did."""
        self._playing_since = None
        self._connection = RtspSource(replace(self._source_options, transport=self._transport), self.ledger, self)
        error: TranscoderError = TransportError("the camera closed the connection")
        try:
            await self._connection.run()
        except TranscoderError as failure:
            error = failure
        finally:
            self._connection = None
            # what comes next does not refer to what came before
            self._timeline.reset()
            self._skip_to_random_access = True
        return error, self._played_s()

    def _played_s(self) -> float | None:
        return clock.monotonic() - self._playing_since if self._playing_since is not None else None

    def _falls_back(self, error: TranscoderError) -> bool:
        """Whether another transport is worth a try at once."""
        if self._source_options.transport != "auto":
            return False
        if isinstance(error, ResponseError) and error.status == 461 and self._transport == "tcp":
            self._transport = "udp"
            return True
        if self._transport == "udp" and self._played_s() is None:
            self._transport = "tcp"
        return False

    def on_described(self, description: SessionDescription, selection: VideoSelection, server: str) -> None:
        """SourceHandler."""
        del server
        others = len(description.media) - 1
        self._log.debug("source described", codec=selection.codec.value, other_media=others)

    def on_playing(self) -> None:
        """SourceHandler."""
        self._playing_since = clock.monotonic()
        self.status.totals.source_connects += 1
        self._log.info("source connected", transport=self._transport)

    def on_restart(self) -> None:
        """SourceHandler."""
        self._timeline.reset()
        self.status.totals.damaged_access_units += 1

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        """SourceHandler: allow-list, date, keep and hand on."""
        totals = self.status.totals
        totals.access_units_in += 1
        totals.damaged_access_units += access_unit.damaged
        self.ledger.now = clock.wall_clock()
        nal_units = filter_nal_units(access_unit, self.ledger, is_allowed, "nal_in")
        if not nal_units:
            return
        pts = self._timeline.presentation_time(access_unit.timestamp, access_unit.completed)
        data = join_byte_stream(nal_units)
        totals.bytes_in += len(data)
        if access_unit.random_access:
            self._skip_to_random_access = False
        elif self._skip_to_random_access:
            return
        unit = CodedUnit(codec=access_unit.codec, data=data, pts=pts, random_access=access_unit.random_access)
        wanted = self._gop.add(unit)
        worker = self._worker
        if worker is None or not wanted:
            return
        if worker.backlog() > MAX_BACKLOG:
            totals.shed_access_units += 1
            self._skip_to_random_access = True
            self._gop.clear()
            return
        flags = RANDOM_ACCESS if unit.random_access else 0
        worker.send(serialize_access_unit(unit.codec, flags, pts, access_unit.completed, data))

    # -- worker --------------------------------------------------------------------------------------------------

    async def _run_worker(self) -> None:
        """Keep a worker running."""
        while True:
            await self._worker_wanted.wait()
            now = clock.monotonic()
            self._deaths = [at for at in self._deaths if now - at < 10.0]
            await asyncio.sleep(RESTART_DELAYS_S[min(len(self._deaths), len(RESTART_DELAYS_S) - 1)])
            options = replace(self._options, fixed=self._output if not self._slate else None)
            try:
                worker = await WorkerLink.start(
                    self._fork_server, self.name, options, self._on_message, self._on_worker_gone
                )
            except WorkerError as error:
                self.status.problem = str(error)
                self._log.error("worker not started", reason=str(error), retry_in_s=1.0)
                await asyncio.sleep(1.0)
                continue
            self._worker_wanted.clear()
            self._worker = worker
            self._worker_cpu_s = 0.0
            self._decoded_pictures = 0
            self.status.worker_pid = worker.pid
            self.status.totals.worker_starts += 1
            for message in self._gop.replay(clock.monotonic()):
                worker.send(message)

    def _on_worker_gone(self, reason: str) -> None:
        self._worker = None
        self.status.worker_pid = None
        self.status.totals.worker_deaths += 1
        self.status.totals.worker_cpu_s += self._worker_cpu_s
        self._worker_cpu_s = 0.0
        self._deaths.append(clock.monotonic())
        self._gop.worker_died()
        self._log.warning("worker lost", reason=reason, gop_discarded=self._gop.discarded)
        self._on_event(self.name, "worker_restarted", {"reason": reason})
        self._worker_wanted.set()

    def _on_message(self, kind: MessageType, body: memoryview) -> None:
        """A worker's message; it is believed no more than a camera.

        Raises:
            RemoteProtocolError: it can't be one of our worker's.
        """
        if kind is MessageType.CODED:
            self._on_coded(parse_coded(body))
        elif kind is MessageType.STATS:
            self._on_stats(parse_json(body))
        elif kind is MessageType.FORMAT:
            self._on_format(parse_json(body))
        elif kind is MessageType.FAILED:
            reason = str(parse_json(body).get("reason", ""))[:500]
            self.status.problem = reason
            self._log.warning("worker reports", reason=reason)
        elif kind is MessageType.SNAPSHOT_TAKEN:
            for future in self._snapshots:
                if not future.done():
                    future.set_result(bytes(body))
        elif kind is not MessageType.READY:
            raise RemoteProtocolError(f"a worker does not send {kind.name}")

    def _on_stats(self, report: dict[str, Any]) -> None:
        cpu_s = report.get("cpu_s")
        counters = report.get("counters")
        if not isinstance(cpu_s, int | float) or not isinstance(counters, dict):
            raise RemoteProtocolError("a worker's report lacks its counters")
        self._worker_cpu_s = float(cpu_s)
        decoded = counters.get("decoded_pictures", 0)
        if isinstance(decoded, int) and decoded > self._decoded_pictures:
            self._decoded_pictures = decoded
            self._last_decoded = clock.monotonic()
        self.status.worker = report

    def _on_format(self, report: dict[str, Any]) -> None:
        source, output = report.get("source"), report.get("output")
        if isinstance(source, dict):
            if self.status.source and source and source != self.status.source:
                self._log.info("source format changed", **{f"source_{key}": value for key, value in source.items()})
            self.status.source = source or self.status.source
        if not isinstance(output, dict):
            return
        try:
            self._output = OutputFormat(**output)
        except TypeError:
            raise RemoteProtocolError("a worker's output format is none") from None
        self._slate = bool(report.get("slate"))
        self.status.output = {"codec": self._options.codec.value, **output}

    def _on_coded(self, message: CodedMessage) -> None:
        """A coded picture: only what our encoder makes is let through."""
        codec = self._options.codec
        totals = self.status.totals
        types = [nal_unit_type(codec, unit) for unit in message.nal_units]
        pictures = any(is_vcl(codec, kind) for kind in types)
        if message.codec is not codec or not pictures or not all(is_allowed(codec, kind) for kind in types):
            totals.rejected_from_worker += 1
            return
        now = clock.monotonic()
        if abs(message.pts / VIDEO_CLOCK_RATE - now) > MAX_AHEAD_S:
            totals.rejected_from_worker += 1
            return
        random_access = any(is_random_access(codec, kind) for kind in types)
        if random_access:
            totals.idr_out += 1
            self._note_parameter_sets(
                tuple(
                    unit for unit, kind in zip(message.nal_units, types, strict=True) if is_parameter_set(codec, kind)
                )
            )
        elif not self._parameter_sets:
            return
        self._last_output = now
        totals.pictures_out += 1
        if message.flags & REPEATED:
            totals.repeated_out += 1
        else:
            if self.status.state is not StreamState.PLAYING:
                self.status.state = StreamState.PLAYING
                self._on_event(self.name, "source_recovered", {})
            self.status.problem = ""
            self.status.delays_s.append(now - message.arrival)
        totals.bytes_out += sum(map(len, message.nal_units))
        totals.decode_s += message.decode_s
        totals.stages_s += message.stages_s
        totals.encode_s += message.encode_s
        self.fanout.send(codec, message.nal_units, message.pts, random_access=random_access)

    def _note_parameter_sets(self, sets: tuple[bytes, ...]) -> None:
        if sets == self._parameter_sets or not sets:
            return
        if self._parameter_sets:
            # the readers' session description is not true any more: they have to ask again
            self._log.info("output format changed; readers have to reconnect", readers=self.fanout.readers)
            self._end_readers(self.name)
            self._on_event(self.name, "format_changed", dict(self.status.output))
        self._parameter_sets = sets
        self._description_version += 1
        self._described.set()

    # -- readers -------------------------------------------------------------------------------------------------

    async def describe(self, address: str) -> bytes:
        """ServedStream: waits for parameter sets, then for a slate."""
        if not self._described.is_set():
            try:
                async with asyncio.timeout(DESCRIBE_WAIT_S):
                    await self._described.wait()
            except TimeoutError:
                self._repeat()
                try:
                    async with asyncio.timeout(SLATE_WAIT_S):
                        await self._described.wait()
                except TimeoutError:
                    raise TransportError(f"stream {self.name} has no picture and no worker to make one") from None
        output = self._output
        video = ServedVideo(
            codec=self._options.codec,
            payload_type=VIDEO_PAYLOAD_TYPE,
            parameter_sets=self._parameter_sets,
            bitrate_kbps=self._options.bitrate_kbps,
            frame_rate=output.frame_rate if output is not None else None,
        )
        return serialize_served(video, session_id=self._description_version, address=address)

    def request_idr(self) -> None:
        """Have an IDR soon: at once, or when the last one is IDR_INTERVAL_S old."""
        if self._idr_timer is not None:
            return
        wait = self._last_idr_request + IDR_INTERVAL_S - clock.monotonic()
        if wait <= 0:
            self._send_idr_request()
        else:
            self._idr_timer = asyncio.get_running_loop().call_later(wait, self._send_idr_request)

    def _send_idr_request(self) -> None:
        self._idr_timer = None
        self._last_idr_request = clock.monotonic()
        if self._worker is not None:
            self._worker.send(serialize_message(MessageType.KEYFRAME))
            if self._last_idr_request - self._last_output > QUIET_S / 2:
                self._repeat()

    def _repeat(self) -> None:
        """Have the last picture, or a slate, encoded again for now."""
        if self._worker is not None:
            pts = round(clock.monotonic() * VIDEO_CLOCK_RATE)
            self._worker.send(serialize_message(MessageType.REPEAT, pts.to_bytes(8, "little", signed=True)))
            self._last_output = clock.monotonic() - QUIET_S + REPEAT_S

    # -- watch ---------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Called every quarter of a second: watchdogs, and the repeated picture while the camera is away."""
        self.status.readers = self.fanout.readers
        worker = self._worker
        if worker is not None:
            worker.check(now)
        quiet = now - self._last_output > QUIET_S
        if quiet and self.fanout.readers and self._described.is_set():
            self._repeat()
        if self._playing_since is not None and self._connection is not None and worker is not None:
            waited = now - max(self._playing_since, self._last_decoded)
            if waited > DECODE_WAIT_S:
                self._playing_since = now
                self._connection.give_up(f"access units, but no picture could be decoded in {DECODE_WAIT_S:g} s")

    def sample(self, now: float) -> None:
        """Called every second: rates, and events that are noticed by counting."""
        self._notice()
        totals, rates = self.status.totals, self.status.rates
        cpu_s = totals.worker_cpu_s + self._worker_cpu_s
        received = self._connection.received_bytes if self._connection is not None else 0
        current = (now, totals.access_units_in, totals.pictures_out, received, totals.bytes_out, cpu_s)
        previous, self._last_sample = self._last_sample, current
        if previous is None or now - previous[0] < 0.1:
            return
        span = now - previous[0]
        rates.fps_in = (current[1] - previous[1]) / span
        rates.fps_out = (current[2] - previous[2]) / span
        rates.kbps_in = max(current[3] - previous[3], 0) / span / 125
        rates.kbps_out = (current[4] - previous[4]) / span / 125
        rates.cpu = max(current[5] - previous[5], 0.0) / span

    def _notice(self) -> None:
        """Tell of channels never met before, and of overload."""
        if len(self.ledger) > self._channels_seen:
            for layer, kind, _ in list(self.ledger)[self._channels_seen :]:
                self._log.info("channel not let through", layer=layer, kind=kind)
                self._on_event(self.name, "channel_seen", {"layer": layer, "kind": kind})
            self._channels_seen = len(self.ledger)
        counters = self.status.worker.get("counters", {})
        shed = self.status.totals.shed_access_units + sum(
            value for key, value in counters.items() if key.startswith("shed_") and isinstance(value, int)
        )
        if shed > self._shed_before and self.status.state is StreamState.PLAYING:
            self._on_event(self.name, "overload", {"shed": shed - self._shed_before})
        self._shed_before = shed
