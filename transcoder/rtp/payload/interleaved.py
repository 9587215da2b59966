"""NAL units sent in another order than that of decoding: H.264 packetization-mode 2, H.265 with DONL fields.

Each NAL unit has a decoding order number (DON) of 16 bits. Units wait until nothing can come before them any more, by
the bounds that the session description states, and never beyond ours: what a camera claims costs neither memory nor
delay without end.

Source: RFC 6184 sections 5.5 to 5.8, 7.2.2 and 8.1; RFC 7798 sections 4.4, 4.5, 6 and 7.1.
"""

import math
from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count

from transcoder.codecs.access_unit import NEVER, AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE, MAX_NAL_UNITS, Codec, is_vcl, nal_unit_type
from transcoder.rtp.packet import RtpPacket
from transcoder.rtp.payload.fragments import MAX_AGGREGATED, Reassembly
from transcoder.rtp.payload.h264 import FU_A, STAP_A
from transcoder.rtp.payload.h265 import AP, FU, PACI, unwrap_paci
from transcoder.sdp import Interleaving

STAP_B = 25
MTAP16 = 26
MTAP24 = 27
FU_B = 29

DEFAULT_DEPTH = 16
"""VCL NAL units that wait where sprop-interleaving-depth, which RFC 6184 section 8.1 demands, is left out."""
MAX_HELD_UNITS = MAX_NAL_UNITS
MAX_HELD_SIZE = MAX_ACCESS_UNIT_SIZE
MAX_HOLD_S = 2.0
"""Seconds a unit waits at most: what a viewer bears; sprop-init-buf-time of real senders is below it."""
MAX_LATE_UNITS = 64
"""Units in a row that come after their turn, until their numbers are taken for a new beginning."""

_DON_RANGE = 1 << 16

Numbered = tuple[int, int, bytes]
"""DON, ticks to be added to the packet's timestamp, NAL unit."""


class _NumberedUnits(Reassembly):
    """What both formats share. A packet that has no DON where one belongs continues the numbers, counted."""

    def __init__(self) -> None:
        super().__init__()
        self._don = 0
        self._fragmented = 0
        self._gap = 0

    def lose(self) -> None:
        """Packets are missing before the next one; where it has no number, one is left out for them."""
        super().lose()
        self._gap = 1

    def _number(self, units: list[bytes], don: int, offset: int = 0) -> list[Numbered]:
        self._don = don % _DON_RANGE
        self._gap = 0
        return [(self._don, offset, unit) for unit in units]

    def _following(self) -> int:
        self.faults["packet without decoding order number"] += 1
        return (self._don + 1 + self._gap) % _DON_RANGE

    def _cut_off(self) -> list[Numbered]:
        return [(self._fragmented, 0, unit) for unit in self.cut_off()]

    def _numbered_fragment(
        self, first: bytes, body: memoryview, *, flags: int, don: int | None, marker: bool
    ) -> list[Numbered]:
        """Take a fragment; the DON of the first one is that of the unit."""
        start = flags >= 0x80
        found: list[Numbered] = []
        if start:
            found = self._cut_off()
            self._fragmented = self._don = self._following() if don is None else don
            self._gap = 0
        units = self.fragment(first, body, start=start, end=bool(flags & 0x40), marker=marker)
        found += [(self._fragmented, 0, unit) for unit in units]
        return found

    def _aggregated(
        self, payload: memoryview, position: int, *, before: int = 0, behind: int = 0, minimum: int
    ) -> Iterator[tuple[memoryview, list[bytes]]]:
        """Aggregation units: their fields beside the size, and the NAL unit.

        Args:
            payload: of the packet.
            position: of the first one in it.
            before: bytes before the size of every one but the first.
            behind: bytes between size and NAL unit.
            minimum: bytes of a NAL unit.
        """
        for index in range(MAX_AGGREGATED):
            at = position + (before if index else 0)
            start = at + 2 + behind
            if start > len(payload):
                return
            size = payload[at] << 8 | payload[at + 1]
            if size < minimum:
                self.faults["aggregate padded"] += 1
                return
            if start + size > len(payload):
                self.faults["aggregate cut short"] += 1
                return
            yield (
                payload[at + 2 : start] if behind else payload[position:at],
                self._split(bytes(payload[start : start + size])),
            )
            position = start + size


