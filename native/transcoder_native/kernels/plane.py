"""These kernels copy planes, fill constant rectangles (letterbox bars, slates) and draw the text of a banner."""

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, kernel


@kernel(PLANE, INT, PLANE)
def check_same_size(src: U8, width: int, out: U8) -> None:
    """Raise ValueError where two planes don't have the same rows, or are narrower than `width`."""
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("planes and width don't fit")


@kernel(PLANE, INT, OUT_PLANE)
def copy_plane(src: U8, width: int, out: U8) -> None:
    """Copy the samples of a plane, without the padding. The kernel is faster than ``np.copyto`` on the sliced views.

    Args:
        src: (height, stride) uint8.
        width: samples in a row.
        out: (height, out_stride) uint8, written.

    Raises:
        ValueError: the shapes don't fit.
    """
    check_same_size(src, width, out)
    for y in range(src.shape[0]):
        for x in range(width):
            out[y, x] = src[y, x]


@kernel(OUT_PLANE, INT, INT, INT, INT, INT)
def fill_plane(out: U8, x: int, y: int, width: int, height: int, value: int) -> None:
    """Set a rectangle of a plane to one value.

    Args:
        out: (rows, stride) uint8, written inside the rectangle only.
        x: the left column.
        y: the top row.
        width: columns, 0 or more.
        height: rows, 0 or more.
        value: 0 to 255.

    Raises:
        ValueError: the rectangle leaves the plane, or the value its range.
    """
    if x < 0 or width < 0 or x + width > out.shape[1] or y < 0 or height < 0 or y + height > out.shape[0]:
        raise ValueError("the rectangle leaves the plane")
    if value < 0 or value > 255:
        raise ValueError("value must be 0 to 255")
    sample = np.uint8(value)
    for row in range(y, y + height):
        for column in range(np.uint64(x), np.uint64(x + width)):
            out[row, column] = sample


@kernel(PLANE, INT, OUT_PLANE, INT, INT, INT, INT, INT)
def draw_bitmap(bitmap: U8, columns: int, out: U8, x: int, y: int, scale: int, off: int, on: int) -> None:
    """Draw a bitmap, each of its elements as a square of samples.

    Args:
        bitmap: (rows, stride) uint8, not 0 where the bitmap is set.
        columns: elements in a row.
        out: (height, out_stride) uint8, written where the bitmap lies only.
        x: the left column.
        y: the top row.
        scale: samples of an element's side, 1 or more.
        off: the value of elements that are not set, 0 to 255.
        on: the value of elements that are set, 0 to 255.

    Raises:
        ValueError: the bitmap leaves the plane, or a value its range.
    """
    if columns < 0 or columns > bitmap.shape[1] or scale < 1 or scale > out.shape[0] + out.shape[1] + 1:
        raise ValueError("the bitmap, its columns and the scale don't fit")
    if x < 0 or x + columns * scale > out.shape[1] or y < 0 or y + bitmap.shape[0] * scale > out.shape[0]:
        raise ValueError("the bitmap leaves the plane")
    if off < 0 or off > 255 or on < 0 or on > 255:
        raise ValueError("values must be 0 to 255")
    dark, light = np.uint8(off), np.uint8(on)
    for row in range(bitmap.shape[0] * scale):
        for column in range(columns * scale):
            out[y + row, x + column] = light if bitmap[row // scale, column // scale] else dark
