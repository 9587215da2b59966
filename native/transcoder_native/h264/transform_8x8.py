"""These helpers transform and quantise two 8x8 blocks beside each other in registers, and the other way round.

Levels of two blocks lie as columns: those of column j at 32 * j, of which the first eight are the left block's rows.
"""

from typing import Final

from transcoder_native.h264.intrinsics import Vector, absolute, filled, high_product, nonzero_lanes, store, words
from transcoder_native.h264.lanes import LINE, turned_8x8
from transcoder_native.h264.quantiser import BIAS_8X8, FACTOR_8X8, SCALE_8X8, VECTOR_BYTES
from transcoder_native.runtime import INT, kernel

Eight = tuple[Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector]

PAIR_BYTES: Final = 256
"""Bytes of the levels of two blocks."""


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
def _forward(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector, g: Vector, h: Vector) -> Eight:
    """The transpose of ``_inverse``, with the same shifts."""
    i, j, k, m = a + h, b + g, c + f, d + e
    n, o, p, q = a - h, b - g, c - f, d - e
    outer, inner, far, near = i + m, j + k, i - m, j - k
    r, s = o + p + n + (n >> 1), n - q - p - (p >> 1)
    t, u = n + q - o - (o >> 1), o - p + q + (q >> 1)
    return (
        outer + inner, r + (u >> 2), far + (near >> 1), s + (t >> 2),
        outer - inner, t - (s >> 2), (far >> 1) - near, (r >> 2) - u,
    )  # fmt: skip


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
def forward_8x8(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector, g: Vector, h: Vector) -> Eight:
    """Return the columns of coefficients of two blocks whose rows of residual are given."""
    a, b, c, d, e, f, g, h = _forward(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = turned_8x8(a, b, c, d, e, f, g, h)
    return _forward(a, b, c, d, e, f, g, h)


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
def _inverse(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector, g: Vector, h: Vector) -> Eight:
    """Equations 8-358 to 8-381."""
    i, k, m, o = a + e, a - e, (c >> 1) - g, c + (g >> 1)
    j, n = f - d - h - (h >> 1), b + h - d - (d >> 1)
    p, q = h - b + f + (f >> 1), d + f + b + (b >> 1)
    r, s, t, u = i + o, k + m, k - m, i - o
    v, w, x, y = j + (q >> 2), n + (p >> 2), (n >> 2) - p, q - (j >> 2)
    return r + y, s + x, t + w, u + v, u - v, t - w, s - x, r - y


@kernel(LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE)
def inverse_8x8(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector, g: Vector, h: Vector) -> Eight:
    """Return the rows of residual of two blocks whose columns of scaled coefficients are given (clause 8.5.13)."""
    a, b, c, d, e, f, g, h = _inverse(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = turned_8x8(a, b, c, d, e, f, g, h)
    a, b, c, d, e, f, g, h = _inverse(a, b, c, d, e, f, g, h)
    half = filled(32, 16)
    return (
        (a + half) >> 6, (b + half) >> 6, (c + half) >> 6, (d + half) >> 6,
        (e + half) >> 6, (f + half) >> 6, (g + half) >> 6, (h + half) >> 6,
    )  # fmt: skip


@kernel(LINE, INT, INT, INT)
def put_column(coefficients: Vector, quantiser: int, kind: int, levels: int) -> int:
    """Quantise a column of two blocks, and write its levels.

    Args:
        coefficients: the column.
        quantiser: address of a row of ``quantiser.table_8x8``.
        kind: 0 for columns 0 and 4, 1 for odd ones, 2 for 2 and 6.
        levels: address of 16 levels, int16, written.

    Returns:
        Bit 8 * b + i says that the level of row i of block b is not 0.
    """
    factors = words(quantiser + FACTOR_8X8 + VECTOR_BYTES * kind, 16)
    biases = words(quantiser + BIAS_8X8 + VECTOR_BYTES * kind, 16)
    signs = coefficients >> 15
    found = (high_product(absolute(coefficients) + biases, factors) ^ signs) - signs
    store(levels, found)
    return nonzero_lanes(found)


@kernel(INT, INT)
def scaled_8x8(levels: int, quantiser: int) -> Eight:
    """Return the columns of scaled coefficients of two blocks whose levels are in memory (equation 8-357)."""
    even = words(quantiser + SCALE_8X8, 16)
    odd = words(quantiser + SCALE_8X8 + VECTOR_BYTES, 16)
    half = words(quantiser + SCALE_8X8 + 2 * VECTOR_BYTES, 16)
    return (
        words(levels, 16) * even, words(levels + 32, 16) * odd,
        words(levels + 64, 16) * half, words(levels + 96, 16) * odd,
        words(levels + 128, 16) * even, words(levels + 160, 16) * odd,
        words(levels + 192, 16) * half, words(levels + 224, 16) * odd,
    )  # fmt: skip
