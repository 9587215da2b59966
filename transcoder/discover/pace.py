"""The pace at which connections are begun: so many a second, and so many at once. Sans-IO.

Old cameras and switches fall over when somebody opens hundreds of connections at once, and so do the address tables of
routers: the pace is that of a person in a hurry, not that of a port scanner.
"""

from typing import Final

RATE: Final = 50.0
"""Connections a second: two ports of a /24 take ten seconds, and a switch sees fifty broadcasts of ARP a second."""
MAX_RATE: Final = 200.0
AT_ONCE: Final = 64
"""Connections at once: at this pace an address that does not answer holds one for CONNECT_S (`sweep.py`)."""


class Pace:
    """Says when the next connection may begin.

    Args:
        rate: connections a second.
        at_once: connections at once.
    """

    def __init__(self, rate: float = RATE, at_once: int = AT_ONCE) -> None:
        self._interval_s = 1.0 / rate
        self._at_once = at_once
        self._next = float("-inf")
        self._open = 0

    @property
    def is_full(self) -> bool:
        """Return whether one has to end before the next may begin."""
        return self._open >= self._at_once

    def wait_s(self, now: float) -> float:
        """Return the seconds until the next connection may begin, as far as the rate goes; 0 for now."""
        return max(self._next - now, 0.0)

    def begin(self, now: float) -> None:
        """Note that a connection begins. Time that was lost is not made up for: there is no burst."""
        self._open += 1
        self._next = max(self._next, now) + self._interval_s

    def end(self) -> None:
        """Note that a connection ended."""
        self._open -= 1
