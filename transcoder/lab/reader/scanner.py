"""This module collects byte runs that may hold a canary, at a cost that does not grow with the number of canaries."""

from collections.abc import Iterable

from transcoder.lab.cameras.canary import LENGTH, Canary
from transcoder.lab.cameras.canary_search import find

MAX_TAIL = 1024
"""Bytes of an unfinished run that are kept for the next piece: several times the longest form of a canary."""
MAX_RUNS = 100_000
"""Different runs that are kept. Coded video holds one run by chance in 4 ** 16 bytes."""

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/"
_CLASSES = bytes(1 if value in _ALPHABET else 0 for value in range(256))
_RUN = b"\1" * LENGTH


class Scanner:
    """Keeps the runs of letters, digits, + and / that are long enough to hold a canary in any of its forms.

    A canary, raw, in hexadecimal or in base64, is such a run or part of one.

    Attributes:
        size: number of bytes seen.
        overflown: whether more runs came than are kept: then the search is not complete.
    """

    def __init__(self) -> None:
        self.size = 0
        self.overflown = False
        self._runs: set[bytes] = set()
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Take the next piece; runs go on from one piece to the next."""
        self.size += len(data)
        block = self._tail + data
        classes = block.translate(_CLASSES)
        end = start = len(block)
        unfinished = classes.rfind(b"\0") + 1
        if len(block) - unfinished <= MAX_TAIL:
            end = start = unfinished
        else:
            start = len(block) - MAX_TAIL
        self._tail = block[start:]
        self._collect(block[:end], classes[:end])

    def _collect(self, block: bytes, classes: bytes) -> None:
        begin = classes.find(_RUN)
        while begin >= 0:
            end = classes.find(b"\0", begin)
            end = len(block) if end < 0 else end
            if len(self._runs) >= MAX_RUNS:
                self.overflown = True
                return
            self._runs.add(block[begin:end])
            begin = classes.find(_RUN, end)

    def found(self, canaries: Iterable[Canary]) -> list[Canary]:
        """Return the canaries that came in any form, each once."""
        text = b"\n".join([*self._runs, self._tail])
        return list({finding.canary.name: finding.canary for finding in find(text, canaries)}.values())
