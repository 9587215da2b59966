"""Changes to inputs that keep most of their structure."""

import random
from collections.abc import Sequence

MAX_SIZE = 1 << 16
"""Bytes of an input."""
_NUMBERS = (b"0", b"-1", b"1", b"255", b"65535", b"65536", b"4294967295", b"99999999999999999999", b"0x7f", b"1e9")
_BYTES = (0x00, 0x01, 0x03, 0x0A, 0x0D, 0x1C, 0x24, 0x7C, 0x7F, 0x80, 0xFF)


class Mutator:
    """Makes inputs of seeds.

    Args:
        seeds: at least one.
        words: pieces of the syntax.
        rng: decides everything.
    """

    def __init__(self, seeds: Sequence[bytes], words: Sequence[bytes], rng: random.Random) -> None:
        self._seeds = list(seeds)
        self._words = list(words)
        self._rng = rng

    def next_input(self) -> bytes:
        """A seed with one change or several."""
        return self.changed(self._rng.choice(self._seeds))

    def changed(self, seed: bytes) -> bytes:
        """Return an input with one change or several."""
        data = bytearray(seed)
        for _ in range(1 << self._rng.randrange(5)):
            self._change(data)
        return bytes(data[:MAX_SIZE])

    def _change(self, data: bytearray) -> None:
        rng = self._rng
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(10)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.choice(_BYTES)
        elif kind == 2:
            del data[at : at + self._length()]
        elif kind == 3:
            data[at:at] = data[at : at + self._length()] * rng.choice((1, 1, 1, 2, 50))
        elif kind == 4 and self._words:
            data[at:at] = rng.choice(self._words)
        elif kind == 5:
            other = rng.choice(self._seeds)
            start = rng.randrange(len(other) + 1)
            data[at:at] = other[start : start + self._length()]
        elif kind == 6:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 7:
            self._change_number(data, at)
        elif kind == 8 and len(data) >= 2:
            at = min(at, len(data) - 2)
            data[at : at + 2] = rng.choice((0, 1, 2, 0x7FFF, 0xFFFF, len(data) - at, rng.randrange(65536))).to_bytes(2)
        else:
            other_at = rng.randrange(len(data) + 1)
            piece = data[other_at : other_at + self._length()]
            data[at : at + len(piece)] = piece

    def _length(self) -> int:
        return 1 << self._rng.randrange(11) if self._rng.random() < 0.2 else self._rng.randrange(1, 17)

    def _change_number(self, data: bytearray, at: int) -> None:
        """Another number where there is one in letters."""
        for start in range(at, min(len(data), at + 64)):
            if 0x30 <= data[start] <= 0x39:
                end = start
                while end < len(data) and 0x30 <= data[end] <= 0x39:
                    end += 1
                data[start:end] = self._rng.choice(_NUMBERS)
                return
