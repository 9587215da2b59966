"""This module tells which blocks of a picture changed, once for the scene watch and the encoder alike."""

import numpy as np
from numpy.typing import NDArray

from transcoder.media.picture import U8, OwnPicture
from transcoder_native.kernels.motion import block_differences
from transcoder_native.kernels.plane import copy_plane

BLOCK = 8
MIN_CHANGE = 4 * BLOCK * BLOCK
"""The least sum of differences with which a block counts as changed: four levels a sample."""
NOISE_FACTOR = 4.0
"""The factor by which a changed block's sum of differences exceeds the median block's: sensor noise is everywhere."""

Differences = NDArray[np.uint16]
"""(ceil(height / 8), ceil(width / 8)): the sum of absolute differences of each 8x8 block of luma."""
ChangeMap = NDArray[np.bool_]
"""(ceil(height / 8), ceil(width / 8)): true where a block changed by more than noise. The map is a hint and promises
nothing about the other blocks: light that goes down slowly changes no block in it."""


def mark_changes(differences: Differences, out: ChangeMap) -> None:
    """Mark the blocks that differ by more than noise.

    Args:
        differences: the differences of a picture from an earlier picture.
        out: the map, of the same shape, written.
    """
    noise = float(np.median(differences))
    np.greater(differences, max(MIN_CHANGE, NOISE_FACTOR * noise), out=out)


class PictureComparison:
    """Compares each picture with the picture that came before it.

    Args:
        width: the width of the pictures.
        height: the height of the pictures.

    Attributes:
        size: (width, height) of the pictures.
    """

    def __init__(self, width: int, height: int) -> None:
        shape = -(-height // BLOCK), -(-width // BLOCK)
        self.size = (width, height)
        self._before: U8 | None = None
        self._absolute = np.zeros(shape, np.uint16)
        self._signed = np.zeros(shape, np.int16)
        self._changed = np.zeros(shape, np.bool_)

    def compare(self, picture: OwnPicture) -> Differences | None:
        """Return the differences of a picture from the picture before; None for the first picture.

        Args:
            picture: the picture, masked, so that the differences tell nothing of the part behind a mask.
        """
        luma = picture.planes[0]
        before = self._before
        if before is None:
            self._before = before = np.zeros_like(luma)
            copy_plane(luma, picture.width, before)
            return None
        block_differences(luma, before, picture.width, self._absolute, self._signed)
        copy_plane(luma, picture.width, before)
        return self._absolute

    def changed(self) -> ChangeMap:
        """Return the map of changed blocks that follows from the last comparison."""
        mark_changes(self._absolute, self._changed)
        return self._changed
