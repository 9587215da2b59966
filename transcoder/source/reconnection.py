"""The reconnection policy decides when a camera is tried again, and over which transport.

One object decides both: it is told how each connection went, and says how the next one is made. Only
the type of an error decides, never its text.
"""

import random
from dataclasses import dataclass

from transcoder.errors import (
    ConnectionRefused,
    ResponseError,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
)

TRANSPORTS = ("tcp", "udp", "http", "multicast")
"""The transports, in the order in which they are tried."""

FIRST_S = 0.5
MAX_S = 30.0
FACTOR = 1.5
"""The factor between two delays: so small that after an outage of d seconds the next try comes within about d/2."""
FORGIVEN_S = 1.0
"""Seconds of play that make up for one failure: a camera that comes and goes is asked again soon, a camera that drops
every connection at once is not."""
MAX_FAILURES = 11
"""The largest number of failures that is counted: with so many the delay is at its maximum."""
REFUSED_S = 2.0
"""The largest delay in seconds where the connection is refused: such a host is up, its service will be soon, and asking
costs the host nothing."""
LOGIN_FIRST_S = 5.0
LOGIN_S = 300.0
LOGIN_MAX_S = 3600.0
"""The largest delay in seconds after a wrong login: cameras lock an account for 30 minutes after a few wrong logins."""
TABLE_FULL_S = 60.0
"""Seconds to wait after a 401 that follows earlier success: the camera's connection table is full (Dahua), and empties
when sessions time out."""

LOGIN_REFUSED = frozenset({401, 403})
TRANSPORT_REFUSED = frozenset({406, 459, 461})
"""Status codes that refuse a transport which the camera does not speak: Not Acceptable, Aggregate Operation Not
Allowed, Unsupported Transport."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry says how a source goes on after a connection ended."""

    delay_s: float
    played_s: float | None


class Reconnection:
    """Decides for one source how it connects again.

    Args:
        transport: one of TRANSPORTS, which is kept, or "auto".
        rng: the source of random numbers for jitter.

    Attributes:
        transport: the transport of the present connection, or of the next one while there is no connection.
    """

    def __init__(self, transport: str, rng: random.Random | None = None) -> None:
        self._automatic = transport == "auto"
        self.transport = TRANSPORTS[0] if self._automatic else transport
        self._first_transport = self.transport
        """The transport that gave pictures last: each round of tries begins with it."""
        self._multicast = False
        self._rng = rng or random.Random()
        self._failures = 0
        self._refused_logins = 0
        self._had_success = False
        self._had_picture = False
        self._playing_since: float | None = None

    def begin(self) -> None:
        """Note that a connection is attempted over `transport`."""
        self._playing_since = None
        self._had_picture = False

    def note_described(self, *, multicast: bool) -> None:
        """Note that the camera described its video, with a multicast group or without one."""
        self._multicast = multicast

    def note_playing(self, now: float) -> None:
        """Note that the camera answered PLAY."""
        self._playing_since = now

    def note_picture(self) -> None:
        """Note that a picture came over this transport."""
        self._had_picture = True

    def note_useless(self, now: float) -> None:
        """Note that no packet so far was of any use: the time that the connection played makes up for no failure."""
        self._playing_since = now

    def played_s(self, now: float) -> float | None:
        """Return the seconds that the present, or else the last, connection has played; None where it never did."""
        return now - self._playing_since if self._playing_since is not None else None

    def lose(self, error: TranscoderError, now: float) -> Retry:
        """Decide when and how the next connection is made after one ended.

        Args:
            error: why the connection ended, or could not be made.
            now: monotonic seconds.
        """
        played_s = self.played_s(now)
        if played_s is not None:
            self._had_success = True
            self._refused_logins = 0
            self._failures = max(self._failures - int(played_s / FORGIVEN_S), 0)
        at_once = self._falls_back(error)
        return Retry(delay_s=0.0 if at_once else self._delay(error), played_s=played_s)

    def _falls_back(self, error: TranscoderError) -> bool:
        """Choose the next transport; return True where it is worth a try at once.

        A transport that gave pictures is kept. A transport that the camera refuses, or over which nothing comes after
        PLAY, is not the way to this camera.
        """
        if not self._automatic:
            return False
        if self._had_picture:
            self._first_transport = self.transport
            return False
        refused = isinstance(error, ResponseError) and error.status in TRANSPORT_REFUSED
        silent = self._playing_since is not None and isinstance(error, TransportError)
        tunnelling = self.transport == "http"  # any error counts: a tunnel is only a try
        if not (refused or silent or tunnelling or isinstance(error, TransportNotAccepted)):
            return False
        known = {self.transport, self._first_transport}
        order = [name for name in TRANSPORTS if name != "multicast" or self._multicast or name in known]
        order.remove(self._first_transport)
        order.insert(0, self._first_transport)
        following = order.index(self.transport) + 1
        self.transport = order[following % len(order)]
        return following < len(order)

    def _delay(self, error: TranscoderError) -> float:
        """Return the seconds to wait after a failure: exponential, with jitter."""
        if isinstance(error, ResponseError) and error.status in LOGIN_REFUSED:
            return self._login_delay()
        delay = min(FIRST_S * FACTOR**self._failures, MAX_S)
        if isinstance(error, ConnectionRefused) and delay >= REFUSED_S:
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
