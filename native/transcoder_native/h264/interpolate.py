"""These kernels predict the samples of a macroblock at fractions of a sample (clause 8.4.2.2).

The half samples around a block are made once for all vectors near it, in three planes of HALF_STRIDE: those between two
columns (b in figure 8-4), between two rows (h), and between both (j). Every quarter sample is then one of them, or the
average of two of them or of a whole sample.
"""

from collections.abc import Sequence
from typing import Final

from transcoder_native.h264.intrinsics import (
    Vector,
    VectorType,
    average,
    octets,
    samples,
    saturated_sum,
    store,
    store_samples,
)
from transcoder_native.runtime import INT, kernel

HALF_STRIDE: Final = 32
HALF_ROWS: Final = 18
"""The rows of a plane of half samples: 16 and one more on either side."""
HALF_BYTES: Final = 3 * HALF_ROWS * HALF_STRIDE
"""Bytes of the three planes of half samples of a block. The sample of the block's own place lies at (1, 1)."""

_ROW: Final = VectorType(16, 32)
_FIRST: Final = HALF_STRIDE + 1
_PLANE_BYTES: Final = HALF_ROWS * HALF_STRIDE

# The kinds of samples that a quarter sample is the average of, and steps to the right and down from the block's own.
_G: Final = 0
_B: Final = 1
_H: Final = 2
_J: Final = 3
_RIGHT: Final = 4
_DOWN: Final = 8
_PAIRS: Final = (
    (_G, _G), (_G, _B), (_B, _B), (_B, _G | _RIGHT),
    (_G, _H), (_B, _H), (_B, _J), (_B, _H | _RIGHT),
    (_H, _H), (_H, _J), (_J, _J), (_J, _H | _RIGHT),
    (_G | _DOWN, _H), (_B | _DOWN, _H), (_J, _B | _DOWN), (_B | _DOWN, _H | _RIGHT),
)  # fmt: skip
"""The pairs by 4 * yFrac + xFrac (table 8-12 and equations 8-250 to 8-261); a pair of equals is a sample itself."""


def _as_digits(kinds: Sequence[int]) -> int:
    """Return an int64 whose hexadecimal digits, from the right, are these 16 kinds."""
    number = sum(kind << 4 * place for place, kind in enumerate(kinds))
    return number - (number >> 63 << 64)


_FIRST_KINDS: Final = _as_digits([pair[0] for pair in _PAIRS])
_SECOND_KINDS: Final = _as_digits([pair[1] for pair in _PAIRS])


@kernel(_ROW, _ROW, _ROW, _ROW, _ROW, _ROW)
def _filtered(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector) -> Vector:
    """Return the sum of six neighbours with the weights 1, -5, 20, 20, -5, 1 (equation 8-241)."""
    inner = ((c + d) << 2) - (b + e)
    return a + f + inner + (inner << 2)


@kernel(_ROW, _ROW, _ROW, _ROW, _ROW, _ROW)
def _filtered_twice(a: Vector, b: Vector, c: Vector, d: Vector, e: Vector, f: Vector) -> Vector:
    """Return (the same sum of six such sums + 512) >> 10 within 16 bits (equations 8-245 and 8-247).

    (a - 5 b + 20 c) >> 4 is (((a - b) >> 2) - b + c >> 2) + c, as each shift rounds down. Where the sum that saturates
    does so, the sample is 0 or 255 anyway.
    """
    outer, middle, inner = a + f, b + e, c + d
    quarter = saturated_sum(((outer - middle) >> 2) - middle, inner) >> 2
    return (saturated_sum(quarter, inner) + 32) >> 6


@kernel(INT)
def _row_filtered(at: int) -> Vector:
    return _filtered(
        samples(at - 2, 32), samples(at - 1, 32), samples(at, 32),
        samples(at + 1, 32), samples(at + 2, 32), samples(at + 3, 32),
    )  # fmt: skip


