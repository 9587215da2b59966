"""The arithmetic coder against the standard's procedure, bit by bit."""

import numpy as np
import pytest

from transcoder_native.h264 import cabac, tables
from transcoder_native.reference.cabac import ArithmeticEncoder


def encoded(bins, qp, idc, pieces):
    states = tables.context_states(qp, idc).copy()
    coder_tables = tables.coder_tables()
    out = np.zeros(4 * len(bins) + 64, np.uint8)
    state = np.array([0, cabac.FIRST_RANGE, 0, out.ctypes.data], np.int64)
    for piece in map(np.ascontiguousarray, np.array_split(bins, pieces)):
        cabac.encode_bins(
            piece.ctypes.data, len(piece), states.ctypes.data, coder_tables.ctypes.data, state.ctypes.data
        )
    cabac.finish(state.ctypes.data)
    return out[: int(state[cabac.CURSOR]) - out.ctypes.data].tobytes(), states


@pytest.mark.parametrize("seed", range(40))
def test_the_bytes_are_those_of_the_standard(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 3000))
    kinds = random.choice([11, 60, 105, 227, 275, tables.TERMINATE, tables.BYPASS], count)
    contexts = np.where(kinds < tables.TERMINATE, np.minimum(kinds + random.integers(0, 40, count), 275), kinds)
    values = random.random(count) < random.choice([0.02, 0.5, 0.98])
    bins = (2 * contexts + np.where(contexts == tables.TERMINATE, 0, values)).astype(np.uint16)
    qp, idc = int(random.integers(0, 52)), int(random.integers(0, 3))
    twin = ArithmeticEncoder(tables.context_states(qp, idc).copy())
    twin.encode(bins)
    data, states = encoded(bins, qp, idc, int(random.integers(1, 5)))
    assert data == twin.finish()
    np.testing.assert_array_equal(states, twin.states)


@pytest.mark.parametrize("value", [0, 1])
def test_a_carry_runs_through_many_bytes(value):
    bins = np.full(4000, 2 * tables.BYPASS + value, np.uint16)
    twin = ArithmeticEncoder(tables.context_states(26, 0).copy())
    twin.encode(bins)
    assert encoded(bins, 26, 0, 1)[0] == twin.finish()


def test_states_begin_as_the_standard_says():
    states = tables.context_states(26, 0)
    # mb_skip_flag, ctxIdx 11 and 12 of table 9-13: (23, 33) and (23, 2), 9.3.1.1 by hand
    assert states[11] == 2 * (70 - 64) + 1
    assert states[12] == 2 * (63 - 39)
    # transform_size_8x8_flag, ctxIdx 399: (12, 40), and coeff_abs_level_minus1 of 8x8 blocks, 435: (-8, 76)
    assert states[399] == 2 * (63 - 59)
    assert states[435] == 2 * (63 - 63)


def test_the_scan_of_an_8x8_block_is_the_zigzag():
    scan = tables.coder_tables()[tables.SCAN_8X8 : tables.SCAN_8X8 + 64]
    # figure 8-8 b: column and row
    first = [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (2, 0), (3, 0), (2, 1), (1, 2), (0, 3), (0, 4)]
    assert [divmod(int(place), 8) for place in scan[:11]] == first
    assert [divmod(int(place), 8) for place in scan[-4:]] == [(7, 5), (7, 6), (6, 7), (7, 7)]
    assert sorted(scan.tolist()) == list(range(64))
