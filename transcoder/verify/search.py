"""Everything that was read is searched for canaries, raw, in hexadecimal and in base64, and for marks of vendors."""

import base64
from dataclasses import dataclass

from transcoder.verify.marks import MARKS as LISTED

_BLOCK = 256 << 10
"""The bytes that are searched at a time; many patterns over many small packets would cost a call for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Describes bytes that must not occur.

    Attributes:
        name: the name of the bytes in the verdict.
        form: "raw", "hex" or "base64".
        data: the bytes, in lower case where `folded`.
        folded: True where letters match in either case.
    """

    name: str
    form: str
    data: bytes
    folded: bool


MARKS = {mark.name: mark.data for mark in LISTED.items if not mark.is_short}
"""The marks that are long enough to be looked for everywhere, in slices too."""
SHORT_MARKS = {mark.name: mark.data.lower() for mark in LISTED.items if mark.is_short}
"""The marks, in lower case, that chance could write into 10 MB of slices; they are looked for in everything but slices.
"""


def canary_patterns(name: str, value: bytes) -> list[Pattern]:
    """Return every form of a canary.

    Args:
        name: the name of the canary.
        value: the canary, at least one byte; under 6 bytes chance will find it in video.
    """
    patterns = [
        Pattern(name=name, form="raw", data=value.lower(), folded=True),
        Pattern(name=name, form="hex", data=value.hex().encode(), folded=True),
    ]
    for before in range(3):
        # the letters that depend on the canary alone, wherever it stands in groups of three bytes
        text = base64.b64encode(bytes(before) + value + bytes(2))
        letters = text[-(-8 * before // 6) : 8 * (before + len(value)) // 6]
        patterns.append(Pattern(name=name, form="base64", data=letters, folded=False))
    return patterns


class Search:
    """Looks for patterns in several streams of bytes.

    Each stream is searched as a whole, although it comes in pieces.

    Attributes:
        found: (name, form, stream) of every pattern that occurred.
        size: the number of bytes searched.
    """

    def __init__(self, patterns: list[Pattern]) -> None:
        self._patterns = [*patterns, *(_mark(name, data) for name, data in MARKS.items())]
        self._overlap = max(len(pattern.data) for pattern in self._patterns) - 1
        self._waiting: dict[str, bytearray] = {}
        self.found: set[tuple[str, str, str]] = set()
        self.size = 0

    def feed(self, stream: str, data: bytes) -> None:
        """Take the next bytes of a stream."""
        self.size += len(data)
        waiting = self._waiting.setdefault(stream, bytearray())
        waiting += data
        if len(waiting) >= _BLOCK:
            self._look(stream, waiting)
            del waiting[: len(waiting) - self._overlap]

    def finish(self) -> None:
        """Search the bytes that are left."""
        for stream, waiting in self._waiting.items():
            self._look(stream, waiting)
            waiting.clear()

    def _look(self, stream: str, data: bytearray) -> None:
        lower = data.lower()
        for pattern in self._patterns:
            if pattern.data in (lower if pattern.folded else data):
                self.found.add((pattern.name, pattern.form, stream))


def _mark(name: str, data: bytes) -> Pattern:
    folded = data.isascii()
    return Pattern(name=f"mark {name}", form="raw", data=data.lower() if folded else data, folded=folded)


def short_marks(data: bytes) -> list[str]:
    """Return the names of the short marks in bytes that are no slice."""
    lower = data.lower()
    return [name for name, mark in SHORT_MARKS.items() if mark in lower]
