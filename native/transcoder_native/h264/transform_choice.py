"""This kernel codes the luma of an inter macroblock by the 4x4 transform or the 8x8 one, whichever costs less."""

from typing import Final

from transcoder_native.h264 import frame, memory
from transcoder_native.h264.intrinsics import absolute, bit_count, bit_length, octets, store, total, words
from transcoder_native.h264.layout import MASKS_8X8, TRANSFORM_8X8
from transcoder_native.h264.macroblock import address_of, take
from transcoder_native.h264.prediction import LUMA, LUMA_STRIDE, MASKS, OTHER
from transcoder_native.h264.quantiser import Q_BYTES
from transcoder_native.h264.reconstruct import reconstruct_luma
from transcoder_native.h264.residual_8x8 import luma_levels_8x8, reconstruct_luma_8x8
from transcoder_native.h264.sad import ssd_16x16
from transcoder_native.runtime import INT, kernel

_LEVELS_AT: Final = 256
_MASKS_AT: Final = _LEVELS_AT + 512
_LUMA_BYTES: Final = 512

# What levels take about, in sixteenths of a bit: each level, each zero before one, and each one that a level is larger.
_LEVEL: Final = 50
_ZERO: Final = 9
_LARGER: Final = 20
_FLAGS: Final = 48
"""The flags of the four blocks of 4x4 of which one is coded."""
_LEVEL_8X8: Final = 52
_ZERO_8X8: Final = 6


@kernel(INT)
def _sizes(levels: int) -> int:
    """Return the sum of the absolute values of the levels of an MB's luma, which from LEAST_QP_8X8 on fits a word."""
    sums = absolute(words(levels, 16))
    for line in range(1, 16):
        sums += absolute(words(levels + 32 * line, 16))
    return total(sums)


@kernel(INT, INT, INT)
def _bits_4x4(levels: int, masks: int, coded: int) -> int:
    """Return what the luma of an MB takes by the 4x4 transform, in sixteenths of a bit."""
    count, places, quarters = 0, 0, 0
    for block in range(16):
        if coded >> block & 1:
            mask = memory.u16(masks + 2 * block)
            count += bit_count(mask)
            places += bit_length(mask)
    for quarter in range(4):
        quarters += coded >> 4 * quarter & 15 != 0
    return _FLAGS * quarters + _ZERO * (places - count) + (_LEVEL - _LARGER) * count + _LARGER * _sizes(levels)


@kernel(INT, INT)
def _bits_8x8(levels: int, masks: int) -> int:
    """Return the same by the 8x8 transform."""
    count, places = 0, 0
    for block in range(4):
        mask = memory.i64(masks + 8 * block)
        count += bit_count(mask)
        places += bit_length(mask)
    return _ZERO_8X8 * (places - count) + (_LEVEL_8X8 - _LARGER) * count + _LARGER * _sizes(levels)


@kernel(INT, INT, INT, INT)
def code_luma(d: int, mb: int, levels: int, coded: int) -> int:
    """Write the luma samples of an inter MB whose prediction lies in LUMA, and its levels by the better transform.

    Args:
        d: the frame.
        mb: the number of the MB.
        levels: address of its levels, those of luma by the 4x4 transform; their masks lie in MASKS.
        coded: its luma blocks that are coded so.

    Returns:
        Its coded luma blocks, and the bit of TRANSFORM_8X8.
    """
    scratch = memory.i64(d + 8 * frame.SCRATCH)
    stride, quantiser = memory.i64(d + 8 * frame.LUMA_STRIDE), memory.i64(d + 8 * frame.QUANTISER)
    rate = memory.i64(d + 8 * frame.RATE_SQUARED)
    source, current = address_of(d, frame.SOURCE, 0, mb), address_of(d, frame.CURRENT, 0, mb)
    prediction, other = scratch + LUMA, scratch + OTHER
    reconstruct_luma(prediction, LUMA_STRIDE, current, stride, quantiser, levels, coded)
    if coded == 0 or rate == 0:
        return coded
    quantiser_8x8, tables = quantiser + 3 * Q_BYTES, memory.i64(d + 8 * frame.CODER_TABLES)
    levels_8x8, masks_8x8 = other + _LEVELS_AT, other + _MASKS_AT
    coded_8x8 = luma_levels_8x8(source, stride, prediction, LUMA_STRIDE, quantiser_8x8, tables, levels_8x8, masks_8x8)
    reconstruct_luma_8x8(prediction, LUMA_STRIDE, other, 16, quantiser_8x8, levels_8x8, coded_8x8)
    cost = 16 * ssd_16x16(source, stride, current, stride) + rate * _bits_4x4(levels, scratch + MASKS, coded)
    cost_8x8 = 16 * ssd_16x16(source, stride, other, 16) + rate * _bits_8x8(levels_8x8, masks_8x8)
    if cost <= cost_8x8:
        return coded
    take(other, 16, 16, 16, 16, current, stride)
    for line in range(0, _LUMA_BYTES, 32):
        store(levels + line, octets(levels_8x8 + line, 32))
    store(levels + MASKS_8X8, octets(masks_8x8, 32))
    return coded_8x8 | 1 << TRANSFORM_8X8 if coded_8x8 else 0
