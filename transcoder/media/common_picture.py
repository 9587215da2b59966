"""Pictures of every format are brought to the one layout that crosses from the decoding to the encoding process.

That layout is 8-bit 4:2:0 in limited range, with an even size and progressive rows, so that the encoding process needs
to know nothing of a picture but its size, matrix and aspect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import BLACK, U8
from transcoder_native.kernels.convert import deinterlace_linear, halve_both, halve_rows, narrow_to_8
from transcoder_native.kernels.plane import copy_plane
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma

Step = Callable[[U8], U8]


@dataclass(frozen=True, slots=True)
class _Input:
    """Holds the properties of decoded pictures on which the choice of steps depends."""

    bits: int
    chroma: str
    width: int
    height: int
    full_range: bool
    interlaced: bool


def common_size(picture: DecodedPicture) -> tuple[int, int]:
    """Return the size of a picture in the common layout: an odd column or row is left out; one alone has no size."""
    return picture.width & ~1, picture.height & ~1


class CommonLayout:
    """Writes decoded pictures into planes in the common layout; the steps are chosen once for a format."""

    def __init__(self) -> None:
        self._input: _Input | None = None
        self._steps: list[list[Step]] = []

    def write(self, decoded: DecodedPicture, out: Sequence[U8]) -> None:
        """Write a picture.

        Args:
            decoded: the decoded picture; it is only read.
            out: three planes (height, stride) of common_size(), written.
        """
        seen = _Input(
            decoded.bits, decoded.chroma, decoded.width, decoded.height, decoded.full_range, decoded.interlaced
        )
        if seen != self._input:
            self._input = None  # steps that fail are chosen again for the next picture
            self._steps = [_steps(index, seen) for index in range(3 if seen.chroma else 1)]
            self._input = seen
        width, height = common_size(decoded)
        for index, target in enumerate(out):
            columns, rows = (width, height) if index == 0 else (width // 2, height // 2)
            if index >= len(self._steps):
                target[:, :columns] = BLACK[index]  # grey: a plane that is not there
                continue
            plane: U8 = decoded.planes[index]  # type: ignore[assignment]  # the first step of a 10-bit plane narrows it
            for step in self._steps[index]:
                plane = step(plane)
            to_limited = full_to_limited_chroma if index else full_to_limited_luma
            (to_limited if seen.full_range else copy_plane)(plane[:rows], columns, target)


def _steps(index: int, seen: _Input) -> list[Step]:
    """Return the steps after which a plane has the samples of 8-bit 4:2:0, in its own range."""
    luma = index == 0
    width = seen.width if luma or seen.chroma == "444" else -(-seen.width // 2)
    height = seen.height if luma or seen.chroma != "420" else -(-seen.height // 2)
    steps: list[Step] = []
    if seen.bits > 8:
        shift = seen.bits - 8
        steps.append(_into(height, width, lambda plane, out: narrow_to_8(plane, width, shift, out)))  # type: ignore[arg-type]
    if seen.interlaced:
        steps.append(_into(height, width, lambda plane, out: deinterlace_linear(plane, width, out)))
    if not luma and seen.chroma == "422":
        steps.append(_into(-(-height // 2), width, lambda plane, out: halve_rows(plane, width, out)))
    elif not luma and seen.chroma == "444":
        out_size = (-(-height // 2), -(-width // 2))
        steps.append(_into(*out_size, lambda plane, out: halve_both(plane, width, out)))
    return steps


def _into(rows: int, columns: int, kernel: Callable[[U8, U8], None]) -> Step:
    scratch = np.empty((rows, columns), np.uint8)

    def step(plane: U8) -> U8:
        kernel(plane, scratch)
        return scratch

    return step
