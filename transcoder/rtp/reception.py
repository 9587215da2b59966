"""The receiver handles one RTP source: order, duplicates, loss, jitter and reports.

Packets of other payload types are dropped before any sequence accounting: Hikvision's private packets have sequence
numbers of their own, Uniview's repeat the sequence number of a video packet.

Source: RFC 3550 sections 6.4.1, A.1, A.3, A.8.
"""

from collections import Counter, deque

from transcoder.errors import PayloadError
from transcoder.formats.depacketizer import RtpPacket
from transcoder.ledger import Ledger
from transcoder.rtp.packet import Buffer, parse_rtp, peek_payload_type, profile_word
from transcoder.rtp.packet_numbers import PacketNumbers
from transcoder.rtp.rtcp import ReportBlock
from transcoder.rtp.waiting_source import WaitingSource

MAX_DROPOUT = 3000
"""A forward jump below this is loss, above it a restart of the counter (RFC 3550 A.1)."""
MAX_MISORDER = 100
"""A backward jump below this is a late packet (RFC 3550 A.1)."""
REORDER_PACKETS = 64
"""The number of packets that are held back at most while one is missing; at 4 Mbit/s about 180 ms."""
REORDER_S = 0.1
"""The seconds that a packet is held back at most while one is missing."""
SWITCH_PACKETS = 3
"""The number of packets of another SSRC in a row, without one of the current source between, that make that SSRC
current."""
RETURN_S = 2.0
"""A source that was replaced comes back when the current one was silent for this long: old live555 servers write a
dead session's packets into the next connection for up to 65 s (Reolink, Foscam)."""
TURN_PICTURES = 3
"""The number of pictures after which the gaps of a source tell when it is silent. Two sources that take turns, a group
of pictures each (gortsplib#687), never send at the same time; a dead session and the living one do."""
TURN_GAPS = 1.5
"""A source that was replaced has its turn when the current one is silent for so many of its longest gaps, and a picture
of the other has come in that time."""
MAX_REPLACED = 4
_PRIVATE = tuple(f"private payload type {number}" for number in range(128))
"""The ledger's words for packets that were not negotiated, by payload type."""
MAX_AHEAD_S = 10.0
"""A timestamp may be this much newer than the newest one and still go on from it; a random one is so in 1 of 5000."""


