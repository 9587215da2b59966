"""These helpers predict motion vectors (ITU-T H.264, section 8.4.1), one 16x16 partition an MB and one reference.

A vector is one int64: the low 16 bits of x and, above them, y.
"""

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.layout import INTER, OUTSIDE, SKIP
from transcoder_native.runtime import INT, kernel


@kernel(INT, INT)
def packed(x: int, y: int) -> int:
    """Return a vector as one number."""
    return (x & 0xFFFF) | (y << 16)


@kernel(INT)
def x_of(vector: int) -> int:
    """Return the x of a vector, in quarter samples."""
    return ((vector & 0xFFFF) ^ 0x8000) - 0x8000


@kernel(INT)
def y_of(vector: int) -> int:
    """Return the y of a vector, in quarter samples."""
    return vector >> 16


@kernel(INT, INT, INT)
def median(one: int, two: int, three: int) -> int:
    """Return the number in the middle."""
    low, high = min(one, two), max(one, two)
    return max(low, min(high, three))


@kernel(INT)
def _is_inter(kind: int) -> int:
    """Return whether an MB has a reference, and with it a vector that counts."""
    return 1 if SKIP <= kind <= INTER else 0


@kernel(INT, INT)
def predicted(d: int, mb: int) -> int:
    """Return mvpLX of an MB (section 8.4.1.3), from its neighbours A, B and C or D."""
    kinds = memory.i64(d + 8 * frame.KIND)
    vectors = memory.i64(d + 8 * frame.MV)
    above = mb - memory.i64(d + 8 * frame.MB_STRIDE)
    a, b, c = mb - 1, above, above + 1
    if memory.u8(kinds + c) == OUTSIDE:
        c = above - 1
    kind_a, kind_b, kind_c = memory.u8(kinds + a), memory.u8(kinds + b), memory.u8(kinds + c)
    mv_a, mv_b, mv_c = memory.i32(vectors + 4 * a), memory.i32(vectors + 4 * b), memory.i32(vectors + 4 * c)
    if kind_b == OUTSIDE and kind_c == OUTSIDE:
        return mv_a
    inter_a = _is_inter(kind_a)
    inter_b = _is_inter(kind_b)
    inter_c = _is_inter(kind_c)
    if inter_a + inter_b + inter_c == 1:
        if inter_a:
            return mv_a
        return mv_b if inter_b else mv_c
    x = median(x_of(mv_a), x_of(mv_b), x_of(mv_c))
    return packed(x, median(y_of(mv_a), y_of(mv_b), y_of(mv_c)))


@kernel(INT, INT)
def inferred(d: int, mb: int) -> int:
    """Return the vector that P_Skip has (section 8.4.1.1)."""
    kinds = memory.i64(d + 8 * frame.KIND)
    vectors = memory.i64(d + 8 * frame.MV)
    a, b = mb - 1, mb - memory.i64(d + 8 * frame.MB_STRIDE)
    kind_a, kind_b = memory.u8(kinds + a), memory.u8(kinds + b)
    if not (kind_a and kind_b):  # OUTSIDE
        return 0
    if memory.i32(vectors + 4 * a) == 0 and kind_a <= INTER:
        return 0
    if memory.i32(vectors + 4 * b) == 0 and kind_b <= INTER:
        return 0
    return predicted(d, mb)
