"""This module says where samples and macroblocks (MBs) lie in memory, for all kernels of this package.

A plane has the coded size (multiples of 16 of luma) and PADDING samples around it on every side, so that vectors may
point outside; its rows are a multiple of ALIGNMENT bytes apart. Chroma is planar and padded like luma.

An MB is named by its number: its index in the per-MB arrays, which have a border of one MB on the left, the top and the
right, so that no kernel tests for edges::

    mb = (mb_y + 1) * mb_stride + mb_x + 1        A = mb - 1                  (left)
    mb_y = mb // mb_stride - 1                    B = mb - mb_stride          (above)
    mb_x = mb % mb_stride - 1                     C = mb - mb_stride + 1      (above right)
                                                  D = mb - mb_stride - 1      (above left)

Numbers rise in raster order. Lists of MBs (changed, to test, coded, touched) are int32 arrays of such numbers.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import U8

MB_SIZE: Final = 16
PADDING: Final = 32
"""Samples around a plane: vectors reach MAX_OUTSIDE samples out, a quarter sample there reads three more."""
MAX_OUTSIDE: Final = 24
"""Samples that the block of an MB may lie outside the coded picture, by its vector."""
ALIGNMENT: Final = 64
"""Bytes: of the first row of a buffer and between rows; a cache line."""

# mb_kind, uint8 a macroblock. The first says that the macroblock is not available (section 6.4.9).
OUTSIDE: Final = 0
SKIP: Final = 1
"""The macroblock is P_Skip, or becomes P_L0_16x16 without levels where the vector to be inferred is not its own."""
INTER: Final = 2
"""The macroblock is P_L0_16x16."""
INTRA16: Final = 3
"""The macroblock is I_16x16."""
INTRA4: Final = 4
"""The macroblock is I_NxN with blocks of 4x4."""

# Blocks of an MB. Luma blocks 0 to 15 are numbered as luma4x4BlkIdx (figure 6-10), each chroma plane in raster order.
LUMA: Final = 0
CB: Final = 16
CR: Final = 20
CB_DC: Final = 24
CR_DC: Final = 25
LUMA_DC: Final = 26
BLOCKS: Final = 27
"""The blocks of levels of an MB; bit b of ``coded_blocks`` says that block b has a level other than 0."""
TRANSFORM_8X8: Final = 27
"""The bit of ``coded_blocks`` that says that luma's transform is 8x8: the bits of its blocks are then set by fours, and
its levels lie as ``residual_8x8`` says."""
BLOCK_LEVELS: Final = 16
"""int16 levels a block, in zigzag order. Blocks without DC (chroma AC, luma AC of I_16x16) begin at index 1 and leave
index 0 at 0; chroma DC has 4."""
MODE: Final = 32 * CB_DC + 16
"""The byte of an MB's levels at which Intra16x16PredMode stands, or 16 Intra4x4PredMode: chroma DC leaves room."""
MASKS_8X8: Final = 32 * LUMA_DC
"""The byte at which the masks of 8x8 blocks stand, int64 x 4: only I_16x16 has luma DC, and never an 8x8 transform."""
LEVELS_BYTES: Final = BLOCKS * BLOCK_LEVELS * 2
"""Bytes of the levels of an MB."""

I32 = npt.NDArray[np.int32]


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


