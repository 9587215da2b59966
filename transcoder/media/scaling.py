"""A picture is scaled from a larger one of ours here, macroblock by macroblock where it is known what changed.

The larger picture is masked and in limited range already, so the smaller one is, too, and nothing is done twice.
"""

import numpy as np
from numpy.typing import NDArray

from transcoder.media.changes import CollectedChanges, MacroblockMap, macroblock_size, map_shape
from transcoder.media.picture import OwnPicture
from transcoder_native.kernels.scale import scale_area_macroblocks

Ints = NDArray[np.int64]


def is_scalable(size: tuple[int, int], into: tuple[int, int]) -> bool:
    """Return whether a picture (width, height) has the shape of another one and is no smaller in either direction."""
    return size[0] * into[1] == size[1] * into[0] and size[0] >= into[0]


class Scaling:
    """Draws one picture of ours from another one, which is as large or larger and has the same shape.

    Args:
        source: the picture that is scaled; it is read when it is drawn.
        out: the picture that is written.

    Attributes:
        source: the same picture.
    """

    def __init__(self, source: OwnPicture, out: OwnPicture) -> None:
        self.source = source
        self._out = out
        self._changes = CollectedChanges(source.width, source.height)
        self._map = np.ones(map_shape(out.width, out.height), np.uint8)
        rows, columns = self._map.shape
        self._rows = _covered(rows, source.height, out.height)
        self._columns = _covered(columns, source.width, out.width)

    def note(self, changed: MacroblockMap | None) -> None:
        """Note what changed in the source since it was noted last; None: everything may have."""
        self._changes.add(changed)

    def draw(self) -> MacroblockMap | None:
        """Draw what changed in the source since it was drawn last.

        Returns:
            The macroblocks that were drawn, which the next drawing overwrites; None where everything was, because
            nobody knows what changed.
        """
        is_known = self._changes.is_known
        if is_known:
            self._project(self._changes.map)
        else:
            self._map.fill(1)
        for index, (plane, out) in enumerate(zip(self.source.planes, self._out.planes, strict=True)):
            shift = int(index > 0)
            width, out_width = self.source.width >> shift, self._out.width >> shift
            scale_area_macroblocks(plane, width, macroblock_size(index), self._map, out, out_width)
        self._changes.clear()
        return self._map if is_known else None

    def _project(self, changed: MacroblockMap) -> None:
        """Mark each macroblock of ours that covers a marked one of the source: no sample depends on any other."""
        counts = np.zeros((changed.shape[0] + 1, changed.shape[1] + 1), np.int64)
        np.cumsum(np.cumsum(changed != 0, axis=0), axis=1, out=counts[1:, 1:])
        (top, bottom), (left, right) = self._rows, self._columns
        of_rows = counts[bottom] - counts[top]
        np.not_equal(of_rows[:, right], of_rows[:, left], out=self._map, casting="unsafe")


def _covered(count: int, length: int, out_length: int) -> tuple[Ints, Ints]:
    """Return for each of our macroblocks the first one that it covers of the source, and the one behind its last.

    An output sample is the mean of the part of the source that it covers, and no more. Chroma covers the same part: its
    macroblocks have half the side in planes of half the size.

    Args:
        count: our macroblocks in one direction.
        length: luma samples of the source in that direction.
        out_length: our luma samples in that direction.
    """
    ours = np.arange(count, dtype=np.int64)
    of_source = -(-length // 16)
    return ours * length // out_length, np.minimum(-(-(ours + 1) * length // out_length), of_source)