@kernel(INT, INT, INT)
def half_samples(reference: int, stride: int, out: int) -> None:
    """Write the half samples of a block and one more on every side.

    Args:
        reference: address of a block of 16x16 samples, with 4 rows and columns before it, and 5 rows and 20 columns
            behind it, that may be read.
        stride: bytes from a row to the next.
        out: address of HALF_BYTES, written: b, h and j.
    """
    at = reference - 3 * stride - 1
    s0, t0 = samples(at, 32), _row_filtered(at)
    s1, t1 = samples(at + stride, 32), _row_filtered(at + stride)
    s2, t2 = samples(at + 2 * stride, 32), _row_filtered(at + 2 * stride)
    s3, t3 = samples(at + 3 * stride, 32), _row_filtered(at + 3 * stride)
    s4, t4 = samples(at + 4 * stride, 32), _row_filtered(at + 4 * stride)
    at += 5 * stride
    for _ in range(HALF_ROWS):
        s5, t5 = samples(at, 32), _row_filtered(at)
        store_samples(out, (t2 + 16) >> 5)
        store_samples(out + _PLANE_BYTES, (_filtered(s0, s1, s2, s3, s4, s5) + 16) >> 5)
        store_samples(out + 2 * _PLANE_BYTES, _filtered_twice(t0, t1, t2, t3, t4, t5))
        s0, s1, s2, s3, s4 = s1, s2, s3, s4, s5
        t0, t1, t2, t3, t4 = t1, t2, t3, t4, t5
        at += stride
        out += HALF_STRIDE


@kernel(INT, INT, INT, INT, INT, INT)
def _sample_of(kind: int, reference: int, stride: int, halves: int, x: int, y: int) -> tuple[int, int]:
    """Return the address and stride of a block of whole or half samples."""
    column = x + (kind >> 2 & 1)
    row = y + (kind >> 3 & 1)
    plane = kind & 3
    if plane == 0:
        return reference + row * stride + column, stride
    return halves + (plane - 1) * _PLANE_BYTES + _FIRST + row * HALF_STRIDE + column, HALF_STRIDE


@kernel(INT, INT, INT, INT, INT)
def quarter_of(reference: int, stride: int, halves: int, x: int, y: int) -> tuple[int, int, int, int]:
    """Return address and stride, twice, of the blocks whose average is a block at quarter samples.

    Args:
        reference: address of the block at whole samples.
        stride: bytes from a row to the next.
        halves: address of what ``half_samples`` made for this block.
        x: quarter samples from that block to the right, -4 to 3.
        y: quarter samples down, -4 to 3.
    """
    place = 4 * (4 * (y & 3) + (x & 3))
    one, one_stride = _sample_of(_FIRST_KINDS >> place & 15, reference, stride, halves, x >> 2, y >> 2)
    other, other_stride = _sample_of(_SECOND_KINDS >> place & 15, reference, stride, halves, x >> 2, y >> 2)
    return one, one_stride, other, other_stride


@kernel(INT, INT, INT, INT, INT, INT)
def put_average(one: int, one_stride: int, other: int, other_stride: int, out: int, out_stride: int) -> None:
    """Write the averages of the samples of two blocks of 16x16, rounded up."""
    for _ in range(16):
        store(out, average(octets(one, 16), octets(other, 16)))
        one += one_stride
        other += other_stride
        out += out_stride


@kernel(INT, INT, INT, INT, INT, INT, INT)
def predict_luma(reference: int, stride: int, mv_x: int, mv_y: int, out: int, out_stride: int, halves: int) -> None:
    """Write the 16x16 luma samples that a vector predicts.

    Args:
        reference: address of the MB's own place in the reference.
        stride: bytes from a row to the next.
        mv_x: quarter samples to the right.
        mv_y: quarter samples down.
        out: address of 16x16 samples, written.
        out_stride: bytes from a row to the next.
        halves: address of HALF_BYTES for the kernel's own use.
    """
    whole = reference + (mv_y >> 2) * stride + (mv_x >> 2)
    if (mv_x | mv_y) & 3:
        half_samples(whole, stride, halves)
    one, one_stride, other, other_stride = quarter_of(whole, stride, halves, mv_x & 3, mv_y & 3)
    put_average(one, one_stride, other, other_stride, out, out_stride)


@kernel(INT, INT, INT, INT, INT, INT)
def predict_chroma(reference: int, stride: int, mv_x: int, mv_y: int, out: int, out_stride: int) -> None:
    """Write the 8x8 samples of a chroma plane that a vector predicts (equation 8-266).

    Args:
        reference: address of the MB's own place in the reference, of which a row below and a column behind are read.
        stride: bytes from a row to the next.
        mv_x: eighths of a chroma sample to the right, which is the luma vector's number.
        mv_y: eighths of a chroma sample down.
        out: address of 8x8 samples, written.
        out_stride: bytes from a row to the next.
    """
    at = reference + (mv_y >> 3) * stride + (mv_x >> 3)
    right, down = mv_x & 7, mv_y & 7
    upper = samples(at, 8) * (8 - right) + samples(at + 1, 8) * right
    for _ in range(8):
        at += stride
        lower = samples(at, 8) * (8 - right) + samples(at + 1, 8) * right
        store_samples(out, (upper * (8 - down) + lower * down + 32) >> 6)
        upper = lower
        out += out_stride
