"""The source side of a stream: pulls a camera for ever and hands on dated, allow-listed access units."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.access_unit import AccessUnit, decoder_input, filter_nal_units
from transcoder.codecs.encryption import MIN_SLICES, SliceCheck
from transcoder.codecs.nal import Codec, is_allowed
from transcoder.codecs.parameter_memory import ParameterSetMemory
from transcoder.codecs.parameter_sets import picture_size
from transcoder.errors import TranscoderError, TransportError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource, SourceOptions
from transcoder.net.sockets import is_multicast
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.lip_sync import LipSync
from transcoder.rtp.timeline import Timeline
from transcoder.sdp import AudioSelection, SessionDescription, VideoSelection
from transcoder.service.gop import CodedUnit
from transcoder.service.host_gate import HostGate
from transcoder.service.status import SourceStatus
from transcoder.source.reconnection import Reconnection
from transcoder.worker_options import AudioFormat

MAX_PICTURES_PER_S = 240
"""Pictures of one camera in a second; those known send 60 at most, and catch up after a stall."""

SLICES_REMEMBERED = 500
"""Slices after which what they looked like is judged anew: encryption may be turned off."""
ENCRYPTED = "stream encrypted on the camera: turn its video encryption off"

OnLost = Callable[[str, bool], None]
"""Called with the reason and whether it had been playing."""


class Source:
    """Connects, receives, waits and connects again.

    Args:
        options: of the source; transport may be "auto".
        ledger: of the stream.
        status: the source's part of what is known of the stream; this source alone writes it.
        log: bound to the stream's name.
        on_unit: gets every access unit, with the monotonic seconds of its last packet.
        on_lost: called when a connection ended.
        on_described_size: told width and height that the session description claims: a hint.
        on_problem: told what keeps pictures from being shown, in one line.
        gate: shared by all sources: who may try to connect now.
        on_audio_format: told what the audio is, where it was asked for and is there.
        on_audio: gets every audio unit, with the 90 kHz ticks of its first sample.
    """

    def __init__(
        self,
        options: SourceOptions,
        ledger: Ledger,
        status: SourceStatus,
        log: structlog.stdlib.BoundLogger,
        on_unit: Callable[[CodedUnit, float], None],
        on_lost: OnLost,
        on_described_size: Callable[[tuple[int, int]], None],
        on_problem: Callable[[str], None],
        gate: HostGate,
        on_audio_format: Callable[[AudioFormat], None],
        on_audio: Callable[[int, bytes], None],
    ) -> None:
        self._options = options
        self._ledger = ledger
        self._status = status
        self._log = log
        self._on_unit = on_unit
        self._on_lost = on_lost
        self._on_described_size = on_described_size
        self._on_problem = on_problem
        self._slices: SliceCheck | None = None
        self._gate = gate
        self._on_audio_format = on_audio_format
        self._on_audio = on_audio
        self._audio_timeline: Timeline | None = None
        self._lip_sync: LipSync | None = None
        self._allowance = float(MAX_PICTURES_PER_S)
        self._allowance_at = clock.monotonic()
        self._memory: ParameterSetMemory | None = None
        self._timeline = Timeline(VIDEO_CLOCK_RATE)
        self._reconnection = Reconnection(options.transport)
        self._settled = asyncio.Event()
        self._connection: RtspSource | None = None
        self._skip_to_random_access = True
        self._bytes_before = 0

    async def run(self) -> None:
        """Pull the camera for ever."""
        reconnection = self._reconnection
        while True:
            error = await self._pull()
            retry = reconnection.lose(error, clock.monotonic())
            was_playing = retry.played_s is not None
            self._status.losses += was_playing
            if not retry.delay_s:
                self._log.info("trying another transport", transport=reconnection.transport, reason=str(error))
                continue
            self._log.warning("source lost", reason=str(error), retry_in_s=round(retry.delay_s, 1))
            self._on_lost(str(error), was_playing)
            await asyncio.sleep(retry.delay_s)

    async def _pull(self) -> TranscoderError:
        """One connection, to its end: why it ended."""
        self._reconnection.begin()
        options = replace(self._options, transport=self._reconnection.transport)
        self._connection = RtspSource(options, self._ledger, self)
        self._settled.clear()
        error: TranscoderError = TransportError("the camera closed the connection")
        loop = asyncio.get_running_loop()
        connection: asyncio.Task[None] | None = None
        settled = loop.create_task(self._settled.wait())
        try:
            async with self._gate.attempt(self._options.url.host):
                connection = loop.create_task(self._connection.run())
                await asyncio.wait({connection, settled}, return_when=asyncio.FIRST_COMPLETED)
            await connection
        except TranscoderError as failure:
            error = failure
        finally:
            settled.cancel()
            try:
                if connection is not None:
                    connection.cancel()  # it leaves with TEARDOWN
                    await asyncio.gather(connection, return_exceptions=True)
            finally:  # the source may be stopped while it waits for that
                self._bytes_before += self._connection.received_bytes
                self._connection = None
                # what comes next does not refer to what came before
                self._timeline.reset()
                self._skip_to_random_access = True
        return error

    def played_s(self) -> float | None:
        """For how long the current connection plays, seconds, or None."""
        return self._reconnection.played_s(clock.monotonic())

    @property
    def is_connected(self) -> bool:
        """Whether media may be coming."""
        return self._connection is not None and self.played_s() is not None

    @property
    def received_bytes(self) -> int:
        """Of all connections."""
        current = self._connection.received_bytes if self._connection is not None else 0
        return self._bytes_before + current

    @property
    def reception(self) -> dict[str, Any]:
        """Counters of the current connection's reception."""
        connection = self._connection
        video = connection.video if connection is not None else None
        if connection is None or video is None:
            return {}
        receiver = video.receiver
        audio = connection.audio
        audio_faults = audio.faults if audio is not None else {}
        return {
            "packets": receiver.received,
            "lost": receiver.lost,
            "late": receiver.late,
            "duplicates": receiver.duplicates,
            "malformed": receiver.malformed,
            "jitter_ms": round(receiver.jitter / VIDEO_CLOCK_RATE * 1000, 1),
            "faults": dict(video.faults)
            | dict(connection.faults)
            | {f"audio: {kind}": count for kind, count in audio_faults.items()},
            "timestamp_repairs": dict(self._timeline.repairs),
        }

    def give_up(self, reason: str) -> None:
        """End this connection; the next one follows."""
        if self._connection is not None:
            self._reconnection.note_useless(clock.monotonic())
            self._connection.give_up(reason)

    def skip_to_random_access(self) -> None:
        """Drop what refers to something that was dropped."""
        self._skip_to_random_access = True

    # -- SourceHandler -------------------------------------------------------------------------------------------

    def on_described(self, description: SessionDescription, selection: VideoSelection, server: str) -> None:
        """The camera told what it has."""
        del server
        codec = selection.codec
        self._memory = ParameterSetMemory(codec, selection.parameter_sets) if isinstance(codec, Codec) else None
        if isinstance(codec, Codec):
            size = picture_size(codec, selection.parameter_sets)
            if size is not None:
                self._on_described_size(size)
        self._slices = SliceCheck(codec) if isinstance(codec, Codec) else None
        self._reconnection.note_described(multicast=is_multicast(selection.media.connection.partition("/")[0]))
        self._log.debug("source described", codec=selection.codec.value, other_media=len(description.media) - 1)

    def on_playing(self) -> None:
        """Media may come from now on."""
        self._reconnection.note_playing(clock.monotonic())
        self._settled.set()
        self._status.connects += 1
        self._log.info("source connected", transport=self._reconnection.transport)

    def on_restart(self) -> None:
        """The camera began anew within the connection."""
        self._timeline.reset()
        self._status.restarts += 1

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        """Allow-list, date and hand on."""
        status = self._status
        self._reconnection.note_picture()
        status.access_units += 1
        status.damaged_access_units += access_unit.damaged
        if not self._is_within_rate(access_unit.completed):
            status.shed_access_units += 1
            self._skip_to_random_access = True
            return
        self._ledger.now = clock.wall_clock()
        nal_units = filter_nal_units(access_unit, self._ledger, is_allowed, "nal_in")
        if self._memory is not None:
            nal_units = self._memory.complete(nal_units, random_access=access_unit.random_access)
        if not nal_units:
            return
        if not self._is_readable(nal_units, access_unit.timestamp):
            self._skip_to_random_access = True
            return
        pts = self._timeline.presentation_time(access_unit.timestamp, access_unit.completed)
        if access_unit.random_access:
            self._skip_to_random_access = False
        elif self._skip_to_random_access:
            status.skipped_access_units += 1
            return
        if self._lip_sync is not None:
            self._lip_sync.note_video(access_unit.timestamp, pts)
        data = decoder_input(access_unit.codec, nal_units)
        status.bytes += len(data)
        unit = CodedUnit(codec=access_unit.codec, data=data, pts=pts, random_access=access_unit.random_access)
        self._on_unit(unit, access_unit.completed)

    @property
    def is_encrypted(self) -> bool:
        """Whether the camera encrypts its pictures."""
        return self._slices is not None and self._slices.encrypted

    def _is_readable(self, nal_units: list[bytes], timestamp: int) -> bool:
        """Whether the slices are slices; encrypted ones would be shown as noise."""
        check = self._slices
        if check is None:
            return True
        was_encrypted = check.encrypted
        for unit in nal_units:
            check.look(unit, timestamp)
        if check.encrypted and not was_encrypted:
            self._log.warning(ENCRYPTED)
            self._on_problem(ENCRYPTED)
        suspicious = check.suspicious
        if check.checked >= SLICES_REMEMBERED:
            check.checked, check.implausible = (MIN_SLICES, MIN_SLICES) if check.encrypted else (0, 0)
        return not suspicious

    def _is_within_rate(self, now: float) -> bool:
        """Whether pictures come no faster than any camera sends them; a packet may claim to hold a thousand."""
        self._allowance = min(self._allowance + (now - self._allowance_at) * MAX_PICTURES_PER_S, MAX_PICTURES_PER_S)
        self._allowance_at = max(now, self._allowance_at)
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def on_audio_set_up(self, selection: AudioSelection) -> None:
        """Audio comes as well."""
        self._audio_timeline = Timeline(selection.clock_rate)
        self._lip_sync = LipSync(selection.clock_rate)
        self._on_audio_format(
            AudioFormat(
                encoding=selection.encoding,
                clock_rate=selection.clock_rate,
                channels=selection.channels,
                config=selection.config,
            )
        )

    def on_audio(self, unit: AudioUnit, *, restarted: bool) -> None:
        """Date and hand on: a packet of audio arrives when its last sample was taken, a picture when it was."""
        timeline, lip_sync, connection = self._audio_timeline, self._lip_sync, self._connection
        if timeline is None or lip_sync is None or connection is None or connection.video is None:
            return
        if restarted:
            timeline.reset()
        end = timeline.presentation_time(unit.timestamp + unit.duration, unit.arrival)
        begin = end - unit.duration * VIDEO_CLOCK_RATE // timeline.clock_rate
        reports = connection.video.sender_report, connection.audio.sender_report if connection.audio else None
        self._status.audio_units += 1
        self._on_audio(lip_sync.correct(unit.timestamp, begin, *reports), unit.data)
