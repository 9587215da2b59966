"""The fan-out gives every picture of one output to all its readers: each takes as much as it can, and nobody waits."""

import contextlib
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit, RtpSender, prepare, prepare_audio

OLD_AUDIO = VIDEO_CLOCK_RATE // 2
"""Ticks between a picture and the last sound, from which on a reader does not begin with that sound."""
BACKLOG_S = 2.0
"""Seconds of video, at the cap, that may wait for a reader before it loses access units."""
MIN_BACKLOG = 256 << 10
"""Bytes that may wait for a reader at least: one large IDR."""


class Outlet(Protocol):
    """An outlet carries bytes towards one reader; the shells implement it."""

    def backlog(self) -> int:
        """Return how many bytes wait to be sent."""

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        """Send numbered frames; over UDP they go without their framing."""

    def send_rtcp(self, data: bytes) -> None:
        """Send an RTCP packet."""


@dataclass(slots=True)
class FanoutCounters:
    """Counts over the life of an output, of all its readers together."""

    sent_bytes: int = 0
    dropped_access_units: int = 0


VIDEO, AUDIO = 0, 1
"""The numbers of the tracks, in control URIs too."""
MIN_STEP = VIDEO_CLOCK_RATE // 1000
"""Ticks between two pictures at least: a millisecond, below which recorders take the second for a mistake."""

Packets = Mapping[int, tuple[int, int | None]]
"""The first packet of each track: its sequence number, and the RTP timestamp of the moment at which all begin."""
OnFirst = Callable[[Packets], None]
"""A function that is called with the first packets."""


@dataclass(slots=True, kw_only=True)
class Track:
    """A track carries one medium of an output to one reader.

    Attributes:
        outlet: carries the track's bytes.
        sender: numbers the packets; it is kept across PAUSE.
        channel: the RTP channel, 0 over UDP.
    """

    outlet: Outlet
    sender: RtpSender
    channel: int = 0

    def send(self, unit: PreparedAccessUnit) -> int:
        """Send a prepared unit; return the bytes of its packets."""
        self.outlet.send_frames(self.sender.number(unit, self.channel), unit)
        return len(unit.data) - FRAMING_SIZE * len(unit.offsets)

    def size(self, unit: PreparedAccessUnit) -> int:
        """Return the bytes of a unit as this track sends it, to be held against the backlog."""
        return len(unit.data)

    def skip(self) -> None:
        """Note that the reader gets no units from now on up to the next random access."""

    def leave(self) -> None:
        """Tell the reader that no more packets come; a reader that is gone already need not hear it."""
        with contextlib.suppress(OSError):
            self.outlet.send_rtcp(self.sender.goodbye())

    def report(self, now: float, wall: float) -> None:
        """Send a sender report if it is due."""
        report = self.sender.report_due(now, wall)
        if report is not None:
            self.outlet.send_rtcp(report)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """Holds what a reader begins with.

    Attributes:
        video_timestamp: the RTP timestamp, in the video's clock, of the moment at which picture and sound begin.
        audio_timestamp: the same moment in the audio's clock.
        audio: the audio unit that goes before the first picture.
    """

    video_timestamp: int | None = None
    audio_timestamp: int | None = None
    audio: PreparedAccessUnit | None = None


