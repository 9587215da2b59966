"""Privacy masks are laid on the output picture after scaling, where they cost least."""

from dataclasses import dataclass

import numpy as np

from transcoder.errors import MediaError
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
    """Holds all masks of one style on one plane, 1 where a sample is hidden, and the bounds of the hidden samples."""

    style: str
    mask: U8
    y0: int
    y1: int
    x0: int
    x1: int


class MaskSet:
    """Holds the masks of a stream, drawn once for an output size.

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
                polygon_mask(vertices, mask.shape[1], mask)
            rows = np.flatnonzero(mask.any(axis=1))
            columns = np.flatnonzero(mask.any(axis=0))
            if not len(rows):
                raise MediaError("a mask covers nothing of the picture")
            layer = _Layer(
                style=style,
                mask=mask,
                y0=int(rows[0]),
                y1=int(rows[-1]) + 1,
                x0=int(columns[0]),
                x1=int(columns[-1]) + 1,
            )
            for plane in planes:
                self._layers[plane].append(layer)

    def apply(self, picture: OwnPicture) -> None:
        """Hide the masked samples of a picture, in place."""
        for index, layers in enumerate(self._layers):
            if not layers:
                continue
            plane = picture.planes[index]
            width = picture.width if index == 0 else picture.width // 2
            for layer in layers:
                bounds = (layer.y0, layer.y1, layer.x0, layer.x1)
                if layer.style == "solid":
                    kernels.mask_solid(plane, width, layer.mask, BLACK[index], *bounds)
                elif layer.style == "pixelate":
                    kernels.mask_pixelate(plane, width, layer.mask, max(width // _CELLS, 4), *bounds)
                else:
                    kernels.mask_blur(plane, width, layer.mask, max(width // _BLUR, 4), *bounds)
