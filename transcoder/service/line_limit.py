"""A limit lets through so many log lines a second of a kind: a flood is counted, and does not fill the log."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

SPAN_S: Final = 1.0

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class _Span:
    began: float
    lines: int = 0
    left_out: int = 0


class LineLimit(Generic[K]):
    """Decides which lines are written, and how many things each of them stands for.

    Args:
        lines: the lines of a kind that may be written within a span.
        span_s: seconds of a span.
    """

    def __init__(self, lines: int, span_s: float = SPAN_S) -> None:
        self._lines = lines
        self._span_s = span_s
        self._spans: dict[K, _Span] = {}

    def take(self, kind: K, now: float) -> int:
        """Return how many things of this kind a line stands for that is written now; 0 leaves this one out.

        Args:
            kind: the kind of the line; lines of different kinds don't take each other's place.
            now: monotonic seconds.
        """
        span = self._spans.get(kind)
        if span is None or now - span.began >= self._span_s:
            left_out = span.left_out if span is not None else 0
            self._spans[kind] = _Span(now, lines=1)
            return 1 + left_out
        if span.lines < self._lines:
            span.lines += 1
            return 1
        span.left_out += 1
        return 0

    def overdue(self, now: float) -> list[tuple[K, int]]:
        """Return the kinds that left things out in a span that is over, and how many; each is returned once."""
        found = [(kind, span.left_out) for kind, span in self._spans.items() if now - span.began >= self._span_s]
        for kind, _ in found:
            del self._spans[kind]
        return [(kind, count) for kind, count in found if count]
