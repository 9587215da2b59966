"""The pixel stages turn a decoded picture of any format into our own picture.

The steps are chosen once for a format and a size. A picture in 8-bit 4:2:0, without fields and in the output's size is
drawn by macroblocks: only those that changed are copied, or converted to limited range, and masked. Every other picture
is drawn whole. A picture of the main output's shape is scaled from that one instead, which has its masks already; one
of another shape is drawn from it where no picture of the camera comes.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from transcoder.errors import MediaError
from transcoder.media.changes import CollectedChanges, MacroblockMap, OwnComparison, macroblock_size
from transcoder.media.decoded_picture import DecodedPicture
from transcoder.media.geometry import SQUARE, Rectangle, fit, square_size
from transcoder.media.masks import MaskSet
from transcoder.media.picture import BLACK, U8, OwnPicture
from transcoder.media.sample_steps import SampleFormat, Step
from transcoder.media.scaling import Scaling, is_scalable
from transcoder.worker_options import Mask
from transcoder_native.kernels.macroblock import copy_macroblocks, limit_chroma_macroblocks, limit_luma_macroblocks
from transcoder_native.kernels.plane import copy_plane, fill_plane
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma
from transcoder_native.kernels.scale import scale_area


class Stages:
    """Writes decoded pictures into one picture of ours.

    Args:
        width: the width of the output, even.
        height: the height of the output, even.
        masks: the privacy masks.
        compares: whether a picture that is drawn whole is compared with the one before, for somebody who wants the map.

    Attributes:
        picture: the latest picture, masked.
        compares: the same; it may be changed.
    """

    def __init__(self, width: int, height: int, masks: tuple[Mask, ...], *, compares: bool = False) -> None:
        self.picture = OwnPicture(width, height)
        self.picture.fill(BLACK)
        self.compares = compares
        self._masks = masks
        self._input: tuple[SampleFormat, Fraction] | None = None
        self._by_macroblocks = False
        self._content = Rectangle(x=0, y=0, width=width, height=height)
        self._steps: list[list[Step]] = []
        self._mask_set: MaskSet | None = None
        self._source_changes = CollectedChanges(width, height)
        """What changed in the decoded pictures since one of them was drawn."""
        self._changes = CollectedChanges(width, height)
        """What the latest drawing changed in our picture."""
        self._comparison: OwnComparison | None = None
        self._scaling: Scaling | None = None
        self._build_masks()

    @property
    def changed(self) -> MacroblockMap:
        """Return which macroblocks of our picture the latest run() changed; it is overwritten by the next one."""
        return self._changes.map

    @property
    def knows_changes(self) -> bool:
        """Return whether `changed` is exact, and not just all macroblocks."""
        return self._by_macroblocks or self.compares

    def set_masks(self, masks: tuple[Mask, ...]) -> None:
        """Use other masks, from now on and on the present picture.

        Raises:
            MediaError: a mask can't be drawn; no picture may be shown until there are other masks.
        """
        self._masks = masks
        self._begin_anew()  # masks that can't be drawn fail the next pictures too
        try:
            self._build_masks()
        except (MediaError, ValueError):
            self.picture.fill(BLACK)
            raise
        if self._mask_set is not None:
            self._mask_set.apply(self.picture)

    def fill(self, colour: tuple[int, int, int]) -> None:
        """Give all of our picture one colour."""
        self.picture.fill(colour)
        self._begin_anew()

    def follows(self, decoded: DecodedPicture, aspect: Fraction) -> bool:
        """Return whether only the changed macroblocks of this picture will be drawn, so that their map is of use."""
        seen = SampleFormat.of(decoded)
        if (seen, aspect) == self._input:
            return self._by_macroblocks
        return seen.is_plain and self._is_whole(seen, self._fitted(seen, aspect))

    def skip(self, changed: MacroblockMap | None) -> None:
        """Note what changed in a decoded picture that is not drawn.

        Args:
            changed: what changed since the decoded picture before, drawn or skipped; None: everything may have.
        """
        self._source_changes.add(changed)

    def run(self, decoded: DecodedPicture, aspect: Fraction, changed: MacroblockMap | None = None) -> OwnPicture:
        """Write a decoded picture's samples into our picture.

        Args:
            decoded: the decoded picture; it is only read.
            aspect: the ratio of width to height of the picture's samples.
            changed: what changed since the decoded picture before, drawn or skipped; None: everything may have.

        Raises:
            MediaError: a mask could not be drawn; the picture must not be used.
        """
        self._source_changes.add(changed)
        if self._scaling is not None:
            self._begin_anew()
        seen = SampleFormat.of(decoded)
        if (seen, aspect) != self._input:
            self._plan(seen, aspect)
        planned, self._input = self._input, None  # a picture that fails is followed by one that is drawn whole
        self._changes.clear()
        if self._by_macroblocks:
            self._draw_changed(decoded, full_range=seen.full_range)
        else:
            self._draw_whole(decoded)
        self._input = planned
        return self.picture

    def scale(self, main: "Stages") -> OwnPicture:
        """Draw the main output's picture, as it was drawn last, in our size.

        Args:
            main: the stages of the main output; its picture is masked. Where it has another shape or is smaller, it is
                fitted in as a picture of the camera.
        """
        if not is_scalable((main.picture.width, main.picture.height), (self.picture.width, self.picture.height)):
            return self._fit_in(main)
        if self._scaling is None or self._scaling.source is not main.picture:
            self._begin_anew()
            self._scaling = Scaling(main.picture, self.picture)
        self.skip_scaled(main)
        self._changes.clear()
        changed = self._scaling.draw()
        self._by_macroblocks = changed is not None
        if changed is None:
            self._note_whole()
        else:
            self._comparison = None
            self._changes.add(changed)
        return self.picture

    def _fit_in(self, main: "Stages") -> OwnPicture:
        drawn = self.run(main.without_bars(), SQUARE)
        self._begin_anew()  # no macroblock is the camera's
        return drawn

    def without_bars(self) -> DecodedPicture:
        """Return a copy of the part of our picture that shows the camera's, as if it had been decoded."""
        part = self._content
        planes = [
            plane[part.y >> shift : part.y + part.height >> shift, part.x >> shift : part.x + part.width >> shift]
            for plane, shift in zip(self.picture.planes, (0, 1, 1), strict=True)
        ]
        copies = tuple(np.ascontiguousarray(plane) for plane in planes)
        return DecodedPicture(planes=copies, width=part.width, height=part.height, pts=0)

    def skip_scaled(self, main: "Stages") -> None:
        """Note what changed in the main output's picture, as it was drawn last, where ours is not drawn."""
        if self._scaling is not None:
            self._scaling.note(main.changed if main.knows_changes else None)

    def _draw_changed(self, decoded: DecodedPicture, *, full_range: bool) -> None:
        drawn = changed = self._source_changes.map
        if self._mask_set is not None:
            drawn, changed = self._mask_set.affected(drawn)
        planes: tuple[U8, ...] = decoded.planes  # type: ignore[assignment]  # 8 bits
        for index, (plane, out) in enumerate(zip(planes, self.picture.planes, strict=True)):
            shift = int(index > 0)
            kernel = copy_macroblocks
            if full_range:
                kernel = limit_chroma_macroblocks if shift else limit_luma_macroblocks
            rows = self.picture.height >> shift  # an odd picture has one row and one column more, which are left out
            kernel(plane[:rows], self.picture.width >> shift, macroblock_size(index), drawn, out)
        if self._mask_set is not None:
            self._mask_set.redraw(self.picture, drawn)
        self._changes.add(changed)
        self._source_changes.clear()

    def _draw_whole(self, decoded: DecodedPicture) -> None:
        for plane, steps in zip(decoded.planes, self._steps, strict=True):
            written: U8 = plane  # type: ignore[assignment]  # the first step of a 10-bit plane narrows it
            for step in steps:
                written = step(written)
        if self._mask_set is not None:
            self._mask_set.apply(self.picture)
        self._note_whole()

    def _note_whole(self) -> None:
        """Note what a drawing of the whole picture changed, by comparison where somebody asks."""
        if not self.compares:
            self._comparison = None
            self._changes.add(None)
            return
        if self._comparison is None:
            self._comparison = OwnComparison(self.picture.width, self.picture.height)
        self._changes.add(self._comparison.compare(self.picture))

    def _begin_anew(self) -> None:
        """Draw the next picture whole, because ours is not what was drawn last."""
        self._input = None
        self._comparison = None
        self._scaling = None

    def _build_masks(self) -> None:
        size = (self.picture.width, self.picture.height)
        self._mask_set = MaskSet(self._masks, size, self._content) if self._masks else None

    def _plan(self, seen: SampleFormat, aspect: Fraction) -> None:
        self._begin_anew()  # steps that fail are chosen again for the next picture
        self._source_changes.add(None)
        picture = self.picture
        content = self._content = self._fitted(seen, aspect)
        picture.fill(BLACK)
        self._by_macroblocks = seen.is_plain and self._is_whole(seen, content)
        self._steps = []
        if not self._by_macroblocks:
            self._steps = [self._plane_steps(index, seen, content) for index in range(seen.planes)]
        self._build_masks()
        self._input = seen, aspect

    def _fitted(self, seen: SampleFormat, aspect: Fraction) -> Rectangle:
        """Return the rectangle of our picture in which a picture of this format lies."""
        return fit(square_size(seen.width, seen.height, aspect), (self.picture.width, self.picture.height))

    def _is_whole(self, seen: SampleFormat, content: Rectangle) -> bool:
        """Return whether a picture of this format fills ours sample by sample, but for an odd column and row."""
        ours = (self.picture.width, self.picture.height)
        return (content.width, content.height) == ours == (seen.width & ~1, seen.height & ~1)

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
