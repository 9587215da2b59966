"""This module tells the frame rate that a stream announces, and which pictures fit under a cap."""

import itertools
from collections import deque

from transcoder.clock import VIDEO_CLOCK_RATE

DEFAULT_FRAME_RATE = 25.0
RATE_PICTURES = 4
"""The number of pictures whose spacing decides the announced frame rate; they are decoded and not sent."""
RATE_WAIT_S = 0.6
"""Seconds after which fewer pictures have to do: a camera at 1 fps does not wait for four."""

_COMMON_RATES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 12.5, 15, 16, 20, 24, 25, 30, 50, 60)


class FrameRateEstimate:
    """Tells the frame rate to announce by the spacing of a camera's first pictures."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=RATE_PICTURES)

    def add(self, pts: int) -> None:
        """Take note of a picture by its presentation time, 90 kHz ticks."""
        self._times.append(pts)

    def rate(self, cap: float | None) -> float | None:
        """Return the frame rate, pictures a second, or None while too few pictures tell the rate.

        Args:
            cap: the most pictures a second, or None for no cap.
        """
        waited_s = (self._times[-1] - self._times[0]) / VIDEO_CLOCK_RATE
        if len(self._times) < RATE_PICTURES and waited_s < RATE_WAIT_S:
            return None
        times = sorted(self._times)
        gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times) if later > earlier)
        if not gaps:
            return cap or DEFAULT_FRAME_RATE
        rate = VIDEO_CLOCK_RATE / gaps[len(gaps) // 2]
        nearest = min(_COMMON_RATES, key=lambda common: abs(common - rate))
        rate = float(nearest) if abs(nearest - rate) < 0.06 * nearest else min(max(round(rate, 1), 0.5), 60.0)
        return min(rate, cap) if cap else rate


class FrameRateCap:
    """Chooses the pictures of one output so that their mean rate is no higher than a cap."""

    def __init__(self) -> None:
        self._next_pts = 0

    def admits(self, pts: int, cap: float, *, wanted: bool) -> bool:
        """Return whether to encode a picture.

        Args:
            pts: presentation time, 90 kHz ticks.
            cap: pictures a second.
            wanted: whether the picture is needed at once; then the cap does not hold the picture back.
        """
        if pts < self._next_pts and not wanted:
            return False
        interval = round(VIDEO_CLOCK_RATE / cap)
        # jitter gets a tenth of slack; the grid moves on by whole intervals, so that the mean rate is the cap
        behind = pts - self._next_pts > interval
        self._next_pts = pts + interval - interval // 10 if behind else self._next_pts + interval
        return True
