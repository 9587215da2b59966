"""An output that is made on demand sleeps while nobody wants it; when it does is decided here. Sans-IO."""

from collections.abc import Callable
from typing import Final

LINGER_S: Final = 10.0
"""Seconds for which an output stays awake after the last one who wanted it: a player that connects anew, or asks for a
description before it plays, finds it awake."""


class Sleep:
    """Knows whether an output is awake, and tells whoever makes its pictures.

    Args:
        tell: is called with whether the output is awake, whenever that changes and once at first.
    """

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell
        self._told: bool | None = None
        self._wanted_at: float | None = None

    def want(self, now: float) -> None:
        """Note that somebody wants pictures."""
        self._wanted_at = now

    def forget(self) -> None:
        """Tell anew at the next look, because other settings hold."""
        self._told = None

    def look(self, now: float, *, on_demand: bool) -> bool:
        """Tell whether the output is awake, if that is another answer than before.

        Args:
            now: monotonic seconds.
            on_demand: whether the output may sleep at all.

        Returns:
            Whether the output wakes up now.
        """
        is_awake = not on_demand or (self._wanted_at is not None and now - self._wanted_at < LINGER_S)
        if is_awake is self._told:
            return False
        wakes = is_awake and self._told is False
        self._told = is_awake
        self._tell(is_awake)
        return wakes
