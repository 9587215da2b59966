"""These kernels find the macroblocks in which two pictures differ, and work on the macroblocks of a map alone.

A map has one element a macroblock, not 0 where the macroblock is meant. In a plane of luma a macroblock has a `size` of
16 samples, in a plane of 4:2:0 chroma 8; the last ones of a row and of a column may be cut. Neighbours in a row are
worked on together: LLVM vectorises the loop along a long run of them. In a short run, such as a single macroblock, that
loop never reaches its vectors, so vectors of eight samples are taken there.
"""

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.h264.intrinsics import octets, samples, store, store_samples
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, kernel

_WORD = 8
"""Bytes that are tested at once; a macroblock of a plane has one or two words a row."""
_LANES = 8
"""Samples of a vector: the least width of a macroblock."""
_LONG = 128
"""Samples of a run from which on it is long."""


@kernel(PLANE, INT, INT, PLANE)
def check_map(plane: U8, width: int, size: int, changed: U8) -> None:
    """Raise ValueError where a map has not one element for each macroblock of a plane."""
    if size not in (8, 16):
        raise ValueError("size must be 8 or 16")
    if width < 0 or width > plane.shape[1]:
        raise ValueError("plane and width don't fit")
    if changed.shape[0] != (plane.shape[0] + size - 1) // size or changed.shape[1] != (width + size - 1) // size:
        raise ValueError("the map must have one element a macroblock")


@kernel(PLANE, INT, INT, INT)
def run_end(changed: U8, row: int, column: int, marked: int) -> int:
    """Return the first column, from one on, of which the mark is another; the number of columns where there is none."""
    while column < changed.shape[1] and (changed[row, column] != 0) == (marked != 0):
        column += 1
    return column


@kernel(PLANE, PLANE, INT, INT, OUT_PLANE)
def mark_differing(plane: U8, before: U8, width: int, size: int, out: U8) -> None:
    """Mark the macroblocks of which any sample differs between two planes.

    Args:
        plane: (height, stride) uint8.
        before: (height, before_stride) uint8, the same plane of another picture.
        width: samples in a row.
        size: samples of a macroblock's side in this plane, 8 or 16.
        out: (ceil(height / size), ceil(width / size)) uint8; 1 is written for a macroblock that differs, the others
            are left as they are, so that the planes of a picture are marked in one map.

    Raises:
        ValueError: the shapes don't fit.
    """
    check_map(plane, width, size, out)
    if width > before.shape[1] or before.shape[0] != plane.shape[0]:
        raise ValueError("the two planes don't fit")
    columns = out.shape[1]
    words = size // _WORD
    differing = np.zeros(columns * size, np.uint8)
    tested = differing.view(np.uint64)
    for row in range(out.shape[0]):
        top = row * size
        end = min(top + size, plane.shape[0])
        for x in range(width):
            differing[x] = plane[top, x] ^ before[top, x]
        for y in range(top + 1, end):
            for x in range(width):
                differing[x] |= plane[y, x] ^ before[y, x]
        for column in range(columns):
            found = tested[column * words]
            if words == 2:
                found |= tested[column * words + 1]
            if found:
                out[row, column] = 1


