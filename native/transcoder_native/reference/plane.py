"""These functions are the twins of ``kernels.plane``."""

import numpy as np

from transcoder_native.arrays import U8


def copy_plane(src: U8, width: int, out: U8) -> None:
    """Copy the samples of a plane."""
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("planes and width don't fit")
    out[:, :width] = src[:, :width]


def fill_plane(out: U8, x: int, y: int, width: int, height: int, value: int) -> None:
    """Set a rectangle to one value."""
    if x < 0 or width < 0 or x + width > out.shape[1] or y < 0 or height < 0 or y + height > out.shape[0]:
        raise ValueError("the rectangle leaves the plane")
    if value < 0 or value > 255:
        raise ValueError("value must be 0 to 255")
    out[y : y + height, x : x + width] = value


def draw_bitmap(bitmap: U8, columns: int, out: U8, x: int, y: int, scale: int, off: int, on: int) -> None:
    """Draw a bitmap, each of its elements as a square of samples."""
    if columns < 0 or columns > bitmap.shape[1] or scale < 1 or scale > out.shape[0] + out.shape[1] + 1:
        raise ValueError("the bitmap, its columns and the scale don't fit")
    width, height = columns * scale, bitmap.shape[0] * scale
    if x < 0 or x + width > out.shape[1] or y < 0 or y + height > out.shape[0]:
        raise ValueError("the bitmap leaves the plane")
    if off < 0 or off > 255 or on < 0 or on > 255:
        raise ValueError("values must be 0 to 255")
    squares = np.repeat(np.repeat(bitmap[:, :columns], scale, axis=0), scale, axis=1)
    out[y : y + height, x : x + width] = np.where(squares, np.uint8(on), np.uint8(off))
