"""NAL units of H.264 and H.265 that were sent in another order are put into decoding order here.

Such a NAL unit comes with a decoding order number (DON) of 16 bits: in H.264 in packetization-mode 2, in H.265 in DONL
fields. Units wait until nothing can come before them any more, by the bounds that the session description states, and
never beyond our own bounds: a camera's claims cost neither memory nor delay without end.

Source: RFC 6184 sections 5.5 to 5.8, 7.2.2 and 8.1; RFC 7798 sections 4.4, 4.5, 6 and 7.1.
"""

import math
from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from typing_extensions import override

from transcoder.codecs.access_unit import NEVER, AccessUnit, AccessUnitAssembler
from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE, MAX_NAL_UNITS, Codec, is_vcl, nal_unit_type
from transcoder.formats.depacketizer import DecodingOrder, Depacketizer, RtpPacket
from transcoder.formats.fragments import MAX_AGGREGATED, Reassembly

DON_RANGE = 1 << 16
DEFAULT_DEPTH = 16
"""The VCL NAL units that wait where sprop-interleaving-depth, which RFC 6184 section 8.1 demands, is left out."""
MAX_HELD_UNITS = MAX_NAL_UNITS
MAX_HELD_SIZE = MAX_ACCESS_UNIT_SIZE
MAX_HOLD_S = 2.0
"""The seconds that a unit waits at most: about the delay that a viewer of live pictures bears."""
MAX_LATE_UNITS = 64
"""The number of units in a row that come after their turn, until their numbers are taken for a new beginning."""


class DecodingOrderBuffer:
    """Takes NAL units in order of arrival and gives them in decoding order.

    A unit is due when its number follows the last one, when more units wait than the session description allows, or
    when one of our bounds is reached. Before the first unit leaves, units wait for those that may come before them.

    Args:
        codec: the codec of the units; in H.264 only slices count as waiting, in H.265 all units do.
        bounds: the bounds of the session description.
        faults: counts the units that come after their turn.
    """

    def __init__(self, codec: Codec, bounds: DecodingOrder, faults: Counter[str]) -> None:
        self._codec = codec
        depth, distance, size = bounds.depth, bounds.max_don_diff, bounds.buffer_size
        if codec is Codec.H264:
            self._depth: float = DEFAULT_DEPTH if depth is None else depth
            # a unit is due at a difference over the bound in RFC 6184 section 7.2.2, not below it in RFC 7798 section 6
            self._distance: float = math.inf if distance is None else distance + 1
        else:
            self._depth = math.inf if depth is None else depth
            self._distance = math.inf if distance is None else distance
        self._max_size = MAX_HELD_SIZE if size is None else min(size, MAX_HELD_SIZE)
        self._faults = faults
        self._numbers = count()
        self.restart()

    def restart(self) -> None:
        """Forget everything, because the numbers begin anew."""
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
        """Take note that a packet is missing, and that the next gap in the numbers comes from it.

        A gap alone is no loss (RFC 6184 section 5.5).
        """
        self._lost = True

    def add(self, don: int, timestamp: int, unit: bytes, now: float) -> None:
        """Take a unit; call next_unit() until it returns None afterwards."""
        newest = don if self._newest is None else self._newest
        number = newest + (don - newest + 0x8000) % DON_RANGE - 0x8000  # AbsDON, RFC 7798 section 4.5
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
        """Return timestamp, NAL unit, and whether something before it is missing; None while nothing is due."""
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


Numbered = tuple[int, int, bytes]
"""A DON, the ticks to be added to the packet's timestamp, and a NAL unit."""


