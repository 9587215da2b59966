"""An output remembers for which spans of time it served pictures of the camera, and for which a repeated picture.

Nobody can tell from a served picture whether it is new: a camera may send one still picture a second, as a slate is
served. The output knows, because it asks for every repeated picture itself.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_SPANS: Final = 512
"""Spans that are kept of an output: four minutes of a camera that sends a picture every two seconds, each followed by a
repeated one, and weeks of one that is away now and then."""
GAP_S: Final = 3.0
"""Seconds without any picture after which a span is over; a repeated picture comes within half of them."""
COVERED_S: Final = 1.2
"""Seconds for which a picture of the camera counts as shown, at most; afterwards it is repeated."""


@dataclass(slots=True)
class Span:
    """Holds a span of pictures of one origin.

    Attributes:
        is_camera: whether they are the camera's, and not a picture that was repeated.
        first, last: monotonic seconds of the first and the last picture.
        pictures: the number of pictures.
    """

    is_camera: bool
    first: float
    last: float
    pictures: int = 1


class ServedSpans:
    """Keeps the latest spans of one output."""

    def __init__(self) -> None:
        self._spans: deque[Span] = deque(maxlen=MAX_SPANS)

    def note(self, now: float, *, is_camera: bool) -> None:
        """Note a picture that was given to the readers.

        Args:
            now: monotonic seconds.
            is_camera: whether the picture is the camera's.
        """
        spans = self._spans
        if spans:
            latest = spans[-1]
            if latest.is_camera is is_camera and now - latest.last <= GAP_S:
                latest.last = now
                latest.pictures += 1
                return
            if latest.is_camera and not is_camera and now - latest.last <= COVERED_S:
                latest.pictures += 1  # an IDR that a new reader had made of it
                return
        spans.append(Span(is_camera=is_camera, first=now, last=now))

    @property
    def known_since(self) -> float | None:
        """Return the time before which spans were forgotten, None where none was."""
        return self._spans[0].first if len(self._spans) == MAX_SPANS else None

    def spans(self, since: float, now: float) -> Iterator[tuple[float, float, Span]]:
        """Yield the spans of a time, each with its begin and its end in that time, the oldest first.

        Args:
            since: monotonic seconds at which the time begins.
            now: monotonic seconds at which it ends.
        """
        spans = list(self._spans)
        for index, span in enumerate(spans):
            follower = spans[index + 1].first if index + 1 < len(spans) else now
            end = min(span.last + COVERED_S, follower, now)
            if end >= since:
                yield max(span.first, since), end, span

    def told(self, since: float, now: float, unix_s: float) -> dict[str, Any]:
        """Return the spans as others are told of them, with times in UTC seconds.

        The pictures of a span that began earlier are taken for evenly spread.

        Args:
            since: monotonic seconds at which they begin.
            now: monotonic seconds.
            unix_s: UTC seconds at that moment.
        """
        known = self.known_since
        since = since if known is None else max(since, known)
        shift = unix_s - now
        seconds = {True: 0.0, False: 0.0}
        found = []
        for begin, end, span in self.spans(since, now):
            seconds[span.is_camera] += end - begin
            shows = "camera" if span.is_camera else "slate"
            share = (end - begin) / (end - span.first) if end > span.first else 1.0
            pictures = round(span.pictures * share)
            found.append({"begin": begin + shift, "end": end + shift, "shows": shows, "pictures": pictures})
        return {
            "now": unix_s,
            "since": since + shift,
            "camera_s": round(seconds[True], 3),
            "slate_s": round(seconds[False], 3),
            "spans": found,
        }
