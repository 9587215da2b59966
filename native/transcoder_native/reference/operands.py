"""These are the arguments of twins whose kernels take addresses; an operand knows what the kernel gets in its place."""

import functools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import I16, U8
from transcoder_native.h264 import frame, quantiser
from transcoder_native.h264.layout import PADDING, Geometry, Macroblocks, Planes

I32: TypeAlias = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Block:
    """Names the place of a block in a plane, whose samples around the block can be read too.

    Args:
        plane: (height, stride) uint8.
        y: the row of the block's first sample.
        x: its column.
    """

    plane: U8
    y: int
    x: int

    def addresses(self) -> tuple[int, ...]:
        """Return the address of the first sample and the bytes from a row to the next."""
        stride = self.plane.strides[0]
        return self.plane.ctypes.data + self.y * stride + self.x, stride

    def view(self, height: int, width: int, dy: int = 0, dx: int = 0) -> U8:
        """Return the samples of a block of this size that lies dy rows below and dx columns right of this one."""
        return self.plane[self.y + dy : self.y + dy + height, self.x + dx : self.x + dx + width]


@dataclass(frozen=True, slots=True)
class Quantiser:
    """Holds a row of ``quantiser.table`` and its QP.

    Args:
        qp: 0 to 51.
        row: the row's words.
    """

    qp: int
    row: I16

    @staticmethod
    def of(qp: int, rounding: float = quantiser.INTER_ROUNDING) -> "Quantiser":
        """Return the row of one QP."""
        return Quantiser(qp, _table(rounding)[qp])

    def addresses(self) -> tuple[int, ...]:
        """Return the address of the row."""
        return (self.row.ctypes.data,)


_table = functools.cache(quantiser.table)


@dataclass(frozen=True, slots=True)
class Quantiser8x8:
    """Holds a row of ``quantiser.table_8x8`` and its QP.

    Args:
        qp: LEAST_QP_8X8 to 51.
        row: the row's words.
    """

    qp: int
    row: I16

    @staticmethod
    def of(qp: int) -> "Quantiser8x8":
        """Return the row of one QP."""
        return Quantiser8x8(qp, _table_8x8(quantiser.ROUNDING_8X8)[qp])

    def addresses(self) -> tuple[int, ...]:
        """Return the address of the row."""
        return (self.row.ctypes.data,)


_table_8x8 = functools.cache(quantiser.table_8x8)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Holds memory that a kernel uses and its twin does not; what is left in it means nothing.

    Args:
        memory: as many bytes as the kernel asks for.
    """

    memory: U8

    def addresses(self) -> tuple[int, ...]:
        """Return the address of the memory."""
        return (self.memory.ctypes.data,)


class Picture:
    """Holds what kernels get by the description of a frame: the current picture, and arrays of one element an MB.

    Args:
        geometry: the sizes.

    Attributes:
        planes: luma, Cb and Cr with their padding.
        kind: OUTSIDE, SKIP, INTER, INTRA16 or INTRA4.
        mv: vectors, in quarter samples.
        coded_blocks: the bits of blocks with levels.
    """

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        self.planes = [padded.copy() for padded in Planes(geometry).padded]
        macroblocks = Macroblocks(geometry)
        self.kind, self.mv, self.coded_blocks = macroblocks.kind, macroblocks.mv, macroblocks.coded_blocks
        self._described: npt.NDArray[np.int64] | None = None

    def inside(self, plane: int) -> U8:
        """Return a plane without its padding."""
        size = 8 if plane else 16
        height, width = size * self.geometry.mb_height, size * self.geometry.mb_width
        return self.planes[plane][PADDING : PADDING + height, PADDING : PADDING + width]

    def addresses(self) -> tuple[int, ...]:
        """Return the address of the frame's description, which is valid until the next call."""
        geometry = self.geometry
        described = np.zeros(frame.SIZE, np.int64)
        described[frame.MB_WIDTH], described[frame.MB_HEIGHT] = geometry.mb_width, geometry.mb_height
        described[frame.MB_STRIDE] = geometry.mb_stride
        described[frame.LUMA_STRIDE], described[frame.CHROMA_STRIDE] = geometry.luma_stride, geometry.chroma_stride
        described[frame.CURRENT : frame.CURRENT + 3] = [self.inside(plane).ctypes.data for plane in range(3)]
        for place, array in ((frame.KIND, self.kind), (frame.MV, self.mv), (frame.CODED_BLOCKS, self.coded_blocks)):
            described[place] = array.ctypes.data
        self._described = described
        return (described.ctypes.data,)


def lowered(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """Return the arguments of a kernel, all of them numbers, from those of its twin."""
    numbers: list[int] = []
    for argument in arguments:
        if isinstance(argument, Block | Quantiser | Quantiser8x8 | Scratch | Picture):
            numbers += argument.addresses()
        elif isinstance(argument, np.ndarray):
            numbers.append(argument.ctypes.data)
        else:
            numbers.append(argument)
    return tuple(numbers)
