"""These functions are the twins of ``kernels.convert``."""

import numpy as np

from transcoder_native.arrays import U8, U16


def halve_rows(src: U8, width: int, out: U8) -> None:
    """Take the mean of each pair of rows, rounded half up."""
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != (height + 1) // 2:
        raise ValueError("planes and width don't fit")
    picture = np.pad(src[:, :width].astype(np.int32), ((0, height % 2), (0, 0)), mode="symmetric")
    out[:, :width] = (picture[0::2] + picture[1::2] + 1) // 2


def halve_both(src: U8, width: int, out: U8) -> None:
    """Take the mean of 2x2 samples, rounded half up."""
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or (width + 1) // 2 > out.shape[1] or out.shape[0] != (height + 1) // 2:
        raise ValueError("planes and width don't fit")
    picture = np.pad(src[:, :width].astype(np.int32), ((0, height % 2), (0, width % 2)), mode="symmetric")
    total = picture[0::2, 0::2] + picture[0::2, 1::2] + picture[1::2, 0::2] + picture[1::2, 1::2]
    out[:, : (width + 1) // 2] = (total + 2) // 4


def narrow_to_8(src16: U16, width: int, shift: int, out: U8) -> None:
    """Drop the low bits, rounded half up, at most 255."""
    if width < 0 or width > src16.shape[1] or width > out.shape[1] or out.shape[0] != src16.shape[0]:
        raise ValueError("planes and width don't fit")
    if shift < 0 or shift > 8:
        raise ValueError("shift must be 0 to 8")
    scaled = np.floor(src16[:, :width] / 2.0**shift + (0.5 if shift else 0.0))
    out[:, :width] = np.minimum(scaled, 255)


def deinterlace_linear(src: U8, width: int, out: U8) -> None:
    """Make the odd rows from their neighbours, rounded half up."""
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != height:
        raise ValueError("planes and width don't fit")
    even = src[0::2, :width].astype(np.int32)
    below = even[1:] if height % 2 else np.vstack([even[1:], even[-1:]])
    out[0::2, :width] = even
    out[1::2, :width] = (even[: height // 2] + below + 1) // 2
