"""These kernels find the vector of a macroblock, and write the samples that it predicts to scratch memory."""

from typing import Final

from transcoder_native.h264 import frame, memory, vectors
from transcoder_native.h264.interpolate import HALF_BYTES, predict_chroma, predict_luma
from transcoder_native.h264.layout import MAX_OUTSIDE
from transcoder_native.h264.sad import sad_16x16
from transcoder_native.h264.search import search
from transcoder_native.runtime import INT, kernel

# Places in the scratch memory.
LUMA: Final = 0
LUMA_STRIDE: Final = 16
CHROMA: Final = 256
"""Cb, and behind it Cr."""
CHROMA_STRIDE: Final = 8
CHROMA_BYTES: Final = 64
_HALVES: Final = 512
_CANDIDATES: Final = _HALVES + HALF_BYTES
_LIMITS: Final = _CANDIDATES + 64
_RECENT: Final = _LIMITS + 32
MASKS: Final = _RECENT + 4 * 4
"""For the kernels that make levels."""
INTRA: Final = MASKS + 64
"""For the kernels of I_16x16: two predictions of luma, and WORK_BYTES behind them."""
OTHER: Final = INTRA + 1024
"""For luma by the other transform: its samples, 16 bytes a row, then its levels and their masks."""

_RECENT_VECTORS: Final = 4
"""The vectors found last, each but once: parts of an object that is seen through a fence move alike."""
_POOR: Final = 16 * 256
"""The SAD of a prediction that is worse than none: 16 a sample."""
_REACH: Final = 96
"""Whole samples to either side: a car that fills a fifth of the picture crosses it in ten pictures."""

MAX_VECTOR: Final = 120
"""Whole samples: the range of vertical vectors of the lowest level is 128 (table A-1), and nothing is found beyond."""


@kernel(INT, INT, INT)
def _limit(d: int, mb: int, limits: int) -> None:
    """Write the least and the largest x and y of an MB's vector, in whole samples."""
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    right = memory.i64(d + 8 * frame.MB_WIDTH) - 1
    below = memory.i64(d + 8 * frame.MB_HEIGHT) - 1
    mb_x, mb_y = mb % stride - 1, mb // stride - 1
    outside = MAX_OUTSIDE - 1  # a vector may end less than a sample farther out
    memory.put_32(limits, max(-16 * mb_x - outside, -MAX_VECTOR))
    memory.put_32(limits + 4, min(16 * (right - mb_x) + outside, MAX_VECTOR))
    memory.put_32(limits + 8, max(-16 * mb_y - outside, -MAX_VECTOR))
    memory.put_32(limits + 12, min(16 * (below - mb_y) + outside, MAX_VECTOR))


@kernel(INT, INT, INT)
def is_within(d: int, mb: int, vector: int) -> int:
    """Return 1 where a vector points to samples that there are, 0 where it leads farther out than is looked."""
    limits = memory.i64(d + 8 * frame.SCRATCH) + _LIMITS
    _limit(d, mb, limits)
    x, y = vectors.x_of(vector) >> 2, vectors.y_of(vector) >> 2
    if memory.i32(limits) <= x <= memory.i32(limits + 4) and memory.i32(limits + 8) <= y <= memory.i32(limits + 12):
        return 1
    return 0


@kernel(INT, INT, INT)
def _add(candidates: int, count: int, vector: int) -> int:
    """Add a vector that is neither zero nor that of the last candidate, and return how many there are."""
    if vector == 0 or (count and memory.i32(candidates + 4 * (count - 1)) == vector):
        return count
    memory.put_32(candidates + 4 * count, vector)
    return count + 1


@kernel(INT, INT, INT, INT)
def _collect(d: int, mb: int, mvp: int, candidates: int) -> int:
    """Write the vectors to begin a search with, and return how many there are.

    They are those of neighbours, and those around the MB in the picture before: what moves keeps moving, and the first
    MB of an object has no neighbour that moves.
    """
    mvs, before = memory.i64(d + 8 * frame.MV), memory.i64(d + 8 * frame.MV_BEFORE)
    stride = memory.i64(d + 8 * frame.MB_STRIDE)
    count = _add(candidates, 0, mvp)
    count = _add(candidates, count, memory.i32(mvs + 4 * (mb - 1)))
    count = _add(candidates, count, memory.i32(mvs + 4 * (mb - stride)))
    count = _add(candidates, count, memory.i32(mvs + 4 * (mb - stride + 1)))
    count = _add(candidates, count, memory.i32(before + 4 * mb))
    count = _add(candidates, count, memory.i32(before + 4 * (mb + 1)))
    count = _add(candidates, count, memory.i32(before + 4 * (mb - 1)))
    count = _add(candidates, count, memory.i32(before + 4 * (mb + stride)))
    count = _add(candidates, count, memory.i32(before + 4 * (mb - stride)))
    recent = memory.i64(d + 8 * frame.SCRATCH) + _RECENT
    for index in range(_RECENT_VECTORS):
        count = _add(candidates, count, memory.i32(recent + 4 * index))
    return count


