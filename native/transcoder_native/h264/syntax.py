"""These kernels write the slice data of a P picture (ITU-T H.264, sections 7.3.4, 7.3.5 and 9.3).

Bins are recorded for a row of MBs, then coded. A P_Skip whose inferred vector is another one than its own becomes
P_L0_16x16 here.
"""

from typing import Final

from transcoder_native.h264 import cabac, frame, memory, vectors
from transcoder_native.h264.intra4 import predicted_mode
from transcoder_native.h264.layout import (
    BLOCK_LEVELS,
    CB,
    CB_DC,
    INTER,
    INTRA4,
    INTRA16,
    LEVELS_BYTES,
    LUMA_DC,
    MODE,
    OUTSIDE,
    SKIP,
)
from transcoder_native.h264.tables import BYPASS, TERMINATE
from transcoder_native.runtime import INT, kernel

# The first ctxIdx of syntax elements (table 9-34).
_SKIP_FLAG: Final = 11
_MB_TYPE: Final = 14
_MB_TYPE_INTRA: Final = 17
_MVD_X: Final = 40
_MVD_Y: Final = 47
_QP_DELTA: Final = 60
_CHROMA_MODE: Final = 64
_IS_PREDICTED_MODE: Final = 68
_OTHER_MODE: Final = 69
_CBP_LUMA: Final = 73
_CBP_CHROMA: Final = 77
_CODED: Final = 85
_SIGNIFICANT: Final = 105
_LAST: Final = 166
_ABS: Final = 227

_MVD_PREFIX: Final = 9
"""uCoff of mvd_l0 (table 9-34), whose suffix is Exp-Golomb of order 3."""
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
def _put(cursor: int, context: int, value: int) -> int:
    memory.put_16(cursor, 2 * context + value)
    return cursor + 2


@kernel(INT, INT, INT)
def _put_exp_golomb(cursor: int, value: int, order: int) -> int:
    """Record the suffix of UEGk (section 9.3.2.3)."""
    while value >= 1 << order:
        cursor = _put(cursor, BYPASS, 1)
        value -= 1 << order
        order += 1
    cursor = _put(cursor, BYPASS, 0)
    while order:
        order -= 1
        cursor = _put(cursor, BYPASS, (value >> order) & 1)
    return cursor


@kernel(INT, INT, INT, INT)
def _put_mvd(cursor: int, first: int, neighbours: int, value: int) -> int:
    """Record a component of mvd_l0; ``neighbours`` is the sum of the absolute values of A's and B's."""
    size = abs(value)
    context = first + (neighbours > 2) + (neighbours > 32)
    if size == 0:
        return _put(cursor, context, 0)
    cursor = _put(cursor, context, 1)
    for index in range(1, min(size, _MVD_PREFIX)):
        cursor = _put(cursor, first + 2 + min(index, 4), 1)
    if size < _MVD_PREFIX:
        cursor = _put(cursor, first + 2 + min(size, 4), 0)
    else:
        cursor = _put_exp_golomb(cursor, size - _MVD_PREFIX, 3)
    return _put(cursor, BYPASS, value < 0)


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
            cursor = _put(cursor, _SIGNIFICANT + map_add + index, 1)
            cursor = _put(cursor, _LAST + map_add + index, 0)
        else:
            cursor = _put(cursor, _SIGNIFICANT + map_add + index, 0)
    if end < count - 1:
        cursor = _put(cursor, _SIGNIFICANT + map_add + end, 1)
        cursor = _put(cursor, _LAST + map_add + end, 1)
    ones, larger = 0, 0
    most_larger = 3 if count == 4 else 4
    for index in range(end, -1, -1):
        level = memory.i16(levels + 2 * index)
        if level == 0:
            continue
        size = abs(level)
        context = abs_first if larger else abs_first + min(4, 1 + ones)
        if size == 1:
            cursor = _put(cursor, context, 0)
            ones += 1
        else:
            cursor = _put(cursor, context, 1)
            context = abs_first + 5 + min(most_larger, larger)
            for _ in range(min(size - 1, _ABS_PREFIX) - 1):
                cursor = _put(cursor, context, 1)
            if size - 1 < _ABS_PREFIX:
                cursor = _put(cursor, context, 0)
            else:
                cursor = _put_exp_golomb(cursor, size - 1 - _ABS_PREFIX, 0)
            larger += 1
        cursor = _put(cursor, BYPASS, level < 0)
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
        cursor = _put(cursor, flag + (left & 1) + 2 * (top & 1), here)
        if here:
            at = levels + _LEVEL_BYTES * block
            if intra:
                cursor = _put_levels(cursor, at + 2, 15, 15, _ABS + 10)
            else:
                cursor = _put_levels(cursor, at, 16, 29, _ABS + 20)
    return cursor


