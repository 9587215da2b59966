"""The readers of one stream: each gets what it can take, none waits for another."""

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.rtp.sender import FRAMING_SIZE, PreparedAccessUnit, RtpSender, prepare

BACKLOG_S = 2.0
"""Seconds of video, at the cap, that may wait for a reader before it loses access units."""
MIN_BACKLOG = 256 << 10
"""Bytes that may wait for a reader at least: one large IDR."""


class Outlet(Protocol):
    """How bytes leave towards one reader; the shells implement it."""

    def backlog(self) -> int:
        """Bytes that wait to be sent."""

    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        """Send numbered frames; over UDP without their framing."""

    def send_rtcp(self, data: bytes) -> None:
        """Send an RTCP packet."""


@dataclass(slots=True)
class FanoutCounters:
    """Over the life of a stream."""

    access_units: int = 0
    sent_bytes: int = 0
    dropped_access_units: int = 0


class Reader:
    """One reader of a stream, from PLAY to PAUSE or the end.

    Args:
        outlet: where its bytes go.
        sender: its numbers; kept across PAUSE.
        channel: its RTP channel, 0 over UDP.
        on_first: called once with sequence number and RTP timestamp of the first packet, before that is sent.

    Attributes:
        dropped: access units it lost because it was slow.
    """

    def __init__(
        self, outlet: Outlet, sender: RtpSender, channel: int, on_first: Callable[[int, int], None] | None
    ) -> None:
        self._outlet = outlet
        self._sender = sender
        self._channel = channel
        self._on_first = on_first
        self._waits_for_random_access = True
        self.dropped = 0
        self.sent_bytes = 0

    def give(self, unit: PreparedAccessUnit, limit: int) -> bool:
        """Send an access unit, or drop it if the reader is behind or can't begin with it; False when dropped."""
        if self._waits_for_random_access and not unit.random_access:
            return self._on_first is not None  # nothing is lost before the first picture
        if self._outlet.backlog() + len(unit.data) > limit and self._on_first is None:
            self._waits_for_random_access = True
            self.dropped += 1
            return False
        self._waits_for_random_access = False
        if self._on_first is not None:
            first, self._on_first = self._on_first, None
            first(self._sender.next_sequence, unit.timestamp)
        self._outlet.send_frames(self._sender.number(unit, self._channel), unit)
        self.sent_bytes += len(unit.data) - FRAMING_SIZE * len(unit.offsets)
        return True

    def report(self, now: float, wall: float) -> None:
        """Send a sender report if it is due; never before the first picture."""
        if self._on_first is not None:
            return
        report = self._sender.report_due(now, wall)
        if report is not None:
            self._outlet.send_rtcp(report)


class Fanout:
    """All readers of one stream.

    Args:
        cname: in sender reports.
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
        self._last_pts = -1

    @property
    def readers(self) -> int:
        """How many are playing."""
        return len(self._readers)

    def set_cap(self, bitrate_kbps: int) -> None:
        """Size the backlog for a bitrate cap."""
        self.limit = max(MIN_BACKLOG, int(bitrate_kbps * 125 * BACKLOG_S))

    def new_sender(self) -> RtpSender:
        """Numbers for a new reader."""
        return RtpSender(
            ssrc=secrets.randbits(32),
            sequence_number=random.randrange(1, 1 << 15),
            cname=self._cname,
            timestamp_offset=self.timestamp_offset,
        )

    def add(self, reader: Reader) -> None:
        """A reader begins with the next IDR, which is asked for now."""
        self._readers.append(reader)
        self._request_idr()

    def remove(self, reader: Reader) -> None:
        """A reader left."""
        if reader in self._readers:
            self._readers.remove(reader)

    def send(self, codec: Codec, nal_units: list[bytes], pts: int, *, random_access: bool) -> None:
        """Give an access unit to all readers.

        Args:
            codec: of the NAL units.
            nal_units: ours.
            pts: 90 kHz ticks of the monotonic clock; one that does not advance is moved by a tick.
            random_access: whether it is an IDR with parameter sets.
        """
        pts = max(pts, self._last_pts + 1)
        self._last_pts = pts
        self.counters.access_units += 1
        if not self._readers:
            return
        unit = prepare(codec, nal_units, pts + self.timestamp_offset, random_access=random_access)
        now, wall = clock.monotonic(), clock.wall_clock()
        for reader in self._readers:
            before = reader.sent_bytes
            if not reader.give(unit, self.limit):
                self.counters.dropped_access_units += 1
            self.counters.sent_bytes += reader.sent_bytes - before
            reader.report(now, wall)