@kernel(PLANE, INT, INT, PLANE, OUT_PLANE)
def _check_copy(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    check_map(src, width, size, changed)
    if width > out.shape[1] or out.shape[0] != src.shape[0]:
        raise ValueError("the two planes don't fit")


@kernel(PLANE, INT, INT, PLANE, OUT_PLANE)
def copy_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Copy the marked macroblocks of a plane.

    Args:
        src: (height, stride) uint8.
        width: samples in a row.
        size: samples of a macroblock's side in this plane, 8 or 16.
        changed: (ceil(height / size), ceil(width / size)) uint8, not 0 where a macroblock is copied.
        out: (height, out_stride) uint8, written in those macroblocks only.

    Raises:
        ValueError: the shapes don't fit.
    """
    _check_copy(src, width, size, changed, out)
    read, written = np.int64(src.ctypes.data), np.int64(out.ctypes.data)
    for row in range(changed.shape[0]):
        end = min(row * size + size, src.shape[0])
        last = 0
        while True:
            first = run_end(changed, row, last, 0)
            if first == changed.shape[1]:
                break
            last = run_end(changed, row, first, 1)
            left, right = first * size, min(last * size, width)
            whole = left if right - left >= _LONG else right - (right - left) % _LANES
            for y in range(row * size, end):
                for x in range(left, whole, _LANES):
                    store(written + y * out.shape[1] + x, octets(read + y * src.shape[1] + x, 8))
                for x in range(np.uint64(whole), np.uint64(right)):
                    out[y, x] = src[y, x]


@kernel(PLANE, INT, INT, PLANE, OUT_PLANE)
def limit_luma_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Map the marked macroblocks of a plane of luma from full to limited range, as ``full_to_limited_luma`` does.

    Args:
        src: (height, stride) uint8, full range.
        width: samples in a row.
        size: samples of a macroblock's side in this plane, 8 or 16.
        changed: (ceil(height / size), ceil(width / size)) uint8, not 0 where a macroblock is mapped.
        out: (height, out_stride) uint8, written in those macroblocks only: 16 to 235; another plane than src.

    Raises:
        ValueError: the shapes don't fit.
    """
    _check_copy(src, width, size, changed, out)
    read, written = np.int64(src.ctypes.data), np.int64(out.ctypes.data)
    for row in range(changed.shape[0]):
        end = min(row * size + size, src.shape[0])
        last = 0
        while True:
            first = run_end(changed, row, last, 0)
            if first == changed.shape[1]:
                break
            last = run_end(changed, row, first, 1)
            left, right = first * size, min(last * size, width)
            whole = left if right - left >= _LONG else right - (right - left) % _LANES
            for y in range(row * size, end):
                for x in range(left, whole, _LANES):
                    n = samples(read + y * src.shape[1] + x, 8) * 219 + 127
                    store_samples(written + y * out.shape[1] + x, (((n + 1 + ((n >> 8) & 255)) >> 8) & 255) + 16)
                for x in range(np.uint64(whole), np.uint64(right)):
                    m = np.uint16(np.uint16(src[y, x]) * np.uint16(219) + np.uint16(127))
                    out[y, x] = np.uint8(
                        np.uint16(np.uint16(m + np.uint16(1) + np.uint16(m >> 8)) >> 8) + np.uint16(16)
                    )


@kernel(PLANE, INT, INT, PLANE, OUT_PLANE)
def limit_chroma_macroblocks(src: U8, width: int, size: int, changed: U8, out: U8) -> None:
    """Map the marked macroblocks of a plane of chroma from full to limited range, as ``full_to_limited_chroma`` does.

    Args:
        src: (height, stride) uint8, full range; 128 means no colour.
        width: samples in a row.
        size: samples of a macroblock's side in this plane, 8 or 16.
        changed: (ceil(height / size), ceil(width / size)) uint8, not 0 where a macroblock is mapped.
        out: (height, out_stride) uint8, written in those macroblocks only: 16 to 240; another plane than src.

    Raises:
        ValueError: the shapes don't fit.
    """
    _check_copy(src, width, size, changed, out)
    read, written = np.int64(src.ctypes.data), np.int64(out.ctypes.data)
    for row in range(changed.shape[0]):
        end = min(row * size + size, src.shape[0])
        last = 0
        while True:
            first = run_end(changed, row, last, 0)
            if first == changed.shape[1]:
                break
            last = run_end(changed, row, first, 1)
            left, right = first * size, min(last * size, width)
            whole = left if right - left >= _LONG else right - (right - left) % _LANES
            for y in range(row * size, end):
                for x in range(left, whole, _LANES):
                    n = samples(read + y * src.shape[1] + x, 8) * 224 + 4095
                    store_samples(written + y * out.shape[1] + x, ((n + 1 + ((n >> 8) & 255)) >> 8) & 255)
                for x in range(np.uint64(whole), np.uint64(right)):
                    m = np.uint16(np.uint16(src[y, x]) * np.uint16(224) + np.uint16(4095))
                    out[y, x] = np.uint8(np.uint16(m + np.uint16(1) + np.uint16(m >> 8)) >> 8)
