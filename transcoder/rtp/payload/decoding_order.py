"""The order in which NAL units with decoding order numbers (DON) are decoded.

Units wait until nothing can come before them any more, by the bounds that the session description states, and never
beyond ours: what a camera claims costs neither memory nor delay without end.

Source: RFC 6184 sections 5.5, 7.2.2 and 8.1; RFC 7798 sections 4.5, 6 and 7.1.
"""

import math
from collections import Counter
from heapq import heappop, heappush
from itertools import count

from transcoder.codecs.nal import MAX_ACCESS_UNIT_SIZE, MAX_NAL_UNITS, Codec, is_vcl, nal_unit_type
from transcoder.sdp import Interleaving

DON_RANGE = 1 << 16
DEFAULT_DEPTH = 16
"""VCL NAL units that wait where sprop-interleaving-depth, which RFC 6184 section 8.1 demands, is left out."""
MAX_HELD_UNITS = MAX_NAL_UNITS
MAX_HELD_SIZE = MAX_ACCESS_UNIT_SIZE
MAX_HOLD_S = 2.0
"""Seconds a unit waits at most: about the delay that a viewer of live pictures bears."""
MAX_LATE_UNITS = 64
"""Units in a row that come after their turn, until their numbers are taken for a new beginning."""


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
