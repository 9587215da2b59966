"""Which blocks of a picture changed: compared once, for whoever wants to know."""

import numpy as np
from numpy.typing import NDArray

from transcoder.media.picture import U8, OwnPicture
from transcoder_native.kernels.motion import block_differences
from transcoder_native.kernels.plane import copy_plane

BLOCK = 8
MIN_CHANGE = 4 * BLOCK * BLOCK
"""Sum of differences of a block that counts as a change at least: four levels a sample."""
NOISE_FACTOR = 4.0
"""A block changed when it differs by so many times what the median block does: sensor noise is everywhere."""

Differences = NDArray[np.uint16]
"""(ceil(height / 8), ceil(width / 8)): sum of absolute differences of each 8x8 block of luma."""
ChangeMap = NDArray[np.bool_]
"""(ceil(height / 8), ceil(width / 8)): True where a block changed by more than noise. A hint, and no promise about the
other blocks: light that goes down slowly changes none of them."""


def mark_changes(differences: Differences, out: ChangeMap) -> None:
    """Mark the blocks that differ by more than noise.

    Args:
        differences: of a picture from an earlier one.
        out: of the same shape, written.
    """
    noise = float(np.median(differences))
    np.greater(differences, max(MIN_CHANGE, NOISE_FACTOR * noise), out=out)


class PictureComparison:
    """Compares each picture that it is given with the one that it was given before.

    Args:
        width: of the pictures.
        height: of the pictures.

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
        """The differences of a picture from the one before; None where there was none.

        Args:
            picture: masked, so that nothing behind a mask is told.
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
        """The map that belongs to the differences of the last comparison."""
        mark_changes(self._absolute, self._changed)
        return self._changed
