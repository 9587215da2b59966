"""These functions are the twins of ``kernels.mask``."""

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.reference.macroblock import samples_of


def mask_solid(plane: U8, width: int, mask: U8, value: int, size: int, changed: U8) -> None:
    """Give the masked samples of the marked macroblocks one value."""
    _check(plane, width, mask, 0, plane.shape[0], 0, width)
    if value < 0 or value > 255:
        raise ValueError("value must be 0 to 255")
    hidden = samples_of(changed, plane, width, size) & (mask[:, :width] != 0)
    plane[:, :width][hidden] = value


def mask_pixelate(plane: U8, width: int, mask: U8, block: int, y0: int, y1: int, x0: int, x1: int) -> None:
    """Give the masked samples the mean of their cell."""
    _check(plane, width, mask, y0, y1, x0, x1)
    if block < 1 or block > 4096:
        raise ValueError("block must be 1 to 4096")
    hidden = plane.copy()
    for y in range(0, plane.shape[0], block):
        for x in range(0, width, block):
            cell = plane[y : y + block, x : min(x + block, width)]
            hidden[y : y + block, x : x + block] = (2 * cell.sum(dtype=np.int64) + cell.size) // (2 * cell.size)
    _cover(plane, hidden, mask, y0, y1, x0, x1)


def mask_blur(plane: U8, width: int, mask: U8, radius: int, y0: int, y1: int, x0: int, x1: int) -> None:
    """Give the masked samples the mean of their surroundings, twice over."""
    _check(plane, width, mask, y0, y1, x0, x1)
    if radius < 0 or radius > 1024:
        raise ValueError("radius must be 0 to 1024")
    if width == 0 or plane.shape[0] == 0:
        return
    _cover(plane, _box_mean(_box_mean(plane[:, :width], radius), radius), mask, y0, y1, x0, x1)


def _check(plane: U8, width: int, mask: U8, y0: int, y1: int, x0: int, x1: int) -> None:
    if width > plane.shape[1] or width > mask.shape[1] or mask.shape[0] != plane.shape[0]:
        raise ValueError("plane, mask and width don't fit")
    if y0 < 0 or y0 > y1 or y1 > plane.shape[0] or x0 < 0 or x0 > x1 or x1 > width:
        raise ValueError("the bounds leave the plane")


def _cover(plane: U8, hidden: U8, mask: U8, y0: int, y1: int, x0: int, x1: int) -> None:
    inside = plane[y0:y1, x0:x1]
    inside[:] = np.where(mask[y0:y1, x0:x1] != 0, hidden[y0:y1, x0:x1], inside)


def _box_mean(picture: U8, radius: int) -> U8:
    """Take the mean of the square around each sample, by a summed-area table of the picture and its continued edge."""
    height, width = picture.shape
    side = 2 * radius + 1
    table = np.pad(picture.astype(np.int64), radius, mode="edge").cumsum(axis=0).cumsum(axis=1)
    table = np.pad(table, ((1, 0), (1, 0)))
    total = table[side:, side:] - table[:height, side:] - table[side:, :width] + table[:height, :width]
    mean: U8 = ((2 * total + side * side) // (2 * side * side)).astype(np.uint8)
    return mean
