"""It is measured here by how much pictures come after the time at which they are shown, as in bursts they do.

A camera that sends the pictures of two seconds at once is not away in between, and a picture that was repeated there
with the present time would stand in the way of those that come next, whose times are earlier.
"""

from typing import Final

WINDOW_S: Final = 10.0
"""Seconds for which the latest picture counts, and once more as many: bursts are a few seconds apart."""
MAX_LATE_S: Final = 5.0
"""The most that is allowed for: readers get a picture within this and some more, whatever a camera does."""


class Lateness:
    """Remembers the largest lateness of the pictures of one output."""

    def __init__(self) -> None:
        self._began = 0.0
        self._present_s = self._before_s = 0.0
        """The largest lateness of the present window, and of the one before."""

    def note(self, late_s: float, now: float) -> None:
        """Note by how many seconds a picture of the camera came after its time."""
        if now - self._began >= WINDOW_S:
            self._turn(now)
        if late_s > self._present_s:
            self._present_s = min(late_s, MAX_LATE_S)

    def seconds(self, now: float) -> float:
        """Return by how many seconds the next picture may come after its time, 0 for most cameras."""
        self._turn(now)
        return max(self._present_s, self._before_s)

    def _turn(self, now: float) -> None:
        if now - self._began >= WINDOW_S:
            self._before_s = self._present_s if now - self._began < 2 * WINDOW_S else 0.0
            self._present_s = 0.0
            self._began = now
