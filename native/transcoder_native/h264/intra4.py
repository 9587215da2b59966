"""These kernels code a macroblock as I_NxN with 4x4 blocks, for what is uncovered and textured (ITU-T H.264, 8.3.1).

All nine predictions of a block come from its 13 neighbours, which lie in one row of words: from the lowest at the left
up to the corner, and on to the right. A prediction is then an order of lanes: of the samples, of the means of two
neighbours, or of the sums of three with the weights 1, 2, 1.
"""

from collections.abc import Callable, Sequence
from typing import Final

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.intrinsics import (
    Vector,
    VectorType,
    absolute,
    chosen,
    filled,
    samples,
    store,
    store_samples,
    total,
    words,
)
from transcoder_native.h264.layout import BLOCK_LEVELS, INTRA4, LEVELS_BYTES, MODE, OUTSIDE
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.transform import forward, inverse, put_levels, scaled
from transcoder_native.runtime import INT, kernel

# Intra4x4PredMode (table 8-2).
_VERTICAL: Final = 0
_HORIZONTAL: Final = 1
DC: Final = 2
_DOWN_LEFT: Final = 3
_DOWN_RIGHT: Final = 4
_VERTICAL_RIGHT: Final = 5
_HORIZONTAL_DOWN: Final = 6
_VERTICAL_LEFT: Final = 7
_HORIZONTAL_UP: Final = 8

_BLOCK: Final = VectorType(16, 16)

# Places in the row of neighbours, which begins with the lowest sample at the left once more.
_LEFT: Final = 4
"""The uppermost at the left; those below lie before it."""
_TOP: Final = 6
"""The first above; the corner lies before it."""
_PLACES: Final = 16

# Places in the memory that the kernels work in.
_NEIGHBOURS_AT: Final = 0
"""_PLACES bytes, and two more that are read as neighbours of the last."""
_PREDICTION_AT: Final = 32
_LEVELS_AT: Final = 64
"""The levels of four blocks, of which the first counts."""
_MASKS_AT: Final = 192
WORK_BYTES: Final = 256

_NO_UPPER_RIGHT: Final = 1 << 3 | 1 << 7 | 1 << 11 | 1 << 13 | 1 << 15
"""The blocks whose upper right neighbour is decoded later."""
_MODE_BITS: Final = 4
"""What a mode takes that is not the predicted one, which takes 1."""


def _order(place: Callable[[int, int], int]) -> Sequence[int]:
    return [place(x, y) for y in range(4) for x in range(4)]


def _vertical_right(x: int, y: int) -> int:
    z = 2 * x - y
    if z >= 0:
        return _TOP - 1 + x - (y >> 1) if z % 2 == 0 else 16 + _TOP - 2 + x - (y >> 1)
    return 16 + _LEFT if z == -1 else 16 + _LEFT + 1 - y


def _horizontal_down(x: int, y: int) -> int:
    z, row = 2 * y - x, y - (x >> 1)
    if z >= 0:
        return _LEFT - row if z % 2 == 0 else 16 + _LEFT - row
    return 16 + _LEFT if z == -1 else 16 + _LEFT - 1 + x


def _horizontal_up(x: int, y: int) -> int:
    z, row = x + 2 * y, y + (x >> 1)
    if z > 5:
        return 0  # the mean of the lowest sample and itself
    return _LEFT - 1 - row if z % 2 == 0 else 16 + _LEFT - 2 - row


# Each chooses of the samples alone, of the sums of three alone, or of the means and then the sums.
_vertical: Final = chosen(_order(lambda x, _: _TOP + x))
_horizontal: Final = chosen(_order(lambda _, y: _LEFT - y))
_down_left: Final = chosen(_order(lambda x, y: _TOP + x + y))
_down_right: Final = chosen(_order(lambda x, y: _LEFT + x - y))
_of_vertical_right: Final = chosen(_order(_vertical_right))
_of_horizontal_down: Final = chosen(_order(_horizontal_down))
_vertical_left: Final = chosen(_order(lambda x, y: (16 if y & 1 else 0) + _TOP + x + (y >> 1)))
_of_horizontal_up: Final = chosen(_order(_horizontal_up))

_eight: Final = chosen(range(8))
_sixteen: Final = chosen(range(16))
_first: Final = chosen(range(4))
_row_0: Final = chosen([0, 1, 2, 3] * 4)
_row_1: Final = chosen([4, 5, 6, 7] * 4)
_row_2: Final = chosen([8, 9, 10, 11] * 4)
_row_3: Final = chosen([12, 13, 14, 15] * 4)


