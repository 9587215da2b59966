"""The sanitization ledger counts everything that was not let through, by layer and kind.

One ledger belongs to one stream. The ledger is bounded, because a camera chooses the kinds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

MAX_KINDS = 256
"""The largest number of different (layer, kind) pairs of one stream; all others are counted as "other" of their layer.
"""
EXAMPLE_SIZE = 64
"""Bytes: the part that is kept of the latest example of a kind."""


@dataclass(slots=True)
class Entry:
    """Holds the counts and times of one kind of thing that was not let through.

    Attributes:
        count: how many things of this kind were dropped.
        size: the bytes of all of them together, where they have any.
        first: wall clock when the first one was dropped, UTC seconds.
        last: wall clock when the latest one was dropped, UTC seconds.
        example: at most EXAMPLE_SIZE bytes of the latest one; shown on debug only.
    """

    count: int = 0
    size: int = 0
    first: float = 0.0
    last: float = 0.0
    example: bytes = b""


class Ledger:
    """Counts the dropped things of one stream."""

    __slots__ = ("_entries", "now")

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Entry] = {}
        self.now = 0.0
        """The wall clock, UTC seconds; the ledger's owner moves it on, so that counting costs no clock call."""

    def count(self, layer: str, kind: str, *, count: int = 1, size: int = 0, example: bytes | memoryview = b"") -> None:
        """Count something that was not let through."""
        entry = self._entries.get((layer, kind))
        if entry is None:
            if len(self._entries) >= MAX_KINDS:
                kind = "other"
            entry = self._entries.setdefault((layer, kind), Entry(first=self.now))
        entry.count += count
        entry.size += size
        entry.last = self.now
        if len(example):
            entry.example = bytes(example[:EXAMPLE_SIZE])

    def __iter__(self) -> Iterator[tuple[str, str, Entry]]:
        for (layer, kind), entry in list(self._entries.items()):
            yield layer, kind, entry

    def __len__(self) -> int:
        return len(self._entries)

    def totals(self) -> dict[str, int]:
        """Return the counts by layer."""
        found: dict[str, int] = {}
        for layer, _, entry in self:
            found[layer] = found.get(layer, 0) + entry.count
        return found
