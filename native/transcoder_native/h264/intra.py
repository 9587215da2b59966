"""These kernels code a macroblock as I_16x16, for what is seen for the first time (ITU-T H.264, 8.3.3 and 8.3.4).

Modes are vertical, horizontal and DC; chroma's is DC.
"""

from typing import Final

from transcoder_native.h264 import memory
from transcoder_native.h264.intrinsics import (
    absolute,
    chosen,
    filled,
    samples,
    store,
    store_samples,
    total,
    words,
)
from transcoder_native.h264.layout import BLOCK_LEVELS, LUMA_DC
from transcoder_native.h264.quantiser import BIAS, FACTOR, SCALE
from transcoder_native.h264.residual import LEAST_LUMA, block_cost
from transcoder_native.h264.transform import forward, inverse, put_levels, scaled
from transcoder_native.runtime import INT, kernel

VERTICAL: Final = 0
HORIZONTAL: Final = 1
DC: Final = 2

# Places in the memory that the kernels work in.
_LINE_AT: Final = 128
"""Behind 16 DC, int64, each at 4 * y + x of its block: a vector of words."""
_MASKS_AT: Final = 160
WORK_BYTES: Final = 192
_LEVEL_BYTES: Final = 2 * BLOCK_LEVELS
_PLACES: Final = 0xFEB7_ADC9_6325_8410 - (1 << 64)
"""The place 4 * y + x of each index of the zigzag scan, a hexadecimal digit each from the right, as int64."""

_without_dc: Final = chosen([lane if lane % 4 else 16 for lane in range(16)])


