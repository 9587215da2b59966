"""The gateway remembers when readers last saw each camera, over a restart too: the banner of a slate tells it."""

import math
from collections.abc import Mapping
from typing import Any, Final

MAX_STREAMS: Final = 4096
"""The largest number of streams, that of `config/overlay.py`; past it, the one that was noted first is forgotten."""
STEP_S: Final = 600.0
"""Seconds between notes of a camera that is shown all along. An end of the service in order notes the last moment, and
after one without warning the banner is wrong by so much at most. All notes together are one record of the state, and
memory cards wear out."""
_KEY: Final = "seen "


class LastSeen:
    """Remembers times by the names of streams.

    Attributes:
        has_changed: whether anything was noted since changes() was called last.
    """

    def __init__(self) -> None:
        self._at: dict[str, float] = {}
        self.has_changed = False

    def note(self, stream: str, wall: float) -> None:
        """Note that readers see a stream's camera, or saw it until now.

        Args:
            stream: the name of the stream.
            wall: UTC seconds.
        """
        if stream not in self._at and len(self._at) >= MAX_STREAMS:
            del self._at[next(iter(self._at))]
        self._at[stream] = wall
        self.has_changed = True

    def note_step(self, stream: str, wall: float) -> None:
        """Note that readers see a stream's camera, once in STEP_S: at the same moments for all streams."""
        if wall // STEP_S != self._at.get(stream, 0.0) // STEP_S:
            self.note(stream, wall)

    def at(self, stream: str, wall: float) -> float | None:
        """Return when readers last saw a stream's camera, UTC seconds; None where nobody knows, or the clock went back.

        Args:
            stream: the name of the stream.
            wall: UTC seconds.
        """
        at = self._at.get(stream)
        return at if at is not None and at <= wall else None

    def forget(self, stream: str) -> None:
        """Forget a stream that is removed: the next one of that name may be of another camera."""
        self.has_changed = self._at.pop(stream, None) is not None or self.has_changed

    def load(self, kept: Mapping[str, Any]) -> None:
        """Take up what was kept; entries that can't be read are left out."""
        for key, value in kept.items():
            if not key.startswith(_KEY) or not isinstance(value, Mapping) or len(self._at) >= MAX_STREAMS:
                continue
            at = value.get("at")
            if isinstance(at, int | float) and type(at) is not bool and math.isfinite(at) and at > 0:
                self._at[key.removeprefix(_KEY)] = float(at)

    def changes(self) -> Mapping[str, Any]:
        """Return every time, to be kept."""
        self.has_changed = False
        return {f"{_KEY}{stream}": {"at": int(at)} for stream, at in self._at.items()}
