"""These kernels make the levels of a macroblock's luma by the 8x8 transform, and its samples from them (clause 8.5.13).

The levels of blocks 0 and 1, and of 2 and 3, lie as ``transform_8x8`` says: in columns, not in the order of the scan.
Masks say which are not 0, a bit for each index of the zigzag scan, so that few of them are looked for.
"""

from typing import Final

from transcoder_native.h264.intrinsics import (
    absolute,
    filled,
    nonzero_lanes,
    octets,
    samples,
    store,
    store_samples,
    trailing_zeros,
    words,
)
from transcoder_native.h264.memory import put_i64, u8
from transcoder_native.h264.residual import LARGE_COST, LEAST_8X8, LEAST_LUMA
from transcoder_native.h264.tables import INDEX_8X8
from transcoder_native.h264.transform_8x8 import PAIR_BYTES, forward_8x8, inverse_8x8, put_column, scaled_8x8
from transcoder_native.runtime import INT, kernel

_ROW_BYTES: Final = 32
_BLOCK_BYTES: Final = 16

RUN_COSTS_8X8: Final = 0x5555_55AA_AAFF
"""What a level of 1 adds to the cost of its block, by the zeros before it, two bits each: 3 of up to three zeros, 2 of
up to eleven, 1 of up to 23, then 0."""


@kernel(INT, INT)
def block_cost_8x8(levels: int, mask: int) -> int:
    """Return what the levels of a block are worth: 0 to 8 for levels of 1, LARGE_COST where one is larger.

    Args:
        levels: address of its first level.
        mask: bit n says that level n of the scan is not 0.
    """
    larger = absolute(words(levels, 8)) >> 1
    for column in range(1, 8):
        larger |= absolute(words(levels + _ROW_BYTES * column, 8)) >> 1
    if nonzero_lanes(larger):
        return LARGE_COST
    cost, after = 0, 0
    while mask:
        index = trailing_zeros(mask)
        cost += RUN_COSTS_8X8 >> 2 * min(index - after, 24) & 3
        after = index + 1
        mask &= mask - 1
    return min(cost, LARGE_COST - 1)


@kernel(INT, INT)
def _by_scan(places: int, tables: int) -> int:
    """Return a mask by the indices of the scan from one by 8 * column + row."""
    mask = 0
    while places:
        mask |= 1 << u8(tables + INDEX_8X8 + trailing_zeros(places))
        places &= places - 1
    return mask


@kernel(INT)
def _zero_block(levels: int) -> None:
    for column in range(8):
        store(levels + _ROW_BYTES * column, filled(0, 8))


