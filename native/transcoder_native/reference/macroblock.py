"""These functions are the twins of ``kernels.macroblock``."""

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import U8
from transcoder_native.reference.range import full_to_limited_chroma, full_to_limited_luma


def mark_differing(plane: U8, before: U8, width: int, size: int, out: U8) -> None:
    """Mark the macroblocks of which any sample differs."""
    samples_of(out, plane, width, size)
    if width > before.shape[1] or before.shape[0] != plane.shape[0]:
        raise ValueError("the two planes don't fit")
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            rows = slice(row * size, row * size + size)
            columns = slice(column * size, min(column * size + size, width))
            if not np.array_equal(plane[rows, columns], before[rows, columns]):
                out[row, column] = 1


def copy_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Copy the marked macroblocks."""
    _check_copy(src, width, size, changed, out)
    out[:, :width] = np.where(samples_of(changed, src, width, size), src[:, :width], out[:, :width])


def limit_luma_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Compute ``16 + round(y * 219 / 255)`` in the marked macroblocks."""
    _check_copy(src, width, size, changed, out)
    limited = np.empty_like(src)
    full_to_limited_luma(src, width, limited)
    copy_macroblocks(limited, width, size, changed, out)


def limit_chroma_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Compute ``128 + round((c - 128) * 224 / 255)`` in the marked macroblocks."""
    _check_copy(src, width, size, changed, out)
    limited = np.empty_like(src)
    full_to_limited_chroma(src, width, limited)
    copy_macroblocks(limited, width, size, changed, out)


def samples_of(changed: U8, plane: U8, width: int, size: int) -> npt.NDArray[np.bool_]:
    """Return for each sample of a plane whether its macroblock is marked, (height, width)."""
    height = plane.shape[0]
    if size not in (8, 16):
        raise ValueError("size must be 8 or 16")
    if width < 0 or width > plane.shape[1]:
        raise ValueError("plane and width don't fit")
    if changed.shape != (-(-height // size), -(-width // size)):
        raise ValueError("the map must have one element a macroblock")
    whole = np.kron(changed != 0, np.ones((size, size), np.bool_))
    return np.asarray(whole[:height, :width], np.bool_)


def _check_copy(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    samples_of(changed, src, width, size)
    if width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("the two planes don't fit")
