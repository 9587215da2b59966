"""The gateway knows which of the pictures that it served were its camera's; its word is read here.

A reader can't tell: a camera may send one still picture a second, as a slate is served.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

MIN_CAMERA_S: Final = 2.0
"""Seconds of the camera's pictures, at least, for a stream to have shown its camera: the last picture before an outage
counts for more than one of them."""
MIN_SHARE: Final = 0.5
"""Share of the camera's pictures, at least, where less than MIN_CAMERA_S are enough because less was read."""
SPARE: Final = 5
"""The number of pictures by which the gateway's count may differ from a reader's: those on the way, and a group of
pictures that a new reader waits for."""
MAX_RATIO: Final = 2.0
"""How many times more pictures one may count than the other: a span's pictures are taken for evenly spread."""
MAX_SPANS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Says what a gateway showed while it was read.

    Attributes:
        read_s: the seconds for which it was read.
        camera_s: seconds for which pictures of the camera were shown.
        slate_s: seconds for which the slate, or the last picture, was shown.
        pictures: how many pictures were served, about.
    """

    read_s: float
    camera_s: float
    slate_s: float
    pictures: float

    @property
    def is_slate(self) -> bool:
        """Return whether the camera was not shown."""
        return self.camera_s < min(MIN_CAMERA_S, MIN_SHARE * self.read_s)

    def fits(self, pictures: int) -> bool:
        """Return whether these may be the pictures that a reader counted."""
        return pictures <= MAX_RATIO * self.pictures + SPARE and self.pictures <= MAX_RATIO * pictures + SPARE


def read_origin(told: object, *, ago_s: float, read_s: float) -> Origin | None:
    """Return what the gateway's API tells of the time of a reading; None where that is nothing that can be used.

    The clock of the gateway alone counts: the times of its answer are told from the moment of its answer.

    Args:
        told: the document of `GET /api/v1/streams/<id>/served`.
        ago_s: how long before the answer the reading began, seconds.
        read_s: for how long was read, seconds.
    """
    if not isinstance(told, Mapping) or not isinstance(told.get("spans"), list):
        return None
    try:
        now, since = _time(told["now"]), _time(told["since"])
        begin, end = now - ago_s, now - ago_s + read_s
        if since > begin + 1.0:  # it does not reach back as far: what it leaves out may be anything
            return None
        seconds, pictures = {"camera": 0.0, "slate": 0.0}, 0.0
        for span in told["spans"][-MAX_SPANS:]:
            first, last = _time(span["begin"]), _time(span["end"])
            shows, count = span["shows"], _number(span["pictures"])
            shown_s = min(last, end) - max(first, begin)
            seconds[shows] += max(shown_s, 0.0)
            if shown_s >= 0:
                pictures += count * (shown_s / (last - first) if last > first else 1.0)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return Origin(read_s=read_s, camera_s=seconds["camera"], slate_s=seconds["slate"], pictures=pictures)


def _time(value: Any) -> float:
    return datetime.fromisoformat(value).timestamp() if isinstance(value, str) else _number(value)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number