@kernel(INT, INT, INT, INT, INT, INT, INT, INT)
def luma_levels_8x8(
    source: int,
    source_stride: int,
    prediction: int,
    prediction_stride: int,
    quantiser: int,
    tables: int,
    levels: int,
    masks: int,
) -> int:
    """Write the levels of the four 8x8 luma blocks of an inter MB, those that are worth their bits.

    Args:
        source: address of 16x16 samples.
        source_stride: bytes from a row to the next.
        prediction: address of 16x16 samples.
        prediction_stride: bytes from a row to the next.
        quantiser: address of the row of QP'Y in ``quantiser.table_8x8``.
        tables: address of ``tables.coder_tables``.
        levels: address of int16 x 256, written.
        masks: address of int64 x 4, written: bit n says that level n of the scan is not 0.

    Returns:
        Bits 4 * b to 4 * b + 3 say that block b has a level other than 0.
    """
    coded, cost = 0, 0
    for pair in range(2):
        s, p = source + 8 * pair * source_stride, prediction + 8 * pair * prediction_stride
        at = levels + PAIR_BYTES * pair
        a, b, c, d, e, f, g, h = forward_8x8(
            samples(s, 16) - samples(p, 16),
            samples(s + source_stride, 16) - samples(p + prediction_stride, 16),
            samples(s + 2 * source_stride, 16) - samples(p + 2 * prediction_stride, 16),
            samples(s + 3 * source_stride, 16) - samples(p + 3 * prediction_stride, 16),
            samples(s + 4 * source_stride, 16) - samples(p + 4 * prediction_stride, 16),
            samples(s + 5 * source_stride, 16) - samples(p + 5 * prediction_stride, 16),
            samples(s + 6 * source_stride, 16) - samples(p + 6 * prediction_stride, 16),
            samples(s + 7 * source_stride, 16) - samples(p + 7 * prediction_stride, 16),
        )
        i, j = put_column(a, quantiser, 0, at), put_column(b, quantiser, 1, at + 32)
        k, m = put_column(c, quantiser, 2, at + 64), put_column(d, quantiser, 1, at + 96)
        n, o = put_column(e, quantiser, 0, at + 128), put_column(f, quantiser, 1, at + 160)
        q, r = put_column(g, quantiser, 2, at + 192), put_column(h, quantiser, 1, at + 224)
        for side in range(2):
            block, shift = 2 * pair + side, 8 * side
            places = (
                (i >> shift & 255) | (j >> shift & 255) << 8 | (k >> shift & 255) << 16 | (m >> shift & 255) << 24
                | (n >> shift & 255) << 32 | (o >> shift & 255) << 40 | (q >> shift & 255) << 48
                | (r >> shift & 255) << 56
            )  # fmt: skip
            mask, worth = 0, 0
            if places:
                mask = _by_scan(places, tables)
                worth = block_cost_8x8(at + _BLOCK_BYTES * side, mask)
                if worth < LEAST_8X8:
                    _zero_block(at + _BLOCK_BYTES * side)
                    mask = 0
                else:
                    cost += worth
                    coded |= 15 << 4 * block
            put_i64(masks + 8 * block, mask)
    if coded and cost < LEAST_LUMA:
        for block in range(4):
            _zero_block(levels + PAIR_BYTES * (block >> 1) + _BLOCK_BYTES * (block & 1))
            put_i64(masks + 8 * block, 0)
        return 0
    return coded


@kernel(INT, INT, INT, INT, INT, INT, INT)
def reconstruct_luma_8x8(
    prediction: int, prediction_stride: int, out: int, out_stride: int, quantiser: int, levels: int, coded: int
) -> None:
    """Write the 16x16 luma samples of an MB whose transform is 8x8.

    Args:
        prediction: address of 16x16 samples.
        prediction_stride: bytes from a row to the next.
        out: address of 16x16 samples, written.
        out_stride: bytes from a row to the next.
        quantiser: address of the row of QP'Y in ``quantiser.table_8x8``.
        levels: address of int16 x 256.
        coded: bits 4 * b to 4 * b + 3 say that block b has a level other than 0.
    """
    for pair in range(2):
        p, o = prediction + 8 * pair * prediction_stride, out + 8 * pair * out_stride
        if coded >> 8 * pair & 255:
            a, b, c, d, e, f, g, h = scaled_8x8(levels + PAIR_BYTES * pair, quantiser)
            a, b, c, d, e, f, g, h = inverse_8x8(a, b, c, d, e, f, g, h)
            store_samples(o, samples(p, 16) + a)
            store_samples(o + out_stride, samples(p + prediction_stride, 16) + b)
            store_samples(o + 2 * out_stride, samples(p + 2 * prediction_stride, 16) + c)
            store_samples(o + 3 * out_stride, samples(p + 3 * prediction_stride, 16) + d)
            store_samples(o + 4 * out_stride, samples(p + 4 * prediction_stride, 16) + e)
            store_samples(o + 5 * out_stride, samples(p + 5 * prediction_stride, 16) + f)
            store_samples(o + 6 * out_stride, samples(p + 6 * prediction_stride, 16) + g)
            store_samples(o + 7 * out_stride, samples(p + 7 * prediction_stride, 16) + h)
        else:
            for row in range(8):
                store(o + row * out_stride, octets(p + row * prediction_stride, 16))
