"""This module draws a frame counter into the picture and reads it back; the counter survives any sane re-encoding.

The counter is one row of 24 square cells in the bottom-left corner of its picture, each `cell_size(width)` pixels wide
and high, at x = 0 and y = the largest multiple of 8 that leaves room for a cell. From the left: white,
black, 16 counter bits with the most significant first (white = 1), 4 check bits, black, white. The check bits are the
exclusive-or of the four counter nibbles and 0b0101, so neither a black nor a white strip reads as a number.
Cells are multiples of 8 pixels, so each is made of whole transform blocks.
"""

import numpy as np
import numpy.typing as npt

COUNTER_BITS = 16
COUNTER_MODULUS = 1 << COUNTER_BITS
CELL_COUNT = 2 + COUNTER_BITS + 4 + 2
BLACK, WHITE = 20, 230
MIN_CONTRAST = 60
"""Least difference between the white and the black sync cells; camera noise and coarse quantisation stay far below."""

_CHECK_SEED = 0b0101


def cell_size(width: int) -> int:
    """Return the edge of one cell in pixels for a picture of this width: a multiple of 8, 8 at 320, 32 at 1280."""
    return 8 * max(1, width // 320)


def _cells(value: int) -> list[int]:
    check = _CHECK_SEED
    for shift in range(0, COUNTER_BITS, 4):
        check ^= value >> shift & 15
    bits = [value >> shift & 1 for shift in range(COUNTER_BITS - 1, -1, -1)]
    return [1, 0, *bits, *(check >> shift & 1 for shift in (3, 2, 1, 0)), 0, 1]


def draw_counter(luma: npt.NDArray[np.uint8], value: int) -> None:
    """Write the counter into a luma plane.

    Args:
        luma: (height, width) uint8, at least 192 wide and 8 high; written in place.
        value: the frame number; taken modulo 65536.
    """
    height, width = luma.shape
    cell = cell_size(width)
    top = (height - cell) // 8 * 8
    for index, bit in enumerate(_cells(value % COUNTER_MODULUS)):
        luma[top : top + cell, index * cell : (index + 1) * cell] = WHITE if bit else BLACK


def read_counter(luma: npt.NDArray[np.uint8], source_size: tuple[int, int] | None = None) -> int | None:
    """Read the counter back.

    Args:
        luma: (height, width) uint8, limited or full range.
        source_size: (height, width) of the picture that the counter was drawn into, if this picture was scaled.

    Returns:
        The frame number modulo 65536, or None if the picture shows no valid counter.
    """
    height, width = luma.shape
    source_height, source_width = source_size or (height, width)
    cell = cell_size(source_width)
    top = (source_height - cell) // 8 * 8
    y_scale, x_scale = height / source_height, width / source_width
    y0, y1 = round((top + cell / 4) * y_scale), round((top + 3 * cell / 4) * y_scale)
    means = []
    for index in range(CELL_COUNT):
        x0, x1 = round((index + 0.25) * cell * x_scale), round((index + 0.75) * cell * x_scale)
        patch = luma[y0:y1, x0:x1]
        if patch.size == 0:
            return None
        means.append(float(patch.mean()))
    if means[0] - means[1] < MIN_CONTRAST:
        return None
    threshold = (means[0] + means[1]) / 2
    bits = [int(mean > threshold) for mean in means]
    value = int("".join(map(str, bits[2 : 2 + COUNTER_BITS])), 2)
    return value if bits == _cells(value) else None
