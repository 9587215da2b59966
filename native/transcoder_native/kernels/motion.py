"""These kernels sum the differences between two pictures, for every 8x8 block.

A strip of eight rows is summed along x into 16-bit accumulators, which LLVM vectorises; then eight neighbours at a time
are added. The same sums take ten times as long when they are written block by block.
"""

import numpy as np

from transcoder_native.arrays import I16, U8, U16
from transcoder_native.runtime import INT, OUT_I16, OUT_U16, PLANE, kernel

BLOCK = 8
"""Samples: the side of a block. 64 differences of 255 stay below 2**15."""


@kernel(PLANE, PLANE, INT, INT, INT)
def _check(luma: U8, reference: U8, width: int, rows: int, columns: int) -> None:
    height = luma.shape[0]
    if width < 0 or width > luma.shape[1] or width > reference.shape[1] or reference.shape[0] != height:
        raise ValueError("planes and width don't fit")
    if rows != (height + BLOCK - 1) // BLOCK or columns != (width + BLOCK - 1) // BLOCK:
        raise ValueError("an output must have one element a block")


@kernel(PLANE, PLANE, INT, OUT_U16, OUT_I16)
def block_differences(luma: U8, reference: U8, width: int, out_abs: U16, out_signed: I16) -> None:
    """Sum the absolute differences and the differences ``luma - reference`` of every 8x8 block.

    The sum of differences is far from 0 where light changed and near 0 for noise.

    Args:
        luma: (height, stride) uint8, any range.
        reference: (height, reference_stride) uint8, the same picture size.
        width: samples in a row.
        out_abs: (ceil(height / 8), ceil(width / 8)) uint16, written: 0 to 16320; a partial block counts its samples.
        out_signed: (ceil(height / 8), ceil(width / 8)) int16, written: -16320 to 16320.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = luma.shape[0]
    _check(luma, reference, width, out_abs.shape[0], out_abs.shape[1])
    _check(luma, reference, width, out_signed.shape[0], out_signed.shape[1])
    absolute = np.zeros(out_abs.shape[1] * BLOCK, np.uint16)
    signed = np.zeros(out_abs.shape[1] * BLOCK, np.int16)
    for strip in range(out_abs.shape[0]):
        absolute[:width] = 0
        signed[:width] = 0
        for y in range(strip * BLOCK, min(strip * BLOCK + BLOCK, height)):
            for x in range(width):
                difference = np.int16(np.int16(luma[y, x]) - np.int16(reference[y, x]))
                absolute[x] = np.uint16(absolute[x] + np.uint16(abs(difference)))
                signed[x] = np.int16(signed[x] + difference)
        for block in range(out_abs.shape[1]):
            total = np.uint16(0)
            balance = np.int16(0)
            for x in range(BLOCK):
                total = np.uint16(total + absolute[block * BLOCK + x])
                balance = np.int16(balance + signed[block * BLOCK + x])
            out_abs[strip, block] = total
            out_signed[strip, block] = balance
