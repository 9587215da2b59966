"""This kernel searches the vector of a macroblock: whole samples by hexagon and square, then half and quarter samples.

A vector costs the sum of absolute differences (SAD) of its prediction plus what its difference from the predicted
vector (mvd) takes in the stream, as if both parts were written as se(v), times a rate that belongs to the QP.
"""

from typing import Final

from transcoder_native.h264.interpolate import half_samples, put_average, quarter_of
from transcoder_native.h264.intrinsics import bit_length
from transcoder_native.h264.memory import i32
from transcoder_native.h264.sad import sad_16x16, sad_of_average
from transcoder_native.runtime import INT, kernel

MAX_STEPS: Final = 12
"""Steps of the hexagon at most, of two samples each: as far as an MB can move and still be found from a neighbour's
vector. A search costs 3 SADs a step."""

# The steps of a hexagon's corners, one hexadecimal digit each from the right, 2 more than they are.
_HEXAGON_X: Final = 0x134310
_HEXAGON_Y: Final = 0x442002

# The same for a diamond's, 1 more than they are.
_DIAMOND_X: Final = 0x1120
_DIAMOND_Y: Final = 0x2011

_NEVER: Final = 1 << 30


@kernel(INT, INT, INT)
def _rate_of(mvd_x: int, mvd_y: int, rate: int) -> int:
    return rate * 2 * (bit_length(2 * abs(mvd_x) | 1) + bit_length(2 * abs(mvd_y) | 1) - 1)


@kernel(INT, INT, INT)
def _is_within(x: int, y: int, limits: int) -> int:
    return i32(limits) <= x <= i32(limits + 4) and i32(limits + 8) <= y <= i32(limits + 12)


@kernel(INT, INT, INT, INT, INT, INT, INT, INT, INT)
def _whole_cost(
    source: int, source_stride: int, reference: int, stride: int, x: int, y: int, mvp_x: int, mvp_y: int, rate: int
) -> int:
    sad = sad_16x16(source, source_stride, reference + y * stride + x, stride)
    return sad + _rate_of(4 * x - mvp_x, 4 * y - mvp_y, rate)


@kernel(INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT, INT)
def search(
    source: int,
    source_stride: int,
    reference: int,
    stride: int,
    candidates: int,
    count: int,
    mvp_x: int,
    mvp_y: int,
    rate: int,
    limits: int,
    prediction: int,
    prediction_stride: int,
    halves: int,
) -> int:
    """Find a vector of low cost, and write the luma samples that it predicts.

    Args:
        source: address of the MB's 16x16 samples.
        source_stride: bytes from a row to the next.
        reference: address of the MB's own place in the reference.
        stride: bytes from a row to the next.
        candidates: address of vectors to begin with, int16 x and y in quarter samples; (0, 0) is tried anyway.
        count: how many they are.
        mvp_x: the predicted vector, quarter samples to the right.
        mvp_y: the same, quarter samples down.
        rate: what a bit of mvd costs, in SAD.
        limits: address of int32 x 4: the least and the largest x, the least and the largest y, in whole samples; the
            vector found may lie less than a sample outside. (0, 0) lies within.
        prediction: address of 16x16 samples, written.
        prediction_stride: bytes from a row to the next.
        halves: address of ``interpolate.HALF_BYTES`` for the kernel's own use.

    Returns:
        The cost times 2**32, and in the low 32 bits the vector as it is stored: x in the lower half, y in the upper.
    """
    best_x, best_y = 0, 0
    best = _whole_cost(source, source_stride, reference, stride, 0, 0, mvp_x, mvp_y, rate)
    for index in range(count):
        vector = i32(candidates + 4 * index)
        x = min(max((((vector & 0xFFFF) ^ 0x8000) - 0x8000 + 2) >> 2, i32(limits)), i32(limits + 4))
        y = min(max(((vector >> 16) + 2) >> 2, i32(limits + 8)), i32(limits + 12))
        if x == best_x and y == best_y:
            continue
        cost = _whole_cost(source, source_stride, reference, stride, x, y, mvp_x, mvp_y, rate)
        if cost < best:
            best, best_x, best_y = cost, x, y

    first, last = 0, 5
    for _ in range(MAX_STEPS):
        found = -1
        centre_x, centre_y = best_x, best_y
        for corner in range(first, last + 1):
            side = corner % 6
            x = centre_x + (_HEXAGON_X >> 4 * side & 15) - 2
            y = centre_y + (_HEXAGON_Y >> 4 * side & 15) - 2
            if _is_within(x, y, limits):
                cost = _whole_cost(source, source_stride, reference, stride, x, y, mvp_x, mvp_y, rate)
                if cost < best:
                    best, best_x, best_y, found = cost, x, y, side
        if found < 0:
            break
        first, last = found + 5, found + 7  # the other corners were tried around the centre before

    centre_x, centre_y = best_x, best_y
    for place in range(9):
        x, y = centre_x + place % 3 - 1, centre_y + place // 3 - 1
        if place != 4 and _is_within(x, y, limits):
            cost = _whole_cost(source, source_stride, reference, stride, x, y, mvp_x, mvp_y, rate)
            if cost < best:
                best, best_x, best_y = cost, x, y

    whole = reference + best_y * stride + best_x
    half_samples(whole, stride, halves)
    mvp_x -= 4 * best_x
    mvp_y -= 4 * best_y
    part_x, part_y = 0, 0
    for round_ in range(4):
        step = 2 if round_ < 2 else 1
        centre_x, centre_y = part_x, part_y
        for corner in range(4):
            x = centre_x + step * ((_DIAMOND_X >> 4 * corner & 15) - 1)
            y = centre_y + step * ((_DIAMOND_Y >> 4 * corner & 15) - 1)
            if abs(x) > 3 or abs(y) > 3:
                continue
            one, one_stride, other, other_stride = quarter_of(whole, stride, halves, x, y)
            cost = sad_of_average(source, source_stride, one, one_stride, other, other_stride)
            cost += _rate_of(x - mvp_x, y - mvp_y, rate)
            if cost < best:
                best, part_x, part_y = cost, x, y
    one, one_stride, other, other_stride = quarter_of(whole, stride, halves, part_x, part_y)
    put_average(one, one_stride, other, other_stride, prediction, prediction_stride)
    return best << 32 | (4 * best_y + part_y & 0xFFFF) << 16 | (4 * best_x + part_x & 0xFFFF)