@kernel(INT, INT)
def _remember(d: int, vector: int) -> None:
    """Put a vector before those that were found last, unless it is one of them."""
    recent = memory.i64(d + 8 * frame.SCRATCH) + _RECENT
    for index in range(_RECENT_VECTORS):
        if memory.i32(recent + 4 * index) == vector:
            return
    for index in range(_RECENT_VECTORS - 1, 0, -1):
        memory.put_32(recent + 4 * index, memory.i32(recent + 4 * (index - 1)))
    memory.put_32(recent, vector)


@kernel(INT, INT, INT, INT, INT, INT)
def _add_distant(source: int, reference: int, stride: int, limits: int, candidates: int, count: int) -> int:
    """Add the best vector to the left and right where none of the candidates is any good; return how many there are.

    Traffic crosses the picture far within a picture's time, and nothing near tells where it came from.
    """
    best = sad_16x16(source, stride, reference, stride)
    for index in range(count):
        vector = memory.i32(candidates + 4 * index)
        x = min(max(vectors.x_of(vector) >> 2, memory.i32(limits)), memory.i32(limits + 4))
        y = min(max(vectors.y_of(vector) >> 2, memory.i32(limits + 8)), memory.i32(limits + 12))
        best = min(best, sad_16x16(source, stride, reference + y * stride + x, stride))
        if best < _POOR:
            return count
    if best < _POOR:
        return count
    found = 0
    for x in range(max(memory.i32(limits), -_REACH), min(memory.i32(limits + 4), _REACH) + 1, 2):
        sad = sad_16x16(source, stride, reference + x, stride)
        if sad < best:
            best, found = sad, x
    return _add(candidates, count, vectors.packed(4 * found, 0))


@kernel(INT, INT, INT, INT)
def predict(d: int, mb: int, source: int, reference: int) -> int:
    """Find the vector of an MB and write the luma that it predicts to LUMA.

    Args:
        d: the frame.
        mb: the number of the MB.
        source: address of the MB's luma in the source.
        reference: address of the same place in the reference.

    Returns:
        The cost of the vector times 2**32, and in the low 32 bits the vector as it is stored.
    """
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    mvp = vectors.predicted(d, mb)
    count = _collect(d, mb, mvp, scratch + _CANDIDATES)
    _limit(d, mb, scratch + _LIMITS)
    count = _add_distant(source, reference, stride, scratch + _LIMITS, scratch + _CANDIDATES, count)
    found = search(
        source,
        stride,
        reference,
        stride,
        scratch + _CANDIDATES,
        count,
        vectors.x_of(mvp),
        vectors.y_of(mvp),
        memory.i64(d + 8 * frame.RATE),
        scratch + _LIMITS,
        scratch + LUMA,
        LUMA_STRIDE,
        scratch + _HALVES,
    )
    vector = found & 0xFFFFFFFF
    if vector:
        _remember(d, vectors.packed(vectors.x_of(vector), vectors.x_of(vector >> 16)))
    return found


@kernel(INT, INT, INT)
def predict_luma_at(d: int, reference: int, vector: int) -> None:
    """Write what a vector predicts of luma to LUMA; the address is that of the MB in the reference."""
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    stride = memory.i64(d + 8 * frame.LUMA_STRIDE)
    x, y = vectors.x_of(vector), vectors.y_of(vector)
    predict_luma(reference, stride, x, y, scratch + LUMA, LUMA_STRIDE, scratch + _HALVES)


@kernel(INT, INT, INT, INT)
def predict_both_chroma(d: int, cb: int, cr: int, vector: int) -> None:
    """Write what a vector predicts of Cb and Cr to CHROMA; the addresses are those of the MB in the reference."""
    out = memory.i64(d + 8 * frame.SCRATCH) + CHROMA
    stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    x, y = vectors.x_of(vector), vectors.x_of(vector >> 16)
    predict_chroma(cb, stride, x, y, out, CHROMA_STRIDE)
    predict_chroma(cr, stride, x, y, out + CHROMA_BYTES, CHROMA_STRIDE)
