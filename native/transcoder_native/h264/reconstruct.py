"""These kernels make the samples of a macroblock from its prediction and its levels, as a decoder does (clause 8.5).

Addresses are those of the blocks' first samples; levels lie as ``layout`` says, and are zeros in blocks without levels.
The prediction may be where the result is written.
"""

from typing import Final

from transcoder_native.h264.intrinsics import (
    Vector,
    chosen,
    filled,
    narrowed,
    octets,
    samples,
    store,
    store_samples,
    widened,
    words,
)
from transcoder_native.h264.lanes import LINE
from transcoder_native.h264.memory import u16
from transcoder_native.h264.quantiser import SCALE
from transcoder_native.h264.transform import FOUR, hadamard, inverse, scaled
from transcoder_native.runtime import INT, kernel

_LINES: Final = 0b0000_0000_0011_0011
"""The blocks of the first line of luma blocks: 0, 1, 4 and 5."""

_as_dc: Final = chosen([4 if lane % 4 else lane // 4 for lane in range(16)])
_upper: Final = chosen(range(8))
_lower: Final = chosen(range(8, 16))


@kernel(INT, INT, INT, INT, INT, INT, INT)
def reconstruct_luma(
    prediction: int, prediction_stride: int, out: int, out_stride: int, quantiser: int, levels: int, coded: int
) -> None:
    """Write the 16x16 luma samples of an MB.

    Args:
        prediction: address of 16x16 samples.
        prediction_stride: bytes from a row to the next.
        out: address of 16x16 samples, written.
        out_stride: bytes from a row to the next.
        quantiser: address of the row of QP'Y in ``quantiser.table``.
        levels: address of int16 16 x 16.
        coded: bit b says that block b has a level other than 0.
    """
    for line in range(4):
        block = (line & 1) * 2 + (line >> 1) * 8
        p = prediction + 4 * line * prediction_stride
        o = out + 4 * line * out_stride
        if coded >> block & _LINES:
            a, b, c, d = scaled(levels + 32 * block, 4, quantiser)
            e, f, g, h = inverse(a, b, c, d)
            store_samples(o, samples(p, 16) + e)
            store_samples(o + out_stride, samples(p + prediction_stride, 16) + f)
            store_samples(o + 2 * out_stride, samples(p + 2 * prediction_stride, 16) + g)
            store_samples(o + 3 * out_stride, samples(p + 3 * prediction_stride, 16) + h)
        else:
            for row in range(4):
                store(o + row * out_stride, octets(p + row * prediction_stride, 16))


@kernel(FOUR, INT)
def _scaled_dc(levels: Vector, scale: int) -> Vector:
    """Return dcC (equation 8-330 with flat scaling matrices)."""
    return narrowed((widened(hadamard(levels)) * scale) >> 1)


@kernel(INT, INT, INT, INT, LINE)
def _add(prediction: int, prediction_stride: int, out: int, out_stride: int, residual: Vector) -> None:
    """Write two rows of 8 samples, four rows apart."""
    under, below = prediction + 4 * prediction_stride, out + 4 * out_stride
    store_samples(out, samples(prediction, 8) + _upper(residual, residual))
    store_samples(below, samples(under, 8) + _lower(residual, residual))


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def reconstruct_chroma(
    prediction: int,
    prediction_stride: int,
    out: int,
    out_stride: int,
    quantiser: int,
    levels: int,
    dc_levels: int,
    coded: int,
) -> None:
    """Write the 8x8 samples of a chroma plane of an MB.

    Args:
        prediction: address of 8x8 samples.
        prediction_stride: bytes from a row to the next.
        out: address of 8x8 samples, written.
        out_stride: bytes from a row to the next.
        quantiser: address of the row of QP'C in ``quantiser.table``.
        levels: address of int16 4 x 16.
        dc_levels: address of int16 x 4.
        coded: any bit says that there are levels other than 0, of a block or a DC.
    """
    if not coded:
        for row in range(8):
            store(out + row * out_stride, octets(prediction + row * prediction_stride, 8))
        return
    a, b, c, d = scaled(levels, 2, quantiser)
    dc = _scaled_dc(words(dc_levels, 4), u16(quantiser + SCALE))
    e, f, g, h = inverse(a + _as_dc(dc, filled(0, 4)), b, c, d)
    _add(prediction, prediction_stride, out, out_stride, e)
    _add(prediction + prediction_stride, prediction_stride, out + out_stride, out_stride, f)
    _add(prediction + 2 * prediction_stride, prediction_stride, out + 2 * out_stride, out_stride, g)
    _add(prediction + 3 * prediction_stride, prediction_stride, out + 3 * out_stride, out_stride, h)
