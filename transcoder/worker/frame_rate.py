"""This module tells the frame rate that a stream announces, and which pictures fit under a cap."""

import itertools
from collections import deque

from transcoder.clock import VIDEO_CLOCK_RATE, common_rate

DEFAULT_FRAME_RATE = 25.0
RATE_PICTURES = 4
"""The number of pictures whose spacing decides the announced frame rate; they are decoded and not sent."""
RATE_WAIT_S = 0.6
"""Seconds after which fewer pictures have to do: a camera at 1 fps does not wait for four."""

DOUBT = 1.1
"""Arrivals that take so much longer than presentation times say cast doubt on the camera's clock: more pictures have to
tell."""
NEAR, ARRIVED_NEAR = 0.06, 0.03
"""The parts of a common rate within which that one is announced: of three gaps, and of the arrivals of 16 pictures,
which the jitter of a network puts off by 2 %."""
DOUBT_PICTURES = 16
DOUBT_WAIT_S = 1.6
DOUBT_S = 0.06
"""Seconds by which arrivals have to take longer in the end, twice of what a network's jitter does."""

SLOW_S = 1.0
"""Seconds between two pictures that are announced at least where no third one has come: nobody knows yet whether one
comes, and without one the last is repeated once a second."""


class FrameRateEstimate:
    """Tells the frame rate to announce by the spacing of a camera's first pictures."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=DOUBT_PICTURES)
        self._arrivals: deque[float] = deque(maxlen=DOUBT_PICTURES)

    def add(self, pts: int, arrival: float | None = None) -> None:
        """Take note of a picture by its presentation time, 90 kHz ticks, and its arrival, monotonic seconds."""
        self._times.append(pts)
        self._arrivals.append(pts / VIDEO_CLOCK_RATE if arrival is None else arrival)

    def rate(self, cap: float | None) -> float | None:
        """Return the frame rate, pictures a second, or None while too few pictures tell the rate.

        Args:
            cap: the most pictures a second, or None for no cap.
        """
        latest = list(self._times)[-RATE_PICTURES:]
        if len(latest) < RATE_PICTURES and (latest[-1] - latest[0]) / VIDEO_CLOCK_RATE < RATE_WAIT_S:
            return None
        shown_s = (self._times[-1] - self._times[0]) / VIDEO_CLOCK_RATE
        arrived_s = self._arrivals[-1] - self._arrivals[0]
        if arrived_s > DOUBT * shown_s:
            if len(self._times) < DOUBT_PICTURES and arrived_s < DOUBT_WAIT_S:
                return None
            if arrived_s > shown_s + DOUBT_S:
                rate = common_rate((len(self._times) - 1) / arrived_s, ARRIVED_NEAR)
                return min(rate, cap) if cap else rate
        times = sorted(latest)
        gaps = sorted(later - earlier for earlier, later in itertools.pairwise(times) if later > earlier)
        if not gaps:
            return cap or DEFAULT_FRAME_RATE
        gap_s = gaps[len(gaps) // 2] / VIDEO_CLOCK_RATE
        rate = common_rate(1 / (max(gap_s, SLOW_S) if len(times) == 2 else gap_s), NEAR)
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
