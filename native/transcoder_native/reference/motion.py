"""This function is the twin of ``kernels.motion``."""

import numpy as np

from transcoder_native.arrays import U8, U16
from transcoder_native.reference.macroblock import copy_macroblocks, samples_of


def block_differences(luma: U8, width: int, changed: U8, reference: U8, out: U16) -> None:
    """Sum the absolute differences of every 8x8 block of the marked macroblocks, and copy these macroblocks."""
    marked = samples_of(changed, luma, width, 16)
    if width > reference.shape[1] or reference.shape[0] != luma.shape[0]:
        raise ValueError("the two planes don't fit")
    difference = np.abs(luma[:, :width].astype(np.int32) - reference[:, :width]) * marked
    height = luma.shape[0]
    rows, columns = -(-height // 8), -(-width // 8)
    if out.shape != (rows, columns):
        raise ValueError("out must have one element a block")
    whole = np.pad(difference, ((0, rows * 8 - height), (0, columns * 8 - width)))
    out[:] = whole.reshape(rows, 8, columns, 8).sum(axis=(1, 3), dtype=np.int32)
    copy_macroblocks(luma, width, 16, changed, reference)
