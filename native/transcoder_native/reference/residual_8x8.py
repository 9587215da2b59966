"""These functions are the twins of ``h264.residual_8x8``, from the formulas of clauses 8.5.7 to 8.5.13."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import I16, U8
from transcoder_native.h264.quantiser import BIAS_8X8, FACTOR_8X8, NORM_ADJUST_8X8
from transcoder_native.reference.operands import Block, Quantiser8x8

I64 = npt.NDArray[np.int64]


def scan() -> list[tuple[int, int]]:
    """Return row and column by the index of the zigzag scan: up the even diagonals, down the odd ones."""
    places = []
    for diagonal in range(15):
        rows = [row for row in range(8) if 0 <= diagonal - row < 8]
        places += [(row, diagonal - row) for row in (rows if diagonal % 2 else rows[::-1])]
    return places


def luma_levels_8x8(
    source: Block, prediction: Block, quantiser: Quantiser8x8, _tables: U8, levels: I16, masks: I64
) -> int:
    """Write the levels of the four 8x8 luma blocks of an inter MB, those that are worth their bits."""
    residual = source.view(16, 16).astype(np.int64) - prediction.view(16, 16)
    costs = []
    for block in range(4):
        y, x = divmod(block, 2)
        found = _quantised(_forward(residual[8 * y : 8 * y + 8, 8 * x : 8 * x + 8]), quantiser)
        scanned = [int(found[place]) for place in scan()]
        worth = _cost(scanned)
        if worth < 4:
            found[:], scanned, worth = 0, [0] * 64, 0
        costs.append(worth)
        _of(levels, block)[:] = found
        masks[block] = _mask(scanned)
    if sum(costs) < 6:
        levels[:] = 0
        masks[:] = 0
    return sum(15 << 4 * block for block in range(4) if masks[block])


def block_cost_8x8(levels: I16, mask: int) -> int:
    """Return what the levels of a block, the left one of two, are worth."""
    here = [place for index, place in enumerate(scan()) if mask >> index & 1]
    return _cost([int(levels.reshape(8, 16)[column, row]) if (row, column) in here else 0 for row, column in scan()])


def reconstruct_luma_8x8(prediction: Block, out: Block, quantiser: Quantiser8x8, levels: I16, coded: int) -> None:
    """Write the 16x16 luma samples of an MB whose transform is 8x8."""
    result = prediction.view(16, 16).astype(np.int64)
    for block in range(4):
        if coded >> 4 * block & 1:
            y, x = divmod(block, 2)
            result[8 * y : 8 * y + 8, 8 * x : 8 * x + 8] += _inverse(_scaled(_of(levels, block), quantiser.qp))
    out.view(16, 16)[:] = result.clip(0, 255)


def _of(levels: I16, block: int) -> I16:
    """Return the levels of a block by row and column."""
    return levels.reshape(2, 8, 2, 8)[block >> 1, :, block & 1, :].T


def _cost(scanned: list[int]) -> int:
    """Return 3, 2 or 1 for each level of 1 with up to 3, 11 or 23 zeros before it, at most 8; 9 for a larger level."""
    if max(map(abs, scanned)) > 1:
        return 9
    cost, run = 0, 0
    for level in scanned:
        if level:
            cost += 3 if run < 4 else 2 if run < 12 else 1 if run < 24 else 0
            run = 0
        else:
            run += 1
    return min(cost, 8)


def _mask(scanned: list[int]) -> int:
    bits = sum(1 << index for index, level in enumerate(scanned) if level)
    return bits - (bits >> 63 << 64)


def _quantised(coefficients: I64, quantiser: Quantiser8x8) -> I64:
    words = quantiser.row.astype(np.uint16).astype(np.int64)
    kinds = [0, 1, 2, 1, 0, 1, 2, 1]  # of columns
    factors, biases = (
        np.array([words[(offset + 32 * kind) // 2 :][:8] for kind in kinds]).T for offset in (FACTOR_8X8, BIAS_8X8)
    )
    result: I64 = np.sign(coefficients) * ((np.abs(coefficients) + biases) * factors >> 16)
    return result


def _level_scale(qp: int) -> I64:
    """Return LevelScale8x8 (equation 8-318) with flat scaling matrices."""
    v = NORM_ADJUST_8X8[qp % 6]
    scales = np.zeros((8, 8), np.int64)
    for i in range(8):
        for j in range(8):
            if i % 4 == 0 and j % 4 == 0:
                step = v[0]
            elif i % 2 == 1 and j % 2 == 1:
                step = v[1]
            elif i % 4 == 2 and j % 4 == 2:
                step = v[2]
            elif (i % 4 == 0 and j % 2 == 1) or (i % 2 == 1 and j % 4 == 0):
                step = v[3]
            elif (i % 4 == 0 and j % 4 == 2) or (i % 4 == 2 and j % 4 == 0):
                step = v[4]
            else:
                step = v[5]
            scales[i, j] = 16 * step
    return scales


def _scaled(levels: I16, qp: int) -> I64:
    """Return scaled coefficients (equations 8-356 and 8-357)."""
    products = levels.astype(np.int64) * _level_scale(qp)
    return products << qp // 6 - 6 if qp >= 36 else (products + (1 << 5 - qp // 6)) >> 6 - qp // 6


def _inverse(scaled: I64) -> I64:
    """Return the residual of a block (clause 8.5.13), each row first and then each column."""
    rows = np.array([_inverse_line(row) for row in scaled])
    return (np.array([_inverse_line(column) for column in rows.T]).T + 32) >> 6


def _inverse_line(d: Sequence[int] | I64) -> list[int]:
    a = [
        d[0] + d[4],
        -d[3] + d[5] - d[7] - (d[7] >> 1),
        d[0] - d[4],
        d[1] + d[7] - d[3] - (d[3] >> 1),
        (d[2] >> 1) - d[6],
        -d[1] + d[7] + d[5] + (d[5] >> 1),
        d[2] + (d[6] >> 1),
        d[3] + d[5] + d[1] + (d[1] >> 1),
    ]
    b = [
        a[0] + a[6], a[1] + (a[7] >> 2), a[2] + a[4], a[3] + (a[5] >> 2),
        a[2] - a[4], (a[3] >> 2) - a[5], a[0] - a[6], a[7] - (a[1] >> 2),
    ]  # fmt: skip
    return [b[0] + b[7], b[2] + b[5], b[4] + b[3], b[6] + b[1], b[6] - b[1], b[4] - b[3], b[2] - b[5], b[0] - b[7]]


def _forward(residual: I64) -> I64:
    """Return the coefficients of a block, each column first and then each row."""
    columns = np.array([_forward_line(column) for column in residual.T]).T
    return np.array([_forward_line(row) for row in columns])


def _forward_line(x: I64) -> list[int]:
    """Return a line's coefficients: products with the basis functions of the inverse, with shifts for fractions."""
    s, t = x[:4] + x[:3:-1], x[:4] - x[:3:-1]
    odd = [
        t[1] + t[2] + t[0] + (t[0] >> 1),
        t[0] - t[3] - t[2] - (t[2] >> 1),
        t[0] + t[3] - t[1] - (t[1] >> 1),
        t[1] - t[2] + t[3] + (t[3] >> 1),
    ]
    outer, inner, far, near = s[0] + s[3], s[1] + s[2], s[0] - s[3], s[1] - s[2]
    return [
        outer + inner, odd[0] + (odd[3] >> 2), far + (near >> 1), odd[1] + (odd[2] >> 2),
        outer - inner, odd[2] - (odd[1] >> 2), (far >> 1) - near, (odd[0] >> 2) - odd[3],
    ]  # fmt: skip
