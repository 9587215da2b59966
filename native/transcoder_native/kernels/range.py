"""These kernels map 8-bit samples from full to limited range.

Source: Rec. ITU-T H.273, 8.3, for luma and chroma; Rec. ITU-R BT.601 and BT.709 agree with it.
"""

import numpy as np

from transcoder_native.arrays import U8
from transcoder_native.kernels.plane import check_same_size
from transcoder_native.runtime import INT, OUT_PLANE, PLANE, kernel


@kernel(PLANE, INT, OUT_PLANE)
def full_to_limited_luma(src: U8, width: int, out: U8) -> None:
    """Map luma 0..255 to 16..235: ``16 + round(y * 219 / 255)``.

    Args:
        src: (height, stride) uint8, full range.
        width: samples in a row.
        out: (height, out_stride) uint8, written: 16 to 235; may be src.

    Raises:
        ValueError: the shapes don't fit.
    """
    check_same_size(src, width, out)
    # A separate row between input and output: where they are the same array, LLVM can't vectorise without it.
    row = np.empty(width, np.uint8)
    for y in range(src.shape[0]):
        for x in range(width):
            # Floor division by 255 as (n + 1 + (n >> 8)) >> 8, exact for all n below 65535; 255 is odd: no ties.
            n = np.uint16(np.uint16(src[y, x]) * np.uint16(219) + np.uint16(127))
            row[x] = np.uint8(np.uint16(np.uint16(n + np.uint16(1) + np.uint16(n >> 8)) >> 8) + np.uint16(16))
        for x in range(width):
            out[y, x] = row[x]


@kernel(PLANE, INT, OUT_PLANE)
def full_to_limited_chroma(src: U8, width: int, out: U8) -> None:
    """Map chroma 0..255 to 16..240: ``128 + round((c - 128) * 224 / 255)``.

    Args:
        src: (height, stride) uint8, full range; 128 means no colour.
        width: samples in a row.
        out: (height, out_stride) uint8, written: 16 to 240; may be src.

    Raises:
        ValueError: the shapes don't fit.
    """
    check_same_size(src, width, out)
    row = np.empty(width, np.uint8)
    for y in range(src.shape[0]):
        for x in range(width):
            # (224 c - 224 * 128 + 127) / 255 + 128, with the 128 taken into the numerator, which then is never
            # negative.
            n = np.uint16(np.uint16(src[y, x]) * np.uint16(224) + np.uint16(4095))
            row[x] = np.uint8(np.uint16(n + np.uint16(1) + np.uint16(n >> 8)) >> 8)
        for x in range(width):
            out[y, x] = row[x]
