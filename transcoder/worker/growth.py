"""An output without a size of its own follows pictures that become larger for good, and others when nobody reads."""

from transcoder.clock import VIDEO_CLOCK_RATE

GROWN_S = 10.0
"""Seconds of larger pictures without a smaller one after which an output without a fixed size follows them, once: some
cameras begin small and grow a moment later (Foscam), others change to and fro at night."""
GROWN_UNREAD_S = 1.0
"""Seconds of larger pictures after which an output follows them that nobody reads, as often as they grow: no session
ends for it, and the next reader is told the size that comes."""


class Growth:
    """Decides when an output takes the size of larger pictures.

    Args:
        swaps: how often the camera was swapped for another one, whose pictures may be larger for good: from the first
            time on the size is never taken while somebody reads.
    """

    def __init__(self, swaps: int = 0) -> None:
        self._swaps = swaps
        self._larger_since: int | None = None
        self._has_grown = False
        self._is_unread = False
        self._is_kept = False

    def keep(self) -> None:
        """Note that the output has a size for its readers' sake alone: it takes any other one when nobody reads it."""
        self._is_kept = True

    def note_swaps(self, swaps: int) -> None:
        """Note how often the camera was swapped: when nobody reads, the output takes the size of the new one."""
        if swaps != self._swaps:
            self._swaps = swaps
            self.keep()

    def note_unread(self) -> None:
        """Note that nobody reads the output: its size may follow larger pictures with the next one."""
        self._is_unread = True

    def is_due(self, size: tuple[int, int], seen: tuple[int, int], pts: int) -> bool:
        """Return whether the output takes the size of a picture from now on.

        Args:
            size: (width, height) of the output.
            seen: the size that the picture would have as an output.
            pts: presentation time, 90 kHz ticks.
        """
        unread, self._is_unread = self._is_unread, False
        if unread and self._is_kept and seen != size:
            self._is_kept = False
            return True
        if seen[0] * seen[1] <= size[0] * size[1]:
            self._larger_since = None
            return False
        if self._larger_since is None:
            self._larger_since = pts
        larger_s = (pts - self._larger_since) / VIDEO_CLOCK_RATE
        if not (unread and larger_s >= GROWN_UNREAD_S):
            if self._swaps or self._has_grown or larger_s < GROWN_S:
                return False
            self._has_grown = True
        self._larger_since = None
        return True
