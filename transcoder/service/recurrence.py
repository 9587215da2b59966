"""A fault of the gateway that comes again every second fills no log: it is told at once, then at growing distances.

A machine on which no worker can be started, or pictures of which every worker dies, would have a line a second and
stream. What is left out is counted in the metrics, and in the next line.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from transcoder import clock
from transcoder.service.camera_log import time_of_day
from transcoder.service.outage import CALM_S, STILL_AWAY_S
from transcoder.service.store import time_text

MAX_REASONS: Final = 4
"""The number of different reasons of one fault that are told at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Holds the facts that a line tells.

    Attributes:
        since_s: seconds since the first of these faults.
        times: how many faults there were since then, this one included.
        is_again: whether the line stands for faults that no line told.
    """

    since_s: float
    times: int
    is_again: bool


class Recurrence:
    """Decides which of many equal faults are told. Nothing here looks at a clock or writes a line.

    Args:
        at_once: how many faults are told each before most are left out.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._since = self._last = 0.0
        self._times = self._step = 0
        self._untold = 0
        self._reasons: set[Hashable] = set()

    def note(self, reason: Hashable, now: float) -> Told | None:
        """Note a fault; return the facts for a line, or None where none is due.

        Args:
            reason: the fault's reason; a new one is told at once.
            now: monotonic seconds.
        """
        if not self._times or now - self._last >= CALM_S:
            self._since, self._times, self._untold, self._step = now, 0, 0, 0
            self._reasons.clear()
        self._last = now
        self._times += 1
        is_news = reason not in self._reasons and len(self._reasons) < MAX_REASONS
        is_due = now - self._since >= self._step_s(self._step)
        if not (self._times <= self._at_once or is_news or is_due):
            self._untold += 1
            return None
        self._reasons.add(reason)
        while now - self._since >= self._step_s(self._step):
            self._step += 1
        told = Told(since_s=now - self._since, times=self._times, is_again=self._untold > 0)
        self._untold = 0
        return told

    @staticmethod
    def _step_s(step: int) -> float:
        """Return the time of a line, in seconds since the first fault: as for a camera that is away."""
        beyond = max(step - len(STILL_AWAY_S) + 1, 0)
        return STILL_AWAY_S[min(step, len(STILL_AWAY_S) - 1)] + beyond * STILL_AWAY_S[-1]


class RepeatedLine:
    """Writes the lines of one kind of fault.

    Args:
        log: the log.
        level: the level of the lines.
        at_once: how many faults are told each before most are left out.
        about: the stream that words name first, "" for none.
        is_traced: whether the level debug has a line for each of the others, too.
    """

    def __init__(
        self,
        log: structlog.stdlib.BoundLogger,
        level: Literal["warning", "error"],
        *,
        at_once: int = 1,
        about: str = "",
        is_traced: bool = True,
    ) -> None:
        self._trace = log.debug if is_traced else None
        self._write = getattr(log, level)
        self._about = f"{about}: " if about else ""
        self._recurrence = Recurrence(at_once)

    def tell(self, event: str, reason: str = "", **detail: Any) -> None:
        """Note a fault, and write the line that is due.

        Args:
            event: the event of the line.
            reason: why it happened, "" where nothing is known.
            detail: other keys of the line.
        """
        detail |= {"reason": reason} if reason else {}
        told = self._recurrence.note((event, reason), clock.monotonic())
        if told is None:
            if self._trace is not None:
                self._trace(event, **detail)
            return
        if told.is_again:
            wall = clock.wall_clock()
            since = wall - told.since_s
            detail |= {"since": time_text(since), "times": told.times}
            why = f": {reason}" if reason else ""
            detail["words"] = f"{self._about}{event}, {told.times} times since {time_of_day(since, wall)}{why}"
        self._write(event, **detail)
