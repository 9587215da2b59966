"""These kernels resample a plane by area."""

import math

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.kernels.macroblock import check_map, run_end
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


@kernel(PLANE, INT, INT, PLANE, OUT_PLANE, INT)
def scale_area_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8, out_width: int) -> None:
    """Resample a plane into the marked macroblocks of another, each sample as ``scale_area`` gives it for whole planes.

    Args:
        src: (height, stride) uint8, any range; height and width at least 1.
        width: samples in a row of src.
        size: samples of a macroblock's side in this plane, 8 or 16.
        changed: (ceil(out_height / size), ceil(out_width / size)) uint8, not 0 where a macroblock is drawn.
        out: (out_height, out_stride) uint8, written in those macroblocks only; not src.
        out_width: samples in a row of out.

    Raises:
        ValueError: the shapes don't fit.
    """
    height, out_height = src.shape[0], out.shape[0]
    if height < 1 or width < 1 or width > src.shape[1]:
        raise ValueError("source plane and width don't fit")
    check_map(out, out_width, size, changed)
    if out_width == 0 or out_height == 0:
        return

    # the units and the exactness are those of scale_area
    common_y = math.gcd(height, out_height)
    common_x = math.gcd(width, out_width)
    src_h = out_height // common_y
    out_h = height // common_y
    src_w = out_width // common_x
    out_w = width // common_x
    area = np.float64(out_h * out_w)
    half = np.float64((out_h * out_w) // 2)

    taps = (out_w + src_w - 2) // src_w + 1
    first = np.empty(out_width, np.uint32)
    weight = np.empty((taps, out_width), np.float64)
    for x in range(out_width):
        start = x * out_w
        first[x] = start // src_w
        for tap in range(taps):
            i = start // src_w + tap
            weight[tap, x] = max(0, min(start + out_w, (i + 1) * src_w) - max(start, i * src_w))

    column = np.zeros(width + taps, np.int32)  # a tap beyond a run's last column has weight 0 and may be anything
    total = np.empty(out_width, np.float64)
    for block in range(changed.shape[0]):
        end = 0
        while True:
            begin = run_end(changed, block, end, 0)
            if begin == changed.shape[1]:
                break
            end = run_end(changed, block, begin, 1)
            left, right = np.uint64(begin * size), np.uint64(min(end * size, out_width))
            from_column = np.uint64(first[left])
            to_column = np.uint64(min(int(first[right - np.uint64(1)]) + taps, width))
            for y in range(block * size, min(block * size + size, out_height)):
                top = y * out_h
                row0 = top // src_h
                for row in range(row0, (top + out_h - 1) // src_h + 1):
                    covered = np.int32(min(top + out_h, (row + 1) * src_h) - max(top, row * src_h))
                    if row == row0:
                        for x in range(from_column, to_column):
                            column[x] = np.int32(covered * np.int32(src[row, x]))
                    else:
                        for x in range(from_column, to_column):
                            column[x] = np.int32(column[x] + covered * np.int32(src[row, x]))
                for x in range(left, right):
                    total[x] = half + weight[0, x] * column[first[x]]
                for tap in range(1, taps):
                    for x in range(left, right):
                        total[x] += weight[tap, x] * column[np.uint32(first[x] + np.uint32(tap))]
                for x in range(left, right):
                    out[y, x] = np.uint8(np.int32(total[x] / area))
