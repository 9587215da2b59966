"""This module makes arguments for the kernels of macroblocks, from a source of chance."""

from typing import Any, Final

import numpy as np

from transcoder_native.arrays import I16, U8
from transcoder_native.cases import Source
from transcoder_native.h264.layout import INTER, INTRA4, INTRA16, SKIP, TRANSFORM_8X8, Geometry
from transcoder_native.h264.quantiser import LEAST_QP_8X8, QP_MAX
from transcoder_native.h264.tables import chroma_qp, coder_tables, deblocking_thresholds
from transcoder_native.reference import interpolate, residual, residual_8x8
from transcoder_native.reference.operands import Block, Picture, Quantiser, Quantiser8x8, Scratch

HALF_ROWS: Final = 18
HALF_STRIDE: Final = 32
SIDE: Final = 80
"""Samples: the side of a plane. A block of 16x16 has 22 samples before it and 38 behind it."""

REACH: Final = 70
"""Quarter samples: the largest part of a vector, with which blocks and what is read around them stay in a plane."""


def plane(source: Source) -> U8:
    """Return a plane of noise, of 0 and 255 only, of one value, or of soft edges as pictures have them."""
    random, shape = source.random, (SIDE, SIDE)
    match source.integer(0, 5):
        case 0:
            return random.integers(0, 256, shape, dtype=np.uint8)
        case 1:
            return (random.integers(0, 2, shape) * 255).astype(np.uint8)
        case 2:
            return np.full(shape, random.choice([0, 128, 255]), np.uint8)
        case _:
            steps = random.integers(-6, 7, shape).cumsum(axis=source.integer(0, 1))
            return (source.integer(0, 255) + steps).clip(0, 255).astype(np.uint8)


def place(source: Source, samples: U8) -> Block:
    """Return a block anywhere in a plane, with room for vectors up to REACH."""
    return Block(samples, source.integer(26, 30), source.integer(22, 26))


def blocks(source: Source) -> tuple[Any, ...]:
    """Return (one, other): blocks of two planes that are unlike each other, or like each other but for some noise."""
    one = plane(source)
    first = place(source, one)
    if source.integer(0, 2) == 0:
        return first, place(source, plane(source))
    noise = source.random.normal(0, source.random.uniform(0, 12), one.shape)
    return first, Block((one + noise).clip(0, 255).astype(np.uint8), first.y, first.x)


def quantiser(source: Source) -> Quantiser:
    """Return the numbers of any QP."""
    return Quantiser.of(source.integer(0, QP_MAX))


def compared(source: Source) -> tuple[Any, ...]:
    """Return (one, other, quantiser)."""
    return *blocks(source), quantiser(source)


def luma_levels(source: Source) -> tuple[Any, ...]:
    """Return (source, prediction, quantiser, levels, masks)."""
    return *compared(source), _levels(16), np.zeros(16, np.uint16)


def chroma_levels(source: Source) -> tuple[Any, ...]:
    """Return (source, prediction, quantiser, levels, dc_levels, masks)."""
    return *compared(source), _levels(4), _levels(1)[0, :4].copy(), np.zeros(4, np.uint16)


def cost(source: Source) -> tuple[Any, ...]:
    """Return (levels, mask) of a block with few levels."""
    levels: I16 = source.random.choice(np.array([-1, 0, 0, 0, 0, 1], np.int16), 16)
    if source.integer(0, 3) == 0:
        levels[source.integer(0, 15)] = source.integer(-1500, 1500)
    return levels, sum(1 << index for index in range(16) if levels[index])


def reconstructed_luma(source: Source) -> tuple[Any, ...]:
    """Return (prediction, out, quantiser, levels, coded), the levels those of a residual as clause 8.5.12 demands."""
    one, other, numbers, levels, masks = luma_levels(source)
    coded = residual.luma_levels(one, other, numbers, levels, masks)
    return other, place(source, plane(source)), numbers, levels, coded


def reconstructed_chroma(source: Source) -> tuple[Any, ...]:
    """Return (prediction, out, quantiser, levels, dc_levels, coded)."""
    one, other, numbers, levels, dc_levels, masks = chroma_levels(source)
    coded = residual.chroma_levels(one, other, numbers, levels, dc_levels, masks)
    return other, place(source, plane(source)), numbers, levels, dc_levels, coded


def luma_levels_8x8(source: Source) -> tuple[Any, ...]:
    """Return (source, prediction, quantiser, tables, levels, masks)."""
    numbers = Quantiser8x8.of(source.integer(LEAST_QP_8X8, QP_MAX))
    return *blocks(source), numbers, coder_tables(), _levels(16), np.full(4, 77, np.int64)


def cost_8x8(source: Source) -> tuple[Any, ...]:
    """Return (levels, mask) of a block with few levels, the left one of two."""
    levels: I16 = source.random.choice(np.array([-1, *[0] * 12, 1], np.int16), (8, 16))
    if source.integer(0, 3) == 0:
        levels[source.integer(0, 7), source.integer(0, 7)] = source.integer(-1500, 1500)
    bits = sum(1 << index for index, (row, column) in enumerate(residual_8x8.scan()) if levels[column, row])
    return levels, bits - (bits >> 63 << 64)


