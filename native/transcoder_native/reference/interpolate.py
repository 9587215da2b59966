"""These functions are the twins of ``h264.interpolate``, sample by sample from the formulas of clause 8.4.2.2."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import U8
from transcoder_native.reference.operands import Block, Scratch

I64 = npt.NDArray[np.int64]

_ROWS: Final = 18
_COLUMNS: Final = 32


def half_samples(reference: Block, out: U8) -> None:
    """Write the half samples of a block and of one more row and column before it, in planes of 18 rows of 32."""
    whole = reference.view(_ROWS + 5, _COLUMNS + 5, -3, -3).astype(np.int64)
    between_columns = _filtered(whole.T).T
    between_rows = _filtered(whole)
    out[0] = _clipped(between_columns[2:-3], 5)
    out[1] = _clipped(between_rows[:, 2:-3], 5)
    out[2] = _clipped(_filtered(between_columns), 10)


def predict_luma(reference: Block, mv_x: int, mv_y: int, out: Block, halves: Scratch) -> None:
    """Write the 16x16 luma samples that a vector predicts."""
    del halves
    out.view(16, 16)[:] = luma(reference, mv_x, mv_y)


def luma(reference: Block, mv_x: int, mv_y: int) -> U8:
    """Return the 16x16 luma samples that a vector predicts (table 8-12)."""
    whole = Block(reference.plane, reference.y + (mv_y >> 2), reference.x + (mv_x >> 2))

    def at(dy: int, dx: int) -> I64:
        return whole.view(16, 16, dy, dx).astype(np.int64)

    def column(dx: int) -> I64:
        """Return h of the column dx."""
        return _clipped(_six(lambda k: at(k, dx)), 5)

    def row(dy: int) -> I64:
        """Return b of the row dy."""
        return _clipped(_six(lambda k: at(dy, k)), 5)

    def middle() -> I64:
        """Return j."""
        return _clipped(_six(lambda k: _six(lambda n: at(k, n))), 10)

    pair: tuple[I64, I64] = {
        (0, 0): lambda: (at(0, 0), at(0, 0)),
        (1, 0): lambda: (at(0, 0), row(0)),
        (2, 0): lambda: (row(0), row(0)),
        (3, 0): lambda: (row(0), at(0, 1)),
        (0, 1): lambda: (at(0, 0), column(0)),
        (0, 2): lambda: (column(0), column(0)),
        (0, 3): lambda: (column(0), at(1, 0)),
        (1, 1): lambda: (row(0), column(0)),
        (2, 1): lambda: (row(0), middle()),
        (3, 1): lambda: (row(0), column(1)),
        (1, 2): lambda: (column(0), middle()),
        (2, 2): lambda: (middle(), middle()),
        (3, 2): lambda: (middle(), column(1)),
        (1, 3): lambda: (column(0), row(1)),
        (2, 3): lambda: (middle(), row(1)),
        (3, 3): lambda: (row(1), column(1)),
    }[mv_x & 3, mv_y & 3]()
    return ((pair[0] + pair[1] + 1) >> 1).astype(np.uint8)


def predict_chroma(reference: Block, mv_x: int, mv_y: int, out: Block) -> None:
    """Write the 8x8 samples of a chroma plane that a vector predicts."""
    y, x = mv_y >> 3, mv_x >> 3
    right, down = mv_x & 7, mv_y & 7
    a, b, c, d = (reference.view(8, 8, y + dy, x + dx).astype(np.int64) for dy in (0, 1) for dx in (0, 1))
    upper, lower = (8 - right) * a + right * b, (8 - right) * c + right * d
    out.view(8, 8)[:] = ((8 - down) * upper + down * lower + 32) >> 6


def _six(neighbour: Callable[[int], I64]) -> I64:
    """Return the sum of six neighbours with their weights (equation 8-241)."""
    weights = (1, -5, 20, 20, -5, 1)
    terms = [weight * neighbour(k) for weight, k in zip(weights, range(-2, 4), strict=True)]
    total: I64 = np.sum(terms, axis=0)
    return total


def _filtered(rows: I64) -> I64:
    count = len(rows) - 5
    return _six(lambda k: rows[k + 2 : k + 2 + count])


def _clipped(sums: I64, bits: int) -> I64:
    return ((sums + (1 << bits - 1)) >> bits).clip(0, 255)