class H264Units(_NumberedUnits):
    """RTP payloads of packetization-mode 2 in order of arrival in, numbered NAL units out.

    Tolerated, each counted in `faults`: what Reassembly names, and packets of the other modes.
    """

    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        """NAL units that this payload completes.

        Source: RFC 6184 section 5.7.1 (STAP-B), 5.7.2 (MTAP), 5.8 (FU-B, then FU-A without DON).
        """
        if not payload:
            self.faults["empty payload"] += 1
            return []
        kind = payload[0] & 0x1F
        if kind in {FU_A, FU_B}:
            return self._fragment(payload, numbered=kind == FU_B, marker=marker)
        found = self._cut_off()
        if kind in {STAP_B, MTAP16, MTAP24}:
            if len(payload) < 3:
                self.faults["aggregate cut short"] += 1
                return found
            don = payload[1] << 8 | payload[2]
            behind = {STAP_B: 0, MTAP16: 3, MTAP24: 4}[kind]
            for index, (fields, units) in enumerate(self._aggregated(payload, 3, behind=behind, minimum=1)):
                if behind:  # DOND and timestamp offset
                    found += self._number(units, don + fields[0], int.from_bytes(fields[1:]))
                else:
                    found += self._number(units, don + index)
        elif kind == STAP_A:
            for _, units in self._aggregated(payload, 1, minimum=1):
                found += self._number(units, self._following())
        elif kind <= 23:
            found += self._number(self.single(payload), self._following())
        else:
            found += self._number([bytes(payload)], self._following())  # counted by the allow-list, which drops it
        return found

    def _fragment(self, payload: memoryview, *, numbered: bool, marker: bool) -> list[Numbered]:
        at = 4 if numbered else 2
        if len(payload) < at:
            self.faults["fragment without header"] += 1
            return []
        flags = payload[1]
        kind = flags & 0x1F
        first = bytes(((payload[0] & 0xE0) | kind,)) if kind else b""
        don = payload[2] << 8 | payload[3] if numbered else None
        return self._numbered_fragment(first, payload[at:], flags=flags, don=don, marker=marker)