@kernel(INT, INT, INT, INT, INT, INT)
def _put_chroma(cursor: int, levels: int, coded: int, coded_a: int, coded_b: int, pattern: int) -> int:
    """Record chroma DC of both planes, then AC where coded_block_pattern says so."""
    for plane in range(2):
        block = CB_DC + plane
        here = (coded >> block) & 1
        flag = _CODED + 4 * _CHROMA_DC + ((coded_a >> block) & 1) + 2 * ((coded_b >> block) & 1)
        cursor = _put(cursor, flag, here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * block, 4, 44, _ABS + 30)
    if pattern >> 4 < 2:
        return cursor
    for block in range(CB, CB + 8):
        left = coded >> (block - 1) if block & 1 else coded_a >> (block + 1)
        top = coded >> (block - 2) if block & 2 else coded_b >> (block + 2)
        here = (coded >> block) & 1
        cursor = _put(cursor, _CODED + 4 * _CHROMA_AC + (left & 1) + 2 * (top & 1), here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * block + 2, 15, 47, _ABS + 39)
    return cursor


@kernel(INT, INT, INT, INT)
def _put_pattern(cursor: int, pattern: int, pattern_a: int, pattern_b: int) -> int:
    """Record coded_block_pattern; that of a neighbour which is not available is 0x0F."""
    for block in range(4):
        left = pattern >> (block - 1) if block & 1 else pattern_a >> (block + 1)
        top = pattern >> (block - 2) if block & 2 else pattern_b >> (block + 2)
        context = _CBP_LUMA + (1 - (left & 1)) + 2 * (1 - (top & 1))
        cursor = _put(cursor, context, (pattern >> block) & 1)
    chroma, chroma_a, chroma_b = pattern >> 4, pattern_a >> 4, pattern_b >> 4
    cursor = _put(cursor, _CBP_CHROMA + (chroma_a > 0) + 2 * (chroma_b > 0), chroma > 0)
    if chroma:
        cursor = _put(cursor, _CBP_CHROMA + 4 + (chroma_a > 1) + 2 * (chroma_b > 1), chroma > 1)
    return cursor


@kernel(INT, INT, INT)
def _put_vector(d: int, mb: int, cursor: int) -> int:
    """Record mvd_l0 of a P_L0_16x16 and note its absolute values."""
    mvds = memory.i64(d + 8 * frame.MVD)
    a, b = mvds + 2 * (mb - 1), mvds + 2 * (mb - memory.i64(d + 8 * frame.MB_STRIDE))
    mv = memory.i32(memory.i64(d + 8 * frame.MV) + 4 * mb)
    mvp = vectors.predicted(d, mb)
    x, y = vectors.x_of(mv) - vectors.x_of(mvp), vectors.y_of(mv) - vectors.y_of(mvp)
    memory.put_u8(mvds + 2 * mb, min(abs(x), 255))
    memory.put_u8(mvds + 2 * mb + 1, min(abs(y), 255))
    cursor = _put_mvd(cursor, _MVD_X, memory.u8(a) + memory.u8(b), x)
    return _put_mvd(cursor, _MVD_Y, memory.u8(a + 1) + memory.u8(b + 1), y)


@kernel(INT, INT, INT, INT)
def _put_intra_type(cursor: int, pattern: int, mode: int, chroma_mode_context: int) -> int:
    """Record mb_type of an I_16x16 in a P slice (tables 9-36 and 9-39), with intra_chroma_pred_mode DC."""
    cursor = _put(cursor, _MB_TYPE, 1)
    cursor = _put(cursor, _MB_TYPE_INTRA, 1)
    cursor = _put(cursor, TERMINATE, 0)
    cursor = _put(cursor, _MB_TYPE_INTRA + 1, (pattern & 15) != 0)
    chroma = pattern >> 4
    cursor = _put(cursor, _MB_TYPE_INTRA + 2, chroma != 0)
    if chroma:
        cursor = _put(cursor, _MB_TYPE_INTRA + 2, chroma > 1)
    cursor = _put(cursor, _MB_TYPE_INTRA + 3, mode >> 1)
    cursor = _put(cursor, _MB_TYPE_INTRA + 3, mode & 1)
    return _put(cursor, chroma_mode_context, 0)


@kernel(INT, INT, INT, INT)
def _put_modes(d: int, mb: int, cursor: int, levels: int) -> int:
    """Record mb_type of an I_NxN in a P slice and the modes of its blocks, with intra_chroma_pred_mode DC."""
    cursor = _put(cursor, _MB_TYPE, 1)
    cursor = _put(cursor, _MB_TYPE_INTRA, 0)
    for block in range(16):
        mode, predicted = memory.u8(levels + MODE + block), predicted_mode(d, mb, levels, block)
        cursor = _put(cursor, _IS_PREDICTED_MODE, mode == predicted)
        if mode != predicted:
            other = mode - (mode > predicted)
            for place in range(3):
                cursor = _put(cursor, _OTHER_MODE, (other >> place) & 1)
    return _put(cursor, _CHROMA_MODE, 0)