class Reader:
    """A reader takes the pictures and the sound of one output, from PLAY to PAUSE or the end.

    Args:
        tracks: the tracks that the reader set up, by number.
        on_first: is called once, before the first packet is sent.
        is_counted: whether the reader counts as somebody who watches.

    Attributes:
        dropped: the access units that the reader lost because it was slow.
    """

    def __init__(self, tracks: Mapping[int, Track], on_first: OnFirst | None, *, is_counted: bool = True) -> None:
        self._video = tracks.get(VIDEO)
        self._audio = tracks.get(AUDIO)
        self._on_first = on_first
        self._waits_for_random_access = True
        self.is_counted = is_counted
        self.dropped = 0
        self.sent_bytes = 0

    @property
    def tracks(self) -> dict[int, Track]:
        """Return the tracks that the reader takes, by number."""
        return {number: track for number, track in ((VIDEO, self._video), (AUDIO, self._audio)) if track is not None}

    @property
    def has_begun(self) -> bool:
        """Return whether the reader was told of its first packets."""
        return self._on_first is None

    @property
    def awaits_pictures(self) -> bool:
        """Return whether the reader takes the picture, and not the sound alone."""
        return self._video is not None

    def leave_out(self, number: int) -> None:
        """Take one track less from now on."""
        if number == VIDEO:
            self._video = None
        elif number == AUDIO:
            self._audio = None

    def give(self, unit: PreparedAccessUnit, limit: int, begin: "Beginning | None" = None) -> bool:
        """Send an access unit, or drop it if the reader is behind or can't begin with it; return False when dropped.

        Args:
            unit: the access unit of the video.
            limit: the bytes that may wait for this reader.
            begin: what a reader that begins now begins with; needed once only.
        """
        track = self._video
        if track is None:
            return True
        if self._waits_for_random_access and not unit.random_access:
            return self._on_first is not None  # nothing is lost before the first picture
        if track.outlet.backlog() + track.size(unit) > limit and self._on_first is None:
            self._waits_for_random_access = True
            track.skip()
            self.dropped += 1
            return False
        self._waits_for_random_access = False
        if self._on_first is not None and begin is not None:
            self._begin(begin)
        self.sent_bytes += track.send(unit)
        return True

    def _begin(self, begin: "Beginning") -> None:
        """Tell of the first packets, then send what has to be there before the first picture: reports and sound."""
        if self.has_begun:
            return
        self.begin(self.packets(begin))
        self.report(clock.monotonic(), clock.wall_clock())
        if begin.audio is not None:
            self.give_audio(begin.audio, 1 << 30)

    def begin(self, packets: Packets) -> None:
        """Tell of the first packets, once."""
        first, self._on_first = self._on_first, None
        if first is not None:
            first(packets)

    def packets(self, begin: "Beginning") -> Packets:
        """Return the packets that come next, at the moment of a beginning."""
        stamps = {VIDEO: begin.video_timestamp, AUDIO: begin.audio_timestamp}
        return {number: (track.sender.next_sequence, stamps[number]) for number, track in self.tracks.items()}

    def give_audio(self, unit: PreparedAccessUnit, limit: int) -> None:
        """Send an audio unit, unless the reader has not begun or is behind; a reader of sound alone begins with it."""
        track = self._audio
        if track is None:
            return
        if self._on_first is not None and self._video is None:
            self._begin(Beginning(audio_timestamp=unit.timestamp))
        if self._on_first is None and track.outlet.backlog() + len(unit.data) <= limit:
            self.sent_bytes += track.send(unit)

    def report(self, now: float, wall: float) -> None:
        """Send sender reports that are due; never before the first picture."""
        if self._on_first is not None:
            return
        if self._video is not None:
            self._video.report(now, wall)
        if self._audio is not None:
            self._audio.report(now, wall)


class Readers(Protocol):
    """Readers are taken in here when they play, and leave when they do not any more."""

    def add(self, reader: Reader) -> None:
        """Add a reader; it begins with the next IDR, which is asked for now, or with the next sound if that is all."""

    def remove(self, reader: Reader) -> None:
        """Remove a reader that left; one that is not here changes nothing."""


