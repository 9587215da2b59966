"""The intake of a stream turns the access units of a camera into dated access units that may go to a worker.

The intake belongs to a stream, not to a connection: presentation times go on over a reconnection, and a camera is not
allowed more pictures because it reconnects.
"""

from collections import Counter
from dataclasses import dataclass

from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.access_unit import AccessUnit, decoder_input, filter_nal_units
from transcoder.codecs.encryption import SliceCheck
from transcoder.codecs.nal import Codec, is_allowed
from transcoder.codecs.parameter_memory import ParameterSetMemory
from transcoder.codecs.parameter_sets import picture_size
from transcoder.codecs.picture_codec import SourceCodec
from transcoder.ledger import Ledger
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.lip_sync import LipSync
from transcoder.rtp.rtcp import SenderReport
from transcoder.rtp.timeline import Timeline
from transcoder.sdp import AudioSelection, VideoSelection
from transcoder.source.problems import Unreadable
from transcoder.source.status import SourceStatus
from transcoder.worker_options import AudioFormat

ENCRYPTED = "stream encrypted on the camera: turn its video encryption off"

MAX_PICTURES_PER_S = 240
"""The most pictures of one camera in a second; known cameras send 60 at most, and catch up after a stall."""

SLICES_REMEMBERED = 500
"""The number of slices after which the camera is judged anew: its encryption may have been turned off."""


@dataclass(slots=True, kw_only=True)
class CodedUnit:
    """A coded unit is an access unit that the allow-list has passed, with its times, ready for a worker."""

    codec: SourceCodec
    data: bytes
    pts: int
    random_access: bool


class VideoIntake:
    """Takes the access units of a camera and gives coded units for a worker.

    Args:
        ledger: the ledger of the stream.
        status: the source's part of the stream's status; the intake counts there the units that come and the drops.
    """

    def __init__(self, ledger: Ledger, status: SourceStatus) -> None:
        self._ledger = ledger
        self._status = status
        self._memory: ParameterSetMemory | None = None
        self._slices: SliceCheck | None = None
        self._timeline = Timeline(VIDEO_CLOCK_RATE)
        self._allowance = float(MAX_PICTURES_PER_S)
        self._allowance_at = 0.0
        self._skips_to_random_access = True

    @property
    def clock_rate(self) -> float:
        """Return how many ticks the camera's timestamps advance in a second of ours, as measured."""
        return self._timeline.clock_rate / self._timeline.ratio

    @property
    def unreadable(self) -> Unreadable | None:
        """Return why most pictures of the camera can't be read, None where they can."""
        check = self._slices
        if check is None or not check.implausible:
            return None
        if check.encrypted:
            return Unreadable("encrypted", f"{ENCRYPTED} ({check.evidence})")
        if missing := check.missing:
            named = ", ".join(map(str, missing))
            reason = f"the camera never sends PPS {named}, which its pictures refer to ({check.evidence})"
            return Unreadable("no_picture", reason)
        return None

    @property
    def timestamp_repairs(self) -> Counter[str]:
        """Return how many timestamps of the present connection were put right, by kind."""
        return self._timeline.repairs

    @property
    def faults(self) -> dict[str, int]:
        """Return how many faults of the present connection's access units were put right, by kind."""
        added = self._memory.completed if self._memory is not None else 0
        return {"parameter sets added": added} if added else {}

    def select(self, selection: VideoSelection) -> tuple[int, int] | None:
        """Go on with a video that was described anew.

        Returns:
            (width, height) that the description claims, a hint; None where the description claims no size.
        """
        self._timeline.clock_rate = selection.clock_rate
        codec = selection.codec
        if not isinstance(codec, Codec):
            self._memory = self._slices = None
            return None
        self._memory = ParameterSetMemory(codec, selection.parameter_sets)
        self._slices = SliceCheck(codec, selection.parameter_sets)
        return picture_size(codec, selection.parameter_sets)

    def restart(self) -> None:
        """Note that the camera began anew within the connection: its timestamps may be others than before."""
        self._timeline.restart()

    def reset(self) -> None:
        """Note that the connection ended: the next access units do not refer to earlier ones."""
        self._timeline.reset()
        self._skips_to_random_access = True

    def skip_to_random_access(self) -> None:
        """Drop access units until the next random access point, because they refer to one that was dropped."""
        self._skips_to_random_access = True

    def take(self, access_unit: AccessUnit) -> CodedUnit | None:
        """Let an access unit through: within the rate, by the allow-list, complete, readable and dated.

        Returns:
            The part of the access unit that a worker may have, or None where a worker may have no part of it.
        """
        status = self._status
        status.access_units += 1
        status.damaged_access_units += access_unit.damaged
        if not self._is_within_rate(access_unit.completed):
            status.shed_access_units += 1
            self._skips_to_random_access = True
            return None
        nal_units = filter_nal_units(access_unit, self._ledger, is_allowed, "nal_in")
        if self._memory is not None:
            nal_units = self._memory.complete(nal_units, random_access=access_unit.random_access)
        if not nal_units:
            return None
        if not self._is_readable(nal_units, access_unit.timestamp):
            self._skips_to_random_access = True
            return None
        pts = self._timeline.presentation_time(access_unit.timestamp, access_unit.completed)
        if access_unit.random_access:
            self._skips_to_random_access = False
        elif self._skips_to_random_access:
            status.skipped_access_units += 1
            return None
        data = decoder_input(access_unit.codec, nal_units)
        status.bytes += len(data)
        return CodedUnit(codec=access_unit.codec, data=data, pts=pts, random_access=access_unit.random_access)

    def _is_readable(self, nal_units: list[bytes], timestamp: int) -> bool:
        """Return whether the slices can be read; encrypted ones would be shown as noise."""
        check = self._slices
        if check is None:
            return True
        readable = True
        for unit in nal_units:
            readable &= check.look(unit, timestamp)
        if check.implausible and not check.missing:
            readable = not check.suspicious
        if check.checked >= SLICES_REMEMBERED:
            check.forget()
        return readable

    def _is_within_rate(self, now: float) -> bool:
        """Return whether pictures come no faster than any camera sends them; a packet may claim to hold a thousand."""
        self._allowance = min(self._allowance + (now - self._allowance_at) * MAX_PICTURES_PER_S, MAX_PICTURES_PER_S)
        self._allowance_at = max(now, self._allowance_at)
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True