@kernel(INT)
def x_of(block: int) -> int:
    """Return the place of a luma block to the right, in samples (figure 6-10)."""
    return 4 * ((block & 1) + 2 * ((block >> 2) & 1))


@kernel(INT)
def y_of(block: int) -> int:
    """Return the same down."""
    return 4 * (((block >> 1) & 1) + 2 * (block >> 3))


@kernel(INT, INT)
def _block_of(at: int, stride: int) -> Vector:
    """Return 4x4 samples as one vector."""
    upper = _eight(samples(at, 4), samples(at + stride, 4))
    lower = _eight(samples(at + 2 * stride, 4), samples(at + 3 * stride, 4))
    return _sixteen(upper, lower)


@kernel(INT, INT, INT, INT)
def _put_neighbours(at: int, stride: int, is_upper_right: int, out: int) -> None:
    """Write the row of neighbours; those that do not exist are any samples.

    Args:
        at: address of the block's first sample in the picture that is made.
        stride: bytes from a row to the next.
        is_upper_right: 1 where the four samples above the block to the right may be used.
        out: address of _PLACES and two more, written.
    """
    memory.put_u8(out, memory.u8(at + 3 * stride - 1))
    for y in range(-1, 4):
        memory.put_u8(out + _LEFT - y, memory.u8(at + y * stride - 1))
    for x in range(8):
        memory.put_u8(out + _TOP + x, memory.u8(at - stride + (x if is_upper_right else min(x, 3))))
    for x in range(8, 12):
        memory.put_u8(out + _TOP + x, memory.u8(out + _TOP + 7))


@kernel(INT, INT, INT)
def _mean(out: int, left: int, top: int) -> int:
    sums = 0
    for index in range(4):
        if left:
            sums += memory.u8(out + _LEFT - index)
        if top:
            sums += memory.u8(out + _TOP + index)
    if left and top:
        return (sums + 4) >> 3
    return (sums + 2) >> 2 if left or top else 128


@kernel(_BLOCK, _BLOCK, INT, INT, INT)
def _cost(source: Vector, prediction: Vector, mode: int, predicted: int, rate: int) -> int:
    """Return 16 times the cost of a prediction, plus its mode."""
    bits = 1 if mode == predicted else _MODE_BITS
    return 16 * (total(absolute(source - prediction)) + rate * bits) + mode


@kernel(_BLOCK, INT, INT, INT, INT, INT)
def choose(source: Vector, neighbours: int, left: int, top: int, predicted: int, rate: int) -> int:
    """Write the best prediction of a block behind its neighbours, and return 16 times its cost, plus its mode."""
    one, two, three = samples(neighbours, 16), samples(neighbours + 1, 16), samples(neighbours + 2, 16)
    means = (one + two + 1) >> 1
    sums = (one + two + two + three + 2) >> 2
    flat = filled(_mean(neighbours, left, top), 16)
    best, kept = _cost(source, flat, DC, predicted, rate), flat
    if top:
        this = _vertical(one, one)
        cost = _cost(source, this, _VERTICAL, predicted, rate)
        if cost < best:
            best, kept = cost, this
        this = _down_left(sums, sums)
        cost = _cost(source, this, _DOWN_LEFT, predicted, rate)
        if cost < best:
            best, kept = cost, this
        this = _vertical_left(means, sums)
        cost = _cost(source, this, _VERTICAL_LEFT, predicted, rate)
        if cost < best:
            best, kept = cost, this
    if left:
        this = _horizontal(one, one)
        cost = _cost(source, this, _HORIZONTAL, predicted, rate)
        if cost < best:
            best, kept = cost, this
        this = _of_horizontal_up(means, sums)
        cost = _cost(source, this, _HORIZONTAL_UP, predicted, rate)
        if cost < best:
            best, kept = cost, this
    if left and top:
        this = _down_right(sums, sums)
        cost = _cost(source, this, _DOWN_RIGHT, predicted, rate)
        if cost < best:
            best, kept = cost, this
        this = _of_vertical_right(means, sums)
        cost = _cost(source, this, _VERTICAL_RIGHT, predicted, rate)
        if cost < best:
            best, kept = cost, this
        this = _of_horizontal_down(means, sums)
        cost = _cost(source, this, _HORIZONTAL_DOWN, predicted, rate)
        if cost < best:
            best, kept = cost, this
    store_samples(neighbours + _PREDICTION_AT, kept)
    return best


