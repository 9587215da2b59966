"""The rate of an output's pictures is measured here while they are served, so that later readers are told the true one.

The worker tells a rate by a camera's first pictures. Some cameras begin with a burst, claim another rate than they
send, or change their rate at night; the description that a reader gets later follows them.
"""

from bisect import bisect_left
from collections import deque
from typing import Final

from transcoder.clock import common_rate

WINDOW_S: Final = 8.0
"""Seconds of pictures that are measured, and MIN_SPAN_S is enough of them: within 10 s the rate is known."""
MIN_SPAN_S: Final = 5.0
MAX_PICTURES: Final = 512
"""The number of pictures that are measured at most: WINDOW_S at 60 a second, and a camera's catching up."""
PAUSE_S: Final = 2.5
"""Seconds without a picture after which the measurement begins anew, because the camera may have been away."""
SLOW_PAUSES: Final = 3
"""The number of pauses in a row that make a slow camera: a picture, a pause, a picture, a pause."""
SLOWEST: Final = 1.0
"""Pictures a second that are served at least: the last one is repeated while the camera sends none (`repeats.py`,
REPEAT_S)."""
MEASURE_S: Final = 0.5
"""Seconds between two measurements."""
UNEVEN, UNEVEN_PICTURES = 0.2, 2
"""The part, and the pictures beside it, by which the two halves of the window may differ: a burst at the start, or a
rate that is changing, is no rate."""
OFF, NEAR = 0.08, 0.03
"""The part of the told rate by which the measured one has to differ, and the part of a common rate within which that
one is told. A picture more or less in MIN_SPAN_S is 4 % of 5 a second, and a network's jitter 1 %."""


class ServedRate:
    """Holds the frame rate that readers of an output are told, pictures a second.

    Attributes:
        told: the rate, or None where it is not known.
    """

    def __init__(self) -> None:
        self.told: float | None = None
        self._times: deque[float] = deque(maxlen=MAX_PICTURES)
        self._pauses = 0
        self._next = 0.0

    def begin(self, rate: float | None) -> None:
        """Tell a rate until another one is measured; what was measured before does not count any more."""
        self.told = None if rate is None else max(rate, SLOWEST)
        self._times.clear()
        self._pauses = 0

    def note(self, now: float) -> bool:
        """Note that a picture of the camera is served, not a repeated one; return whether another rate is told now.

        Args:
            now: the presentation time, seconds.
        """
        if self._times and now < self._times[-1]:  # another worker, or a decoder that reorders
            self._times.clear()
        times = self._times
        if times and now - times[-1] > PAUSE_S:
            self._pauses = min(self._pauses + 1, SLOW_PAUSES) if len(times) == 1 else 1
            times.clear()
        times.append(now)
        if self.told is None or now < self._next:
            return False
        self._next = now + MEASURE_S
        before, measured = self.told, self._measured(now)
        if measured is not None and abs(measured - before) > max(OFF * before, 1 / MIN_SPAN_S):
            self.told = max(common_rate(measured, NEAR), SLOWEST)
        return self.told != before

    def _measured(self, now: float) -> float | None:
        """Return the rate of the latest pictures, or None where there are too few or no even ones."""
        times = self._times
        while now - times[0] > WINDOW_S:
            times.popleft()
        if self._pauses == SLOW_PAUSES and len(times) == 1:
            return SLOWEST
        first, span_s = times[0], now - times[0]
        if span_s < MIN_SPAN_S:
            return None
        count = len(times) - 1
        early = bisect_left(times, span_s / 2, key=lambda time: time - first)
        late = count - early
        is_even = abs(early - late) <= UNEVEN * max(early, late) + UNEVEN_PICTURES
        return count / span_s if is_even else None
