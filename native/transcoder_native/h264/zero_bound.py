"""This kernel tells macroblocks that certainly quantise to nothing from those that have to be transformed.

A coefficient is a sum of samples with weights of at most 4, so a block with a small sum of absolute differences (SAD)
has no level, whatever its samples are; the bounds stand in ``quantiser.table``.
"""

from typing import Final

from transcoder_native.h264.intrinsics import Vector, above, absolute, chosen, filled, nonzero_lanes, samples, total
from transcoder_native.h264.lanes import turned
from transcoder_native.h264.memory import u16
from transcoder_native.h264.quantiser import ZERO_SAD
from transcoder_native.runtime import INT, kernel

_both: Final = chosen(range(16))
_pair_turned: Final = chosen([lane ^ 1 for lane in range(16)])
_pairs_turned: Final = chosen([lane ^ 2 for lane in range(16)])


@kernel(INT, INT, INT, INT)
def _column_sums(one: int, one_stride: int, other: int, other_stride: int) -> Vector:
    """Return the SADs of the columns of a line of four 4x4 blocks."""
    sums = filled(0, 16)
    for row in range(4):
        sums += absolute(samples(one + row * one_stride, 16) - samples(other + row * other_stride, 16))
    return sums


@kernel(INT, INT, INT, INT, INT)
def luma_is_zero(one: int, one_stride: int, other: int, other_stride: int, quantiser: int) -> int:
    """Return 1 where the residual of two blocks of 16x16 luma samples certainly has no level.

    Args:
        one: address of 16x16 samples.
        one_stride: bytes from a row to the next.
        other: address of 16x16 samples.
        other_stride: bytes from a row to the next.
        quantiser: address of the row of QP'Y in ``quantiser.table``.
    """
    a, b, c, d = turned(
        _column_sums(one, one_stride, other, other_stride),
        _column_sums(one + 4 * one_stride, one_stride, other + 4 * other_stride, other_stride),
        _column_sums(one + 8 * one_stride, one_stride, other + 8 * other_stride, other_stride),
        _column_sums(one + 12 * one_stride, one_stride, other + 12 * other_stride, other_stride),
    )
    sads = a + b + c + d
    return 0 if nonzero_lanes(above(sads, filled(u16(quantiser + ZERO_SAD), 16))) else 1


@kernel(INT, INT, INT, INT, INT)
def chroma_is_zero(one: int, one_stride: int, other: int, other_stride: int, quantiser: int) -> int:
    """Return 1 where the residual of two blocks of 8x8 chroma samples certainly has no level, DC included.

    Args:
        one: address of 8x8 samples.
        one_stride: bytes from a row to the next.
        other: address of 8x8 samples.
        other_stride: bytes from a row to the next.
        quantiser: address of the row of QP'C in ``quantiser.table``.
    """
    upper, lower = filled(0, 8), filled(0, 8)
    for row in range(4):
        upper += absolute(samples(one + row * one_stride, 8) - samples(other + row * other_stride, 8))
    for row in range(4, 8):
        lower += absolute(samples(one + row * one_stride, 8) - samples(other + row * other_stride, 8))
    columns = _both(upper, lower)
    pairs = columns + _pair_turned(columns, columns)
    sads = pairs + _pairs_turned(pairs, pairs)  # in all four lanes of a block
    if nonzero_lanes(above(sads, filled(u16(quantiser + ZERO_SAD), 16))):
        return 0
    return 1 if total(columns) <= u16(quantiser + ZERO_SAD + 2) else 0