class Fanout(Readers):
    """A fan-out holds the readers of one output.

    Args:
        cname: the CNAME in sender reports.
        request_idr: asks the stream for an IDR, soon.

    Attributes:
        timestamp_offset: RTP timestamp of monotonic time 0: one timeline for as long as the service lives.
    """

    def __init__(self, cname: str, request_idr: Callable[[], None]) -> None:
        self.timestamp_offset = secrets.randbits(32)
        self.counters = FanoutCounters()
        self.limit = MIN_BACKLOG
        self._cname = cname
        self._request_idr = request_idr
        self._readers: list[Reader] = []
        self._counted = 0
        self._last_pts = -1
        self._audio_offset = secrets.randbits(32)
        self._audio: ServedAudio | None = None
        self._audio_rate = 0
        self._last_audio = -1
        self._latest_audio: PreparedAccessUnit | None = None
        self._latest_audio_pts = 0

    @property
    def readers(self) -> int:
        """Return how many readers play, those that the gateway is itself left out."""
        return self._counted

    @property
    def is_read(self) -> bool:
        """Return whether anybody takes pictures, the gateway itself included."""
        return bool(self._readers)

    def set_cap(self, bitrate_kbps: int) -> None:
        """Size the backlog for a bitrate cap."""
        self.limit = max(MIN_BACKLOG, int(bitrate_kbps * 125 * BACKLOG_S))

    def new_sender(self, report_interval_s: float, *, audio: bool = False) -> RtpSender:
        """Make the sender of a new reader's video or audio, which reports every so many seconds."""
        return RtpSender(
            ssrc=secrets.randbits(32),
            sequence_number=random.randrange(1, 1 << 15),
            cname=self._cname,
            timestamp_offset=self._audio_offset if audio else self.timestamp_offset,
            report_interval_s=report_interval_s,
            clock_rate=self._audio_rate if audio else VIDEO_CLOCK_RATE,
        )

    def set_audio(self, audio: ServedAudio | None) -> None:
        """Serve audio of this format from now on, or none."""
        self._audio = audio
        self._audio_rate = audio.clock_rate if audio is not None else 0
        self._latest_audio = None
        self._last_audio = -1

    @property
    def audio_rate(self) -> int:
        """Return the samples a second of the audio that is served, 0 for no audio."""
        return self._audio_rate

    def send_audio(self, pts: int, unit: bytes) -> None:
        """Give a frame of sound to all readers that want audio.

        Args:
            pts: 90 kHz ticks of the monotonic clock; a frame whose time does not advance is left out.
            unit: the frame, made by our encoder.
        """
        ticks = round(pts * self._audio_rate / VIDEO_CLOCK_RATE)
        if self._audio is None or ticks <= self._last_audio:
            return
        self._last_audio = ticks
        prepared = prepare_audio(self._audio, unit, ticks + self._audio_offset)
        for reader in self._readers:
            reader.give_audio(prepared, self.limit)
        self._latest_audio, self._latest_audio_pts = prepared, pts

    @override
    def add(self, reader: Reader) -> None:
        self._readers.append(reader)
        self._counted += reader.is_counted
        if reader.awaits_pictures:
            self._request_idr()

    @override
    def remove(self, reader: Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
            self._counted -= reader.is_counted

    def send(self, codec: Codec, nal_units: list[bytes], pts: int, *, random_access: bool) -> None:
        """Give an access unit to all readers.

        Args:
            codec: the codec of the NAL units.
            nal_units: the NAL units, made by our encoder.
            pts: 90 kHz ticks of the monotonic clock; a time that does not advance by MIN_STEP is moved.
            random_access: whether the access unit is an IDR with parameter sets.
        """
        pts = max(pts, self._last_pts + MIN_STEP)
        self._last_pts = pts
        if not self._readers:
            return
        unit = prepare(codec, nal_units, pts + self.timestamp_offset, random_access=random_access)
        begin = self._beginning(pts) if random_access else None
        now, wall = clock.monotonic(), clock.wall_clock()
        for reader in self._readers:
            before = reader.sent_bytes
            if not reader.give(unit, self.limit, begin):
                self.counters.dropped_access_units += 1
            self.counters.sent_bytes += reader.sent_bytes - before
            reader.report(now, wall)

    def _beginning(self, pts: int) -> Beginning:
        """Return what a reader begins with: picture and sound from one moment.

        Args:
            pts: the time of its first picture.
        """
        audio = self._latest_audio
        if audio is not None and not -OLD_AUDIO < self._latest_audio_pts - pts < OLD_AUDIO:
            audio = None  # the camera has been silent for a while
        moment = pts if audio is None else min(pts, self._latest_audio_pts)
        heard = round(moment * self._audio_rate / VIDEO_CLOCK_RATE) + self._audio_offset
        return Beginning(
            video_timestamp=(moment + self.timestamp_offset) & 0xFFFF_FFFF,
            audio_timestamp=heard & 0xFFFF_FFFF if self._audio_rate else None,
            audio=audio,
        )
