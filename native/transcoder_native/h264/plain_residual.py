"""These kernels code the residual of an MB, sample by sample (ITU-T H.264, section 8.5).

The decimation drops levels that cost more bits than they are worth: a block of few levels of 1, far from DC.
"""

from typing import Final

from transcoder_native.h264 import memory, tables
from transcoder_native.h264.layout import BLOCK_LEVELS, CB, CB_DC
from transcoder_native.runtime import INT, kernel

_LEVEL_BYTES: Final = 2 * BLOCK_LEVELS
_COEFFICIENTS: Final = 1024
"""Where coefficients of a block begin in the scratch memory, 16 int64."""
_CHROMA_DC: Final = 1280
_CHROMA: Final = 8 * tables.QUANTISER_SIZE
"""Bytes from the numbers for luma to those for chroma."""
_ZIGZAG: Final = 0xFEB7_ADC9_6325_8410 - (1 << 64)
"""The place 4 * y + x of each index of the zigzag scan, a hexadecimal digit each from the right, as int64."""
_SCORES: Final = 0x0011_1223
"""What a level of 1 costs by the zeros before it, a hexadecimal digit each from the right: 3, 2, 2, 1, 1, 1, 0."""
_KEPT: Final = 9
"""The score of a block that has a larger level; it is kept in any case."""
_KEEP_8X8: Final = 4
_KEEP_LUMA: Final = 6
_KEEP_CHROMA: Final = 7


@kernel(INT, INT, INT, INT, INT)
def _forward(source: int, source_stride: int, prediction: int, prediction_stride: int, out: int) -> None:
    """Transform the difference of a 4x4 block from its prediction: 16 int64, by 4 * y + x."""
    for y in range(4):
        s, p = source + y * source_stride, prediction + y * prediction_stride
        a = memory.u8(s) - memory.u8(p)
        b = memory.u8(s + 1) - memory.u8(p + 1)
        c = memory.u8(s + 2) - memory.u8(p + 2)
        e = memory.u8(s + 3) - memory.u8(p + 3)
        at = out + 32 * y
        memory.put_i64(at, a + b + c + e)
        memory.put_i64(at + 8, 2 * (a - e) + (b - c))
        memory.put_i64(at + 16, a - b - c + e)
        memory.put_i64(at + 24, (a - e) - 2 * (b - c))
    for x in range(4):
        at = out + 8 * x
        a, b, c, e = memory.i64(at), memory.i64(at + 32), memory.i64(at + 64), memory.i64(at + 96)
        memory.put_i64(at, a + b + c + e)
        memory.put_i64(at + 32, 2 * (a - e) + (b - c))
        memory.put_i64(at + 64, a - b - c + e)
        memory.put_i64(at + 96, (a - e) - 2 * (b - c))


@kernel(INT, INT, INT, INT)
def _level(coefficient: int, factor: int, rounding: int, bits: int) -> int:
    size = (abs(coefficient) * factor + rounding) >> bits
    return -size if coefficient < 0 else size


@kernel(INT, INT, INT, INT, INT)
def _quantise(coefficients: int, numbers: int, rounding: int, first: int, levels: int) -> int:
    """Write the levels of a block and return the score by which it is kept, 0 for a block without levels."""
    bits = memory.i64(numbers + 8 * tables.QBITS)
    score, run = 0, 0
    memory.put_16(levels, 0)
    for index in range(first, 16):
        place = (_ZIGZAG >> (4 * index)) & 15
        level = _level(
            memory.i64(coefficients + 8 * place), memory.i64(numbers + 8 * (tables.MF + place)), rounding, bits
        )
        memory.put_16(levels + 2 * index, level)
        if level == 0:
            run += 1
        else:
            score += ((_SCORES >> (4 * run)) & 15) if run < 8 else 0
            if abs(level) > 1:
                score += _KEPT
            score |= 0x10000
            run = 0
    return score


@kernel(INT, INT)
def _clear(levels: int, first: int) -> None:
    for index in range(first, 16):
        memory.put_16(levels + 2 * index, 0)


