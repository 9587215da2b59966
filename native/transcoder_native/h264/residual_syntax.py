"""These helpers record the bins of residual() (ITU-T H.264, sections 7.3.5.3 and 9.3).

A bin is a uint16, 2 * ctxIdx + value. Helpers take the address where the next bin goes, and return the one behind.
"""

from typing import Final

from transcoder_native.h264 import memory
from transcoder_native.h264.intrinsics import bit_length
from transcoder_native.h264.layout import BLOCK_LEVELS, CB, CB_DC, LUMA_DC, MASKS_8X8, TRANSFORM_8X8
from transcoder_native.h264.tables import BYPASS, LAST_8X8, SCAN_8X8, SIGNIFICANT_8X8
from transcoder_native.runtime import INT, kernel

# The first ctxIdx of syntax elements (table 9-34); those of 8x8 blocks are apart.
_CODED: Final = 85
_SIGNIFICANT: Final = 105
_LAST: Final = 166
_ABS: Final = 227
_SIGNIFICANT_8X8: Final = 402
_LAST_8X8: Final = 417
_ABS_8X8: Final = 426

_ABS_PREFIX: Final = 14
"""uCoff of coeff_abs_level_minus1, whose suffix is Exp-Golomb of order 0."""
_LEVEL_BYTES: Final = 2 * BLOCK_LEVELS

# ctxBlockCat (table 9-42), and the ctxIdx that a category adds (table 9-40): 4 of coded_block_flag each.
_LUMA_DC: Final = 0
_LUMA_AC: Final = 1
_LUMA_4X4: Final = 2
_CHROMA_DC: Final = 3
_CHROMA_AC: Final = 4


@kernel(INT, INT, INT)
def put(cursor: int, context: int, value: int) -> int:
    """Record a bin."""
    memory.put_16(cursor, 2 * context + value)
    return cursor + 2


@kernel(INT, INT, INT)
def put_exp_golomb(cursor: int, value: int, order: int) -> int:
    """Record the suffix of UEGk (section 9.3.2.3)."""
    while value >= 1 << order:
        cursor = put(cursor, BYPASS, 1)
        value -= 1 << order
        order += 1
    cursor = put(cursor, BYPASS, 0)
    while order:
        order -= 1
        cursor = put(cursor, BYPASS, (value >> order) & 1)
    return cursor


@kernel(INT, INT, INT, INT, INT, INT)
def _put_level(cursor: int, level: int, first: int, ones: int, larger: int, most_larger: int) -> int:
    """Record coeff_abs_level_minus1 and the sign of a level.

    Args:
        cursor: where the next bin goes.
        level: the level, not 0.
        first: the first context of coeff_abs_level_minus1.
        ones: how many levels of its block behind it are 1 or -1.
        larger: how many are larger.
        most_larger: the number of those from which on they make no difference.
    """
    size = abs(level)
    context = first if larger else first + min(4, 1 + ones)
    if size == 1:
        cursor = put(cursor, context, 0)
    else:
        cursor = put(cursor, context, 1)
        context = first + 5 + min(most_larger, larger)
        for _ in range(min(size - 1, _ABS_PREFIX) - 1):
            cursor = put(cursor, context, 1)
        if size - 1 < _ABS_PREFIX:
            cursor = put(cursor, context, 0)
        else:
            cursor = put_exp_golomb(cursor, size - 1 - _ABS_PREFIX, 0)
    return put(cursor, BYPASS, level < 0)


@kernel(INT, INT, INT, INT, INT)
def _put_levels(cursor: int, levels: int, count: int, map_add: int, abs_first: int) -> int:
    """Record the levels of a block of which one is not 0: residual_block_cabac() behind coded_block_flag.

    Args:
        cursor: where the next bin goes.
        levels: the address of the first level of the scan.
        count: maxNumCoeff.
        map_add: what the category adds to the contexts of significant_coeff_flag and last_significant_coeff_flag.
        abs_first: the first context of coeff_abs_level_minus1.
    """
    end = count - 1
    while memory.i16(levels + 2 * end) == 0:
        end -= 1
    for index in range(end):
        if memory.i16(levels + 2 * index):
            cursor = put(cursor, _SIGNIFICANT + map_add + index, 1)
            cursor = put(cursor, _LAST + map_add + index, 0)
        else:
            cursor = put(cursor, _SIGNIFICANT + map_add + index, 0)
    if end < count - 1:
        cursor = put(cursor, _SIGNIFICANT + map_add + end, 1)
        cursor = put(cursor, _LAST + map_add + end, 1)
    ones, larger = 0, 0
    most_larger = 3 if count == 4 else 4
    for index in range(end, -1, -1):
        level = memory.i16(levels + 2 * index)
        if level == 0:
            continue
        cursor = _put_level(cursor, level, abs_first, ones, larger, most_larger)
        if abs(level) == 1:
            ones += 1
        else:
            larger += 1
    return cursor


