"""These kernels make the levels of a macroblock from a source and a prediction.

Addresses are those of the blocks' first samples; levels lie as ``layout`` says. A block whose levels are dropped holds
zeros, so that what is coded and what is reconstructed are the same.
"""

from typing import Final

from transcoder_native.h264.intrinsics import (
    absolute,
    chosen,
    filled,
    high_product,
    nonzero_lanes,
    samples,
    store,
    trailing_zeros,
    words,
)
from transcoder_native.h264.memory import u16
from transcoder_native.h264.quantiser import BIAS, FACTOR
from transcoder_native.h264.transform import forward, hadamard, put_levels
from transcoder_native.runtime import INT, kernel

RUN_COSTS: Final = 3 | 2 << 2 | 2 << 4 | 1 << 6 | 1 << 8 | 1 << 10
"""What a level of 1 adds to the cost of its block, by the zeros before it, two bits each: 3 2 2 1 1 1, then 0."""
LARGE_COST: Final = 9
"""The cost of a block with a level above 1, which is never dropped."""
LEAST_8X8: Final = 4
"""Four luma blocks that cost less are dropped."""
LEAST_LUMA: Final = 6
"""A macroblock's luma blocks that cost less are dropped."""
LEAST_CHROMA: Final = 7
"""The blocks without DC of a chroma plane that cost less are dropped. The costs are those of the reference model's rule
for single levels: they take about as many bits as they are worth in fidelity."""

_dc: Final = chosen((0, 4, 8, 12))
_without_dc: Final = chosen([lane if lane % 4 else 16 for lane in range(16)])
_both: Final = chosen(range(16))


@kernel(INT, INT)
def block_cost(levels: int, mask: int) -> int:
    """Return what the levels of a block are worth: 0 to 8 for levels of 1, LARGE_COST where one is larger.

    Args:
        levels: address of its levels, int16 x 16 in zigzag order.
        mask: bit n says that level n is not 0.
    """
    if nonzero_lanes(absolute(words(levels, 16)) >> 1):
        return LARGE_COST
    cost = 0
    while mask:
        run = trailing_zeros(mask)
        cost += RUN_COSTS >> 2 * run & 3
        mask >>= run + 1
    return min(cost, LARGE_COST - 1)


@kernel(INT, INT)
def _zero_blocks(levels: int, count: int) -> None:
    for block in range(count):
        store(levels + 32 * block, filled(0, 16))


@kernel(INT, INT, INT)
def _worthy(levels: int, masks: int, coded: int) -> int:
    """Drop luma blocks that are not worth their bits, and return which are left."""
    cost = 0
    left = coded
    for first in range(0, 16, 4):
        here = coded >> first & 15
        if here:
            of_8x8 = 0
            for block in range(first, first + 4):
                if coded >> block & 1:
                    of_8x8 += block_cost(levels + 32 * block, u16(masks + 2 * block))
            if of_8x8 < LEAST_8X8:
                _zero_blocks(levels + 32 * first, 4)
                left &= ~(15 << first)
            else:
                cost += of_8x8
    if left and cost < LEAST_LUMA:
        _zero_blocks(levels, 16)
        return 0
    return left


@kernel(INT, INT, INT, INT, INT, INT, INT)
def luma_levels(
    source: int, source_stride: int, prediction: int, prediction_stride: int, quantiser: int, levels: int, masks: int
) -> int:
    """Write the levels of the 16 luma blocks of an inter MB, those that are worth their bits.

    Args:
        source: address of 16x16 samples.
        source_stride: bytes from a row to the next.
        prediction: address of 16x16 samples.
        prediction_stride: bytes from a row to the next.
        quantiser: address of the row of QP'Y in ``quantiser.table``.
        levels: address of int16 16 x 16, written.
        masks: address of uint16 x 16, for the kernel's own use.

    Returns:
        Bit b says that block b has a level other than 0.
    """
    coded = 0
    for line in range(4):
        block = (line & 1) * 2 + (line >> 1) * 8
        s = source + 4 * line * source_stride
        p = prediction + 4 * line * prediction_stride
        a, b, c, d = forward(
            samples(s, 16) - samples(p, 16),
            samples(s + source_stride, 16) - samples(p + prediction_stride, 16),
            samples(s + 2 * source_stride, 16) - samples(p + 2 * prediction_stride, 16),
            samples(s + 3 * source_stride, 16) - samples(p + 3 * prediction_stride, 16),
        )
        coded |= put_levels(a, b, c, d, quantiser, levels + 32 * block, masks + 2 * block, 4) << block
    return _worthy(levels, masks, coded) if coded else 0


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def chroma_levels(
    source: int,
    source_stride: int,
    prediction: int,
    prediction_stride: int,
    quantiser: int,
    levels: int,
    dc_levels: int,
    masks: int,
) -> int:
    """Write the levels of a chroma plane of an inter MB: four blocks without DC, and the four DC.

    Args:
        source: address of 8x8 samples.
        source_stride: bytes from a row to the next.
        prediction: address of 8x8 samples.
        prediction_stride: bytes from a row to the next.
        quantiser: address of the row of QP'C in ``quantiser.table``.
        levels: address of int16 4 x 16, written.
        dc_levels: address of int16 x 4, written.
        masks: address of uint16 x 4, for the kernel's own use.

    Returns:
        Bits 0 to 3 say that a block has a level other than 0, bit 4 that a DC is not 0.
    """
    lower = source + 4 * source_stride
    under = prediction + 4 * prediction_stride
    a, b, c, d = forward(
        _both(samples(source, 8), samples(lower, 8)) - _both(samples(prediction, 8), samples(under, 8)),
        _both(samples(source + source_stride, 8), samples(lower + source_stride, 8))
        - _both(samples(prediction + prediction_stride, 8), samples(under + prediction_stride, 8)),
        _both(samples(source + 2 * source_stride, 8), samples(lower + 2 * source_stride, 8))
        - _both(samples(prediction + 2 * prediction_stride, 8), samples(under + 2 * prediction_stride, 8)),
        _both(samples(source + 3 * source_stride, 8), samples(lower + 3 * source_stride, 8))
        - _both(samples(prediction + 3 * prediction_stride, 8), samples(under + 3 * prediction_stride, 8)),
    )
    rest = _without_dc(a, filled(0, 16))
    coded = put_levels(rest, b, c, d, quantiser, levels, masks, 2)
    if coded:
        cost = 0
        for block in range(4):
            if coded >> block & 1:
                cost += block_cost(levels + 32 * block, u16(masks + 2 * block) >> 1)
        if cost < LEAST_CHROMA:
            _zero_blocks(levels, 4)
            coded = 0
    dc = hadamard(_dc(a, a))
    signs = dc >> 15
    biased = absolute(dc) + filled(2 * u16(quantiser + BIAS), 4)
    dc = ((high_product(biased, filled(u16(quantiser + FACTOR), 4)) >> 1) ^ signs) - signs
    store(dc_levels, dc)
    return coded | (16 if nonzero_lanes(dc) else 0)
