"""When there is no time to encode all pictures, the rate ladder lowers the rate by halves, and raises it again later.

Decoding can't be left out without losing the pictures that follow, and costs less than encoding, so every picture is
decoded and every second, fourth, ... picture is encoded. The steps have times of their own, so that a stream does not
flicker between two rates. Each worker decides alone, which is fair because the system gives each worker its share.
"""

from transcoder.worker_options import MAX_DIVISOR

LATE_S = 0.4
"""Seconds: a picture whose access unit is older is not encoded."""
HIGH_S = 0.25
"""Seconds: an access unit that is so old when it is handled may mean that there is no time for all pictures."""
LOW_S = 0.12
"""Seconds: an access unit that is no older when it is handled shows that the present rate leaves enough time."""
LASTING_S = 0.3
"""Seconds for which access units are older than HIGH_S before the first step down: a machine that was busy for a moment
catches up."""
DOWN_S = 1.0
"""Seconds between steps down: by then the last step has shown its effect."""
UP_S = 2.0
"""Seconds of calm before a step up. From a sixteenth to the full rate takes four steps, 8 s."""
EARLIER = 0.8
"""The share of the times above at which a rendition beside the stream's own picture gives way: before that one does."""


class RateLadder:
    """Decides which pictures of one output are encoded.

    Args:
        divisor: the divisor to begin with, 1 to MAX_DIVISOR.
        patience: the share of HIGH_S, LOW_S and LASTING_S that hold for this output.

    Attributes:
        divisor: N of "one picture in N is encoded", a power of two.
        patience: the same share.
    """

    def __init__(self, divisor: int = 1, patience: float = 1.0) -> None:
        self.divisor = divisor
        self.patience = patience
        self._count = 0
        self._last_step = 0.0
        self._calm_since: float | None = None
        self._late_since: float | None = None

    def keeps(self, late_s: float, now: float) -> bool:
        """Return whether to encode this picture.

        Args:
            late_s: the age of the picture's access unit, seconds.
            now: monotonic seconds.
        """
        late_s /= self.patience
        if late_s > HIGH_S:
            self._calm_since = None
            if self._late_since is None:
                self._late_since = now
            due = max(self._late_since + LASTING_S * self.patience, self._last_step + DOWN_S)
            if now >= due and self.divisor < MAX_DIVISOR:
                self.divisor *= 2
                self._last_step = now
        elif late_s > LOW_S:
            self._calm_since = self._late_since = None
        else:
            self._late_since = None
            if self._calm_since is None:
                self._calm_since = now
            if self.divisor > 1 and now - max(self._calm_since, self._last_step) >= UP_S:
                self.divisor //= 2
                self._last_step = now
        self._count += 1
        return self._count % self.divisor == 0
