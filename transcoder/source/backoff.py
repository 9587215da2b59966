"""When to try a camera again."""

import random

from transcoder.errors import ResponseError, TranscoderError

FIRST_S = 0.5
MAX_S = 30.0
FACTOR = 1.5
"""Slow enough that after an outage of d seconds the next try comes within about d/2."""
FORGIVEN_S = 1.0
"""Seconds of play that make up for one failure: a camera that comes and goes is asked again soon, one that drops every
connection at once is not."""
MAX_FAILURES = 11
"""More change nothing: the delay is at its maximum."""
REFUSED_S = 2.0
"""A host that refuses the connection is up and its service will be soon; asking costs it nothing."""
LOGIN_FIRST_S = 5.0
LOGIN_S = 300.0
LOGIN_MAX_S = 3600.0
"""Cameras lock an account for 30 minutes after a few wrong logins."""
TABLE_FULL_S = 60.0
"""A 401 after earlier success is a full connection table (Dahua); it empties when sessions time out."""


class Backoff:
    """Jittered exponential back-off of one source.

    Args:
        rng: for jitter.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._failures = 0
        self._refused_logins = 0
        self._had_success = False

    def succeeded(self, played_s: float) -> None:
        """A connection played for so long before it ended."""
        self._had_success = True
        self._refused_logins = 0
        self._failures = max(self._failures - int(played_s / FORGIVEN_S), 0)

    def reset(self) -> None:
        """The configuration changed: what was learned does not hold any more."""
        self._failures = self._refused_logins = 0
        self._had_success = False

    def next_delay(self, error: TranscoderError) -> float:
        """Seconds to wait after a failure."""
        if isinstance(error, ResponseError) and error.status in {401, 403}:
            return self._login_delay()
        delay = min(FIRST_S * FACTOR**self._failures, MAX_S)
        if "refused" in str(error).lower() and delay >= REFUSED_S:
            delay = REFUSED_S
        else:
            self._failures = min(self._failures + 1, MAX_FAILURES)
        return delay * self._rng.uniform(0.5, 1.0)

    def _login_delay(self) -> float:
        self._refused_logins += 1
        if self._had_success:
            return TABLE_FULL_S * self._rng.uniform(0.8, 1.2)
        if self._refused_logins == 1:
            return LOGIN_FIRST_S
        delay: float = min(LOGIN_S * 2 ** (self._refused_logins - 2), LOGIN_MAX_S)
        return delay * self._rng.uniform(0.9, 1.1)
