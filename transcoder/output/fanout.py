"""The fan-out gives every picture of one output to all its readers: each takes as much as it can, and nobody waits."""

import contextlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit, RtpSender, prepare, prepare_audio

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


OnFirst = Callable[[int, int, tuple[int, int] | None], None]
"""A function that is called with sequence number and RTP timestamp of the first video packet, and of the first audio
packet if there is one."""


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

    def leave(self) -> None:
        """Tell the reader that no more packets come; a reader that is gone already need not hear it."""
        with contextlib.suppress(OSError):
            self.outlet.send_rtcp(self.sender.goodbye())

    def report(self, now: float, wall: float) -> None:
        """Send a sender report if it is due."""
        report = self.sender.report_due(now, wall)
        if report is not None:
            self.outlet.send_rtcp(report)


class Reader:
    """A reader takes the pictures of one output, from PLAY to PAUSE or the end.

    Args:
        video: the first track.
        audio: the second track, if the reader set one up.
        on_first: is called once, before the first packet is sent.
        is_counted: whether the reader counts as somebody who watches.

    Attributes:
        dropped: the access units that the reader lost because it was slow.
    """

    def __init__(self, video: Track, audio: Track | None, on_first: OnFirst | None, *, is_counted: bool = True) -> None:
        self._video = video
        self._audio = audio
        self._on_first = on_first
        self._waits_for_random_access = True
        self.is_counted = is_counted
        self.dropped = 0
        self.sent_bytes = 0

    def give(self, unit: PreparedAccessUnit, limit: int, latest_audio: PreparedAccessUnit | None = None) -> bool:
        """Send an access unit, or drop it if the reader is behind or can't begin with it; return False when dropped.

        Args:
            unit: the access unit of the video.
            limit: the bytes that may wait for this reader.
            latest_audio: the audio unit that a reader which begins now begins its audio with.
        """
        if self._waits_for_random_access and not unit.random_access:
            return self._on_first is not None  # nothing is lost before the first picture
        if self._video.outlet.backlog() + len(unit.data) > limit and self._on_first is None:
            self._waits_for_random_access = True
            self.dropped += 1
            return False
        self._waits_for_random_access = False
        if self._on_first is not None:
            self._begin(unit, latest_audio if self._audio is not None else None)
        self.sent_bytes += self._video.send(unit)
        return True

    def _begin(self, unit: PreparedAccessUnit, audio: PreparedAccessUnit | None) -> None:
        first, self._on_first = self._on_first, None
        if first is None:
            return
        heard = (self._audio.sender.next_sequence, audio.timestamp) if self._audio and audio else None
        first(self._video.sender.next_sequence, unit.timestamp, heard)
        if audio is not None:
            self.give_audio(audio, 1 << 30)

    def give_audio(self, unit: PreparedAccessUnit, limit: int) -> None:
        """Send an audio unit, unless the reader has not begun or is behind."""
        track = self._audio
        if track is not None and self._on_first is None and track.outlet.backlog() + len(unit.data) <= limit:
            self.sent_bytes += track.send(unit)

    def report(self, now: float, wall: float) -> None:
        """Send sender reports that are due; never before the first picture."""
        if self._on_first is not None:
            return
        self._video.report(now, wall)
        if self._audio is not None:
            self._audio.report(now, wall)


class Fanout:
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
        self._audio_rate = 0
        self._last_audio = -1
        self._latest_audio: PreparedAccessUnit | None = None

    @property
    def readers(self) -> int:
        """Return how many readers play, those that the gateway is itself left out."""
        return self._counted

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

    def set_audio_rate(self, rate: int) -> None:
        """Serve audio with this many samples a second from now on, 0 for no audio."""
        self._audio_rate = rate
        self._latest_audio = None
        self._last_audio = -1

    @property
    def audio_rate(self) -> int:
        """Return the samples a second of the audio that is served, 0 for no audio."""
        return self._audio_rate

    def send_audio(self, pts: int, unit: bytes) -> None:
        """Give an AAC frame to all readers that want audio.

        Args:
            pts: 90 kHz ticks of the monotonic clock; a frame whose time does not advance is left out.
            unit: the frame, made by our encoder.
        """
        ticks = round(pts * self._audio_rate / VIDEO_CLOCK_RATE)
        if not self._audio_rate or ticks <= self._last_audio:
            return
        self._last_audio = ticks
        prepared = prepare_audio(unit, ticks + self._audio_offset)
        for reader in self._readers:
            reader.give_audio(prepared, self.limit)
        self._latest_audio = prepared

    def add(self, reader: Reader) -> None:
        """Add a reader; it begins with the next IDR, which is asked for now."""
        self._readers.append(reader)
        self._counted += reader.is_counted
        self._request_idr()

    def remove(self, reader: Reader) -> None:
        """Remove a reader that left; one that is not here changes nothing."""
        if reader in self._readers:
            self._readers.remove(reader)
            self._counted -= reader.is_counted

    def send(self, codec: Codec, nal_units: list[bytes], pts: int, *, random_access: bool) -> None:
        """Give an access unit to all readers.

        Args:
            codec: the codec of the NAL units.
            nal_units: the NAL units, made by our encoder.
            pts: 90 kHz ticks of the monotonic clock; a time that does not advance is moved by a tick.
            random_access: whether the access unit is an IDR with parameter sets.
        """
        pts = max(pts, self._last_pts + 1)
        self._last_pts = pts
        if not self._readers:
            return
        unit = prepare(codec, nal_units, pts + self.timestamp_offset, random_access=random_access)
        now, wall = clock.monotonic(), clock.wall_clock()
        for reader in self._readers:
            before = reader.sent_bytes
            if not reader.give(unit, self.limit, self._latest_audio):
                self.counters.dropped_access_units += 1
            self.counters.sent_bytes += reader.sent_bytes - before
            reader.report(now, wall)
