"""The reconnection policy decides when a camera is tried again, and over which transport.

One object decides both: it is told how each connection went, and says how the next one is made. Only
the type of an error decides, never its text.
"""

import random
from collections import Counter
from dataclasses import dataclass

from transcoder.errors import (
    ConnectionRefused,
    NotConnected,
    ResponseError,
    TranscoderError,
    TransportError,
    TransportNotAccepted,
    Unanswered,
)
from transcoder.source.problems import FULL_TABLE, MAY_NOT_WATCH, NO_LOGIN, WRONG_LOGIN

TRANSPORTS = ("tcp", "udp", "http", "multicast")
"""The transports, in the order in which they are tried."""

FIRST_S = 0.5
MAX_S = 30.0
CHANNEL_MAX_S = 60.0
"""The largest delay in seconds where the device is up and refuses, or does not answer for, this one stream: the
channels of a recorder that have no camera must not take the time of those that have one."""
FACTOR = 1.5
"""The factor between two delays: so small that after an outage of d seconds the next try comes within about d/2."""
FORGIVEN_S = 1.0
"""Seconds of play that make up for one failure: a camera that comes and goes is asked again soon, a camera that drops
every connection at once is not."""
MAX_FAILURES = 12
"""The largest number of failures that is counted: with so many the delay is at its maximum."""
REFUSED_S = 2.0
"""The largest delay in seconds where the connection is refused: such a host is up, its service will be soon, and asking
costs the host nothing."""
REFUSED_FOR_S = 120.0
"""Seconds of refused connections after which the service is not expected soon any more; a reboot takes less."""
LOGIN_FIRST_S = 5.0
LOGIN_S = 300.0
LOGIN_MAX_S = 3600.0
"""The largest delay in seconds after a wrong login: cameras lock an account for 30 minutes after a few wrong logins."""
TABLE_FULL_S = 60.0
"""Seconds to wait after a 401 that follows earlier success: the camera's connection table is full (Dahua), and empties
when sessions time out."""
TABLE_FULL_TRIES = 5
"""Times that a 401 after earlier success is taken for a full table; then the password has been changed."""
FORBIDDEN_S = (15.0, 30.0, 60.0)
"""The first delays in seconds after a 403: the table of users is full, as it is after a restart of this gateway that
could not say goodbye, and empties by itself (Dahua). Four tries in two minutes lock no account."""
STEADY_S = 3.0
"""Seconds of play over another transport after which TCP, which was silent only once, is tried again first."""
LONG_OUTAGE_S = 60.0
"""Seconds of outage after which TCP is tried first once more: the camera may have been replaced or set up anew."""