class RtpReceiver:
    """Takes the packets of one media and gives them in order and without duplicates.

    Args:
        payload_types: the payload types that were negotiated.
        clock_rate: ticks a second.
        ledger: counts the dropped packets.
        reorder: True over UDP; over TCP nothing is reordered and every gap is loss at once.
        extensions: the profiles of header extensions that the payload format reads; any other is counted as dropped.

    Attributes:
        payload_types, clock_rate: as above; an undescribed type may be added.
        received, duplicates, late, lost, malformed: packets.
        others: packets of other payload types, by their type.
        restarts: how often the source began anew (another SSRC or another sequence).
        renumbered: how often the numbers began anew while the pictures went on.
        jitter: ticks, RFC 3550 A.8.
        ready: the packets that next_packet() returns; the video receiver takes them off the left end itself.
    """

    def __init__(
        self,
        payload_types: frozenset[int],
        clock_rate: int,
        ledger: Ledger,
        *,
        reorder: bool,
        extensions: frozenset[int] = frozenset(),
    ) -> None:
        self.payload_types = payload_types
        self._extensions = extensions
        self.clock_rate = clock_rate
        self._ledger = ledger
        self._reorder = reorder
        self.ready: deque[tuple[RtpPacket, int, float]] = deque()
        self._held: dict[int, tuple[RtpPacket, float]] = {}
        self._waiting = WaitingSource(ledger)
        self._numbers = PacketNumbers()
        self._expected: int | None = None
        self._base = 0
        self._extended = 0
        self._transit: float | None = None
        self._suspect: tuple[RtpPacket, float] | None = None
        self._replaced: deque[int] = deque(maxlen=MAX_REPLACED)
        self._last_arrival = 0.0
        self._longest_gap = 0.0
        """Seconds between two packets of the current source, at the longest."""
        self._pictures = 0
        """The number of pictures of the current source, as far as timestamps tell."""
        self._stamps: deque[int] = deque(maxlen=MAX_MISORDER)
        """The timestamps of the latest pictures: a packet of one of them is late or a duplicate."""
        self._newest: int | None = None
        self._prior = (0, 0)
        self._count = 0
        self.ssrc: int | None = None
        self.received = self.received_bytes = 0
        self.duplicates = self.late = self.lost = 0
        self.others: Counter[int] = Counter()
        self.malformed = 0
        self.restarts = 0
        self.renumbered = 0
        self.jitter = 0.0

    def receive(self, data: Buffer, now: float) -> None:
        """Take one packet as received; call next_packet() until it returns None afterwards."""
        payload_type = peek_payload_type(data)
        if payload_type not in self.payload_types:
            if payload_type < 0:
                self.malformed += 1
            else:
                self.others[payload_type] += 1
                self._ledger.count(
                    "rtp_payload_type", _PRIVATE[payload_type], size=len(data), example=bytes(data[12:76])
                )
            return
        try:
            packet = parse_rtp(data)
        except PayloadError:
            self.malformed += 1
            return
        if data[0] & 0x3F:  # padding, an extension or CSRCs
            self._note_extras(packet)
        self.received += 1
        self.received_bytes += len(data)
        if packet.ssrc != self.ssrc:
            if self.ssrc is not None and not self._switch(packet, now):
                return
            self.ssrc = packet.ssrc
        elif self._waiting.packets:
            self._waiting.drop()
        self._order(packet, now)

    @property
    def next_number(self) -> int | None:
        """Return the sequence number that begins a run of the fast path, or None while something is unsettled.

        `rtp/video.py` explains the fast path.
        """
        unsettled = self._held or self._waiting.packets or self._suspect or self.ready or not self._numbers.are_believed
        return None if unsettled else self._expected

    def receive_run(self, count: int, size: int, timestamp: int, now: float) -> None:
        """Account for packets of the fast path (`rtp/video.py`), which continue the stream, without handing them on.

        Args:
            count: packets, numbered from next_number on without a gap, of the source and the timestamp of the packet
                before them, without extension, CSRC and padding.
            size: bytes of all packets together, headers included.
            timestamp: the timestamp of the packets.
            now: monotonic seconds.
        """
        expected = self._expected or 0
        self.received += count
        self.received_bytes += size
        self._note_arrival(timestamp, now)
        self.jitter *= (15 / 16) ** (count - 1)  # the others came at the same time with the same timestamp
        self._extended += count
        self._expected = (expected + count) & 0xFFFF
        self._numbers.note_run((self._expected - 1) & 0xFFFF)
        self._count += count

    def next_packet(self) -> tuple[RtpPacket, int, float] | None:
        """Return the next packet in order, the number of packets lost before it, and its arrival.

        The number is -1 where the source began anew.
        """
        return self.ready.popleft() if self.ready else None

    def next_timeout(self) -> float | None:
        """Return when handle_timeout wants to be called: the oldest packet held back has then waited long enough."""
        if not self._held:
            return None
        return min(arrival for _, arrival in self._held.values()) + REORDER_S

    def handle_timeout(self, now: float) -> None:
        """Stop waiting for packets that did not come."""
        while self._held and min(arrival for _, arrival in self._held.values()) + REORDER_S <= now:
            self._skip_gap()

    # -- source changes ------------------------------------------------------------------------------------------

    def _switch(self, packet: RtpPacket, now: float) -> bool:
        """Return whether another SSRC takes over.

        Its first packets wait, because an encoder restart begins with an IDR.
        """
        if not self._waiting and packet.sequence_number == self._expected:
            if packet.timestamp == self._newest:
                return True  # inside a picture: the same stream under another name
            if self._is_newer(packet.timestamp):  # nothing but the same stream goes on from there
                self._replace()
                return True
        waiting = self._waiting
        waiting.add(packet, now)
        has_turn = self._is_silent(now)
        if not has_turn and (packet.ssrc in self._replaced or len(waiting) < SWITCH_PACKETS):
            return False
        self._replace()
        self.ssrc = packet.ssrc
        for early, arrival in waiting.take()[:-1]:
            self._order(early, arrival)
        return True

    def _is_silent(self, now: float) -> bool:
        """Return whether the current source sends nothing, or leaves out pictures while another one sends some."""
        waiting, silent_s = self._waiting, now - self._last_arrival
        if silent_s >= RETURN_S:
            return len(waiting) >= SWITCH_PACKETS
        if self._pictures < TURN_PICTURES or not waiting.has_two_pictures:
            return False
        return silent_s > TURN_GAPS * self._longest_gap > 0

    def _replace(self) -> None:
        if self.ssrc is not None:
            self._replaced.append(self.ssrc)
        self._restart()

    def _restart(self) -> None:
        self._flush()
        self.restarts += 1
        self._expected = None
        self._transit = None
        self._suspect = None
        self._longest_gap = 0.0
        self._pictures = 0
        self._stamps.clear()
        self._newest = None
        self.jitter = 0.0

    # -- order ---------------------------------------------------------------------------------------------------

    def _order(self, packet: RtpPacket, now: float) -> None:
        self._note_arrival(packet.timestamp, now)
        expected = self._expected
        if not self._reorder:
            packet = self._numbers.correct(packet, expected)
        number = packet.sequence_number
        if expected is None:
            self._begin(packet, now)
            return
        ahead = (number - expected) & 0xFFFF
        if ahead == 0:
            self._suspect = None
            self._deliver(packet, 0, now)
            if self._held:
                self._release()
            return
        if ahead < MAX_DROPOUT:
            self._suspect = None
            if not self._reorder:
                self._lose(ahead)
                self._deliver(packet, ahead, now)
                return
            if number in self._held:
                self.duplicates += 1
                return
            self._held[number] = (packet, now)
            while len(self._held) > REORDER_PACKETS:
                self._skip_gap()
            return
        if ahead > 0x10000 - MAX_MISORDER and not self._is_renumbered(packet):
            if ahead == 0xFFFF:
                self.duplicates += 1
            else:
                self.late += 1
            return
        if not self._reorder and number < expected and self._is_newer(packet.timestamp):
            self.renumbered += 1  # over TCP nothing is missing: the pictures go on under other numbers (gortsplib#750)
            self._begin(packet, now, lost=0)
            return
        # the number is far away: two in a row make it a restart of the counter (RFC 3550 A.1), over TCP one is enough
        suspect = self._suspect
        if self._reorder and (suspect is None or number != (suspect[0].sequence_number + 1) & 0xFFFF):
            if suspect is not None:
                self.late += 1
            self._suspect = (packet, now)
            return
        self._restart()
        if suspect is not None:  # the first packet after a restart begins an IDR
            self._begin(*suspect, lost=-1)
            self._order(packet, now)
        else:
            self._begin(packet, now, lost=-1)

    def _is_renumbered(self, packet: RtpPacket) -> bool:
        """Return whether a packet with a number that came already is no late one, because its picture is another.

        Over TCP nothing is late: there a picture that is none of the latest is enough.
        """
        if packet.timestamp in self._stamps:
            return False
        return not self._reorder or self._is_newer(packet.timestamp)

    def _is_newer(self, timestamp: int) -> bool:
        """Return whether a picture with this timestamp goes on from the newest one."""
        if self._newest is None:
            return False
        return 0 < (timestamp - self._newest) & 0xFFFF_FFFF <= MAX_AHEAD_S * self.clock_rate

    def _begin(self, packet: RtpPacket, now: float, lost: int | None = None) -> None:
        self._base = packet.sequence_number
        self._extended = packet.sequence_number
        self._count = 0
        self._prior = (0, 0)
        self._deliver(packet, lost if lost is not None else (-1 if self.restarts else 0), now)

    def _deliver(self, packet: RtpPacket, lost: int, now: float) -> None:
        number = packet.sequence_number
        self._extended += (number - self._extended) & 0xFFFF
        self._expected = (number + 1) & 0xFFFF
        self._count += 1
        timestamp = packet.timestamp
        if not self._stamps or timestamp != self._stamps[-1]:
            self._pictures += 1
            self._stamps.append(timestamp)
            if self._newest is None or (timestamp - self._newest) & 0xFFFF_FFFF < 0x8000_0000:
                self._newest = timestamp
        self.ready.append((packet, lost, now))

    def _note_arrival(self, timestamp: int, now: float) -> None:
        """Update the longest gap and the jitter, in the order of arrival (RFC 3550 section 6.4.1, A.8)."""
        if self._pictures and now - self._last_arrival > self._longest_gap:
            self._longest_gap = now - self._last_arrival
        self._last_arrival = now
        transit = now * self.clock_rate - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit)
            if difference < self.clock_rate:  # a clock step is no jitter
                self.jitter += (difference - self.jitter) / 16
        self._transit = transit

    def _release(self) -> None:
        while self._held and (item := self._held.pop(self._expected or 0, None)) is not None:
            self._deliver(item[0], 0, item[1])

    def _skip_gap(self) -> None:
        expected = self._expected or 0
        number = min(self._held, key=lambda held: (held - expected) & 0xFFFF)
        packet, arrival = self._held.pop(number)
        gap = (number - expected) & 0xFFFF
        self._lose(gap)
        self._deliver(packet, gap, arrival)
        self._release()

    def _flush(self) -> None:
        while self._held:
            self._skip_gap()

    def _lose(self, count: int) -> None:
        self.lost += count

    def _note_extras(self, packet: RtpPacket) -> None:
        if packet.extension_profile is not None and packet.extension_profile not in self._extensions:
            self._ledger.count(
                "rtp_extension",
                profile_word(packet.extension_profile),
                size=len(packet.extension),
                example=packet.extension,
            )
        if packet.csrc_count:
            self._ledger.count("rtp_csrc", "csrc", count=packet.csrc_count)
        if packet.padding:
            self._ledger.count("rtp_padding", "padding", size=packet.padding)

    # -- report --------------------------------------------------------------------------------------------------

    def report(self, last_sender_report: int, delay_since: float) -> ReportBlock | None:
        """Return the block of our next receiver report, or None before the first packet.

        Args:
            last_sender_report: the middle 32 bits of the NTP timestamp of the latest sender report, 0 without one.
            delay_since: the seconds since the latest sender report came.

        Source: RFC 3550 section 6.4.1, A.3.
        """
        if self.ssrc is None or self._expected is None:
            return None
        expected = self._extended - self._base + 1
        lost = expected - self._count
        expected_interval = expected - self._prior[0]
        lost_interval = expected_interval - (self._count - self._prior[1])
        self._prior = (expected, self._count)
        fraction = 0
        if expected_interval > 0 and lost_interval > 0:
            fraction = min((lost_interval << 8) // expected_interval, 255)
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            cumulative_lost=max(-(1 << 23), min(lost, (1 << 23) - 1)),
            highest_sequence=self._extended & 0xFFFF_FFFF,
            jitter=min(int(self.jitter), 0xFFFF_FFFF),
            last_sender_report=last_sender_report,
            delay_since_last=min(int(delay_since * 65_536), 0xFFFF_FFFF) if last_sender_report else 0,
        )