class H265Units(_NumberedUnits):
    """RTP payloads with DONL and DOND fields in order of arrival in, numbered NAL units out."""

    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        """NAL units that this payload completes.

        Source: RFC 7798 section 4.4.1 (DONL behind the header), 4.4.2 (DONL, then DOND before each size), 4.4.3 (DONL
        in the first fragment), 4.4.4.
        """
        kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == PACI:
            payload = unwrap_paci(payload, self.faults)
            kind = (payload[0] >> 1) & 0x3F if payload else -1
        if kind == FU:
            return self._fragment(payload, marker=marker)
        if len(payload) < 4:
            self.faults["packet cut short"] += 1
            return []
        found = self._cut_off()
        don = payload[2] << 8 | payload[3]
        if kind == AP:
            for index, (fields, units) in enumerate(self._aggregated(payload, 4, before=1, minimum=2)):
                don += fields[0] + 1 if index else 0
                found += self._number(units, don)
        elif kind < AP:
            found += self._number(self._split(bytes(payload[:2]) + payload[4:]), don)
        else:
            self.faults[f"packet type {kind}"] += 1
        return found

    def _fragment(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        flags = payload[2] if len(payload) > 2 else 0
        at = 5 if flags >= 0x80 else 3
        if len(payload) < at:
            self.faults["fragment without header"] += 1
            return []
        first = bytes(((payload[0] & 0x81) | ((flags & 0x3F) << 1), payload[1]))
        don = payload[3] << 8 | payload[4] if at == 5 else None
        return self._numbered_fragment(first, payload[at:], flags=flags, don=don, marker=marker)


class Deinterleaver:
    """NAL units in order of arrival in, in decoding order out.

    A unit is due when its number follows the last one, when more wait than the session description allows, or when one
    of our bounds is reached. Before the first one, units wait for those that may come before them.

    Args:
        codec: of the units; H.264 counts slices only, H.265 all units.
        interleaving: what the session description says.
        faults: where units that come after their turn are counted.
    """

    def __init__(self, codec: Codec, interleaving: Interleaving, faults: Counter[str]) -> None:
        self._codec = codec
        depth, distance, size = interleaving.depth, interleaving.max_don_diff, interleaving.buffer_size
        if codec is Codec.H264:
            self._depth: float = DEFAULT_DEPTH if depth is None else depth
            # over it in RFC 6184 section 7.2.2, not below it in RFC 7798 section 6
            self._distance: float = math.inf if distance is None else distance + 1
        else:
            self._depth = math.inf if depth is None else depth
            self._distance = math.inf if distance is None else distance
        self._max_size = MAX_HELD_SIZE if size is None else min(size, MAX_HELD_SIZE)
        self._faults = faults
        self._numbers = count()
        self.restart()

    def restart(self) -> None:
        """Forget everything: the numbers begin anew."""
        self._held: list[tuple[int, int, float, int, bytes]] = []
        self._size = 0
        self._counted = 0
        self._oldest = math.inf
        self._newest: int | None = None
        self._highest = 0
        self._passed: int | None = None
        self._late = 0
        self._lost = False
        self._anew = False

    def lose(self) -> None:
        """A packet is missing: the next gap in the numbers is it (gaps alone are allowed, RFC 6184 section 5.5)."""
        self._lost = True

    def add(self, don: int, timestamp: int, unit: bytes, now: float) -> None:
        """Take a unit; call next_unit() until it returns None afterwards."""
        newest = don if self._newest is None else self._newest
        number = newest + (don - newest + 0x8000) % _DON_RANGE - 0x8000  # AbsDON, RFC 7798 section 4.5
        if self._passed is not None and number < self._passed:
            self._faults["NAL unit after its turn"] += 1
            self._late += 1
            if self._late < MAX_LATE_UNITS:
                return
            self._faults["decoding order numbers began anew"] += 1
            self.restart()
            self._anew = True
            number = don
        self._late = 0
        self._newest = number
        self._highest = max(self._highest, number) if self._held else number
        heappush(self._held, (number, next(self._numbers), now, timestamp, unit))
        self._size += len(unit)
        self._counted += self._counts(unit)
        self._oldest = min(self._oldest, now)

    def next_unit(self, now: float) -> tuple[int, bytes, bool] | None:
        """Timestamp, NAL unit, and whether something before it is missing; None while nothing is due."""
        if not self._held or not self._is_due(now):
            return None
        number, _, _, timestamp, unit = heappop(self._held)
        self._size -= len(unit)
        self._counted -= self._counts(unit)
        if not self._held:
            self._oldest = math.inf
        gap = self._lost and self._passed is not None and number - self._passed > 1
        lost = gap or self._anew
        self._lost = self._lost and not gap
        self._anew = False
        self._passed = number
        return timestamp, unit, lost

    def _counts(self, unit: bytes) -> bool:
        return self._codec is Codec.H265 or is_vcl(self._codec, nal_unit_type(self._codec, unit))

    def _is_due(self, now: float) -> bool:
        first = self._held[0][0]
        if self._passed is not None and first - self._passed <= 1:
            return True
        return (
            self._counted > self._depth
            or self._highest - first >= self._distance
            or len(self._held) > MAX_HELD_UNITS
            or self._size > self._max_size
            or self._is_overdue(now)
        )

    def _is_overdue(self, now: float) -> bool:
        if now - self._oldest <= MAX_HOLD_S:
            return False
        self._oldest = min(held[2] for held in self._held)
        return now - self._oldest > MAX_HOLD_S


class PictureAssembler:
    """RTP packets in, access units in decoding order out; the marker says nothing of that order and is not believed.

    Units are dated by when they leave: what waited is late for all of them alike.

    Args:
        codec: of the stream.
        interleaving: what the session description says.
        parameter_sets: of the session description.
    """

    def __init__(self, codec: Codec, interleaving: Interleaving, parameter_sets: tuple[bytes, ...] = ()) -> None:
        self._units: H264Units | H265Units = H264Units() if codec is Codec.H264 else H265Units()
        self._order = Deinterleaver(codec, interleaving, self._units.faults)
        self._assembler = AccessUnitAssembler(codec, proofs=NEVER, parameter_sets=parameter_sets)
        self._now = 0.0

    @property
    def faults(self) -> Counter[str]:
        """Everything tolerated so far, by kind."""
        return self._units.faults + self._assembler.faults

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take one packet."""
        self._now = now
        for don, offset, unit in self._units.receive(packet.payload, marker=packet.marker):
            if len(unit) >= 2:
                # NALU-time, RFC 6184 section 5.7.2
                self._order.add(don, (packet.timestamp + offset) & 0xFFFF_FFFF, unit, now)
                self._pass_on(now)
        self._pass_on(now)

    def lose(self, *, restart: bool) -> None:
        """Packets are missing before the next one, or the source begins anew."""
        self._units.lose()
        if restart:
            self._pass_on(math.inf)
            self._order.restart()
            self._assembler.restart()
        else:
            self._order.lose()

    def next_access_unit(self) -> AccessUnit | None:
        """The next complete access unit, or None."""
        return self._assembler.next_access_unit()

    def flush(self) -> None:
        """End what waits: nothing follows."""
        self._pass_on(math.inf)
        self._assembler.flush()

    def _pass_on(self, until: float) -> None:
        while (item := self._order.next_unit(until)) is not None:
            timestamp, unit, lost = item
            if lost:
                self._assembler.lose()
            self._assembler.add(unit, timestamp, self._now)
