"""This kernel sums the differences between two pictures, for every 8x8 block of the macroblocks that changed.

A strip of eight rows is summed along x into 16-bit accumulators, which LLVM vectorises; then eight neighbours at a time
are added. The same sums take ten times as long when they are written block by block.
"""

import numpy as np

from transcoder_native.arrays import U8, U16
from transcoder_native.kernels.macroblock import check_map, run_end
from transcoder_native.runtime import INT, OUT_PLANE, OUT_U16, PLANE, kernel

BLOCK = 8
"""Samples: the side of a block. 64 differences of 255 stay below 2**15."""
_SIZE = 16
"""Samples of a macroblock's side."""


@kernel(PLANE, INT, PLANE, OUT_PLANE, OUT_U16)
def block_differences(luma: U8, width: int, changed: U8, reference: U8, out: U16) -> None:
    """Sum the absolute differences of every 8x8 block, and make the reference equal to the picture.

    The macroblocks that are not marked are equal in both planes, as the caller knows: they are not looked at.

    Args:
        luma: (height, stride) uint8, any range.
        width: samples in a row.
        changed: (ceil(height / 16), ceil(width / 16)) uint8, not 0 where a macroblock may differ.
        reference: (height, reference_stride) uint8, the same picture size; written in those macroblocks.
        out: (ceil(height / 8), ceil(width / 8)) uint16, written: 0 to 16320; a partial block counts its samples only,
            and the blocks of the other macroblocks are 0.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = luma.shape[0]
    check_map(luma, width, _SIZE, changed)
    if width > reference.shape[1] or reference.shape[0] != height:
        raise ValueError("the two planes don't fit")
    if out.shape[0] != (height + BLOCK - 1) // BLOCK or out.shape[1] != (width + BLOCK - 1) // BLOCK:
        raise ValueError("the output must have one element a block")
    total = np.zeros(changed.shape[1] * _SIZE, np.uint16)
    out[:] = 0
    for strip in range(out.shape[0]):
        end = min(strip * BLOCK + BLOCK, height)
        last = 0
        while True:
            first = run_end(changed, strip // 2, last, 0)
            if first == changed.shape[1]:
                break
            last = run_end(changed, strip // 2, first, 1)
            left = np.uint64(first * _SIZE)
            right = np.uint64(min(last * _SIZE, width))
            total[first * _SIZE : last * _SIZE] = 0
            for y in range(strip * BLOCK, end):
                for x in range(left, right):
                    difference = np.int16(np.int16(luma[y, x]) - np.int16(reference[y, x]))
                    total[x] = np.uint16(total[x] + np.uint16(abs(difference)))
                for x in range(left, right):
                    reference[y, x] = luma[y, x]
            for block in range(first * 2, min(last * 2, out.shape[1])):
                found = np.uint16(0)
                for x in range(BLOCK):
                    found = np.uint16(found + total[block * BLOCK + x])
                out[strip, block] = found
