"""These kernels convert the sampling of a camera to 8-bit 4:2:0, progressive."""

import numpy as np

from transcoder_native.arrays import U8, U16
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, PLANE16, kernel


@kernel(PLANE, INT, OUT_PLANE)
def halve_rows(src: U8, width: int, out: U8) -> None:
    """Halve the rows of a chroma plane: 4:2:2 to 4:2:0, the mean of each pair of rows, rounded half up.

    Args:
        src: (height, stride) uint8; an odd last row is copied.
        width: samples in a row.
        out: (ceil(height / 2), out_stride) uint8, written; not src.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != (height + 1) // 2:
        raise ValueError("planes and width don't fit")
    for y in range(out.shape[0]):
        below = min(2 * y + 1, height - 1)
        for x in range(width):
            pair = np.uint16(np.uint16(src[2 * y, x]) + np.uint16(src[below, x]))
            out[y, x] = np.uint8(np.uint16(pair + np.uint16(1)) >> 1)


@kernel(PLANE, INT, OUT_PLANE)
def halve_both(src: U8, width: int, out: U8) -> None:
    """Halve rows and columns of a chroma plane: 4:4:4 to 4:2:0, the mean of 2x2 samples, rounded half up.

    Args:
        src: (height, stride) uint8; an odd last row or column counts twice.
        width: samples in a row of src.
        out: (ceil(height / 2), out_stride) uint8, ceil(width / 2) columns written; not src.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or (width + 1) // 2 > out.shape[1] or out.shape[0] != (height + 1) // 2:
        raise ValueError("planes and width don't fit")
    for y in range(out.shape[0]):
        above = 2 * y
        below = min(above + 1, height - 1)
        for x in range(width // 2):
            upper = np.uint16(np.uint16(src[above, 2 * x]) + np.uint16(src[above, 2 * x + 1]))
            lower = np.uint16(np.uint16(src[below, 2 * x]) + np.uint16(src[below, 2 * x + 1]))
            out[y, x] = np.uint8(np.uint16(upper + lower + np.uint16(2)) >> 2)
        if width % 2:
            pair = np.uint16(np.uint16(src[above, width - 1]) + np.uint16(src[below, width - 1]))
            out[y, width // 2] = np.uint8(np.uint16(pair + np.uint16(1)) >> 1)


@kernel(PLANE16, INT, INT, OUT_PLANE)
def narrow_to_8(src16: U16, width: int, shift: int, out: U8) -> None:
    """Drop the low bits of samples of more than 8 bits: ``min(255, (v + 2 ** (shift - 1)) >> shift)``.

    Args:
        src16: (height, stride) uint16, native byte order; stride counts samples, not bytes.
        width: samples in a row.
        shift: bits to drop, 0 to 8: 2 for 10-bit samples, 4 for 12-bit ones.
        out: (height, out_stride) uint8, written.

    Raises:
        ValueError: the shapes or the shift don't fit.
    """
    if width < 0 or width > src16.shape[1] or width > out.shape[1] or out.shape[0] != src16.shape[0]:
        raise ValueError("planes and width don't fit")
    if shift < 0 or shift > 8:
        raise ValueError("shift must be 0 to 8")
    half = np.uint32((1 << shift) >> 1)
    bits = np.uint32(shift)
    for y in range(src16.shape[0]):
        for x in range(width):
            out[y, x] = np.uint8(min(np.uint32(np.uint32(src16[y, x]) + half) >> bits, np.uint32(255)))


@kernel(PLANE, INT, OUT_PLANE)
def deinterlace_linear(src: U8, width: int, out: U8) -> None:
    """Keep the even rows; make each odd row the mean of its neighbours, rounded half up.

    Args:
        src: (height, stride) uint8, two interleaved fields.
        width: samples in a row.
        out: (height, out_stride) uint8, written; an odd last row repeats the row above. May be src.

    Raises:
        ValueError: the shapes don't fit.
    """
    height = src.shape[0]
    if width < 0 or width > src.shape[1] or width > out.shape[1] or out.shape[0] != height:
        raise ValueError("planes and width don't fit")
    for y in range(0, height, 2):
        for x in range(width):
            out[y, x] = src[y, x]
        if y + 1 < height:
            below = y + 2 if y + 2 < height else y
            for x in range(width):
                pair = np.uint16(np.uint16(src[y, x]) + np.uint16(src[below, x]))
                out[y + 1, x] = np.uint8(np.uint16(pair + np.uint16(1)) >> 1)