@kernel(INT, INT, INT)
def _put_macroblock(d: int, mb: int, cursor: int) -> int:
    """Record macroblock_layer() of an MB that is not skipped."""
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    kinds = memory.i64(d + 8 * frame.KIND)
    patterns = memory.i64(d + 8 * frame.CODED_BLOCK_PATTERN)
    blocks = memory.i64(d + 8 * frame.CODED_BLOCKS)
    kind = memory.u8(kinds + mb)
    intra = kind == INTRA16
    outside_a = memory.u8(kinds + mb - 1) == OUTSIDE
    outside_b = memory.u8(kinds + mb - stride) == OUTSIDE
    pattern = memory.u8(patterns + mb)
    index = memory.i32(memory.i64(d + 8 * frame.LEVELS_OF) + 4 * mb)
    levels = memory.i64(d + 8 * frame.LEVELS) + LEVELS_BYTES * index
    if intra:
        mode = memory.u8(levels + MODE)
        cursor = _put_intra_type(cursor, pattern, mode, _CHROMA_MODE)
    else:
        if kind == INTRA4:
            cursor = _put_modes(d, mb, cursor, levels)
        else:
            for context in range(_MB_TYPE, _MB_TYPE + 3):
                cursor = _put(cursor, context, 0)
            cursor = _put_vector(d, mb, cursor)
        pattern_a = 15 if outside_a else memory.u8(patterns + mb - 1)
        pattern_b = 15 if outside_b else memory.u8(patterns + mb - stride)
        cursor = _put_pattern(cursor, pattern, pattern_a, pattern_b)
        if pattern == 0:
            return cursor
    cursor = _put(cursor, _QP_DELTA, 0)
    unavailable = -1 if kind >= INTRA16 else 0
    coded = memory.i32(blocks + 4 * mb)
    coded_a = unavailable if outside_a else memory.i32(blocks + 4 * (mb - 1))
    coded_b = unavailable if outside_b else memory.i32(blocks + 4 * (mb - stride))
    if intra:
        here = (coded >> LUMA_DC) & 1
        flag = _CODED + ((coded_a >> LUMA_DC) & 1) + 2 * ((coded_b >> LUMA_DC) & 1)
        cursor = _put(cursor, flag, here)
        if here:
            cursor = _put_levels(cursor, levels + _LEVEL_BYTES * LUMA_DC, 16, 0, _ABS)
    cursor = _put_luma(cursor, levels, coded, coded_a, coded_b, pattern & 15, intra)
    if pattern >> 4:
        cursor = _put_chroma(cursor, levels, coded, coded_a, coded_b, pattern)
    return cursor


@kernel(INT)
def write_slice_data(d: int) -> int:
    """Write the slice data of the whole picture, without emulation prevention.

    Returns:
        0 if the data fits in the room for it, else -1.
    """
    width = memory.i64(d + 8 * frame.MB_WIDTH)
    height = memory.i64(d + 8 * frame.MB_HEIGHT)
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    kinds = memory.i64(d + 8 * frame.KIND)
    mvs = memory.i64(d + 8 * frame.MV)
    bins = memory.i64(d + 8 * frame.BINS)
    coder = memory.i64(d + 8 * frame.CODER)
    contexts = memory.i64(d + 8 * frame.CONTEXTS)
    coder_tables = memory.i64(d + 8 * frame.CODER_TABLES)
    for mb_y in range(height):
        cursor = bins
        first = (mb_y + 1) * stride + 1
        for mb in range(first, first + width):
            kind = memory.u8(kinds + mb)
            context = _SKIP_FLAG + (memory.u8(kinds + mb - 1) > SKIP) + (memory.u8(kinds + mb - stride) > SKIP)
            if kind == SKIP and vectors.inferred(d, mb) != memory.i32(mvs + 4 * mb):
                memory.put_u8(kinds + mb, INTER)
                kind = INTER
            if kind == SKIP:
                cursor = _put(cursor, context, 1)
            else:
                cursor = _put(cursor, context, 0)
                cursor = _put_macroblock(d, mb, cursor)
            cursor = _put(cursor, TERMINATE, 0)
        if mb_y == height - 1:
            cursor -= 2
        count = (cursor - bins) >> 1
        if memory.i64(coder + 8 * cabac.CURSOR) + count + 64 > memory.i64(d + 8 * frame.OUT_END):
            return -1
        cabac.encode_bins(bins, count, contexts, coder_tables, coder)
    cabac.finish(coder)
    return 0