class NumberedUnits:
    """Makes numbered NAL units of fragments and aggregates.

    A packet that has no DON where one belongs continues the numbers and is counted.

    Attributes:
        faults: the number of faults by kind.
    """

    def __init__(self) -> None:
        self.reassembly = Reassembly()
        self.faults = self.reassembly.faults
        self._don = 0
        self._fragmented = 0
        self._gap = 0

    def lose(self) -> None:
        """Take note that packets are missing; where the next packet has no number, one number is left out for them."""
        self.reassembly.lose()
        self._gap = 1

    def number(self, units: list[bytes], don: int, offset: int = 0) -> list[Numbered]:
        """Give NAL units their DON, and the ticks by which they are later than their packet."""
        self._don = don % DON_RANGE
        self._gap = 0
        return [(self._don, offset, unit) for unit in units]

    def following(self) -> int:
        """Return the DON of a packet that brings none, which is the next number."""
        self.faults["packet without decoding order number"] += 1
        return (self._don + 1 + self._gap) % DON_RANGE

    def cut_off(self) -> list[Numbered]:
        """Return the unit whose end bit never came, now that the next one begins."""
        return [(self._fragmented, 0, unit) for unit in self.reassembly.cut_off()]

    def fragment(self, first: bytes, body: memoryview, *, flags: int, don: int | None, marker: bool) -> list[Numbered]:
        """Take a fragment.

        Args:
            first: the NAL unit header rebuilt from the fragment; only that of the first fragment is used.
            body: the fragment's part of the unit.
            flags: the fragment header: start bit, end bit and type.
            don: the DON; that of the first fragment is the unit's. None where the packet has none.
            marker: the marker bit of the packet.
        """
        start = flags >= 0x80
        found: list[Numbered] = []
        if start:
            found = self.cut_off()
            self._fragmented = self._don = self.following() if don is None else don
            self._gap = 0
        _, units = self.reassembly.fragment(first, body, start=start, end=bool(flags & 0x40), marker=marker)
        found += [(self._fragmented, 0, unit) for unit in units]
        return found

    def aggregated(
        self, payload: memoryview, position: int, *, before: int = 0, behind: int = 0, minimum: int
    ) -> Iterator[tuple[memoryview, list[bytes]]]:
        """Yield the aggregation units of a packet: the fields beside the size, and the NAL unit.

        Args:
            payload: the payload of the packet.
            position: the position of the first aggregation unit in the payload.
            before: bytes before the size of every aggregation unit but the first.
            behind: bytes between size and NAL unit.
            minimum: the least number of bytes of a NAL unit.
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
                self.reassembly.split(bytes(payload[start : start + size])),
            )
            position = start + size


class NumberedPayloadReader(Protocol):
    """Takes RTP payloads in order of arrival and gives numbered NAL units.

    Attributes:
        numbers: gives the units their numbers; it counts the reader's faults too.
    """

    numbers: NumberedUnits

    def receive(self, payload: memoryview, *, marker: bool) -> list[Numbered]:
        """Return the NAL units that this payload completes."""
        ...


class DecodingOrderDepacketizer(Depacketizer):
    """Takes RTP packets and gives access units in decoding order.

    The marker says nothing of that order and is not believed.

    Units are dated by the time when they leave, because the waiting makes all of them late alike.

    Args:
        codec: the codec of the NAL units.
        reader: reads the format's payloads.
        bounds: the bounds of the session description.
        parameter_sets: the parameter sets of the session description.
    """

    def __init__(
        self,
        codec: Codec,
        reader: NumberedPayloadReader,
        bounds: DecodingOrder,
        parameter_sets: tuple[bytes, ...] = (),
    ) -> None:
        self._reader = reader
        self._numbers = reader.numbers
        self._order = DecodingOrderBuffer(codec, bounds, self._numbers.faults)
        self._assembler = AccessUnitAssembler(codec, proofs=NEVER, parameter_sets=parameter_sets)
        self._now = 0.0

    @property
    @override
    def faults(self) -> Counter[str]:
        return self._numbers.faults + self._assembler.faults

    @override
    def receive(self, packet: RtpPacket, now: float) -> None:
        self._now = now
        for don, offset, unit in self._reader.receive(packet.payload, marker=packet.marker):
            if len(unit) >= 2:
                # NALU-time, RFC 6184 section 5.7.2
                self._order.add(don, (packet.timestamp + offset) & 0xFFFF_FFFF, unit, now)
                self._pass_on(now)
        self._pass_on(now)

    @override
    def lose(self, *, restart: bool) -> None:
        self._numbers.lose()
        if restart:
            self._pass_on(math.inf)
            self._order.restart()
            self._assembler.restart()
        else:
            self._order.lose()

    @override
    def next_access_unit(self) -> AccessUnit | None:
        return self._assembler.next_access_unit()

    def _pass_on(self, until: float) -> None:
        while (item := self._order.next_unit(until)) is not None:
            timestamp, unit, lost = item
            if lost:
                self._assembler.lose()
            self._assembler.add(unit, timestamp, self._now)