@kernel(INT, INT, INT, INT)
def _put_levels_8x8(cursor: int, levels: int, mask: int, tables: int) -> int:
    """Record the levels of an 8x8 block of which one is not 0.

    Args:
        cursor: where the next bin goes.
        levels: address of its first level, in columns.
        mask: bit n says that level n of the scan is not 0.
        tables: address of ``tables.coder_tables``.
    """
    end = bit_length(mask) - 1
    for index in range(end):
        here = mask >> index & 1
        cursor = put(cursor, _SIGNIFICANT_8X8 + memory.u8(tables + SIGNIFICANT_8X8 + index), here)
        if here:
            cursor = put(cursor, _LAST_8X8 + memory.u8(tables + LAST_8X8 + index), 0)
    if end < 63:
        cursor = put(cursor, _SIGNIFICANT_8X8 + memory.u8(tables + SIGNIFICANT_8X8 + end), 1)
        cursor = put(cursor, _LAST_8X8 + memory.u8(tables + LAST_8X8 + end), 1)
    ones, larger = 0, 0
    while mask:
        index = bit_length(mask) - 1
        mask ^= 1 << index
        place = memory.u8(tables + SCAN_8X8 + index)
        level = memory.i16(levels + 32 * (place >> 3) + 2 * (place & 7))
        cursor = _put_level(cursor, level, _ABS_8X8, ones, larger, 4)
        if abs(level) == 1:
            ones += 1
        else:
            larger += 1
    return cursor


@kernel(INT, INT, INT, INT, INT, INT, INT)
def _put_luma(cursor: int, levels: int, coded: int, coded_a: int, coded_b: int, pattern: int, intra: int) -> int:
    """Record the luma blocks of the 8x8 blocks in coded_block_pattern: category 1 (AC of I_16x16) or 2."""
    flag = _CODED + 4 * (_LUMA_AC if intra else _LUMA_4X4)
    for block in range(16):
        if not (pattern >> (block >> 2)) & 1:
            continue
        if block & 1:
            left = coded >> (block - 1)
        elif block & 4:
            left = coded >> (block - 3)
        else:
            left = coded_a >> (block + 5)
        if block & 2:
            top = coded >> (block - 2)
        elif block & 8:
            top = coded >> (block - 6)
        else:
            top = coded_b >> (block + 10)
        here = (coded >> block) & 1
        cursor = put(cursor, flag + (left & 1) + 2 * (top & 1), here)
        if here:
            at = levels + _LEVEL_BYTES * block
            if intra:
                cursor = _put_levels(cursor, at + 2, 15, 15, _ABS + 10)
            else:
                cursor = _put_levels(cursor, at, 16, 29, _ABS + 20)
    return cursor


@kernel(INT, INT, INT, INT)
def _put_luma_8x8(cursor: int, levels: int, coded: int, tables: int) -> int:
    """Record the luma of an MB whose transform is 8x8; coded_block_flag of category 5 is inferred."""
    for block in range(4):
        if coded >> 4 * block & 1:
            mask = memory.i64(levels + MASKS_8X8 + 8 * block)
            at = levels + 8 * _LEVEL_BYTES * (block >> 1) + 16 * (block & 1)
            cursor = _put_levels_8x8(cursor, at, mask, tables)
    return cursor


@kernel(INT, INT, INT, INT, INT, INT)
def _put_chroma(cursor: int, levels: int, coded: int, coded_a: int, coded_b: int, pattern: int) -> int:
    """Record chroma DC of both planes, then AC where coded_block_pattern says so."""
    for plane in range(2):
        block = CB_DC + plane
        here = (coded >> block) & 1
        flag = _CODED + 4 * _CHROMA_DC + ((coded_a >> block) & 1) + 2 * ((coded_b >> block) & 1)
        cursor = put(cursor, flag, here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * block, 4, 44, _ABS + 30)
    if pattern >> 4 < 2:
        return cursor
    for block in range(CB, CB + 8):
        left = coded >> (block - 1) if block & 1 else coded_a >> (block + 1)
        top = coded >> (block - 2) if block & 2 else coded_b >> (block + 2)
        here = (coded >> block) & 1
        cursor = put(cursor, _CODED + 4 * _CHROMA_AC + (left & 1) + 2 * (top & 1), here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * block + 2, 15, 47, _ABS + 39)
    return cursor


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def put_residual(
    cursor: int, levels: int, coded: int, coded_a: int, coded_b: int, pattern: int, intra: int, tables: int
) -> int:
    """Record residual() of an MB.

    Args:
        cursor: where the next bin goes.
        levels: address of its levels.
        coded: its coded blocks.
        coded_a: those of the MB to the left; all of them, or none, where it is not available.
        coded_b: those of the MB above, likewise.
        pattern: its coded_block_pattern.
        intra: 1 for I_16x16.
        tables: address of ``tables.coder_tables``.
    """
    if intra:
        here = (coded >> LUMA_DC) & 1
        flag = _CODED + 4 * _LUMA_DC + ((coded_a >> LUMA_DC) & 1) + 2 * ((coded_b >> LUMA_DC) & 1)
        cursor = put(cursor, flag, here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * LUMA_DC, 16, 0, _ABS)
    if coded >> TRANSFORM_8X8 & 1:
        cursor = _put_luma_8x8(cursor, levels, coded, tables)
    else:
        cursor = _put_luma(cursor, levels, coded, coded_a, coded_b, pattern & 15, intra)
    if pattern >> 4:
        cursor = _put_chroma(cursor, levels, coded, coded_a, coded_b, pattern)
    return cursor
