"""The ratio of a camera's clock to ours is measured here, whatever the camera claims.

Some cameras stamp 25 pictures a second and send 21; others count in units that the description does not name. A line
through positions on the camera's clock and arrivals on ours has the ratio as its slope (least squares). What the
network does to single pictures is kept out of the line: a picture can come late and never early, so that of each
BIN_S of arrivals the earliest one for its position counts, in a burst the last one.
"""

from collections import deque
from operator import mul

WINDOW_S = 10.0
"""Seconds of arrivals that the line goes through."""
BIN_S = 0.2
MIN_SPAN_S = 1.0
"""Seconds of arrivals that tell a ratio at least."""
COARSE_S = 4.0
"""Seconds below which only a coarse difference counts: a camera may catch up or hesitate for a second or two."""
COARSE = 0.08
REFINE_S = 2.0
"""Seconds of arrivals from which on a ratio that is not 1 follows every measurement."""
FINE = 0.004
"""Differences of the ratio that are left to the slow following of arrival; it holds a clock that is off by FINE 20 ms
from arrival."""
CERTAIN = 5.0
"""Standard errors of the slope by which a ratio differs from another one."""
MAX_RESIDUAL_S = 0.06
"""Points farther from the line than this do not lie on one: the clock stepped, or the network stalled."""
MIN_RATIO, MAX_RATIO = 0.02, 100.0
"""Beyond this no units have been mixed up (milliseconds and 90 kHz are: 90), and nothing is learned."""


class ClockRatio:
    """Measures how many of our seconds one second of a camera's clock lasts.

    Attributes:
        ratio: our seconds in a second of the camera's clock; exactly 1 unless arrivals contradict.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        """The position and the arrival of the earliest picture of each bin."""
        self._best: tuple[float, float] | None = None
        self._bin_ends = 0.0
        self.ratio = 1.0

    def forget(self) -> None:
        """Forget the pictures, because the next one has no relation to them; the ratio stays, it is the camera's."""
        self._points.clear()
        self._best = None

    def add(self, position_s: float, arrival: float) -> None:
        """Take note of a picture: its position on the camera's clock, and its arrival."""
        best = self._best
        if best is None:
            self._bin_ends = arrival + BIN_S
        elif arrival >= self._bin_ends:
            self._points.append(best)
            self._bin_ends = arrival + BIN_S
            best = None
            self._measure()
        if best is None or arrival - best[1] <= (position_s - best[0]) * self.ratio:
            self._best = (position_s, arrival)

    def _measure(self) -> None:
        points = self._points
        while points[-1][1] - points[0][1] > WINDOW_S:
            points.popleft()
        span_s = points[-1][1] - points[0][1]
        count = len(points)
        if span_s < MIN_SPAN_S or count < 4:
            return
        positions, arrivals = zip(*points, strict=True)
        mean_x, mean_y = sum(positions) / count, sum(arrivals) / count
        xs, ys = [x - mean_x for x in positions], [y - mean_y for y in arrivals]
        spread = sum(map(mul, xs, xs))
        if spread <= 0:
            return
        slope = sum(map(mul, xs, ys)) / spread
        residuals = [y - slope * x for x, y in zip(xs, ys, strict=True)]
        if max(map(abs, residuals)) > MAX_RESIDUAL_S:
            for _ in range(count // 2):
                points.popleft()
            return
        error = (sum(map(mul, residuals, residuals)) / (count - 2) / spread) ** 0.5
        limit = max(COARSE if span_s < COARSE_S else FINE, CERTAIN * error)
        if not MIN_RATIO <= slope <= MAX_RATIO:
            return
        if abs(slope - 1) <= limit * min(slope, 1.0) and abs(slope - self.ratio) > limit:
            self.ratio = 1.0
        elif abs(slope - self.ratio) > limit * min(slope, 1.0) or (self.ratio != 1.0 and span_s > REFINE_S):
            self.ratio = slope