@kernel(INT, INT, INT, INT, INT, INT, INT)
def quantise_luma(
    source: int, source_stride: int, prediction: int, prediction_stride: int, numbers: int, levels: int, scratch: int
) -> int:
    """Write the levels of the 16 luma blocks of an inter MB.

    Returns:
        The bits of blocks with levels, decimated.
    """
    rounding = memory.i64(numbers + 8 * tables.ROUND_INTER)
    coded, total = 0, 0
    coefficients = scratch + _COEFFICIENTS
    for quarter in range(4):
        score, here = 0, 0
        for block in range(4 * quarter, 4 * quarter + 4):
            x = 4 * ((block & 1) + 2 * (quarter & 1))
            y = 4 * (((block >> 1) & 1) + 2 * (quarter >> 1))
            _forward(
                source + y * source_stride + x,
                source_stride,
                prediction + y * prediction_stride + x,
                prediction_stride,
                coefficients,
            )
            found = _quantise(coefficients, numbers, rounding, 0, levels + _LEVEL_BYTES * block)
            if found:
                here |= 1 << block
                score += found & 0xFFFF
        if score >= _KEEP_8X8:
            coded |= here
            total += score
        else:
            for block in range(4 * quarter, 4 * quarter + 4):
                _clear(levels + _LEVEL_BYTES * block, 0)
    if total < _KEEP_LUMA:
        for block in range(16):
            if (coded >> block) & 1:
                _clear(levels + _LEVEL_BYTES * block, 0)
        return 0
    return coded


@kernel(INT, INT, INT, INT, INT, INT, INT, INT, INT)
def quantise_chroma(
    source: int,
    source_stride: int,
    prediction: int,
    prediction_stride: int,
    numbers: int,
    levels: int,
    plane: int,
    intra: int,
    scratch: int,
) -> int:
    """Write the levels of a chroma plane (0: Cb, 1: Cr) of an MB.

    Returns:
        The bits of blocks with levels, decimated.
    """
    numbers += _CHROMA
    rounding = memory.i64(numbers + 8 * (tables.ROUND_INTRA if intra else tables.ROUND_INTER))
    coefficients = scratch + _COEFFICIENTS
    sums = scratch + _CHROMA_DC
    score, coded = 0, 0
    for index in range(4):
        x, y = 4 * (index & 1), 4 * (index >> 1)
        block = CB + 4 * plane + index
        _forward(
            source + y * source_stride + x,
            source_stride,
            prediction + y * prediction_stride + x,
            prediction_stride,
            coefficients,
        )
        memory.put_i64(sums + 8 * index, memory.i64(coefficients))
        found = _quantise(coefficients, numbers, rounding, 1, levels + _LEVEL_BYTES * block)
        if found:
            coded |= 1 << block
            score += found & 0xFFFF
    if score < _KEEP_CHROMA:
        coded = 0
        for index in range(4):
            _clear(levels + _LEVEL_BYTES * (CB + 4 * plane + index), 1)
    a, b = memory.i64(sums), memory.i64(sums + 8)
    c, e = memory.i64(sums + 16), memory.i64(sums + 24)
    factor = memory.i64(numbers + 8 * tables.MF)
    bits = memory.i64(numbers + 8 * tables.QBITS) + 1
    dc = levels + _LEVEL_BYTES * (CB_DC + plane)
    any_dc = 0
    for index in range(4):
        if index == 0:
            value = a + b + c + e
        elif index == 1:
            value = a - b + c - e
        elif index == 2:
            value = a + b - c - e
        else:
            value = a - b - c + e
        level = _level(value, factor, 2 * rounding, bits)
        memory.put_16(dc + 2 * index, level)
        any_dc |= level
    if any_dc:
        coded |= 1 << (CB_DC + plane)
    return coded


