"""These kernels hide the masked pixels of a plane.

A mask has the resolution of its plane: 0 shows a pixel, any other value hides the pixel. ``y0, y1, x0, x1`` are the
half-open bounds inside which a kernel looks, so that a small mask costs little; a solid mask is drawn by macroblocks.
All kernels change the plane in place.
"""

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.kernels.macroblock import check_map, run_end
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, kernel


@kernel(PLANE, INT, PLANE, INT, INT, INT, INT)
def _check(plane: U8, width: int, mask: U8, y0: int, y1: int, x0: int, x1: int) -> None:
    if width > plane.shape[1] or width > mask.shape[1] or mask.shape[0] != plane.shape[0]:
        raise ValueError("plane, mask and width don't fit")
    if y0 < 0 or y0 > y1 or y1 > plane.shape[0] or x0 < 0 or x0 > x1 or x1 > width:
        raise ValueError("the bounds leave the plane")


@kernel(OUT_PLANE, INT, PLANE, INT, INT, PLANE)
def mask_solid(plane: U8, width: int, mask: U8, value: int, size: int, changed: U8) -> None:
    """Give the masked pixels of the marked macroblocks one value.

    Args:
        plane: (height, stride) uint8, changed.
        width: samples in a row.
        mask: (height, mask_stride) uint8, not 0 where a pixel is hidden.
        value: 0 to 255.
        size: samples of a macroblock's side in this plane, 8 or 16.
        changed: (ceil(height / size), ceil(width / size)) uint8, not 0 where a macroblock is looked at.

    Raises:
        ValueError: the shapes don't fit, or the value is out of range.
    """
    _check(plane, width, mask, 0, plane.shape[0], 0, width)
    check_map(plane, width, size, changed)
    if value < 0 or value > 255:
        raise ValueError("value must be 0 to 255")
    sample = np.uint8(value)
    for row in range(changed.shape[0]):
        end = min(row * size + size, plane.shape[0])
        last = 0
        while True:
            first = run_end(changed, row, last, 0)
            if first == changed.shape[1]:
                break
            last = run_end(changed, row, first, 1)
            for y in range(row * size, end):
                for x in range(np.uint64(first * size), np.uint64(min(last * size, width))):
                    plane[y, x] = sample if mask[y, x] else plane[y, x]


