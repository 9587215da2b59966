"""These orders of lanes turn rows of samples into columns, and columns into the scans of 4x4 blocks.

A vector of 16 words holds a line of four blocks: lane 4 * b + n is element n of block b. Of two 8x8 blocks it holds a
line each: lane 8 * b + n is element n of block b.
"""

from collections.abc import Sequence
from typing import Final

from transcoder_native.h264.intrinsics import Vector, VectorType, chosen
from transcoder_native.runtime import kernel

LINE: Final = VectorType(16, 16)

_ZIGZAG_X: Final = (0, 1, 0, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 3, 2, 3)
_ZIGZAG_Y: Final = (0, 0, 1, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 2, 3, 3)

ZIGZAG: Final = tuple(4 * x + y for x, y in zip(_ZIGZAG_X, _ZIGZAG_Y, strict=True))
"""The place 4 * column + row of each index of the zigzag scan (figure 8-8)."""


def _interleaved(size: int, first: int) -> Sequence[int]:
    """Return the order that takes groups of some lanes from two vectors by turns, beginning at a lane of each half.

    The halves stay apart because most processors shuffle within 128 bits.
    """
    groups = [(half, group) for half in (0, 8) for group in range(first, first + 4, size)]
    return [half + vector + group + lane for half, group in groups for vector in (0, 16) for lane in range(size)]


_words_low: Final = chosen(_interleaved(1, 0))
_words_high: Final = chosen(_interleaved(1, 4))
_pairs_low: Final = chosen(_interleaved(2, 0))
_pairs_high: Final = chosen(_interleaved(2, 4))
_blocks_low: Final = chosen(_interleaved(4, 0))
_blocks_high: Final = chosen(_interleaved(4, 4))
_halves_low: Final = chosen([*range(8), *range(16, 24)])
_halves_high: Final = chosen([*range(8, 16), *range(24, 32)])
_scanned: Final = chosen(ZIGZAG)
_unscanned: Final = chosen([ZIGZAG.index(place) for place in range(16)])


@kernel(LINE, LINE, LINE, LINE)
def turned(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the columns of four blocks whose rows are given, or the rows whose columns are given."""
    e, f, g, h = _words_low(a, b), _words_low(c, d), _words_high(a, b), _words_high(c, d)
    i, j, k, m = _pairs_low(e, f), _pairs_low(g, h), _pairs_high(e, f), _pairs_high(g, h)
    return _blocks_low(i, j), _blocks_high(i, j), _blocks_low(k, m), _blocks_high(k, m)


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
def turned_8x8(
    a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector, g: Vector, h: Vector
) -> tuple[Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector]:
    """Return the columns of two 8x8 blocks whose rows are given, or the rows whose columns are given."""
    i, j, k, m = _words_low(a, b), _words_high(a, b), _words_low(c, d), _words_high(c, d)
    n, o, p, q = _words_low(e, f), _words_high(e, f), _words_low(g, h), _words_high(g, h)
    a, b, c, d = _pairs_low(i, k), _pairs_high(i, k), _pairs_low(j, m), _pairs_high(j, m)
    e, f, g, h = _pairs_low(n, p), _pairs_high(n, p), _pairs_low(o, q), _pairs_high(o, q)
    return (
        _blocks_low(a, e), _blocks_high(a, e), _blocks_low(b, f), _blocks_high(b, f),
        _blocks_low(c, g), _blocks_high(c, g), _blocks_low(d, h), _blocks_high(d, h),
    )  # fmt: skip


@kernel(LINE, LINE, LINE, LINE)
def _gathered(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return, one vector a block, the columns of four blocks one after the other; and the other way round."""
    e, f, g, h = _blocks_low(a, b), _blocks_high(a, b), _blocks_low(c, d), _blocks_high(c, d)
    return _halves_low(e, g), _halves_low(f, h), _halves_high(e, g), _halves_high(f, h)


@kernel(LINE, LINE, LINE, LINE)
def scanned(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the scans of four blocks whose columns are given."""
    e, f, g, h = _gathered(a, b, c, d)
    return _scanned(e, e), _scanned(f, f), _scanned(g, g), _scanned(h, h)


@kernel(LINE, LINE, LINE, LINE)
def unscanned(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the columns of four blocks whose scans are given."""
    return _gathered(_unscanned(a, a), _unscanned(b, b), _unscanned(c, c), _unscanned(d, d))
