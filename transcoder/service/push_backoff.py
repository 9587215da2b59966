"""The back-off of a push decides when a target is tried again. Only the type of an error decides, never its text."""

import random
from typing import Final

from transcoder.errors import ConnectionRefused, KeyNotTrusted, LoginDowngraded, ResponseError, TranscoderError

FIRST_S: Final = 1.0
FACTOR: Final = 2.0
MAX_S: Final = 30.0
"""The most seconds between tries of a target that is away."""
REFUSED_S: Final = 5.0
"""The most seconds where the connection is refused: the host is up, its service will be soon, and asking costs next to
nothing."""
LOGIN_FIRST_S: Final = 30.0
LOGIN_MAX_S: Final = 1800.0
"""The most seconds between tries where the target refuses the login, so that it does not lock the account."""
FORGIVEN_S: Final = 1.0
"""Seconds of sending that make up for one failure: a target that comes and goes is tried again soon, one that drops
every connection at once is not."""
MAX_FAILURES: Final = 12
"""The largest number of failures that is counted: with so many the delay is at its maximum."""
_REFUSED: Final = frozenset({401, 403})


class PushBackoff:
    """Says how long a push waits before it connects again.

    Args:
        rng: the source of random numbers for jitter, so that many gateways do not come at once.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._failures = 0

    def fail(self, error: TranscoderError, played_s: float) -> float:
        """Note that a connection ended; return the seconds until the next one.

        Args:
            error: why it ended.
            played_s: seconds for which the stream was sent over it.
        """
        self._failures -= min(int(played_s / FORGIVEN_S), self._failures)
        is_refused = isinstance(error, KeyNotTrusted | LoginDowngraded) or (
            isinstance(error, ResponseError) and error.status in _REFUSED
        )
        first, most = (LOGIN_FIRST_S, LOGIN_MAX_S) if is_refused else (FIRST_S, MAX_S)
        if isinstance(error, ConnectionRefused):
            most = REFUSED_S
        delay_s = min(first * FACTOR**self._failures, most)
        self._failures = min(self._failures + 1, MAX_FAILURES)
        return delay_s * self._rng.uniform(0.8, 1.2)
