"""These kernels write the slice data of a P picture (ITU-T H.264, sections 7.3.4, 7.3.5 and 9.3).

Bins are recorded for a row of MBs, then coded. A P_Skip whose inferred vector is another one than its own becomes
P_L0_16x16 here.
"""

from typing import Final

from transcoder_native.h264 import cabac, frame, memory, vectors
from transcoder_native.h264.intra4 import predicted_mode
from transcoder_native.h264.layout import INTER, INTRA4, INTRA16, LEVELS_BYTES, MODE, OUTSIDE, SKIP, TRANSFORM_8X8
from transcoder_native.h264.residual_syntax import put, put_exp_golomb, put_residual
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
_TRANSFORM_SIZE: Final = 399

_MVD_PREFIX: Final = 9
"""uCoff of mvd_l0 (table 9-34), whose suffix is Exp-Golomb of order 3."""


@kernel(INT, INT, INT, INT)
def _put_mvd(cursor: int, first: int, neighbours: int, value: int) -> int:
    """Record a component of mvd_l0; ``neighbours`` is the sum of the absolute values of A's and B's."""
    size = abs(value)
    context = first + (neighbours > 2) + (neighbours > 32)
    if size == 0:
        return put(cursor, context, 0)
    cursor = put(cursor, context, 1)
    for index in range(1, min(size, _MVD_PREFIX)):
        cursor = put(cursor, first + 2 + min(index, 4), 1)
    if size < _MVD_PREFIX:
        cursor = put(cursor, first + 2 + min(size, 4), 0)
    else:
        cursor = put_exp_golomb(cursor, size - _MVD_PREFIX, 3)
    return put(cursor, BYPASS, value < 0)


@kernel(INT, INT, INT, INT)
def _put_pattern(cursor: int, pattern: int, pattern_a: int, pattern_b: int) -> int:
    """Record coded_block_pattern; that of a neighbour which is not available is 0x0F."""
    for block in range(4):
        left = pattern >> (block - 1) if block & 1 else pattern_a >> (block + 1)
        top = pattern >> (block - 2) if block & 2 else pattern_b >> (block + 2)
        context = _CBP_LUMA + (1 - (left & 1)) + 2 * (1 - (top & 1))
        cursor = put(cursor, context, (pattern >> block) & 1)
    chroma, chroma_a, chroma_b = pattern >> 4, pattern_a >> 4, pattern_b >> 4
    cursor = put(cursor, _CBP_CHROMA + (chroma_a > 0) + 2 * (chroma_b > 0), chroma > 0)
    if chroma:
        cursor = put(cursor, _CBP_CHROMA + 4 + (chroma_a > 1) + 2 * (chroma_b > 1), chroma > 1)
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
    cursor = put(cursor, _MB_TYPE, 1)
    cursor = put(cursor, _MB_TYPE_INTRA, 1)
    cursor = put(cursor, TERMINATE, 0)
    cursor = put(cursor, _MB_TYPE_INTRA + 1, (pattern & 15) != 0)
    chroma = pattern >> 4
    cursor = put(cursor, _MB_TYPE_INTRA + 2, chroma != 0)
    if chroma:
        cursor = put(cursor, _MB_TYPE_INTRA + 2, chroma > 1)
    cursor = put(cursor, _MB_TYPE_INTRA + 3, mode >> 1)
    cursor = put(cursor, _MB_TYPE_INTRA + 3, mode & 1)
    return put(cursor, chroma_mode_context, 0)


@kernel(INT, INT, INT)
def _put_transform_size(d: int, mb: int, cursor: int) -> int:
    """Record transform_size_8x8_flag; those of neighbours without it are 0."""
    blocks = memory.i64(d + 8 * frame.CODED_BLOCKS)
    here, a = memory.i32(blocks + 4 * mb), memory.i32(blocks + 4 * (mb - 1))
    b = memory.i32(blocks + 4 * (mb - memory.i64(d + 8 * frame.MB_STRIDE)))
    context = _TRANSFORM_SIZE + ((a >> TRANSFORM_8X8) & 1) + ((b >> TRANSFORM_8X8) & 1)
    return put(cursor, context, (here >> TRANSFORM_8X8) & 1)


@kernel(INT, INT, INT, INT)
def _put_modes(d: int, mb: int, cursor: int, levels: int) -> int:
    """Record mb_type of an I_NxN in a P slice and the modes of its blocks, with intra_chroma_pred_mode DC."""
    cursor = put(cursor, _MB_TYPE, 1)
    cursor = put(cursor, _MB_TYPE_INTRA, 0)
    cursor = _put_transform_size(d, mb, cursor)
    for block in range(16):
        mode, predicted = memory.u8(levels + MODE + block), predicted_mode(d, mb, levels, block)
        cursor = put(cursor, _IS_PREDICTED_MODE, mode == predicted)
        if mode != predicted:
            other = mode - (mode > predicted)
            for place in range(3):
                cursor = put(cursor, _OTHER_MODE, (other >> place) & 1)
    return put(cursor, _CHROMA_MODE, 0)


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
                cursor = put(cursor, context, 0)
            cursor = _put_vector(d, mb, cursor)
        pattern_a = 15 if outside_a else memory.u8(patterns + mb - 1)
        pattern_b = 15 if outside_b else memory.u8(patterns + mb - stride)
        cursor = _put_pattern(cursor, pattern, pattern_a, pattern_b)
        if pattern == 0:
            return cursor
        if kind == INTER and pattern & 15:
            cursor = _put_transform_size(d, mb, cursor)
    cursor = put(cursor, _QP_DELTA, 0)
    unavailable = -1 if kind >= INTRA16 else 0
    coded = memory.i32(blocks + 4 * mb)
    coded_a = unavailable if outside_a else memory.i32(blocks + 4 * (mb - 1))
    coded_b = unavailable if outside_b else memory.i32(blocks + 4 * (mb - stride))
    tables = memory.i64(d + 8 * frame.CODER_TABLES)
    return put_residual(cursor, levels, coded, coded_a, coded_b, pattern, intra, tables)


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
                cursor = put(cursor, context, 1)
            else:
                cursor = put(cursor, context, 0)
                cursor = _put_macroblock(d, mb, cursor)
            cursor = put(cursor, TERMINATE, 0)
        if mb_y == height - 1:
            cursor -= 2
        count = (cursor - bins) >> 1
        if memory.i64(coder + 8 * cabac.CURSOR) + count + 64 > memory.i64(d + 8 * frame.OUT_END):
            return -1
        cabac.encode_bins(bins, count, contexts, coder_tables, coder)
    cabac.finish(coder)
    return 0
