"""This module tells which macroblocks of a picture changed: what did not change costs no stage and no encoder anything.

The camera's own encoder skips most macroblocks of a quiet scene, and these come out of the decoder bit for bit as they
were. So the maps here are exact: a macroblock is not marked only if not one of its samples differs.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.picture import U8, OwnPicture
from transcoder.media.sample_steps import SampleFormat
from transcoder_native.kernels.macroblock import copy_macroblocks, mark_differing
from transcoder_native.kernels.motion import block_differences

MACROBLOCK = 16
"""Samples of luma: the side of a macroblock; in a plane of 4:2:0 chroma the side has half as many."""
BLOCK = 8
MIN_CHANGE = 4 * BLOCK * BLOCK
"""The least sum of differences with which a block counts as changed: four levels a sample."""
NOISE_FACTOR = 4.0
"""The factor by which a changed block's sum of differences exceeds the median block's: sensor noise is everywhere."""

MacroblockMap = NDArray[np.uint8]
"""(ceil(height / 16), ceil(width / 16)): 0 promises that no sample of the macroblock, luma or chroma, differs from an
earlier picture; any other value says nothing."""
Differences = NDArray[np.uint16]
"""(ceil(height / 8), ceil(width / 8)): the sum of absolute differences of each 8x8 block of luma."""


def map_shape(width: int, height: int) -> tuple[int, int]:
    """Return the shape of the map of a picture: rows and columns of macroblocks, the last ones cut where need be."""
    return -(-height // MACROBLOCK), -(-width // MACROBLOCK)


def macroblock_size(index: int) -> int:
    """Return the samples of a macroblock's side in a plane of 4:2:0, by the plane's index."""
    return MACROBLOCK >> (index > 0)


def mark_changed(planes: Sequence[U8], before: Sequence[U8], size: tuple[int, int], out: MacroblockMap) -> None:
    """Mark the macroblocks in which two 8-bit 4:2:0 pictures differ; the other marks stay as they are.

    Args:
        planes: the planes of a picture; rows and columns beyond the size are not looked at.
        before: the planes of another picture.
        size: (width, height), both even.
        out: the map of that size.
    """
    width, height = size
    for index, (plane, other) in enumerate(zip(planes, before, strict=True)):
        shift = int(index > 0)
        rows = height >> shift
        mark_differing(plane[:rows], other[:rows], width >> shift, macroblock_size(index), out)


class CollectedChanges:
    """Collects the macroblocks that changed since somebody last looked at a picture; at first all of them.

    Args:
        width: the width of the pictures.
        height: the height of the pictures.

    Attributes:
        map: the map of what changed; only this class writes it.
        is_known: whether the map tells what changed; False where all is marked because nobody knows.
    """

    def __init__(self, width: int, height: int) -> None:
        self.map: MacroblockMap = np.ones(map_shape(width, height), np.uint8)
        self.is_known = False

    def add(self, changed: MacroblockMap | None) -> None:
        """Add what changed from one picture to the next.

        Args:
            changed: the map; None, or a map of another shape: everything may have changed.
        """
        if changed is None or changed.shape != self.map.shape:
            self.map.fill(1)
            self.is_known = False
        else:
            np.bitwise_or(self.map, changed, out=self.map)

    def clear(self) -> None:
        """Note that somebody looked at the latest picture."""
        self.map.fill(0)
        self.is_known = True


class DecodedComparison:
    """Compares decoded pictures with the one that was compared before, which is kept by reference and never copied.

    Only whole pictures of 8-bit 4:2:0 are compared, as all other ones are converted anyhow. The picture that is kept is
    one buffer of the decoder's, so it is let go as soon as there is nothing to compare it with.
    """

    def __init__(self) -> None:
        self._before: DecodedPicture | None = None

    def compare(self, picture: DecodedPicture) -> MacroblockMap | None:
        """Return the map of what changed since the picture that was compared last.

        Args:
            picture: the picture; its planes are kept until another picture is compared.

        Returns:
            The map of the picture's even size; None where there is nothing to compare: at first, after another format
            or size, and where a picture was concealed, because its decoder may still mend it.
        """
        before, self._before = self._before, None
        seen = SampleFormat.of(picture)
        if picture.concealed or not seen.is_plain:
            return None
        self._before = picture
        if before is None or SampleFormat.of(before) != seen:
            return None
        width, height = picture.width & ~1, picture.height & ~1
        out = np.zeros(map_shape(width, height), np.uint8)
        mark_changed(picture.planes, before.planes, (width, height), out)  # type: ignore[arg-type]  # 8 bits
        return out


class OwnComparison:
    """Compares our own pictures with the one before, of which it keeps a copy.

    Args:
        width: the width of the pictures.
        height: the height of the pictures.
    """

    def __init__(self, width: int, height: int) -> None:
        self._before: OwnPicture | None = None
        self._size = (width, height)
        self._changed = np.zeros(map_shape(width, height), np.uint8)

    def compare(self, picture: OwnPicture) -> MacroblockMap:
        """Return the map of what changed since the picture before; it is overwritten by the next comparison."""
        before, changed = self._before, self._changed
        if before is None:
            before = self._before = OwnPicture(*self._size)
            changed.fill(1)
        else:
            changed.fill(0)
            mark_changed(picture.planes, before.planes, self._size, changed)
        for index, (plane, copy) in enumerate(zip(picture.planes, before.planes, strict=True)):
            copy_macroblocks(plane, self._size[0] >> (index > 0), macroblock_size(index), changed, copy)
        return changed


# -- the scene watch ---------------------------------------------------------------------------------------------------


def mark_changes(differences: Differences, out: NDArray[np.bool_]) -> None:
    """Mark the blocks that differ by more than noise.

    Args:
        differences: the differences of a picture from an earlier picture.
        out: the map, of the same shape, written.
    """
    noise = float(np.median(differences))
    np.greater(differences, max(MIN_CHANGE, NOISE_FACTOR * noise), out=out)


class PictureComparison:
    """Tells by how much a picture differs from the one that was compared before, block by block.

    Args:
        width: the width of the pictures.
        height: the height of the pictures.

    Attributes:
        size: (width, height) of the pictures.
        changes: what changed since the last comparison; blocks of other macroblocks are not looked at.
    """

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.changes = CollectedChanges(width, height)
        self._before: U8 | None = None
        self._differences = np.zeros((-(-height // BLOCK), -(-width // BLOCK)), np.uint16)

    def compare(self, picture: OwnPicture) -> Differences | None:
        """Return the differences of a picture from the picture before; None for the first picture.

        Args:
            picture: the picture, masked, so that the differences tell nothing of the part behind a mask.
        """
        is_first = self._before is None
        if self._before is None:
            self._before = np.zeros_like(picture.planes[0])
        block_differences(picture.planes[0], picture.width, self.changes.map, self._before, self._differences)
        self.changes.clear()
        return None if is_first else self._differences
