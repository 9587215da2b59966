"""These kernels find the vector of a macroblock, and write the samples that it predicts to scratch memory."""

from typing import Final

from transcoder_native.h264 import frame, memory, vectors
from transcoder_native.h264.interpolate import HALF_BYTES, predict_chroma
from transcoder_native.h264.layout import MAX_OUTSIDE
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
_LIMITS: Final = _CANDIDATES + 32
MASKS: Final = _LIMITS + 32
"""For the kernels that make levels."""

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


@kernel(INT, INT, INT, INT)
def predict(d: int, mb: int, source: int, reference: int) -> int:
    """Find the vector of an MB and write the luma that it predicts to LUMA.

    Args:
        d: the frame.
        mb: the number of the MB.
        source: address of the MB's luma in the source.
        reference: address of the same place in the reference.

    Returns:
        The vector as it is stored.
    """
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    stride, mb_stride = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.MB_STRIDE)
    mvs = memory.i64(d + 8 * frame.MV)
    mvp = vectors.predicted(d, mb)
    candidates = scratch + _CANDIDATES
    memory.put_32(candidates, mvp)
    memory.put_32(candidates + 4, memory.i32(mvs + 4 * (mb - 1)))
    memory.put_32(candidates + 8, memory.i32(mvs + 4 * (mb - mb_stride)))
    memory.put_32(candidates + 12, memory.i32(mvs + 4 * (mb - mb_stride + 1)))
    _limit(d, mb, scratch + _LIMITS)
    found = search(
        source,
        stride,
        reference,
        stride,
        candidates,
        4,
        vectors.x_of(mvp),
        vectors.y_of(mvp),
        memory.i64(d + 8 * frame.RATE),
        scratch + _LIMITS,
        scratch + LUMA,
        LUMA_STRIDE,
        scratch + _HALVES,
    )
    return found & 0xFFFFFFFF


@kernel(INT, INT, INT, INT)
def predict_both_chroma(d: int, cb: int, cr: int, vector: int) -> None:
    """Write what a vector predicts of Cb and Cr to CHROMA; the addresses are those of the MB in the reference."""
    out = memory.i64(d + 8 * frame.SCRATCH) + CHROMA
    stride = memory.i64(d + 8 * frame.CHROMA_STRIDE)
    x, y = vectors.x_of(vector), vectors.x_of(vector >> 16)
    predict_chroma(cb, stride, x, y, out, CHROMA_STRIDE)
    predict_chroma(cr, stride, x, y, out + CHROMA_BYTES, CHROMA_STRIDE)
