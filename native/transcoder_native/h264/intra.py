"""These kernels code a macroblock as I_16x16, for what is seen for the first time (ITU-T H.264, 8.3.3 and 8.3.4).

They go sample by sample: few macroblocks are coded so. Modes are vertical, horizontal and DC; chroma's is DC.
"""

from typing import Final

from transcoder_native.h264 import memory
from transcoder_native.h264.layout import BLOCK_LEVELS, LUMA_DC
from transcoder_native.h264.quantiser import BIAS, FACTOR, SCALE, VECTOR_BYTES
from transcoder_native.h264.sad import sad_16x16
from transcoder_native.runtime import INT, kernel

VERTICAL: Final = 0
HORIZONTAL: Final = 1
DC: Final = 2

WORK_BYTES: Final = 1024
"""Bytes that ``code_luma`` uses: 16 coefficients and 16 DC, int64, and room."""
_LEVEL_BYTES: Final = 2 * BLOCK_LEVELS
_DC_AT: Final = 128
_PLACES: Final = 0xFEB7_ADC9_6325_8410 - (1 << 64)
"""The place 4 * y + x of each index of the zigzag scan, a hexadecimal digit each from the right, as int64."""


@kernel(INT, INT, INT, INT, INT, INT)
def _put_luma(at: int, stride: int, mode: int, out: int, left: int, top: int) -> None:
    """Write a prediction of 16x16, 16 bytes a row; ``left`` and ``top`` say which neighbours there are."""
    total = 0
    for index in range(16):
        if left:
            total += memory.u8(at + index * stride - 1)
        if top:
            total += memory.u8(at - stride + index)
    count = 16 * (left + top)
    mean = (total + count // 2) // count if count else 128
    for y in range(16):
        for x in range(16):
            if mode == VERTICAL:
                value = memory.u8(at - stride + x)
            elif mode == HORIZONTAL:
                value = memory.u8(at + y * stride - 1)
            else:
                value = mean
            memory.put_u8(out + 16 * y + x, value)


@kernel(INT, INT, INT, INT, INT, INT, INT)
def predict_luma(source: int, current: int, stride: int, left: int, top: int, out: int, other: int) -> int:
    """Write the best prediction of an MB's luma, and return its SAD times 4 plus its mode.

    Args:
        source: address of the MB's samples in the source.
        current: address of the same place in the picture that is made, before deblocking.
        stride: bytes from a row of either to the next.
        left: 1 where there is an MB to the left.
        top: 1 where there is one above.
        out: address of 16x16 samples, written, 16 bytes a row.
        other: the same, for the kernel's own use.
    """
    best = -1
    for mode in range(3):
        if (mode == VERTICAL and not top) or (mode == HORIZONTAL and not left):
            continue
        _put_luma(current, stride, mode, other, left, top)
        cost = 4 * sad_16x16(source, stride, other, 16) + mode
        if best < 0 or cost < best:
            best = cost
    _put_luma(current, stride, best & 3, out, left, top)
    return best


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


@kernel(INT, INT, INT)
def _number(quantiser: int, kind: int, place: int) -> int:
    """Return a number of the quantiser's row for a coefficient at 4 * y + x."""
    odd_x, odd_y = place & 1, (place >> 2) & 1
    return memory.u16(quantiser + kind + VECTOR_BYTES * (odd_x & odd_y) + 2 * (odd_x | odd_y))


@kernel(INT, INT, INT)
def _butterfly(at: int, step: int, is_hadamard: int) -> None:
    """Transform four coefficients forward."""
    a, b, c, e = memory.i64(at), memory.i64(at + step), memory.i64(at + 2 * step), memory.i64(at + 3 * step)
    p, q, r, s = a + e, b + c, b - c, a - e
    twice = 1 if is_hadamard else 2
    memory.put_i64(at, p + q)
    memory.put_i64(at + step, twice * s + r)
    memory.put_i64(at + 2 * step, p - q)
    memory.put_i64(at + 3 * step, s - twice * r)


@kernel(INT, INT)
def _butterfly_back(at: int, step: int) -> None:
    """Transform four coefficients back (section 8.5.12.2)."""
    a, b, c, e = memory.i64(at), memory.i64(at + step), memory.i64(at + 2 * step), memory.i64(at + 3 * step)
    p, q, r, s = a + c, a - c, (b >> 1) - e, b + (e >> 1)
    memory.put_i64(at, p + s)
    memory.put_i64(at + step, q + r)
    memory.put_i64(at + 2 * step, q - r)
    memory.put_i64(at + 3 * step, p - s)


@kernel(INT)
def _transform_dc(at: int) -> None:
    """Transform 16 DC by the Hadamard matrix, which is its own inverse but for a factor."""
    for index in range(4):
        _butterfly(at + 32 * index, 8, 1)
    for index in range(4):
        _butterfly(at + 8 * index, 32, 1)


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
    coded = 0
    sums = work + _DC_AT
    for block in range(16):
        x, y = 4 * ((block & 1) + 2 * ((block >> 2) & 1)), 4 * (((block >> 1) & 1) + 2 * (block >> 3))
        for row in range(4):
            for column in range(4):
                value = memory.u8(source + (y + row) * stride + x + column)
                value -= memory.u8(prediction + 16 * (y + row) + x + column)
                memory.put_i64(work + 32 * row + 8 * column, value)
            _butterfly(work + 32 * row, 8, 0)
        for column in range(4):
            _butterfly(work + 8 * column, 32, 0)
        memory.put_i64(sums + 8 * y + 2 * x, memory.i64(work))
        at = levels + _LEVEL_BYTES * block
        memory.put_16(at, 0)
        for index in range(1, 16):
            place = (_PLACES >> (4 * index)) & 15
            value = memory.i64(work + 8 * place)
            size = ((abs(value) + _number(quantiser, BIAS, place)) * _number(quantiser, FACTOR, place)) >> 16
            memory.put_16(at + 2 * index, -size if value < 0 else size)
            if size:
                coded |= 1 << block
    _transform_dc(sums)
    for index in range(16):
        value = memory.i64(sums + 8 * ((_PLACES >> (4 * index)) & 15))
        size = (((abs(value) >> 1) + 2 * memory.u16(quantiser + BIAS)) * memory.u16(quantiser + FACTOR)) >> 17
        memory.put_16(levels + _LEVEL_BYTES * LUMA_DC + 2 * index, -size if value < 0 else size)
        if size:
            coded |= 1 << LUMA_DC
    return coded


@kernel(INT, INT, INT, INT, INT, INT)
def reconstruct_luma(prediction: int, out: int, stride: int, quantiser: int, levels: int, work: int) -> None:
    """Write the luma samples of an I_16x16 (section 8.5.2); the arguments are those of ``luma_levels``."""
    sums = work + _DC_AT
    for index in range(16):
        level = memory.i16(levels + _LEVEL_BYTES * LUMA_DC + 2 * index)
        memory.put_i64(sums + 8 * ((_PLACES >> (4 * index)) & 15), level)
    _transform_dc(sums)
    scale = memory.u16(quantiser + SCALE)
    for block in range(16):
        x, y = 4 * ((block & 1) + 2 * ((block >> 2) & 1)), 4 * (((block >> 1) & 1) + 2 * (block >> 3))
        at = levels + _LEVEL_BYTES * block
        for index in range(1, 16):
            place = (_PLACES >> (4 * index)) & 15
            memory.put_i64(work + 8 * place, memory.i16(at + 2 * index) * _number(quantiser, SCALE, place))
        memory.put_i64(work, (memory.i64(sums + 8 * y + 2 * x) * scale + 2) >> 2)
        for row in range(4):
            _butterfly_back(work + 32 * row, 8)
        for column in range(4):
            _butterfly_back(work + 8 * column, 32)
        for row in range(4):
            for column in range(4):
                value = memory.u8(prediction + 16 * (y + row) + x + column)
                value += (memory.i64(work + 32 * row + 8 * column) + 32) >> 6
                memory.put_u8(out + (y + row) * stride + x + column, min(max(value, 0), 255))