def reconstructed_luma_8x8(source: Source) -> tuple[Any, ...]:
    """Return (prediction, out, quantiser, levels, coded), the levels those of a residual as clause 8.5.13 demands."""
    one, other, numbers, tables, levels, masks = luma_levels_8x8(source)
    coded = residual_8x8.luma_levels_8x8(one, other, numbers, tables, levels, masks)
    return other, place(source, plane(source)), numbers, levels, coded


def half_samples(source: Source) -> tuple[Any, ...]:
    """Return (reference, out)."""
    return place(source, plane(source)), np.zeros((3, HALF_ROWS, HALF_STRIDE), np.uint8)


def predicted_luma(source: Source) -> tuple[Any, ...]:
    """Return (reference, mv_x, mv_y, out, halves)."""
    out = place(source, plane(source))
    halves = Scratch(np.zeros(3 * HALF_ROWS * HALF_STRIDE, np.uint8))
    return place(source, plane(source)), *_vector(source), out, halves


def averaged(source: Source) -> tuple[Any, ...]:
    """Return (source, one, other)."""
    return *blocks(source), place(source, plane(source))


def searched(source: Source) -> tuple[Any, ...]:
    """Return (source, reference, candidates, count, mvp_x, mvp_y, rate, limits, prediction, halves).

    The source has often moved from the reference, by quarter samples at times, and has noise of its own.
    """
    reference = place(source, plane(source))
    moved = plane(source)
    block = Block(moved, source.integer(0, 40), source.integer(0, 40))
    if source.integer(0, 3):
        predicted = interpolate.luma(reference, source.integer(-40, 40), source.integer(-40, 40))
        noise = source.random.normal(0, source.integer(0, 4), (16, 16))
        block.view(16, 16)[:] = (predicted + noise).clip(0, 255)
    candidates = source.random.integers(-60, 60, (4, 2)).astype(np.int16)
    least, largest = -source.integer(0, REACH // 4), source.integer(0, REACH // 4)
    limits = np.array([least, largest, -source.integer(0, REACH // 4), source.integer(0, REACH // 4)], np.int32)
    halves = Scratch(np.zeros(3 * HALF_ROWS * HALF_STRIDE, np.uint8))
    found = place(source, plane(source)), halves
    return block, reference, candidates, source.integer(0, 4), *_vector(source), source.integer(0, 30), limits, *found


def edged(source: Source) -> tuple[Any, ...]:
    """Return (picture, mbs, count, out)."""
    picture = _picture(source)
    inside = picture.geometry.inside()
    listed = inside[source.random.random(len(inside)) < source.random.random()]
    return picture, np.append(listed, np.int32(0)), len(listed), np.zeros(len(inside), np.int32)


def deblocked(source: Source) -> tuple[Any, ...]:
    """Return (picture, mbs, count, thresholds, touched)."""
    picture = _picture(source)
    mbs = picture.geometry.inside()
    qp = source.integer(0, QP_MAX)
    thresholds = np.concatenate([deblocking_thresholds(qp), deblocking_thresholds(chroma_qp(qp))])
    return picture, mbs, len(mbs), thresholds, np.zeros(picture.geometry.mb_slots, np.uint8)


def _picture(source: Source) -> Picture:
    """Return a picture of a few MBs that are skipped, coded, moved or intra, and whose blocks differ a little."""
    random = source.random
    picture = Picture(Geometry(16 * source.integer(1, 3), 16 * source.integer(1, 3)))
    spread = source.integer(1, 60)
    for plane in range(3):
        samples = picture.inside(plane)
        levels = random.integers(0, 255) + random.integers(-spread, spread + 1, (20, 20))
        soft = np.kron(levels, np.ones((4, 4), np.int64))[: samples.shape[0], : samples.shape[1]]
        samples[:] = (soft + random.integers(-3, 4, samples.shape)).clip(0, 255)
    for mb in picture.geometry.inside():
        picture.kind[mb] = random.choice([SKIP, INTER, INTER, INTRA16, INTRA4], p=[0.3, 0.3, 0.3, 0.05, 0.05])
        if picture.kind[mb] != SKIP:
            picture.coded_blocks[mb] = random.integers(0, 1 << 26) & random.integers(0, 1 << 26)
        if picture.kind[mb] == INTER and random.integers(0, 2):
            luma = sum(15 << 4 * block for block in range(4) if picture.coded_blocks[mb] >> 4 * block & 1)
            picture.coded_blocks[mb] = 1 << TRANSFORM_8X8 | picture.coded_blocks[mb] >> 16 << 16 | luma
        if picture.kind[mb] == INTER:
            picture.mv[mb] = random.integers(-5, 6, 2)
    return picture


def predicted_chroma(source: Source) -> tuple[Any, ...]:
    """Return (reference, mv_x, mv_y, out)."""
    return place(source, plane(source)), *_vector(source), place(source, plane(source))


def _vector(source: Source) -> tuple[int, int]:
    return source.integer(-REACH, REACH), source.integer(-REACH, REACH)


def _levels(blocks: int) -> I16:
    """Return room for levels that holds others, as those of the MB before do."""
    return np.full((blocks, 16), 77, np.int16)