@dataclass(frozen=True, slots=True)
class Geometry:
    """Derives the sizes that follow from the size of a picture.

    Args:
        width: the width of the shown picture.
        height: the height of the shown picture.
    """

    width: int
    height: int

    @property
    def mb_width(self) -> int:
        """Return the MBs in a row."""
        return -(-self.width // MB_SIZE)

    @property
    def mb_height(self) -> int:
        """Return the rows of MBs."""
        return -(-self.height // MB_SIZE)

    @property
    def mb_stride(self) -> int:
        """Return the distance of MBs that lie one above the other, in numbers of MBs."""
        return self.mb_width + 2

    @property
    def mb_slots(self) -> int:
        """Return the length of a per-MB array, border included."""
        return self.mb_stride * (self.mb_height + 1)

    @property
    def luma_stride(self) -> int:
        """Return the bytes from a row of luma to the next."""
        return _up(self.mb_width * MB_SIZE + 2 * PADDING, ALIGNMENT)

    @property
    def chroma_stride(self) -> int:
        """Return the bytes from a row of Cb or Cr to the next."""
        return _up(self.mb_width * MB_SIZE // 2 + 2 * PADDING, ALIGNMENT)

    def inside(self) -> I32:
        """Return the numbers of all MBs of the picture, in raster order."""
        numbers: I32 = np.arange(self.mb_slots, dtype=np.int32).reshape(-1, self.mb_stride)
        return numbers[1:, 1:-1].ravel()


class Planes:
    """Holds the planes of one picture in one buffer.

    Args:
        geometry: the sizes.

    Attributes:
        luma, cb, cr: the samples of the coded size, as views without padding.
        padded: the same with their padding, in the same order.
        addresses: the address of sample (0, 0) of luma, Cb and Cr.
        luma_stride, chroma_stride: the bytes from a row to the next.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.luma_stride, self.chroma_stride = geometry.luma_stride, geometry.chroma_stride
        height = geometry.mb_height * MB_SIZE
        shapes = [
            (height + 2 * PADDING, self.luma_stride),
            (height // 2 + 2 * PADDING, self.chroma_stride),
            (height // 2 + 2 * PADDING, self.chroma_stride),
        ]
        buffer = _aligned(sum(rows * stride for rows, stride in shapes))
        self.padded: list[U8] = []
        views: list[U8] = []
        addresses: list[int] = []
        start = 0
        for index, (rows, stride) in enumerate(shapes):
            plane = buffer[start : start + rows * stride].reshape(rows, stride)
            start += rows * stride
            width = geometry.mb_width * (MB_SIZE if index == 0 else MB_SIZE // 2)
            self.padded.append(plane)
            views.append(plane[PADDING : rows - PADDING, PADDING : PADDING + width])
            addresses.append(plane.ctypes.data + PADDING * stride + PADDING)
        self.luma, self.cb, self.cr = views
        self.addresses = addresses[0], addresses[1], addresses[2]


class Macroblocks:
    """Holds the per-MB arrays of a picture, indexed by the number of an MB.

    Args:
        geometry: the sizes.

    Attributes:
        kind: OUTSIDE, SKIP, INTER, INTRA16 or INTRA4, uint8; the border is OUTSIDE.
        settled: 1 where the last test of an unchanged MB came to nothing against the present reconstruction, uint8.
        mv: the vector, int16 x and y in quarter samples; (0, 0) for INTRA16 and INTRA4.
        mv_before: the vectors of the picture before, with a border below too.
        mvd: the absolute values of mvd_l0, each at most 255, uint8 x and y; 0 without mvd.
        coded_block_pattern: luma in bits 0 to 3, chroma (0 to 2) in bits 4 and 5, uint8.
        coded_blocks: bit b says that block b has levels, uint32.
        qp: QP_Y, uint8, also of MBs without residual (section 7.4.5: QP_Y,PRED).
        levels: where the levels of an MB begin, in units of an MB's levels, int32; valid for coded MBs.
    """

    def __init__(self, geometry: Geometry) -> None:
        slots = geometry.mb_slots
        self.kind = np.zeros(slots, np.uint8)
        self.settled = np.zeros(slots, np.uint8)
        self.mv = np.zeros((slots, 2), np.int16)
        self.mv_before = np.zeros((slots + geometry.mb_stride, 2), np.int16)
        self.mvd = np.zeros((slots, 2), np.uint8)
        self.coded_block_pattern = np.zeros(slots, np.uint8)
        self.coded_blocks = np.zeros(slots, np.uint32)
        self.qp = np.zeros(slots, np.uint8)
        self.levels = np.zeros(slots, np.int32)
        self.kind[geometry.inside()] = SKIP


def _aligned(size: int) -> U8:
    buffer = np.zeros(size + ALIGNMENT, np.uint8)
    start = -buffer.ctypes.data % ALIGNMENT
    return buffer[start : start + size]
