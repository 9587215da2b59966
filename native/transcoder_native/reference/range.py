"""These functions are the twins of ``kernels.range``."""

import numpy as np

from transcoder_native.arrays import U8


def full_to_limited_luma(src: U8, width: int, out: U8) -> None:
    """Compute ``16 + round(y * 219 / 255)``."""
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("planes and width don't fit")
    out[:, :width] = 16 + np.rint(src[:, :width] * (219 / 255))


def full_to_limited_chroma(src: U8, width: int, out: U8) -> None:
    """Compute ``128 + round((c - 128) * 224 / 255)``."""
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("planes and width don't fit")
    out[:, :width] = 128 + np.rint((src[:, :width] - np.float64(128)) * (224 / 255))
