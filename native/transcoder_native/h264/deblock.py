"""These kernels deblock a P picture near what was coded (clause 8.7); all MBs of the picture have the same QP.

An edge between two MBs without levels and with the same vector has a bS of 0, so that only coded MBs and their
neighbours to the right and below have edges to filter. A filtered left or upper edge changes three samples of that
neighbour too.
"""

from typing import Final

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.columns import columns, store_columns
from transcoder_native.h264.edge import chroma_normal, chroma_strong, luma_normal, luma_strong
from transcoder_native.h264.intrinsics import (
    Vector,
    chosen,
    four_words,
    narrowed,
    samples,
    store_samples,
    widened,
)
from transcoder_native.h264.layout import INTRA16, OUTSIDE, TRANSFORM_8X8
from transcoder_native.runtime import INT, kernel

# Places in the array of thresholds, int64: those of luma, then the same of chroma.
ALPHA: Final = 0
BETA: Final = 1
TC0: Final = 2
"""tC0 by bS 0 to 3; that of bS 0 is -1, which says that nothing is filtered."""
THRESHOLDS: Final = 6

_CHROMA: Final = 8 * THRESHOLDS
_luma_places: Final = chosen([place // 4 for place in range(16)])
_chroma_places: Final = chosen([place % 8 // 2 for place in range(16)])
_both: Final = chosen(range(16))
_upper: Final = chosen(range(8))
_lower: Final = chosen(range(8, 16))


@kernel(INT)
def _raster(coded: int) -> int:
    """Return bits of luma blocks by 4 * y + x from bits by luma4x4BlkIdx."""
    moved = (coded >> 2 ^ coded) & 0x0C0C
    return (coded ^ moved ^ moved << 2) & 0xFFFF


@kernel(INT, INT)
def _column(blocks: int, x: int) -> int:
    """Return the bits of a column of blocks, the uppermost first."""
    here = blocks >> x & 0x1111
    return (here | here >> 3 | here >> 6 | here >> 9) & 15


@kernel(INT, INT, INT)
def _limits(coded: int, moved: int, thresholds: int) -> int:
    """Return four words of tC0: of bS 2 where a bit of ``coded`` is set, else of bS 1 where ``moved``, else of bS 0."""
    other = memory.i64(thresholds + 8 * (TC0 + moved)) & 0xFFFF
    filtered = memory.i64(thresholds + 8 * (TC0 + 2)) & 0xFFFF
    limits = 0
    for place in range(4):
        limits |= (filtered if coded >> place & 1 else other) << 16 * place
    return limits


@kernel(INT)
def _all_of(limit: int) -> int:
    return limit * 0x0001_0001_0001_0001


@kernel(INT, INT, INT, INT, INT)
def _luma_column(at: int, stride: int, strong: int, limits: int, thresholds: int) -> None:
    """Filter the vertical edge left of an address, 16 rows high; ``strong`` says that its bS is 4."""
    alpha, beta = memory.i64(thresholds + 8 * ALPHA), memory.i64(thresholds + 8 * BETA)
    upper, lower = at - 4, at - 4 + 8 * stride
    p3, p2, p1, p0, q0, q1, q2, q3 = columns(upper, lower, stride, 8)
    a, b, c, d, e, f = widened(p2), widened(p1), widened(p0), widened(q0), widened(q1), widened(q2)
    if strong:
        a, b, c, d, e, f = luma_strong(widened(p3), a, b, c, d, e, f, widened(q3), alpha, beta)
    else:
        words = four_words(limits)
        b, c, d, e = luma_normal(a, b, c, d, e, f, _luma_places(words, words), alpha, beta)
    changed = (p3, narrowed(a), narrowed(b), narrowed(c), narrowed(d), narrowed(e), narrowed(f), q3)
    store_columns(upper, lower, stride, changed)


@kernel(INT, INT, INT, INT, INT)
def _luma_row(at: int, stride: int, strong: int, limits: int, thresholds: int) -> None:
    """Filter the horizontal edge above an address, 16 columns wide; ``strong`` says that its bS is 4."""
    alpha, beta = memory.i64(thresholds + 8 * ALPHA), memory.i64(thresholds + 8 * BETA)
    a, b, c = samples(at - 3 * stride, 16), samples(at - 2 * stride, 16), samples(at - stride, 16)
    d, e, f = samples(at, 16), samples(at + stride, 16), samples(at + 2 * stride, 16)
    if strong:
        p3, q3 = samples(at - 4 * stride, 16), samples(at + 3 * stride, 16)
        a, b, c, d, e, f = luma_strong(p3, a, b, c, d, e, f, q3, alpha, beta)
        store_samples(at - 3 * stride, a)
        store_samples(at + 2 * stride, f)
    else:
        words = four_words(limits)
        b, c, d, e = luma_normal(a, b, c, d, e, f, _luma_places(words, words), alpha, beta)
    store_samples(at - 2 * stride, b)
    store_samples(at - stride, c)
    store_samples(at, d)
    store_samples(at + stride, e)


@kernel(INT, INT, INT, INT, INT, INT)
def _chroma_column(cb: int, cr: int, stride: int, strong: int, limits: int, thresholds: int) -> None:
    """Filter the vertical edges left of two addresses, 8 rows high."""
    alpha, beta = memory.i64(thresholds + 8 * ALPHA), memory.i64(thresholds + 8 * BETA)
    p1, p0, q0, q1 = columns(cb - 2, cr - 2, stride, 4)
    a, b, c, d = widened(p1), widened(p0), widened(q0), widened(q1)
    if strong:
        b, c = chroma_strong(a, b, c, d, alpha, beta)
    else:
        words = four_words(limits)
        b, c = chroma_normal(a, b, c, d, _chroma_places(words, words), alpha, beta)
    store_columns(cb - 1, cr - 1, stride, (narrowed(b), narrowed(c)))


@kernel(INT, INT)
def _of_both(cb: int, cr: int) -> Vector:
    return _both(samples(cb, 8), samples(cr, 8))


@kernel(INT, INT, INT, INT, INT, INT)
def _chroma_row(cb: int, cr: int, stride: int, strong: int, limits: int, thresholds: int) -> None:
    """Filter the horizontal edges above two addresses, 8 columns wide."""
    alpha, beta = memory.i64(thresholds + 8 * ALPHA), memory.i64(thresholds + 8 * BETA)
    a, b = _of_both(cb - 2 * stride, cr - 2 * stride), _of_both(cb - stride, cr - stride)
    c, d = _of_both(cb, cr), _of_both(cb + stride, cr + stride)
    if strong:
        b, c = chroma_strong(a, b, c, d, alpha, beta)
    else:
        words = four_words(limits)
        b, c = chroma_normal(a, b, c, d, _chroma_places(words, words), alpha, beta)
    store_samples(cb - stride, _upper(b, b))
    store_samples(cr - stride, _lower(b, b))
    store_samples(cb, _upper(c, c))
    store_samples(cr, _lower(c, c))


@kernel(INT, INT, INT)
def _is_intra(d: int, mb: int, neighbour: int) -> int:
    kinds = memory.i64(d + 8 * frame.KIND)
    return memory.u8(kinds + mb) >= INTRA16 or memory.u8(kinds + neighbour) >= INTRA16


@kernel(INT, INT, INT)
def _is_moved(d: int, mb: int, neighbour: int) -> int:
    """Return 1 where the vectors of two MBs differ by a whole sample or more."""
    vectors = memory.i64(d + 8 * frame.MV)
    dx = memory.i16(vectors + 4 * mb) - memory.i16(vectors + 4 * neighbour)
    dy = memory.i16(vectors + 4 * mb + 2) - memory.i16(vectors + 4 * neighbour + 2)
    return 1 if abs(dx) >= 4 or abs(dy) >= 4 else 0


@kernel(INT, INT, INT, INT)
def edged(d: int, mbs: int, count: int, out: int) -> int:
    """List MBs with edges that may have to be filtered: those listed, and their neighbours to the right and below.

    Args:
        d: the frame.
        mbs: address of the numbers of the MBs that are not skipped, int32, rising.
        count: how many they are.
        out: address of int32, as many as the picture has MBs, written: rising.

    Returns:
        How many they are.
    """
    mb_stride = memory.i64(d + 8 * frame.MB_STRIDE)
    kinds = memory.i64(d + 8 * frame.KIND)
    end = mb_stride * (memory.i64(d + 8 * frame.MB_HEIGHT) + 1)
    found, own, right, below = 0, 0, 0, 0
    while below < count:
        one = memory.i32(mbs + 4 * own) if own < count else end
        two = memory.i32(mbs + 4 * right) + 1 if right < count else end
        three = memory.i32(mbs + 4 * below) + mb_stride
        mb = min(one, two, three)
        if mb >= end:
            break
        own += one == mb
        right += two == mb
        below += three == mb
        if memory.u8(kinds + mb) != OUTSIDE:
            memory.put_32(out + 4 * found, mb)
            found += 1
    return found


@kernel(INT, INT, INT, INT, INT)
def deblock(d: int, mbs: int, count: int, thresholds: int, touched: int) -> None:
    """Filter the edges of listed MBs: the left and the upper one, and those inside.

    Args:
        d: the frame; its current picture is filtered.
        mbs: address of the numbers of MBs, int32, rising: ``edged`` makes them from the coded ones.
        count: how many they are.
        thresholds: address of 2 * THRESHOLDS numbers, int64.
        touched: address of a flag a macroblock, uint8: set to 1 where a sample may have changed.
    """
    mb_stride = memory.i64(d + 8 * frame.MB_STRIDE)
    stride, chroma_stride = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.CHROMA_STRIDE)
    kinds, coded_blocks = memory.i64(d + 8 * frame.KIND), memory.i64(d + 8 * frame.CODED_BLOCKS)
    chroma_thresholds = thresholds + _CHROMA
    for index in range(count):
        mb = memory.i32(mbs + 4 * index)
        mb_x, mb_y = mb % mb_stride - 1, mb // mb_stride - 1
        luma = memory.i64(d + 8 * frame.CURRENT) + 16 * (mb_y * stride + mb_x)
        cb = memory.i64(d + 8 * frame.CURRENT + 8) + 8 * (mb_y * chroma_stride + mb_x)
        cr = memory.i64(d + 8 * frame.CURRENT + 16) + 8 * (mb_y * chroma_stride + mb_x)
        flags = memory.i32(coded_blocks + 4 * mb)
        blocks = _raster(flags)
        apart = 1 + (flags >> TRANSFORM_8X8 & 1)  # 8x8 blocks have no edge at 4 and 12
        is_intra = memory.u8(kinds + mb) >= INTRA16
        if is_intra or blocks:
            memory.put_u8(touched + mb, 1)
        for direction in range(2):
            step, chroma_step = (stride, chroma_stride) if direction else (1, 1)
            neighbour = mb - mb_stride if direction else mb - 1
            if memory.u8(kinds + neighbour) != OUTSIDE:
                behind = _raster(memory.i32(coded_blocks + 4 * neighbour))
                coded = (blocks | behind >> 12) & 15 if direction else _column(blocks, 0) | _column(behind, 3)
                strong, moved = _is_intra(d, mb, neighbour), _is_moved(d, mb, neighbour)
                if strong or coded or moved:
                    memory.put_u8(touched + mb, 1)
                    memory.put_u8(touched + neighbour, 1)
                    limits = _limits(coded, moved, thresholds)
                    chroma_limits = _limits(coded, moved, chroma_thresholds)
                    if direction:
                        _luma_row(luma, stride, strong, limits, thresholds)
                        _chroma_row(cb, cr, chroma_stride, strong, chroma_limits, chroma_thresholds)
                    else:
                        _luma_column(luma, stride, strong, limits, thresholds)
                        _chroma_column(cb, cr, chroma_stride, strong, chroma_limits, chroma_thresholds)
            if not is_intra and not blocks:
                continue
            for edge in range(apart, 4, apart):
                coded = _column(blocks | blocks << 1, edge)
                if direction:
                    coded = (blocks | blocks << 4) >> 4 * edge & 15
                if is_intra:
                    limits = _all_of(memory.i64(thresholds + 8 * (TC0 + 3)))
                    chroma_limits = _all_of(memory.i64(chroma_thresholds + 8 * (TC0 + 3)))
                elif coded:
                    limits, chroma_limits = _limits(coded, 0, thresholds), _limits(coded, 0, chroma_thresholds)
                else:
                    continue
                at, chroma_at = luma + 4 * edge * step, 2 * edge * chroma_step
                if direction:
                    _luma_row(at, stride, 0, limits, thresholds)
                    if edge == 2:
                        _chroma_row(cb + chroma_at, cr + chroma_at, chroma_stride, 0, chroma_limits, chroma_thresholds)
                else:
                    _luma_column(at, stride, 0, limits, thresholds)
                    if edge == 2:
                        _chroma_column(
                            cb + chroma_at, cr + chroma_at, chroma_stride, 0, chroma_limits, chroma_thresholds
                        )