@kernel(INT, INT, INT, INT, INT)
def _add(coefficients: int, prediction: int, prediction_stride: int, out: int, out_stride: int) -> None:
    """Transform 16 scaled coefficients back and add them to the prediction (section 8.5.12)."""
    for y in range(4):
        at = coefficients + 32 * y
        a, b, c, e = memory.i64(at), memory.i64(at + 8), memory.i64(at + 16), memory.i64(at + 24)
        p, q, r, s = a + c, a - c, (b >> 1) - e, b + (e >> 1)
        memory.put_i64(at, p + s)
        memory.put_i64(at + 8, q + r)
        memory.put_i64(at + 16, q - r)
        memory.put_i64(at + 24, p - s)
    for x in range(4):
        at = coefficients + 8 * x
        a, b, c, e = memory.i64(at), memory.i64(at + 32), memory.i64(at + 64), memory.i64(at + 96)
        p, q, r, s = a + c, a - c, (b >> 1) - e, b + (e >> 1)
        memory.put_i64(at, p + s)
        memory.put_i64(at + 32, q + r)
        memory.put_i64(at + 64, q - r)
        memory.put_i64(at + 96, p - s)
    for y in range(4):
        for x in range(4):
            residual = (memory.i64(coefficients + 32 * y + 8 * x) + 32) >> 6
            value = memory.u8(prediction + y * prediction_stride + x) + residual
            memory.put_u8(out + y * out_stride + x, min(max(value, 0), 255))


@kernel(INT, INT, INT, INT)
def _scale(levels: int, numbers: int, first: int, coefficients: int) -> None:
    """Scale the levels of a block (section 8.5.12.1): coefficients by 4 * y + x; those before ``first`` stay."""
    shift = memory.i64(numbers + 8 * tables.SHIFT)
    for index in range(first, 16):
        place = (_ZIGZAG >> (4 * index)) & 15
        level = memory.i16(levels + 2 * index)
        memory.put_i64(coefficients + 8 * place, (level * memory.i64(numbers + 8 * (tables.V + place))) << shift)


@kernel(INT, INT, INT, INT, INT)
def _copy_block(prediction: int, prediction_stride: int, out: int, out_stride: int, size: int) -> None:
    for y in range(size):
        for x in range(size):
            memory.put_u8(out + y * out_stride + x, memory.u8(prediction + y * prediction_stride + x))


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def reconstruct_luma(
    coded: int,
    levels: int,
    numbers: int,
    prediction: int,
    prediction_stride: int,
    out: int,
    out_stride: int,
    scratch: int,
) -> None:
    """Write the luma of an inter MB: the prediction and the residual of its coded blocks."""
    coefficients = scratch + _COEFFICIENTS
    for block in range(16):
        x = 4 * ((block & 1) + 2 * ((block >> 2) & 1))
        y = 4 * (((block >> 1) & 1) + 2 * (block >> 3))
        predicted, at = prediction + y * prediction_stride + x, out + y * out_stride + x
        if (coded >> block) & 1:
            _scale(levels + _LEVEL_BYTES * block, numbers, 0, coefficients)
            _add(coefficients, predicted, prediction_stride, at, out_stride)
        else:
            _copy_block(predicted, prediction_stride, at, out_stride, 4)


@kernel(INT, INT, INT, INT, INT, INT, INT, INT, INT)
def reconstruct_chroma(
    coded: int,
    levels: int,
    numbers: int,
    prediction: int,
    prediction_stride: int,
    out: int,
    out_stride: int,
    plane: int,
    scratch: int,
) -> None:
    """Write a chroma plane (0: Cb, 1: Cr) of an MB (section 8.5.11)."""
    numbers += _CHROMA
    coefficients = scratch + _COEFFICIENTS
    dc = levels + _LEVEL_BYTES * (CB_DC + plane)
    a, b, c, e = memory.i16(dc), memory.i16(dc + 2), memory.i16(dc + 4), memory.i16(dc + 6)
    v = memory.i64(numbers + 8 * tables.V)
    shift = memory.i64(numbers + 8 * tables.SHIFT)
    for index in range(4):
        if index == 0:
            value = a + b + c + e
        elif index == 1:
            value = a - b + c - e
        elif index == 2:
            value = a + b - c - e
        else:
            value = a - b - c + e
        value = ((value * v) << shift) >> 1
        x, y = 4 * (index & 1), 4 * (index >> 1)
        block = CB + 4 * plane + index
        predicted, at = prediction + y * prediction_stride + x, out + y * out_stride + x
        if value or (coded >> block) & 1:
            _scale(levels + _LEVEL_BYTES * block, numbers, 1, coefficients)
            memory.put_i64(coefficients, value)
            _add(coefficients, predicted, prediction_stride, at, out_stride)
        else:
            _copy_block(predicted, prediction_stride, at, out_stride, 4)
