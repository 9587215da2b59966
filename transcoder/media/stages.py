"""The pixel stages turn a decoded picture of any format into our own picture.

The steps are chosen once for a format and a size; a picture in 8-bit 4:2:0, limited range and the output's size costs
one copy.
"""

from collections.abc import Callable
from fractions import Fraction

from transcoder.errors import MediaError
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.geometry import Rectangle, fit, square_size
from transcoder.media.masks import MaskSet
from transcoder.media.picture import BLACK, U8, OwnPicture
from transcoder.media.sample_steps import SampleFormat, Step
from transcoder.worker_options import Mask
from transcoder_native.kernels.plane import copy_plane, fill_plane
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma
from transcoder_native.kernels.scale import scale_area


class Stages:
    """Writes decoded pictures into one picture of ours.

    Args:
        width: the width of the output, even.
        height: the height of the output, even.
        masks: the privacy masks.

    Attributes:
        picture: the latest picture, masked.
    """

    def __init__(self, width: int, height: int, masks: tuple[Mask, ...]) -> None:
        self.picture = OwnPicture(width, height)
        self.picture.fill(BLACK)
        self._masks = masks
        self._input: tuple[SampleFormat, Fraction] | None = None
        self._content = Rectangle(x=0, y=0, width=width, height=height)
        self._steps: list[list[Step]] = []
        self._mask_set: MaskSet | None = None
        self._build_masks()

    def set_masks(self, masks: tuple[Mask, ...]) -> None:
        """Use other masks, from now on and on the present picture.

        Raises:
            MediaError: a mask can't be drawn; no picture may be shown until there are other masks.
        """
        self._masks = masks
        self._input = None  # masks that can't be drawn fail the next pictures too
        try:
            self._build_masks()
        except (MediaError, ValueError):
            self.picture.fill(BLACK)
            raise
        if self._mask_set is not None:
            self._mask_set.apply(self.picture)

    def run(self, decoded: DecodedPicture, aspect: Fraction) -> OwnPicture:
        """Write a decoded picture's samples into our picture.

        Args:
            decoded: the decoded picture; it is only read.
            aspect: the ratio of width to height of the picture's samples.

        Raises:
            MediaError: a mask could not be drawn; the picture must not be used.
        """
        seen = SampleFormat.of(decoded)
        if (seen, aspect) != self._input:
            self._plan(seen, aspect)
        for plane, steps in zip(decoded.planes, self._steps, strict=True):
            written: U8 = plane  # type: ignore[assignment]  # the first step of a 10-bit plane narrows it
            for step in steps:
                written = step(written)
        if self._mask_set is not None:
            self._mask_set.apply(self.picture)
        return self.picture

    def _build_masks(self) -> None:
        size = (self.picture.width, self.picture.height)
        self._mask_set = MaskSet(self._masks, size, self._content) if self._masks else None

    def _plan(self, seen: SampleFormat, aspect: Fraction) -> None:
        self._input = None  # steps that fail are chosen again for the next picture
        picture = self.picture
        content = fit(square_size(seen.width, seen.height, aspect), (picture.width, picture.height))
        self._content = content
        picture.fill(BLACK)
        self._steps = []
        for index in range(seen.planes):
            self._steps.append(self._plane_steps(index, seen, content))
        self._build_masks()
        self._input = seen, aspect

    def _plane_steps(self, index: int, seen: SampleFormat, content: Rectangle) -> list[Step]:
        luma = index == 0
        steps = seen.steps(index)
        width, height = seen.size_in_420(index)
        out = self.picture.planes[index]
        shift = 0 if luma else 1
        target = Rectangle(
            x=content.x >> shift, y=content.y >> shift, width=content.width >> shift, height=content.height >> shift
        )
        to_limited = full_to_limited_luma if luma else full_to_limited_chroma
        whole = (target.width, target.height) == (self.picture.width >> shift, self.picture.height >> shift)
        # an odd width or height has one column or row more than the even output, which is left out
        same = whole and 0 <= width - target.width <= 1 and 0 <= height - target.height <= 1
        if same:
            steps.append(_convert(out, target, to_limited if seen.full_range else copy_plane))
            return steps
        steps.append(_scale(width, out, target))
        if seen.full_range:
            steps.append(_limit(self.picture.width >> shift, to_limited))
            if not whole:
                steps.append(_bars(out, target, self.picture.width >> shift, BLACK[index]))
        return steps


def _convert(out: U8, target: Rectangle, kernel: Callable[[U8, int, U8], None]) -> Step:
    def step(plane: U8) -> U8:
        kernel(plane[: target.height], target.width, out)
        return out

    return step


def _scale(width: int, out: U8, target: Rectangle) -> Step:
    def step(plane: U8) -> U8:
        scale_area(plane, width, out, target.x, target.y, target.width, target.height)
        return out

    return step


def _limit(width: int, kernel: Callable[[U8, int, U8], None]) -> Step:
    def step(plane: U8) -> U8:
        kernel(plane, width, plane)
        return plane

    return step


def _bars(out: U8, target: Rectangle, width: int, value: int) -> Step:
    """Draw the bars again, after a range conversion of the whole plane has changed them."""
    height = out.shape[0]
    bottom, right = target.y + target.height, target.x + target.width

    def step(plane: U8) -> U8:
        fill_plane(out, 0, 0, width, target.y, value)
        fill_plane(out, 0, bottom, width, height - bottom, value)
        fill_plane(out, 0, target.y, target.x, target.height, value)
        fill_plane(out, right, target.y, width - right, target.height, value)
        return plane

    return step
