"""This function is the twin of ``h264.search``."""

from typing import Final

import numpy as np

from transcoder_native.arrays import I16
from transcoder_native.reference import interpolate
from transcoder_native.reference.operands import I32, Block, Scratch

MAX_STEPS: Final = 12
HEXAGON: Final = ((-2, 0), (-1, -2), (1, -2), (2, 0), (1, 2), (-1, 2))
SQUARE: Final = ((-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1))
DIAMOND: Final = ((-1, 0), (1, 0), (0, -1), (0, 1))


class _Costs:
    """Remembers the vector of the lowest cost, in quarter samples; of equal ones the first."""

    def __init__(self, source: Block, reference: Block, mvp: tuple[int, int], rate: int) -> None:
        self._source, self._reference, self._mvp, self._rate = source, reference, mvp, rate
        self.best, self.vector = 1 << 40, (0, 0)

    def try_vector(self, x: int, y: int) -> bool:
        """Return whether a vector costs less than all before."""
        prediction = interpolate.luma(self._reference, x, y).astype(np.int64)
        cost = int(np.abs(prediction - self._source.view(16, 16)).sum())
        cost += self._rate * (_bits(x - self._mvp[0]) + _bits(y - self._mvp[1]))
        if cost >= self.best:
            return False
        self.best, self.vector = cost, (x, y)
        return True


def _bits(mvd: int) -> int:
    """Return the length of se(v) (section 9.1)."""
    code_number = 2 * mvd - 1 if mvd > 0 else -2 * mvd
    return 2 * (code_number + 1).bit_length() - 1


def search(
    source: Block,
    reference: Block,
    candidates: I16,
    count: int,
    mvp_x: int,
    mvp_y: int,
    rate: int,
    limits: I32,
    prediction: Block,
    halves: Scratch,
) -> int:
    """Find a vector of low cost, and write the luma samples that it predicts."""
    del halves
    least_x, largest_x, least_y, largest_y = map(int, limits)
    costs = _Costs(source, reference, (mvp_x, mvp_y), rate)

    def try_whole(x: int, y: int) -> bool:
        within = least_x <= x <= largest_x and least_y <= y <= largest_y
        return within and costs.try_vector(4 * x, 4 * y)

    try_whole(0, 0)
    for x, y in candidates[:count].tolist():
        try_whole(min(max((x + 2) >> 2, least_x), largest_x), min(max((y + 2) >> 2, least_y), largest_y))
    corners = list(range(6))
    for _ in range(MAX_STEPS):
        x, y = costs.vector[0] // 4, costs.vector[1] // 4
        better = [corner for corner in corners if try_whole(x + HEXAGON[corner][0], y + HEXAGON[corner][1])]
        if not better:
            break
        corners = [(better[-1] + turn) % 6 for turn in (-1, 0, 1)]
    x, y = costs.vector[0] // 4, costs.vector[1] // 4
    for dx, dy in SQUARE:
        try_whole(x + dx, y + dy)
    whole_x, whole_y = costs.vector
    for step in (2, 2, 1, 1):
        x, y = costs.vector
        for dx, dy in DIAMOND:
            if abs(x + step * dx - whole_x) < 4 and abs(y + step * dy - whole_y) < 4:
                costs.try_vector(x + step * dx, y + step * dy)
    x, y = costs.vector
    prediction.view(16, 16)[:] = interpolate.luma(reference, x, y)
    return costs.best << 32 | (y & 0xFFFF) << 16 | (x & 0xFFFF)
