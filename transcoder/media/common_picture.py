"""Pictures of every format are brought to the one layout that crosses from the decoding to the encoding process.

That layout is 8-bit 4:2:0 in limited range, with an even size and progressive rows, so that the encoding process needs
to know nothing of a picture but its size, matrix and aspect. Only the macroblocks that changed are written.
"""

from collections.abc import Sequence

import numpy as np

from transcoder.media.changes import (
    CollectedChanges,
    DecodedComparison,
    MacroblockMap,
    macroblock_size,
    mark_changed,
)
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import BLACK, U8
from transcoder.media.sample_steps import SampleFormat, Step
from transcoder_native.kernels.macroblock import copy_macroblocks, limit_chroma_macroblocks, limit_luma_macroblocks
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma


def common_size(picture: DecodedPicture) -> tuple[int, int]:
    """Return the size of a picture in the common layout: an odd column or row is left out; one alone has no size."""
    return picture.width & ~1, picture.height & ~1


class CommonLayout:
    """Writes decoded pictures into planes in the common layout; the steps are chosen once for a format.

    The planes have to be the same ones for all pictures of a size: what did not change since the last picture is not
    written again.
    """

    def __init__(self) -> None:
        self._input: SampleFormat | None = None
        self._steps: list[list[Step]] = []
        self._comparison = DecodedComparison()
        self._size = (0, 0)
        self._unwritten = CollectedChanges(0, 0)
        """What the planes lack."""

    def write(self, decoded: DecodedPicture, out: Sequence[U8]) -> MacroblockMap | None:
        """Write a picture.

        Args:
            decoded: the decoded picture; it is only read.
            out: three planes (height, stride) of common_size(), written.

        Returns:
            The map of the macroblocks that changed, and so were written; None where nobody knows and all were written.
        """
        seen = SampleFormat.of(decoded)
        if seen != self._input:
            self._input = None  # steps that fail are chosen again for the next picture
            self._steps = [] if seen.is_plain else [seen.steps(index) for index in range(seen.planes)]
            self._input = seen
        size = common_size(decoded)
        if size != self._size:
            self._size, self._unwritten = size, CollectedChanges(*size)
        compared = self._comparison.compare(decoded)
        full_range = seen.full_range and seen.is_plain
        planes: tuple[U8, ...] = decoded.planes  # type: ignore[assignment]  # 8 bits, where the picture is plain
        if seen.is_plain:
            self._unwritten.add(compared)
        else:
            planes = self._converted(decoded, seen)
            if self._unwritten.is_known:
                mark_changed(planes, out, size, self._unwritten.map)
        for index, (plane, target) in enumerate(zip(planes, out, strict=True)):
            shift = int(index > 0)
            kernel = copy_macroblocks
            if full_range:
                kernel = limit_chroma_macroblocks if shift else limit_luma_macroblocks
            rows, columns = size[1] >> shift, size[0] >> shift
            kernel(plane[:rows], columns, macroblock_size(index), self._unwritten.map, target)
        written = self._unwritten.map.copy() if self._unwritten.is_known else None
        self._unwritten.clear()
        return written

    def _converted(self, decoded: DecodedPicture, seen: SampleFormat) -> tuple[U8, ...]:
        """Return the planes of a picture that is not in 8-bit 4:2:0, or has fields, in the common layout."""
        width, height = self._size
        converted = []
        for index in range(3):
            columns, rows = (width, height) if index == 0 else (width // 2, height // 2)
            if index >= len(self._steps):
                converted.append(np.full((rows, columns), BLACK[index], np.uint8))  # grey: there is no such plane
                continue
            plane: U8 = decoded.planes[index]  # type: ignore[assignment]  # the first step of a 10-bit plane narrows it
            for step in self._steps[index]:
                plane = step(plane)
            plane = plane[:rows]
            if seen.full_range:
                limited = np.empty((rows, columns), np.uint8)
                (full_to_limited_chroma if index else full_to_limited_luma)(plane, columns, limited)
                plane = limited
            converted.append(plane)
        return tuple(converted)
