"""The schedule says which stream is verified next: one at a time, spread over the day, the one longest unseen first.

It looks at no clock: the times are handed in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

START_S: Final = 300.0
"""Seconds after the gateway's start before anything is verified: cameras and workers come first."""
GAP_S: Final = 300.0
"""Seconds between two verifications where there is time: a reader less, most of the time."""
PAUSE_S: Final = 5.0
"""Seconds between two verifications where there are so many streams that there is no time."""
RETRY_S: Final = 900.0
"""Seconds after which a stream that was left out, and plays now, is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Last:
    """Says when a stream was looked at last.

    Attributes:
        at: UTC seconds.
        was_read: False where the stream was left out because it showed no pictures of a camera.
    """

    at: float
    was_read: bool


class VerifySchedule:
    """Chooses streams.

    Args:
        now: monotonic seconds of the gateway's start.
    """

    def __init__(self, now: float) -> None:
        self._next_start = now + START_S

    def due(
        self, now: float, wall: float, streams: Mapping[str, bool], last: Mapping[str, Last], every_s: float
    ) -> str | None:
        """Return the stream to look at now, None for none.

        Args:
            now: monotonic seconds.
            wall: UTC seconds.
            streams: whether each stream shows pictures of its camera.
            last: when each stream was looked at last, as far as it ever was.
            every_s: seconds between two looks at one stream.
        """
        if now < self._next_start:
            return None
        due = [name for name, is_playing in streams.items() if _is_due(last.get(name), wall, every_s, is_playing)]
        return min(due, key=lambda name: (last[name].at if name in last else 0.0, name), default=None)

    def note_start(self, now: float, count: int, every_s: float, seconds: float) -> None:
        """Note that a verification of so many seconds begins, of one of `count` streams."""
        self._next_start = now + max(seconds + PAUSE_S, min(every_s / max(count, 1), GAP_S))


def _is_due(last: Last | None, wall: float, every_s: float, is_playing: bool) -> bool:
    if last is None or last.at > wall:  # the clock was put back
        return True
    age_s = wall - last.at
    return age_s >= every_s or (is_playing and not last.was_read and age_s >= RETRY_S)
