"""These functions are the twins of ``kernels.scale``."""

import numpy as np

from transcoder_native.arrays import F64, U8
from transcoder_native.reference.macroblock import copy_macroblocks, samples_of


def scale_area(src: U8, width: int, out: U8, out_x: int, out_y: int, out_width: int, out_height: int) -> None:
    """Multiply the source by two matrices of overlaps, divide by the area and round half up."""
    height = src.shape[0]
    if height < 1 or width < 1 or width > src.shape[1]:
        raise ValueError("source plane and width don't fit")
    if out_x < 0 or out_width < 0 or out_x + out_width > out.shape[1]:
        raise ValueError("the rectangle leaves the output plane")
    if out_y < 0 or out_height < 0 or out_y + out_height > out.shape[0]:
        raise ValueError("the rectangle leaves the output plane")
    # float64 is chosen for the speed of its matrix product; all values are whole and below 2**53.
    total = _overlap(height, out_height) @ src[:, :width].astype(np.float64) @ _overlap(width, out_width).T
    area = height * width
    mean = (2 * total.astype(np.int64) + area) // (2 * area)
    out[out_y : out_y + out_height, out_x : out_x + out_width] = mean


def scale_area_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8, out_width: int) -> None:
    """Resample the whole plane, and copy the marked macroblocks."""
    samples_of(changed, out, out_width, size)
    scaled = np.empty_like(out)
    scale_area(src, width, scaled, 0, 0, out_width, out.shape[0])
    copy_macroblocks(scaled, out_width, size, changed, out)


def _overlap(length: int, out_length: int) -> F64:
    """Return (out_length, length): how much of source sample i output sample j covers.

    The unit is 1 / out_length source samples.
    """
    i = np.arange(length)
    j = np.arange(out_length)[:, None]
    end = np.minimum((j + 1) * length, (i + 1) * out_length)
    overlap: F64 = np.maximum(0, end - np.maximum(j * length, i * out_length)).astype(np.float64)
    return overlap