@kernel(INT, INT, INT, INT)
def _mean(at: int, stride: int, left: int, top: int) -> int:
    """Return the mean of the neighbours' samples that there are, 128 without any."""
    sums = 0
    if top:
        sums += total(samples(at - stride, 16))
    if left:
        for y in range(16):
            sums += memory.u8(at + y * stride - 1)
    count = 16 * (left + top)
    return (sums + count // 2) // count if count else 128


@kernel(INT, INT, INT, INT, INT)
def choose_luma(source: int, current: int, stride: int, left: int, top: int) -> int:
    """Return the SAD of the best prediction of an MB's luma times 4 plus its mode.

    Args:
        source: address of the MB's samples in the source.
        current: address of the same place in the picture that is made, before deblocking.
        stride: bytes from a row of either to the next.
        left: 1 where there is an MB to the left.
        top: 1 where there is one above.
    """
    mean = filled(_mean(current, stride, left, top), 16)
    above = samples(current - stride, 16)
    vertical, horizontal, flat = filled(0, 16), filled(0, 16), filled(0, 16)
    for y in range(16):
        row = samples(source + y * stride, 16)
        vertical += absolute(row - above)
        horizontal += absolute(row - filled(memory.u8(current + y * stride - 1), 16))
        flat += absolute(row - mean)
    best = 4 * total(flat) + DC
    if top:
        best = min(best, 4 * total(vertical) + VERTICAL)
    if left:
        best = min(best, 4 * total(horizontal) + HORIZONTAL)
    return best


@kernel(INT, INT, INT, INT, INT, INT)
def predict_luma(current: int, stride: int, mode: int, left: int, top: int, out: int) -> None:
    """Write the prediction of a mode, 16 bytes a row; the other arguments are as above."""
    row = samples(current - stride, 16)
    if mode == DC:
        row = filled(_mean(current, stride, left, top), 16)
    for y in range(16):
        if mode == HORIZONTAL:
            row = filled(memory.u8(current + y * stride - 1), 16)
        store_samples(out + 16 * y, row)


@kernel(INT, INT, INT)
def _sum(at: int, step: int, is_there: int) -> int:
    """Return the sum of four samples, -1 where they are not there."""
    if not is_there:
        return -1
    return memory.u8(at) + memory.u8(at + step) + memory.u8(at + 2 * step) + memory.u8(at + 3 * step)


@kernel(INT, INT, INT, INT, INT)
def predict_chroma_dc(current: int, stride: int, left: int, top: int, out: int) -> None:
    """Write the DC prediction of a chroma plane of an MB, 8 bytes a row; the arguments are as above."""
    for block in range(4):
        x, y = 4 * (block & 1), 4 * (block >> 1)
        beside = _sum(current + y * stride - 1, stride, left)
        above = _sum(current - stride + x, 1, top)
        if block == 1 and above >= 0:
            beside = -1
        if block == 2 and beside >= 0:
            above = -1
        if beside >= 0 and above >= 0:
            mean = (beside + above + 4) >> 3
        elif beside >= 0 or above >= 0:
            mean = (max(beside, 0) + max(above, 0) + 2) >> 2
        else:
            mean = 128
        for row in range(4):
            for column in range(4):
                memory.put_u8(out + 8 * (y + row) + x + column, mean)


@kernel(INT, INT)
def _butterfly(at: int, step: int) -> None:
    """Transform four DC."""
    a, b, c, e = memory.i64(at), memory.i64(at + step), memory.i64(at + 2 * step), memory.i64(at + 3 * step)
    p, q, r, s = a + e, b + c, b - c, a - e
    memory.put_i64(at, p + q)
    memory.put_i64(at + step, s + r)
    memory.put_i64(at + 2 * step, p - q)
    memory.put_i64(at + 3 * step, s - r)


@kernel(INT)
def _transform_dc(at: int) -> None:
    """Transform 16 DC by the Hadamard matrix, which is its own inverse but for a factor."""
    for index in range(4):
        _butterfly(at + 32 * index, 8)
    for index in range(4):
        _butterfly(at + 8 * index, 32)


@kernel(INT, INT, INT, INT, INT, INT)
def luma_levels(source: int, stride: int, prediction: int, quantiser: int, levels: int, work: int) -> int:
    """Write the levels of an I_16x16's luma, and return its blocks with levels: bits 0 to 15 of AC, bit LUMA_DC.

    Args:
        source: address of the MB's samples.
        stride: bytes from a row to the next.
        prediction: address of 16x16 samples, 16 bytes a row.
        quantiser: address of the row of QP'Y in ``quantiser.table``.
        levels: address of the MB's levels, written.
        work: address of WORK_BYTES for the kernel's own use.
    """
    coded, cost = 0, 0
    masks = work + _MASKS_AT
    for line in range(4):
        block = (line & 1) * 2 + (line >> 1) * 8
        s, p = source + 4 * line * stride, prediction + 64 * line
        a, b, c, e = forward(
            samples(s, 16) - samples(p, 16),
            samples(s + stride, 16) - samples(p + 16, 16),
            samples(s + 2 * stride, 16) - samples(p + 32, 16),
            samples(s + 3 * stride, 16) - samples(p + 48, 16),
        )
        store(work + _LINE_AT, a)
        for column in range(4):
            memory.put_i64(work + 32 * line + 8 * column, memory.i16(work + _LINE_AT + 8 * column))
        at = levels + _LEVEL_BYTES * block
        coded |= put_levels(_without_dc(a, filled(0, 16)), b, c, e, quantiser, at, masks + 2 * block, 4) << block
    for block in range(16):
        if coded >> block & 1:
            cost += block_cost(levels + _LEVEL_BYTES * block, memory.u16(masks + 2 * block) >> 1)
    if coded and cost < LEAST_LUMA:
        coded = 0
        for block in range(16):
            store(levels + _LEVEL_BYTES * block, filled(0, 16))
    _transform_dc(work)
    for index in range(16):
        value = memory.i64(work + 8 * ((_PLACES >> (4 * index)) & 15))
        size = (((abs(value) >> 1) + 2 * memory.u16(quantiser + BIAS)) * memory.u16(quantiser + FACTOR)) >> 17
        memory.put_16(levels + _LEVEL_BYTES * LUMA_DC + 2 * index, -size if value < 0 else size)
        if size:
            coded |= 1 << LUMA_DC
    return coded


@kernel(INT, INT, INT, INT, INT, INT)
def reconstruct_luma(prediction: int, out: int, stride: int, quantiser: int, levels: int, work: int) -> None:
    """Write the luma samples of an I_16x16 (section 8.5.2); the arguments are those of ``luma_levels``."""
    for index in range(16):
        level = memory.i16(levels + _LEVEL_BYTES * LUMA_DC + 2 * index)
        memory.put_i64(work + 8 * ((_PLACES >> (4 * index)) & 15), level)
    _transform_dc(work)
    scale = memory.u16(quantiser + SCALE)
    store(work + _LINE_AT, filled(0, 16))
    for line in range(4):
        block = (line & 1) * 2 + (line >> 1) * 8
        for column in range(4):
            dc = (memory.i64(work + 32 * line + 8 * column) * scale + 2) >> 2
            memory.put_16(work + _LINE_AT + 8 * column, dc)
        a, b, c, e = scaled(levels + _LEVEL_BYTES * block, 4, quantiser)
        f, g, h, i = inverse(a + words(work + _LINE_AT, 16), b, c, e)
        p, o = prediction + 64 * line, out + 4 * line * stride
        store_samples(o, samples(p, 16) + f)
        store_samples(o + stride, samples(p + 16, 16) + g)
        store_samples(o + 2 * stride, samples(p + 32, 16) + h)
        store_samples(o + 3 * stride, samples(p + 48, 16) + i)
