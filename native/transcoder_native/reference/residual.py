"""These functions are the twins of ``h264.residual`` and ``h264.reconstruct``, from the formulas of clause 8.5."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import I16, U16
from transcoder_native.h264.quantiser import BIAS, FACTOR, NORM_ADJUST
from transcoder_native.reference.operands import Block, Quantiser

I64 = npt.NDArray[np.int64]

FORWARD: Final = np.array([[1, 1, 1, 1], [2, 1, -1, -2], [1, -1, -1, 1], [1, -2, 2, -1]])
HADAMARD: Final = np.array([[1, 1], [1, -1]])
ZIGZAG: Final = (
    (0, 0), (0, 1), (1, 0), (2, 0), (1, 1), (0, 2), (0, 3), (1, 2),
    (2, 1), (3, 0), (3, 1), (2, 2), (1, 3), (2, 3), (3, 2), (3, 3),
)  # fmt: skip
"""(row, column) by index, figure 8-8."""
RUN_COSTS: Final = (3, 2, 2, 1, 1, 1)


def luma_levels(source: Block, prediction: Block, quantiser: Quantiser, levels: I16, masks: U16) -> int:
    """Write the levels of the 16 luma blocks of an inter MB, those that are worth their bits."""
    residual = source.view(16, 16).astype(np.int64) - prediction.view(16, 16)
    costs = []
    for block in range(16):
        levels[block] = _scanned(_quantised(FORWARD @ _block(residual, block) @ FORWARD.T, quantiser))
        masks[block] = _mask(levels[block])
        costs.append(block_cost(levels[block], int(masks[block])))
    for first in range(0, 16, 4):
        if sum(costs[first : first + 4]) < 4:
            levels[first : first + 4] = 0
            costs[first : first + 4] = [0] * 4
    if sum(costs) < 6:
        levels[:] = 0
    return sum(1 << block for block in range(16) if levels[block].any())


def chroma_levels(
    source: Block, prediction: Block, quantiser: Quantiser, levels: I16, dc_levels: I16, masks: U16
) -> int:
    """Write the levels of a chroma plane of an inter MB: four blocks without DC, and the four DC."""
    residual = source.view(8, 8).astype(np.int64) - prediction.view(8, 8)
    dc, cost = np.zeros((2, 2), np.int64), 0
    for block in range(4):
        y, x = divmod(block, 2)
        coefficients = FORWARD @ residual[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] @ FORWARD.T
        dc[y, x] = coefficients[0, 0]
        coefficients[0, 0] = 0
        levels[block] = _scanned(_quantised(coefficients, quantiser))
        masks[block] = _mask(levels[block])
        cost += block_cost(levels[block], int(masks[block]) >> 1)
    if cost < 7:
        levels[:] = 0
    factor, bias = int(quantiser.row[FACTOR // 2]), int(quantiser.row[BIAS // 2])
    transformed = HADAMARD @ dc @ HADAMARD
    dc_levels[:] = (np.sign(transformed) * ((np.abs(transformed) + 2 * bias) * factor >> 17)).ravel()
    return sum(1 << block for block in range(4) if levels[block].any()) | (16 if dc_levels.any() else 0)


def block_cost(levels: I16, mask: int) -> int:
    """Return what the levels of a block are worth: 0 to 8 for levels of 1, 9 where one is larger."""
    if np.abs(levels).max() > 1:
        return 9
    cost, run = 0, 0
    for index in range(16):
        if mask >> index & 1:
            cost += RUN_COSTS[run] if run < len(RUN_COSTS) else 0
            run = 0
        else:
            run += 1
    return min(cost, 8)


def reconstruct_luma(prediction: Block, out: Block, quantiser: Quantiser, levels: I16, coded: int) -> None:
    """Write the 16x16 luma samples of an MB."""
    result = prediction.view(16, 16).astype(np.int64)
    for block in range(16):
        if coded >> block & 1:
            _block(result, block)[:] += inverse(_scaled(levels[block], quantiser.qp))
    out.view(16, 16)[:] = result.clip(0, 255)


def reconstruct_chroma(
    prediction: Block, out: Block, quantiser: Quantiser, levels: I16, dc_levels: I16, coded: int
) -> None:
    """Write the 8x8 samples of a chroma plane of an MB."""
    result = prediction.view(8, 8).astype(np.int64)
    dc = HADAMARD @ dc_levels.astype(np.int64).reshape(2, 2) @ HADAMARD
    dc = ((dc * _level_scale(quantiser.qp)[0, 0]) << quantiser.qp // 6) >> 5  # equation 8-330
    for block in range(4 if coded else 0):
        y, x = divmod(block, 2)
        coefficients = _scaled(levels[block], quantiser.qp)
        coefficients[0, 0] = dc[y, x]
        result[4 * y : 4 * y + 4, 4 * x : 4 * x + 4] += inverse(coefficients)
    out.view(8, 8)[:] = result.clip(0, 255)


def inverse(scaled: I64) -> I64:
    """Return the residual of a block of scaled coefficients (clause 8.5.12.2), each row first and then each column."""
    rows = np.array([_inverse(row) for row in scaled])
    columns = np.array([_inverse(column) for column in rows.T]).T
    return (columns + 32) >> 6


def _inverse(d: Sequence[int] | I64) -> list[int]:
    e0, e1, e2, e3 = d[0] + d[2], d[0] - d[2], (d[1] >> 1) - d[3], d[1] + (d[3] >> 1)
    return [e0 + e3, e1 + e2, e1 - e2, e0 - e3]


def _level_scale(qp: int) -> I64:
    """Return LevelScale4x4 (clause 8.5.9) with flat scaling matrices."""
    even, odd, mixed = NORM_ADJUST[qp % 6]
    places = [[even if (i | j) % 2 == 0 else odd if i & j & 1 else mixed for j in range(4)] for i in range(4)]
    return 16 * np.array(places)


def _scaled(levels: I16, qp: int) -> I64:
    """Return scaled coefficients (equations 8-336 and 8-337)."""
    coefficients = np.zeros((4, 4), np.int64)
    for place, level in zip(ZIGZAG, levels, strict=True):
        coefficients[place] = level
    products = coefficients * _level_scale(qp)
    return products << qp // 6 - 4 if qp >= 24 else (products + (1 << 3 - qp // 6)) >> 4 - qp // 6


def _quantised(coefficients: I64, quantiser: Quantiser) -> I64:
    columns = quantiser.row.astype(np.uint16).astype(np.int64)
    factors, biases = (
        np.array([columns[(offset + 32 * (j % 2)) // 2 :][:4] for j in range(4)]).T for offset in (FACTOR, BIAS)
    )
    result: I64 = np.sign(coefficients) * ((np.abs(coefficients) + biases) * factors >> 16)
    return result


def _block(samples: I64, block: int) -> I64:
    """Return the place of a luma block by luma4x4BlkIdx (figure 6-10)."""
    x = 8 * (block >> 2 & 1) + 4 * (block & 1)
    y = 8 * (block >> 3) + 4 * (block >> 1 & 1)
    return samples[y : y + 4, x : x + 4]


def _scanned(levels: I64) -> list[int]:
    return [int(levels[place]) for place in ZIGZAG]


def _mask(levels: I16) -> int:
    return sum(1 << index for index, level in enumerate(levels) if level)
