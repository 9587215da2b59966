"""Samples of every format are brought to 8-bit 4:2:0 by steps that are chosen once for a format.

The worker's stages and the decoding process of a split worker begin with the same steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import U8
from transcoder_native.kernels.convert import deinterlace_linear, halve_both, halve_rows, narrow_to_8

Step = Callable[[U8], U8]
"""A step takes a plane and returns the plane that it wrote."""


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """Holds the properties of decoded pictures on which the choice of steps depends.

    Attributes:
        bits: bits of a sample.
        chroma: "420", "422", "444", or "" where there is luma alone.
        width: luma samples of a row.
        height: rows of luma samples.
        full_range: whether the samples have full range.
        interlaced: whether the rows are those of two fields.
    """

    bits: int
    chroma: str
    width: int
    height: int
    full_range: bool
    interlaced: bool

    @classmethod
    def of(cls, picture: DecodedPicture) -> "SampleFormat":
        """Return the format of a picture."""
        return cls(picture.bits, picture.chroma, picture.width, picture.height, picture.full_range, picture.interlaced)

    @property
    def planes(self) -> int:
        """Return how many planes there are."""
        return 3 if self.chroma else 1

    @property
    def is_plain(self) -> bool:
        """Return whether the samples are those of 8-bit 4:2:0 without fields, in whichever range."""
        return self.bits == 8 and self.chroma == "420" and not self.interlaced

    def size_in_420(self, index: int) -> tuple[int, int]:
        """Return the size of a plane (width, height) after the steps."""
        return (self.width, self.height) if index == 0 else (-(-self.width // 2), -(-self.height // 2))

    def steps(self, index: int) -> list[Step]:
        """Return the steps after which a plane has the samples of 8-bit 4:2:0, in its own range."""
        luma = index == 0
        width = self.width if luma or self.chroma == "444" else -(-self.width // 2)
        height = self.height if luma or self.chroma != "420" else -(-self.height // 2)
        steps: list[Step] = []
        if self.bits > 8:
            shift = self.bits - 8
            # a 16-bit plane comes in
            steps.append(_into(height, width, lambda plane, out: narrow_to_8(plane, width, shift, out)))  # type: ignore[arg-type]
        if self.interlaced:
            steps.append(_into(height, width, lambda plane, out: deinterlace_linear(plane, width, out)))
        out_width, out_height = self.size_in_420(index)
        if not luma and self.chroma == "422":
            steps.append(_into(out_height, width, lambda plane, out: halve_rows(plane, width, out)))
        elif not luma and self.chroma == "444":
            steps.append(_into(out_height, out_width, lambda plane, out: halve_both(plane, width, out)))
        return steps


def _into(rows: int, columns: int, kernel: Callable[[U8, U8], None]) -> Step:
    scratch = np.empty((rows, columns), np.uint8)

    def step(plane: U8) -> U8:
        kernel(plane, scratch)
        return scratch

    return step
