"""This kernel resamples a plane by area."""

import math

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, kernel


@kernel(PLANE, INT, OUT_PLANE, INT, INT, INT, INT)
def scale_area(src: U8, width: int, out: U8, out_x: int, out_y: int, out_width: int, out_height: int) -> None:
    """Resample a plane into a rectangle of another, by area.

    Each output sample is the mean of the rectangle of the source that it covers, where each source sample is weighted
    by the area covered. The mean is exact and rounded once, half up. Any ratio up and down is allowed; the rest of out
    is not changed.

    Args:
        src: (height, stride) uint8, any range; height and width at least 1.
        width: samples in a row of src.
        out: (rows, out_stride) uint8, written inside the rectangle only; not src.
        out_x: the left column of the rectangle.
        out_y: the top row of the rectangle.
        out_width: columns of the rectangle, 0 or more.
        out_height: rows of the rectangle, 0 or more.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = src.shape[0]
    if height < 1 or width < 1 or width > src.shape[1]:
        raise ValueError("source plane and width don't fit")
    if out_x < 0 or out_width < 0 or out_x + out_width > out.shape[1]:
        raise ValueError("the rectangle leaves the output plane")
    if out_y < 0 or out_height < 0 or out_y + out_height > out.shape[0]:
        raise ValueError("the rectangle leaves the output plane")
    if out_width == 0 or out_height == 0:
        return

    # Lengths are in units of which both the source sample and the output sample are a whole number.
    common_y = math.gcd(height, out_height)
    common_x = math.gcd(width, out_width)
    src_h = out_height // common_y
    out_h = height // common_y
    src_w = out_width // common_x
    out_w = width // common_x

    # Every number below is an integer under 2**53, for all planes up to 2**45 samples: float64 holds it exactly, and
    # unlike 64-bit integers it multiplies and divides in vector registers everywhere. The quotient's floor is right
    # too: one that is no integer is 1 / area or more away from the next.
    area = np.float64(out_h * out_w)
    half = np.float64((out_h * out_w) // 2)

    taps = (out_w + src_w - 2) // src_w + 1
    first = np.empty(out_width, np.uint32)
    weight = np.empty((taps, out_width), np.float64)
    for x in range(out_width):
        left = x * out_w
        first[x] = left // src_w
        for tap in range(taps):
            i = left // src_w + tap
            weight[tap, x] = max(0, min(left + out_w, (i + 1) * src_w) - max(left, i * src_w))

    column = np.zeros(width + taps, np.int32)  # the last taps are read with weight 0
    total = np.empty(out_width, np.float64)
    for y in range(out_height):
        top = y * out_h
        row0 = top // src_h
        for row in range(row0, (top + out_h - 1) // src_h + 1):
            covered = np.int32(min(top + out_h, (row + 1) * src_h) - max(top, row * src_h))
            if row == row0:
                for x in range(width):
                    column[x] = np.int32(covered * np.int32(src[row, x]))
            else:
                for x in range(width):
                    column[x] = np.int32(column[x] + covered * np.int32(src[row, x]))
        for x in range(out_width):
            total[x] = half + weight[0, x] * column[first[x]]
        for tap in range(1, taps):
            for x in range(out_width):
                total[x] += weight[tap, x] * column[np.uint32(first[x] + np.uint32(tap))]
        for x in range(np.uint64(out_width)):
            out[out_y + y, np.uint64(out_x) + x] = np.uint8(np.int32(total[x] / area))
