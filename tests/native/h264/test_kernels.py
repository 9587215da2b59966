"""Every kernel of macroblocks against its twin, bit for bit, memory around what it writes included."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import NumbaWarning

with warnings.catch_warnings():
    warnings.simplefilter("error", NumbaWarning)  # a function that can't be cached is told of in no other way
    from transcoder_native import macroblock_registry

from tests.support.examples import examples
from transcoder_native.cases import Source
from transcoder_native.h264 import quantiser, reconstruct, residual, residual_8x8, tables, zero_bound
from transcoder_native.reference import residual as residual_twin
from transcoder_native.reference.operands import Block, Picture, Quantiser, Quantiser8x8, lowered

ENTRIES = [pytest.param(entry, id=name) for name, entry in macroblock_registry.ENTRIES.items()]


def memory_of(arguments):
    for argument in arguments:
        if isinstance(argument, Block):
            yield argument.plane
        elif isinstance(argument, Quantiser | Quantiser8x8):
            yield argument.row
        elif isinstance(argument, Picture):
            yield from (*argument.planes, argument.kind, argument.mv, argument.coded_blocks)
        elif isinstance(argument, np.ndarray):
            yield argument


@pytest.mark.parametrize("entry", ENTRIES)
@given(seed=st.integers(0, 2**32))
@examples(150)
def test_kernel_equals_twin(entry, seed):
    arguments = entry.case(Source(seed))
    for_twin = copy.deepcopy(arguments)
    assert entry.kernel(*lowered(arguments)) == entry.twin(*for_twin)
    for ours, twins in zip(memory_of(arguments), memory_of(for_twin), strict=True):
        np.testing.assert_array_equal(ours, twins)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_kernel_takes_numbers_only_and_is_compiled_once(entry):
    assert len(entry.kernel.signatures) == 1
    assert {str(kind) for kind in entry.kernel.signatures[0]} == {"int64"}
    assert entry.kernel.targetoptions["nogil"]
    with pytest.raises(TypeError):
        entry.kernel(*(np.zeros(1, np.int64) for _ in lowered(entry.case(Source(1)))))


@pytest.mark.parametrize("qp", range(52))
def test_what_is_certainly_zero_has_no_level(qp):
    """Residuals of any sign at the bound, also those that add up in the coefficient of the largest weight."""
    row = Quantiser.of(qp)
    bound = int(row.row[quantiser.ZERO_SAD // 2])
    random = np.random.default_rng(qp)
    prediction = np.full((16, 16), 128, np.uint8)
    masks = np.zeros(16, np.uint16)
    weights = [np.sign(np.outer(a, b)) for a in residual_twin.FORWARD for b in residual_twin.FORWARD]
    for signs in [*random.choice([-1, 1], (40, 4, 4)), *weights]:
        sizes = np.bincount(random.choice([0, 3, 5, 5, 5, 6, 9, 10, 15], bound), minlength=16).reshape(4, 4)
        source = (prediction + np.tile(sizes * signs, (4, 4))).clip(0, 255).astype(np.uint8)
        levels = np.zeros((16, 16), np.int16)
        one, other = Block(source, 0, 0), Block(prediction, 0, 0)
        assert zero_bound.luma_is_zero(*lowered((one, other, row)))
        assert (
            zero_bound.chroma_is_zero(*lowered((one, other, row)))
            or sizes.sum() * 4 > row.row[quantiser.ZERO_SAD // 2 + 1]
        )
        residual.luma_levels(*lowered((one, other, row, levels, masks)))
        assert not masks.any()
        if zero_bound.chroma_is_zero(*lowered((one, other, row))):
            dc = np.zeros(4, np.int16)
            assert not residual.chroma_levels(*lowered((one, other, row, levels, dc, masks)))


@pytest.mark.parametrize("qp", range(0, 52, 3))
def test_what_is_reconstructed_is_near_the_source(qp):
    """The error of a coefficient is below a quantiser step (0.625 * 2 ** (QP / 6), section 8.5.9)."""
    random = np.random.default_rng(qp)
    step = 0.625 * 2 ** (qp / 6)
    source, prediction = (Block(random.integers(60, 196, (16, 16), dtype=np.uint8), 0, 0) for _ in range(2))
    out, levels, masks = (
        Block(np.zeros((16, 16), np.uint8), 0, 0),
        np.zeros((16, 16), np.int16),
        np.zeros(16, np.uint16),
    )
    row = Quantiser.of(qp)
    coded = residual.luma_levels(*lowered((source, prediction, row, levels, masks)))
    reconstruct.reconstruct_luma(*lowered((prediction, out, row, levels, coded)))
    error = np.abs(out.plane.astype(int) - source.plane)
    assert np.sqrt((error**2).mean()) < max(step, 1)


@pytest.mark.parametrize("qp", range(quantiser.LEAST_QP_8X8, 52, 3))
def test_what_is_reconstructed_by_the_8x8_transform_is_near_the_source(qp):
    """A quantiser step is as large as with 4x4 blocks."""
    random = np.random.default_rng(qp)
    source, prediction = (Block(random.integers(60, 196, (16, 16), dtype=np.uint8), 0, 0) for _ in range(2))
    out, levels = Block(np.zeros((16, 16), np.uint8), 0, 0), np.zeros((16, 16), np.int16)
    row, scan, masks = Quantiser8x8.of(qp), tables.coder_tables(), np.zeros(4, np.int64)
    coded = residual_8x8.luma_levels_8x8(*lowered((source, prediction, row, scan, levels, masks)))
    residual_8x8.reconstruct_luma_8x8(*lowered((prediction, out, row, levels, coded)))
    error = np.abs(out.plane.astype(int) - source.plane)
    assert np.sqrt((error**2).mean()) < 0.625 * 2 ** (qp / 6)


def test_the_cases_of_deblocking_meet_every_strength():
    """Otherwise equality with the twin would say little."""
    changed, strengths = 0, set()
    for seed in range(30):
        case = macroblock_registry.ENTRIES["deblock"].case(Source(seed))
        picture = case[0]
        before = picture.inside(0).copy()
        macroblock_registry.ENTRIES["deblock"].kernel(*lowered(case))
        changed += int((picture.inside(0) != before).any())
        strengths |= {int(kind) for kind in picture.kind} | {bool(np.abs(picture.mv).max() > 3)}
    assert changed > 12
    assert strengths >= {0, 1, 2, 3}


def test_a_single_level_far_from_dc_is_not_worth_its_bits():
    row = Quantiser.of(26)
    basis = np.outer(residual_twin.FORWARD[2], residual_twin.FORWARD[3])  # index 13 of the zigzag scan
    source = np.full((16, 16), 128, np.uint8)
    source[:4, :4] = 128 + 2 * basis
    prediction, levels, masks = np.full((16, 16), 128, np.uint8), np.zeros((16, 16), np.int16), np.zeros(16, np.uint16)
    arguments = lowered((Block(source, 0, 0), Block(prediction, 0, 0), row, levels, masks))
    assert residual.luma_levels(*arguments) == 0
    assert masks[0] == 1 << 13
    assert not levels.any()
    source[:4, :4] = 128 + 12 * basis
    assert residual.luma_levels(*arguments) == 1
    assert abs(levels[0, 13]) > 1