@kernel(OUT_PLANE, INT, PLANE, INT, INT, INT, INT, INT)
def mask_pixelate(plane: U8, width: int, mask: U8, block: int, y0: int, y1: int, x0: int, x1: int) -> None:
    """Give each masked pixel the mean of its cell, rounded half up.

    Cells are block x block, counted from the plane's corner. The mean is taken over the whole cell, masked or not; at
    the plane's edge it is taken over the part of the cell that lies inside the plane.

    Args:
        plane: (height, stride) uint8, changed.
        width: samples in a row.
        mask: (height, mask_stride) uint8, not 0 where a pixel is hidden.
        block: side of a cell, samples, 1 to 4096.
        y0: the first row to look at.
        y1: the row after the last one.
        x0: the first column to look at.
        x1: the column after the last one.

    Raises:
        ValueError: the shapes or the bounds don't fit, or the block is out of range.
    """
    _check(plane, width, mask, y0, y1, x0, x1)
    if block < 1 or block > 4096:
        raise ValueError("block must be 1 to 4096")
    if y0 == y1 or x0 == x1:
        return
    left = x0 // block * block
    right = min(width, (x1 + block - 1) // block * block)
    column = np.empty(right - left, np.uint32)
    mean = np.empty(right - left, np.uint8)
    for top in range(y0 // block * block, y1, block):
        bottom = min(plane.shape[0], top + block)
        column[:] = 0
        for y in range(top, bottom):
            for x in range(np.uint64(right - left)):
                column[x] = np.uint32(column[x] + np.uint32(plane[y, np.uint64(left) + x]))
        for cell in range(0, right - left, block):
            end = min(right - left, cell + block)
            total = np.int64(0)
            for x in range(cell, end):
                total += np.int64(column[x])
            samples = (bottom - top) * (end - cell)
            mean[cell:end] = np.uint8((total + samples // 2) // samples)
        for y in range(max(top, y0), min(bottom, y1)):
            for x in range(np.uint64(x0), np.uint64(x1)):
                plane[y, x] = mean[x - np.uint64(left)] if mask[y, x] else plane[y, x]


@kernel(PLANE, INT, INT, INT, INT, OUT_PLANE)
def _box_mean(src: U8, width: int, radius: int, y0: int, x0: int, out: U8) -> None:
    """Take the mean of the square of side 2 * radius + 1 around each sample, rounded half up.

    Beyond an edge, src continues with its last sample. The first sample of out is the mean around (y0, x0).
    """
    last_row = src.shape[0] - 1
    rows, columns = out.shape
    side = 2 * radius + 1
    # The sums of a column of the window, for each column that a window touches, also for columns outside src.
    column = np.zeros(columns + 2 * radius, np.int32)
    inside = min(max(radius - x0, 0), columns + 2 * radius)  # these columns lie before the left edge of src
    shift = x0 - radius  # the place of the first column in src; a place below 0 wraps round in uint64 and back
    end = min(columns + 2 * radius, width - shift)  # these columns lie before the right edge of src
    for dy in range(-radius, radius + 1):
        y = min(max(y0 + dy, 0), last_row)
        for x in range(np.uint64(inside), np.uint64(end)):
            column[x] = np.int32(column[x] + np.int32(src[y, np.uint64(shift) + x]))
    before = np.empty(columns + side, np.int64)  # the sum of all columns before this one
    samples = np.float64(side * side)
    half = np.int64((side * side) // 2)
    for row in range(rows):
        if row > 0:
            leaving = min(max(y0 + row - 1 - radius, 0), last_row)
            entering = min(max(y0 + row + radius, 0), last_row)
            for x in range(np.uint64(inside), np.uint64(end)):
                i = np.uint64(shift) + x
                column[x] = np.int32(column[x] + np.int32(src[entering, i]) - np.int32(src[leaving, i]))
        column[:inside] = column[inside]
        column[end:] = column[end - 1]
        total = np.int64(0)
        for x in range(columns + 2 * radius):
            before[x] = total
            total += np.int64(column[x])
        before[columns + 2 * radius] = total
        for x in range(np.uint64(columns)):
            # A whole number below 2**53 divided in float64: the floor is exact, and it vectorises.
            whole = before[x + np.uint64(side)] - before[x] + half
            out[row, x] = np.uint8(np.int32(np.float64(whole) / samples))


@kernel(OUT_PLANE, INT, PLANE, INT, INT, INT, INT, INT)
def mask_blur(plane: U8, width: int, mask: U8, radius: int, y0: int, y1: int, x0: int, x1: int) -> None:
    """Give each masked pixel the mean of its surroundings, twice over.

    Each of the two passes takes the mean of a square of side 2 * radius + 1, rounded half up, of the whole plane,
    masked or not; beyond an edge, the plane continues with its last sample.

    Args:
        plane: (height, stride) uint8, changed.
        width: samples in a row.
        mask: (height, mask_stride) uint8, not 0 where a pixel is hidden.
        radius: samples, 0 to 1024.
        y0: the first row to look at.
        y1: the row after the last one.
        x0: the first column to look at.
        x1: the column after the last one.

    Raises:
        ValueError: the shapes or the bounds don't fit, or the radius is out of range.
    """
    _check(plane, width, mask, y0, y1, x0, x1)
    if radius < 0 or radius > 1024:
        raise ValueError("radius must be 0 to 1024")
    if y0 == y1 or x0 == x1:
        return
    # The second pass looks around the bounds, so the first pass must fill the plane that far.
    top = max(0, y0 - radius)
    left = max(0, x0 - radius)
    once = np.empty((min(plane.shape[0], y1 + radius) - top, min(width, x1 + radius) - left), np.uint8)
    twice = np.empty((y1 - y0, x1 - x0), np.uint8)
    _box_mean(plane, width, radius, top, left, once)
    _box_mean(once, once.shape[1], radius, y0 - top, x0 - left, twice)
    for y in range(y0, y1):
        for x in range(np.uint64(x0), np.uint64(x1)):
            plane[y, x] = twice[y - y0, x - np.uint64(x0)] if mask[y, x] else plane[y, x]