class AudioIntake:
    """Takes the audio units of one connection and gives their times.

    A packet of audio comes when its last sample was taken.

    Args:
        selection: the audio that was set up.
        status: the source's part of the stream's status; the intake counts there the units that come and the drops.

    Attributes:
        format: the format of the audio, for the worker.
    """

    def __init__(self, selection: AudioSelection, status: SourceStatus) -> None:
        self._status = status
        self._timeline = Timeline(selection.clock_rate)
        self._lip_sync = LipSync(selection.clock_rate)
        self.format = AudioFormat(
            encoding=selection.encoding,
            clock_rate=selection.clock_rate,
            channels=selection.channels,
            config=selection.config,
        )

    def note_video(self, timestamp: int, pts: int, clock_rate: float = VIDEO_CLOCK_RATE) -> None:
        """Note the presentation time that a picture with this RTP timestamp was given, and the rate of its clock."""
        self._lip_sync.note_video(timestamp, pts, clock_rate)

    def restart(self) -> None:
        """Note that the audio began anew within the connection: its timestamps have no relation to earlier ones."""
        self._timeline.reset()

    def take(self, unit: AudioUnit, video: SenderReport | None, audio: SenderReport | None) -> int:
        """Date an audio unit.

        Args:
            unit: the audio unit as it was received.
            video: the latest sender report of the video, if any.
            audio: the latest sender report of the audio, if any.

        Returns:
            The time of the unit's first sample on the time line of the pictures, 90 kHz ticks.
        """
        timeline = self._timeline
        end = timeline.presentation_time(unit.timestamp + unit.duration, unit.arrival)
        begin = end - unit.duration * VIDEO_CLOCK_RATE // timeline.clock_rate
        self._status.audio_units += 1
        return self._lip_sync.correct(unit.timestamp, begin, video, audio)
