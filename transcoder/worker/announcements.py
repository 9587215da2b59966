"""The service announces the time of each access unit that it sends to the decoding process. Sans-IO.

So the encoding process knows which pictures may come, and when they arrived, without a word of the decoding process.
"""

import heapq
from typing import Final

MAX_ANNOUNCED: Final = 4096
"""Announcements that are kept: more than access units may wait for the decoding process and be replayed."""


class Announcements:
    """Holds the announcements whose pictures have not come."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, float]] = []
        self._arrivals: dict[int, float] = {}

    def clear(self) -> None:
        """Forget everything: another decoding process is announced anew."""
        self._waiting.clear()
        self._arrivals.clear()

    def add(self, flags: int, pts: int, arrival: float) -> None:
        """Note that an access unit was sent.

        Args:
            flags: those of the access unit.
            pts: 90 kHz ticks.
            arrival: monotonic seconds.
        """
        if len(self._waiting) >= MAX_ANNOUNCED:
            heapq.heappop(self._waiting)
        heapq.heappush(self._waiting, (pts, flags, arrival))
        if len(self._arrivals) >= MAX_ANNOUNCED:
            del self._arrivals[next(iter(self._arrivals))]
        self._arrivals[pts] = arrival

    def take(self, pts: int) -> tuple[int, float] | None:
        """Return flags and arrival of the access unit with this time, and forget it and all earlier ones.

        Returns:
            None where no such access unit was announced.
        """
        while self._waiting and self._waiting[0][0] < pts:
            heapq.heappop(self._waiting)
        if not self._waiting or self._waiting[0][0] != pts:
            return None
        _, flags, arrival = heapq.heappop(self._waiting)
        return flags, arrival

    def arrival(self, pts: int) -> float | None:
        """Return the arrival of the access unit with this time, also after its picture came; None: it is not known."""
        return self._arrivals.get(pts)
