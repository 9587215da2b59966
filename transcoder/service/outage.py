"""An outage decides which of a camera's many failed connections the log tells of: the first, and then fewer and fewer.

A camera that is away is tried again every few seconds or minutes, for days. Each try ends with an error, and a line for
each is 62,000 lines a day. Nothing here looks at a clock or writes a line.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

STILL_AWAY_S: Final = (60.0, 300.0, 1800.0, 21600.0)
"""Seconds after its beginning at which an outage is told again, and after the last of them once in so many seconds: an
operator who is at work sees that it goes on, and a day has eight lines."""
MAX_REASONS: Final = 4
"""The number of different reasons of one outage that are told at once; others wait for the next line."""
CALM_S: Final = 600.0
"""Seconds of play after which a loss is another outage; before that the camera comes and goes, and one outage lasts.
Cameras that end each session after a minute, because they count no sign of life, are common."""
LEFT_S: Final = 600.0
"""Seconds after which it is told that a camera stays away that came and went, where its return was the last line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Holds the facts of an outage that a line tells.

    Attributes:
        since_s: seconds since the outage began.
        tries: connections that ended since then, this one included.
        returns: how often the camera has played meanwhile.
        is_first: whether nothing was told of this outage before.
    """

    since_s: float
    tries: int
    returns: int
    is_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Holds the facts of a return that a line tells.

    Attributes:
        away_s: seconds for which the camera was away; None where it plays for the first time and was never away.
        tries: connections that ended meanwhile.
    """

    away_s: float | None
    tries: int


class Outage:
    """Follows one camera: it is told of each loss and each return, and answers whether the log tells it too."""

    def __init__(self) -> None:
        self._since: float | None = None
        """Monotonic seconds at which the outage began; None before the first one."""
        self._away_since = 0.0
        self._back_at: float | None = None
        """Monotonic seconds at which the camera came back; None while it is away, and before it played."""
        self._told_playing: bool | None = None
        """Whether the last line said that the camera plays; None before the first line."""
        self._tries = self._tries_away = self._returns = self._step = 0
        self._next = 0.0
        self._reasons: set[Hashable] = set()

    def lose(self, reason: Hashable, now: float) -> Loss | None:
        """Note that a connection ended; return the facts for a line, or None where none is due.

        Args:
            reason: why it ended; a reason that is new in this outage is told at once.
            now: monotonic seconds.
        """
        if self._since is None or (self._back_at is not None and now - self._back_at >= CALM_S):
            self._since, self._away_since, self._next, self._step = now, now, now, 0
            self._tries = self._tries_away = self._returns = 0
            self._reasons.clear()
        elif self._back_at is not None:
            self._returns += 1
            self._away_since, self._tries_away = now, 0
        self._back_at = None
        self._tries += 1
        self._tries_away += 1
        if not self._is_due(reason, now):
            return None
        is_first, self._told_playing = not self._reasons, False
        self._reasons.add(reason)
        while self._next <= now:
            self._next = max(self._next, self._since + self._step_s())
        return Loss(since_s=now - self._since, tries=self._tries, returns=self._returns, is_first=is_first)

    def _is_due(self, reason: Hashable, now: float) -> bool:
        is_news = reason not in self._reasons and len(self._reasons) < MAX_REASONS
        stays = self._told_playing is True and now - self._away_since >= LEFT_S
        return now >= self._next or is_news or stays

    def _step_s(self) -> float:
        """Return the time of the next line, in seconds since the outage began."""
        beyond = max(self._step - len(STILL_AWAY_S) + 1, 0)
        at = STILL_AWAY_S[min(self._step, len(STILL_AWAY_S) - 1)] + beyond * STILL_AWAY_S[-1]
        self._step += 1
        return at

    def play(self, now: float) -> Return | None:
        """Note that pictures of the camera are served again; return the facts for a line, or None where none is due.

        A return is told where the loss before it was told.
        """
        if self._back_at is not None:
            return None
        self._back_at = now
        if self._told_playing is True:
            return None
        self._told_playing = True
        away_s = None if self._since is None else now - self._away_since
        return Return(away_s=away_s, tries=self._tries_away)
