"""These helpers transform and quantise a line of four 4x4 blocks in registers, and the other way round."""

from typing import Final

from transcoder_native.h264.intrinsics import (
    Vector,
    VectorType,
    absolute,
    chosen,
    filled,
    high_product,
    nonzero_lanes,
    store,
    words,
)
from transcoder_native.h264.lanes import LINE, scanned, turned, unscanned
from transcoder_native.h264.memory import put_16
from transcoder_native.h264.quantiser import BIAS, FACTOR, SCALE, VECTOR_BYTES
from transcoder_native.runtime import INT, kernel

FOUR: Final = VectorType(16, 4)

_sums_and_differences: Final = chosen((0, 5, 2, 7))
_sums_then_differences: Final = chosen((0, 1, 6, 7))
_evens: Final = chosen((0, 0, 2, 2))
_odds: Final = chosen((1, 1, 3, 3))
_first_pair: Final = chosen((0, 1, 0, 1))
_last_pair: Final = chosen((2, 3, 2, 3))


@kernel(FOUR)
def hadamard(dc: Vector) -> Vector:
    """Return the transform of the four DC of a chroma plane, which is its own inverse (equation 8-328)."""
    first, second = _evens(dc, dc), _odds(dc, dc)
    lines = _sums_and_differences(first + second, first - second)
    upper, lower = _first_pair(lines, lines), _last_pair(lines, lines)
    return _sums_then_differences(upper + lower, upper - lower)


@kernel(LINE, LINE, LINE, LINE)
def _forward(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    outer, inner, far, near = a + d, b + c, a - d, b - c
    return outer + inner, far + far + near, outer - inner, far - near - near


@kernel(LINE, LINE, LINE, LINE)
def forward(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the columns of coefficients of four blocks whose rows of residual are given."""
    e, f, g, h = _forward(a, b, c, d)
    i, j, k, m = turned(e, f, g, h)
    return _forward(i, j, k, m)


@kernel(LINE, LINE, LINE, LINE)
def _inverse(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Equations 8-338 to 8-345."""
    e, f, g, h = a + c, a - c, (b >> 1) - d, b + (d >> 1)
    return e + h, f + g, f - g, e - h


@kernel(LINE, LINE, LINE, LINE)
def inverse(a: Vector, b: Vector, c: Vector, d: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the rows of residual of four blocks whose columns of scaled coefficients are given (clause 8.5.12.2)."""
    e, f, g, h = _inverse(a, b, c, d)
    i, j, k, m = turned(e, f, g, h)
    n, o, p, q = _inverse(i, j, k, m)
    half = filled(32, 16)
    return (n + half) >> 6, (o + half) >> 6, (p + half) >> 6, (q + half) >> 6


@kernel(LINE, LINE, LINE)
def _quantised(coefficients: Vector, factors: Vector, biases: Vector) -> Vector:
    signs = coefficients >> 15
    return (high_product(absolute(coefficients) + biases, factors) ^ signs) - signs


@kernel(LINE, LINE, LINE, LINE, INT, INT, INT, INT)
def put_levels(a: Vector, b: Vector, c: Vector, d: Vector, quantiser: int, levels: int, masks: int, second: int) -> int:
    """Quantise four blocks, and write their levels in zigzag order, and a mask of the levels other than 0.

    Args:
        a: column 0 of the coefficients.
        b: column 1.
        c: column 2.
        d: column 3.
        quantiser: address of a row of ``quantiser.table``.
        levels: address of the levels of the first block, int16 x 16; the second block follows.
        masks: address of the mask of the first block, uint16; bit n says that level n is not 0.
        second: how many blocks the second two lie behind the first two.

    Returns:
        Bits 0, 1, second and second + 1: the block has levels other than 0.
    """
    even, odd = words(quantiser + FACTOR, 16), words(quantiser + FACTOR + VECTOR_BYTES, 16)
    even_bias, odd_bias = words(quantiser + BIAS, 16), words(quantiser + BIAS + VECTOR_BYTES, 16)
    e, f, g, h = scanned(
        _quantised(a, even, even_bias),
        _quantised(b, odd, odd_bias),
        _quantised(c, even, even_bias),
        _quantised(d, odd, odd_bias),
    )
    store(levels, e)
    store(levels + 32, f)
    store(levels + 32 * second, g)
    store(levels + 32 * second + 32, h)
    i, j, k, m = nonzero_lanes(e), nonzero_lanes(f), nonzero_lanes(g), nonzero_lanes(h)
    put_16(masks, i)
    put_16(masks + 2, j)
    put_16(masks + 2 * second, k)
    put_16(masks + 2 * second + 2, m)
    return (-i >> 63 & 1) | (-j >> 63 & 2) | (-k >> 63 & 1) << second | (-m >> 63 & 2) << second


@kernel(INT, INT, INT)
def scaled(levels: int, second: int, quantiser: int) -> tuple[Vector, Vector, Vector, Vector]:
    """Return the columns of scaled coefficients of four blocks whose levels are in memory (equation 8-337)."""
    even, odd = words(quantiser + SCALE, 16), words(quantiser + SCALE + VECTOR_BYTES, 16)
    rear = levels + 32 * second
    a, b, c, d = unscanned(words(levels, 16), words(levels + 32, 16), words(rear, 16), words(rear + 32, 16))
    return a * even, b * odd, c * even, d * odd
