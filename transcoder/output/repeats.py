"""The repeats of one output are planned here: its last picture, or a slate, once a second while the camera sends none.

A reader that joins meanwhile gets a burst at first. FFmpeg measures the frame rate over twenty pictures before it opens
a stream, which would take it half a minute at one a second.
"""

from collections.abc import Callable
from typing import Final

from transcoder.output.timing import Timer, Timing

REPEAT_S: Final = 1.0
"""Seconds between repeated pictures while the camera is away."""
BURST_PICTURES: Final = 32
"""Pictures of a burst: FFmpeg (libavformat/demux.c, fps_analyze_framecount) counts 20 steps between pictures, from when
it knows that pictures come in the order in which they are shown; 28 pictures were enough."""
MIN_BURST_RATE: Final = 8.0
"""Pictures a second of a burst at least: it is over in 4 s, whatever rate is announced."""
MAX_BURST_RATE: Final = 30.0
"""Pictures a second of a burst at most: a worker of a large picture codes so many that hold no change."""


class Repeats:
    """Asks for repeated pictures, and knows when the next one is due.

    Args:
        timing: clock and timers.
        ask: has a picture encoded again that is shown at this monotonic second.
        behind: returns the seconds by which repeated pictures stay behind the present at a monotonic second.
    """

    def __init__(self, timing: Timing, ask: Callable[[float], None], behind: Callable[[float], float]) -> None:
        self._timing = timing
        self._ask = ask
        self._behind = behind
        self._due = 0.0
        self._left = 0
        self._step = 0.0
        self._shown = 0.0
        self._timer: Timer | None = None

    def is_due(self, now: float) -> bool:
        """Return whether the last repeated picture is REPEAT_S old."""
        return now >= self._due

    def repeat(self) -> None:
        """Have the last picture repeated now."""
        now = self._timing.now()
        self._ask(now - self._behind(now))
        self._due = now + REPEAT_S

    def burst(self, rate: float) -> None:
        """Have the last picture repeated for a reader that joins, at the frame rate that it was told, or near it.

        Args:
            rate: pictures a second.
        """
        rate = min(max(rate, MIN_BURST_RATE), MAX_BURST_RATE)
        self._step, self._left = 1 / rate, BURST_PICTURES
        now = self._timing.now()
        self._shown = now - self._behind(now)
        if self._timer is None:
            self._wait(now)

    def end_burst(self) -> None:
        """Ask for no more pictures of a burst: the camera is back, or nobody reads."""
        self._left = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self, now: float) -> None:
        due = self._shown + self._step + self._behind(now)
        self._timer = self._timing.call_later(max(due - now, 0.0), self._next)

    def _next(self) -> None:
        """Ask for the next picture of a burst, on an even grid: a late timer must not change the rate that is seen."""
        self._timer = None
        now = self._timing.now()
        self._shown += self._step
        self._ask(self._shown)
        self._due = now + REPEAT_S
        self._left -= 1
        if self._left > 0:
            self._wait(now)