@kernel(_BLOCK, INT, INT, INT, INT, INT)
def _code_block(source: Vector, current: int, stride: int, quantiser: int, levels: int, work: int) -> int:
    """Code a block whose prediction lies in ``work``; return whether it has levels."""
    prediction = samples(work + _PREDICTION_AT, 16)
    rest = source - prediction
    a, b, c, d = forward(_row_0(rest, rest), _row_1(rest, rest), _row_2(rest, rest), _row_3(rest, rest))
    coded = put_levels(a, b, c, d, quantiser, work + _LEVELS_AT, work + _MASKS_AT, 2) & 1
    store(levels, words(work + _LEVELS_AT, 16))
    if coded:
        a, b, c, d = scaled(work + _LEVELS_AT, 2, quantiser)
        e, f, g, h = inverse(a, b, c, d)
        store_samples(current, samples(work + _PREDICTION_AT, 4) + _first(e, e))
        store_samples(current + stride, samples(work + _PREDICTION_AT + 4, 4) + _first(f, f))
        store_samples(current + 2 * stride, samples(work + _PREDICTION_AT + 8, 4) + _first(g, g))
        store_samples(current + 3 * stride, samples(work + _PREDICTION_AT + 12, 4) + _first(h, h))
    else:
        for row in range(4):
            memory.put_32(current + row * stride, memory.i32(work + _PREDICTION_AT + 4 * row))
    return coded


@kernel(INT, INT, INT)
def _mode_of(d: int, mb: int, block: int) -> int:
    """Return Intra4x4PredMode of a block of an MB: DC where it has none, -1 where it is not available."""
    kind = memory.u8(memory.i64(d + 8 * frame.KIND) + mb)
    if kind == INTRA4:
        index = memory.i32(memory.i64(d + 8 * frame.LEVELS_OF) + 4 * mb)
        return memory.u8(memory.i64(d + 8 * frame.LEVELS) + LEVELS_BYTES * index + MODE + block)
    return -1 if kind == OUTSIDE else DC


@kernel(INT, INT, INT, INT)
def predicted_mode(d: int, mb: int, levels: int, block: int) -> int:
    """Return predIntra4x4PredMode of a block (section 8.3.1.1).

    Args:
        d: the frame.
        mb: the number of the MB.
        levels: address of the MB's levels, where the modes of the blocks before stand.
        block: the number of the block.
    """
    if block & 1:
        one = memory.u8(levels + MODE + block - 1)
    elif block & 4:
        one = memory.u8(levels + MODE + block - 3)
    else:
        one = _mode_of(d, mb - 1, block + 5)
    if block & 2:
        other = memory.u8(levels + MODE + block - 2)
    elif block & 8:
        other = memory.u8(levels + MODE + block - 6)
    else:
        other = _mode_of(d, mb - memory.i64(d + 8 * frame.MB_STRIDE), block + 10)
    return DC if one < 0 or other < 0 else min(one, other)


@kernel(INT, INT, INT, INT, INT, INT, INT)
def code_luma(d: int, mb: int, source: int, current: int, levels: int, work: int, most: int) -> int:
    """Code an MB's luma in 4x4 blocks, as long as that costs less than something else does.

    Args:
        d: the frame.
        mb: the number of the MB.
        source: address of the MB's luma in the source.
        current: address of the same place in the picture that is made, before deblocking; written.
        levels: address of the MB's levels; those of luma are written, and the modes.
        work: address of WORK_BYTES for the kernel's own use.
        most: the cost.

    Returns:
        Bit b says that block b has levels; -1 if it costs as much or more.
    """
    kinds = memory.i64(d + 8 * frame.KIND)
    stride, mb_stride = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.MB_STRIDE)
    quantiser, rate = memory.i64(d + 8 * frame.QUANTISER) + 2 * Q_BYTES, memory.i64(d + 8 * frame.RATE)
    is_left = memory.u8(kinds + mb - 1) != OUTSIDE
    is_top = memory.u8(kinds + mb - mb_stride) != OUTSIDE
    lacking = _NO_UPPER_RIGHT
    if memory.u8(kinds + mb - mb_stride + 1) == OUTSIDE:
        lacking |= 1 << 5
    coded, cost = 0, 0
    for block in range(16):
        x, y = x_of(block), y_of(block)
        at = current + y * stride + x
        samples_here = _block_of(source + y * stride + x, stride)
        left, top = 1 if x or is_left else 0, 1 if y or is_top else 0
        _put_neighbours(at, stride, (lacking >> block & 1) ^ 1, work + _NEIGHBOURS_AT)
        found = choose(samples_here, work, left, top, predicted_mode(d, mb, levels, block), rate)
        cost += found >> 4
        if cost >= most:
            return -1
        memory.put_u8(levels + MODE + block, found & 15)
        coded |= _code_block(samples_here, at, stride, quantiser, levels + 2 * BLOCK_LEVELS * block, work) << block
    return coded