UNAUTHORIZED, FORBIDDEN = 401, 403
TRANSPORT_REFUSED = frozenset({406, 459, 461})
"""Status codes that refuse a transport which the camera does not speak: Not Acceptable, Aggregate Operation Not
Allowed, Unsupported Transport."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Holds what was learned of a camera, and what is kept over a restart.

    Attributes:
        transport: the transport that gave pictures last, "" before the first picture.
        logged_in: whether the camera has let this source in before: then a refused login is a full table.
    """

    transport: str = ""
    logged_in: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A retry says how a source goes on after a connection ended.

    Attributes:
        delay_s: seconds until the next connection, 0 for another transport at once.
        played_s: seconds for which the connection played, None where it never did.
        told: the error that the operator is told: that of the first transport that was tried.
        advice: what is known of a refused login, or "".
    """

    delay_s: float
    played_s: float | None
    told: TranscoderError
    advice: str = ""


class Reconnection:
    """Decides for one source how it connects again.

    Args:
        transport: one of TRANSPORTS, which is kept, or "auto".
        rng: the source of random numbers for jitter.
        learned: what was learned of the camera before.
        has_login: whether the configuration gives a login for the camera.

    Attributes:
        transport: the transport of the present connection, or of the next one while there is no connection.
    """

    def __init__(
        self,
        transport: str,
        rng: random.Random | None = None,
        learned: Learned | None = None,
        *,
        has_login: bool = True,
    ) -> None:
        self._has_login = has_login
        learned = learned or Learned()
        self._automatic = transport == "auto"
        known = learned.transport if learned.transport in TRANSPORTS else TRANSPORTS[0]
        self.transport = known if self._automatic else transport
        self._first_transport = self.transport
        """The transport that gave pictures last: each round of tries begins with it."""
        self._tried: set[str] = set()
        self._told: TranscoderError | None = None
        self._silent: Counter[str] = Counter()
        """The number of silent sessions of each transport since its last picture; a refusal counts as two."""
        self._outage_since: float | None = None
        self._outage_is_tried = False
        self._multicast = False
        self._rng = rng or random.Random()
        self._failures = 0
        self._refused_logins = 0
        self._refused_since: float | None = None
        self._refused_s = 0.0
        self._had_success = learned.logged_in
        self._had_picture = self._is_let_in = False
        self._gave_picture = bool(learned.transport)
        self._playing_since: float | None = None

    @property
    def learned(self) -> Learned:
        """Return what is worth keeping over a restart."""
        known = self._first_transport if self._automatic and self._gave_picture else ""
        return Learned(transport=known, logged_in=self._had_success)

    @property
    def gave_picture(self) -> bool:
        """Return whether a picture of the camera ever came, before the gateway's last restart too."""
        return self._gave_picture

    @property
    def had_picture(self) -> bool:
        """Return whether a picture came over the present connection."""
        return self._had_picture

    def begin(self) -> None:
        """Note that a connection is attempted over `transport`."""
        self._playing_since = None
        self._had_picture = self._is_let_in = False

    def note_described(self, *, multicast: bool) -> None:
        """Note that the camera described its video, with a multicast group or without one."""
        self._multicast = multicast

    def note_let_in(self) -> None:
        """Note that the camera accepted the login of this connection: what it refuses now is not the password."""
        self._is_let_in = True

    def note_playing(self, now: float) -> None:
        """Note that the camera answered PLAY."""
        self._playing_since = now
        self._had_success = True

    def note_picture(self) -> None:
        """Note that a picture came over this transport."""
        self._had_picture = self._gave_picture = True
        if self._silent:
            self._silent.pop(self.transport, None)

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
        if self._had_picture:
            self._told, self._outage_since, self._outage_is_tried = None, now, False
        elif self._outage_since is None:
            self._outage_since = now
        self._told = self._told or error
        if not isinstance(error, ConnectionRefused):
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        self._refused_s = now - self._refused_since if self._refused_since is not None else 0.0
        told = self._told
        if self._falls_back(error, now):
            return Retry(delay_s=0.0, played_s=played_s, told=told)
        delay_s, self._told = self._delay(error), None
        return Retry(delay_s=delay_s, played_s=played_s, told=told, advice=self._advice(told))

    # -- transports ----------------------------------------------------------------------------------------------

    def _falls_back(self, error: TranscoderError, now: float) -> bool:
        """Choose the next transport; return True where it is worth a try at once.

        A transport that gave pictures is kept. A transport that the camera refuses, or over which nothing comes after
        PLAY, is not the way to this camera.
        """
        if not self._automatic:
            return False
        if self._had_picture:
            self._first_transport = self.transport
            return self._begin_round(now)
        refused = isinstance(error, TransportNotAccepted) or (
            isinstance(error, ResponseError) and error.status in TRANSPORT_REFUSED
        )
        silent = self._playing_since is not None and isinstance(error, TransportError)
        tunnelling = self.transport == "http"  # any error counts: a tunnel is only a try
        if not (refused or silent or tunnelling):
            return self._begin_round(now)
        self._silent[self.transport] += 2 if refused else 1
        self._tried.add(self.transport)
        known = {self.transport, self._first_transport}
        order = [name for name in TRANSPORTS if name != "multicast" or self._multicast or name in known]
        order.sort(key=lambda name: name != self._first_transport)
        left = [name for name in order if name not in self._tried]
        if not left:
            return self._begin_round(now)
        self.transport = left[0]
        return True

    def _begin_round(self, now: float) -> bool:
        """Choose the transport that the next round of tries begins with; return False, because a pause comes first.

        That is the one that gave pictures last. One silent session does not move a camera away from TCP for good, and
        nor does a refusal before a long outage.
        """
        steady = self._had_picture and (self.played_s(now) or 0.0) >= STEADY_S
        outage_s = now - self._outage_since if self._outage_since is not None else 0.0
        self.transport, first = self._first_transport, TRANSPORTS[0]
        if self.transport != first:
            if outage_s >= LONG_OUTAGE_S and not self._outage_is_tried:
                self.transport, self._outage_is_tried = first, True
            elif steady and self._silent[first] == 1:
                self.transport = first
        self._tried.clear()
        return False

    # -- delays --------------------------------------------------------------------------------------------------

    def _delay(self, error: TranscoderError) -> float:
        """Return the seconds to wait after a failure: exponential, with jitter."""
        for each in (error, self._told):
            if isinstance(each, ResponseError) and each.status in {UNAUTHORIZED, FORBIDDEN}:
                return self._login_delay(each.status)
        is_refused = isinstance(error, ConnectionRefused)
        limit = MAX_S if isinstance(error, NotConnected) and not is_refused else CHANNEL_MAX_S
        delay = min(FIRST_S * FACTOR**self._failures, limit)
        if is_refused and delay >= REFUSED_S and self._refused_s < REFUSED_FOR_S:
            delay = REFUSED_S
        else:
            self._failures = min(self._failures + (4 if isinstance(error, Unanswered) else 1), MAX_FAILURES)
        return delay * self._rng.uniform(0.5, 1.0)

    def _advice(self, told: TranscoderError) -> str:
        """Say what a refused login means; the delay after it was decided by the same facts."""
        if not isinstance(told, ResponseError) or told.status not in {UNAUTHORIZED, FORBIDDEN}:
            return ""
        if told.status == UNAUTHORIZED and not self._has_login:
            return NO_LOGIN
        if told.status == FORBIDDEN or self._is_let_in:
            return MAY_NOT_WATCH
        return FULL_TABLE if self._had_success and self._refused_logins <= TABLE_FULL_TRIES else WRONG_LOGIN

    def _login_delay(self, status: int) -> float:
        """Return the seconds to wait after a refused login.

        401 says that the password is wrong, unless it was right before. 403 says that it is right and that this user
        may not watch now, more often than not because the table of users is full. So does a 401 to a later request of a
        connection that was let in.
        """
        self._refused_logins += 1
        count = self._refused_logins
        if (status == FORBIDDEN or self._is_let_in) and count <= len(FORBIDDEN_S):
            return FORBIDDEN_S[count - 1] * self._rng.uniform(0.9, 1.1)
        if self._had_success and (status == FORBIDDEN or count <= TABLE_FULL_TRIES):
            return TABLE_FULL_S * self._rng.uniform(0.8, 1.2)
        if count == 1:
            return LOGIN_FIRST_S
        before = len(FORBIDDEN_S) + 1 if status == FORBIDDEN else 2
        delay: float = min(LOGIN_S * 2 ** max(count - before, 0), LOGIN_MAX_S)
        return delay * self._rng.uniform(0.9, 1.1)
