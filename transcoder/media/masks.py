"""Privacy masks are laid on the output picture after scaling, where they cost least."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from transcoder.errors import MediaError
from transcoder.media.changes import MacroblockMap, macroblock_size, map_shape
from transcoder.media.geometry import Rectangle
from transcoder.media.picture import BLACK, U8, OwnPicture
from transcoder.worker_options import Mask
from transcoder_native.kernels import mask as kernels
from transcoder_native.kernels.polygon import polygon_mask

STYLES = ("solid", "pixelate", "blur")

_CELLS = 24
"""The number of pixelation cells across the picture's width: a face at 1/10 of the width becomes two cells."""
_BLUR = 40
"""The blur's radius is the picture's width divided by this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """Holds all masks of one style on one plane.

    Attributes:
        style: how samples are hidden.
        mask: 1 where a sample is hidden.
        step: the side of a pixelation cell, or the blur's radius.
        y0, y1, x0, x1: the bounds of the hidden samples.
        macroblocks: the macroblocks in which a sample is hidden.
    """

    style: str
    mask: U8
    step: int
    y0: int
    y1: int
    x0: int
    x1: int
    macroblocks: MacroblockMap

    @property
    def margin(self) -> int:
        """Return how far from the bounds a sample can lie on which hidden samples depend."""
        return {"solid": 0, "pixelate": self.step - 1, "blur": 2 * self.step}[self.style]


class MaskSet:
    """Holds the masks of a stream, drawn once for an output size.

    A solid mask hides each sample for itself. What the two other styles show depends on the samples around: where one
    of these changes, all masks of these styles are drawn again, on samples that were drawn again.

    Args:
        masks: the masks, with coordinates in 0..1 of the camera's picture.
        picture: (width, height) of the output.
        content: the rectangle of the output in which the camera's picture lies.

    Raises:
        MediaError: a mask can't be drawn; then no picture may be shown.
    """

    def __init__(self, masks: tuple[Mask, ...], picture: tuple[int, int], content: Rectangle) -> None:
        self._layers: list[list[_Layer]] = [[], [], []]
        for style in STYLES:
            polygons = [mask.polygon for mask in masks if mask.style == style]
            if polygons:
                self._draw(style, polygons, picture, content)
        if any(mask.style not in STYLES for mask in masks):
            raise MediaError("a mask has an unknown style")
        shape = map_shape(*picture)
        self._covered = np.zeros(shape, np.uint8)
        """The macroblocks of which a solid mask hides every sample."""
        self._blended = np.zeros(shape, np.uint8)
        """The macroblocks in which another mask hides a sample."""
        self._reach = np.zeros(shape, np.uint8)
        """The macroblocks on which those samples depend."""
        self._locate()

    def _draw(
        self,
        style: str,
        polygons: list[tuple[tuple[float, float], ...]],
        picture: tuple[int, int],
        content: Rectangle,
    ) -> None:
        width, height = picture
        offset = np.array([content.x / width, content.y / height])
        factor = np.array([content.width / width, content.height / height])
        for shift, planes in ((0, (0,)), (1, (1, 2))):
            mask = np.zeros((height >> shift, width >> shift), np.uint8)
            for polygon in polygons:
                vertices = np.ascontiguousarray(np.asarray(polygon, np.float64) * factor + offset)
                mask |= _drawn(vertices, mask.shape)
            rows = np.flatnonzero(mask.any(axis=1))
            columns = np.flatnonzero(mask.any(axis=0))
            if not len(rows):
                raise MediaError("a mask covers nothing of the picture")
            layer = _Layer(
                style=style,
                mask=mask,
                step=max(mask.shape[1] // (_BLUR if style == "blur" else _CELLS), 4),
                y0=int(rows[0]),
                y1=int(rows[-1]) + 1,
                x0=int(columns[0]),
                x1=int(columns[-1]) + 1,
                macroblocks=_macroblocks(mask, macroblock_size(shift), np.maximum),
            )
            for plane in planes:
                self._layers[plane].append(layer)

    def _locate(self) -> None:
        covered = []
        for index, layers in enumerate(self._layers):
            size = macroblock_size(index)
            for layer in layers:
                if layer.style == "solid":
                    covered.append(_macroblocks(layer.mask, size, np.minimum))
                    continue
                self._blended |= layer.macroblocks
                top, bottom = max(layer.y0 - layer.margin, 0), layer.y1 + layer.margin
                left, right = max(layer.x0 - layer.margin, 0), layer.x1 + layer.margin
                self._reach[top // size : -(-bottom // size), left // size : -(-right // size)] = 1
        if covered:
            np.minimum.reduce(covered, out=self._covered)

    def affected(self, changed: MacroblockMap) -> tuple[MacroblockMap, MacroblockMap]:
        """Return which macroblocks have to be drawn again, and in which of them the masked picture may change.

        Args:
            changed: the macroblocks that changed in the picture without masks.
        """
        seen = changed & ~self._covered
        if not (seen & self._reach).any():
            return seen, seen
        return seen | self._reach, seen | self._blended

    def redraw(self, picture: OwnPicture, drawn: MacroblockMap) -> None:
        """Hide the masked samples of the macroblocks that have been drawn again, in place.

        Args:
            picture: the picture; in all other macroblocks the masked samples are hidden already.
            drawn: the macroblocks, which `affected` has named.
        """
        if (drawn & self._reach).any():
            self._apply(picture, drawn)
        else:
            self._apply(picture, drawn, styles=("solid",))

    def apply(self, picture: OwnPicture) -> None:
        """Hide the masked samples of a picture, in place."""
        self._apply(picture, np.ones_like(self._covered))

    def _apply(self, picture: OwnPicture, drawn: MacroblockMap, styles: tuple[str, ...] = STYLES) -> None:
        for index, layers in enumerate(self._layers):
            plane = picture.planes[index]
            width = picture.width >> (index > 0)
            for layer in layers:
                bounds = (layer.y0, layer.y1, layer.x0, layer.x1)
                if layer.style not in styles:
                    continue
                if layer.style == "solid":
                    where = drawn & layer.macroblocks
                    kernels.mask_solid(plane, width, layer.mask, BLACK[index], macroblock_size(index), where)
                elif layer.style == "pixelate":
                    kernels.mask_pixelate(plane, width, layer.mask, layer.step, *bounds)
                else:
                    kernels.mask_blur(plane, width, layer.mask, layer.step, *bounds)


def _drawn(vertices: NDArray[np.float64], shape: tuple[int, int]) -> U8:
    """Return one mask on a plane: 1 where the centre of a sample lies in the polygon.

    In a small picture a small mask may hold the centre of no sample. It then hides every sample that its bounds touch,
    and never vanishes.
    """
    drawn = np.zeros(shape, np.uint8)
    polygon_mask(vertices, shape[1], drawn)
    if not drawn.any():
        size = (shape[1], shape[0])
        low, high = (np.clip(end * size, 0, size) for end in (vertices.min(axis=0), vertices.max(axis=0)))
        (left, top), (right, bottom) = np.floor(low).astype(int), np.ceil(high).astype(int)
        drawn[top:bottom, left:right] = 1
    return drawn


def _macroblocks(mask: U8, size: int, join: np.ufunc) -> MacroblockMap:
    """Join the samples of each macroblock of a mask: by the maximum any of them, by the minimum all of them."""
    rows, columns = (-(-length // size) for length in mask.shape)
    # a macroblock that is cut has the samples of its edge for the missing ones
    whole = np.pad(mask, ((0, rows * size - mask.shape[0]), (0, columns * size - mask.shape[1])), mode="edge")
    joined: MacroblockMap = join.reduce(whole.reshape(rows, size, columns, size), axis=(1, 3))
    return joined
