"""Pixel stages: from a decoded frame, whatever its format, to our own picture.

What is needed is decided once for a format and a size; a picture in 8-bit 4:2:0, limited range and the output's size
costs one copy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.video.frame import VideoFrame

from transcoder.errors import MediaError
from transcoder.media.geometry import Rectangle, fit, square_size
from transcoder.media.masks import MaskSet
from transcoder.media.picture import BLACK, U8, OwnPicture, plane_u8, plane_u16
from transcoder.worker_options import Mask
from transcoder_native.kernels.convert import deinterlace_linear, halve_both, halve_rows, narrow_to_8
from transcoder_native.kernels.plane import copy_plane, fill_plane
from transcoder_native.kernels.range import full_to_limited_chroma, full_to_limited_luma
from transcoder_native.kernels.scale import scale_area

FULL_RANGE = 2
"""AVCOL_RANGE_JPEG."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a pixel format stores its planes.

    Attributes:
        bits: of a sample.
        chroma: "420", "422", "444" or "" for grey.
    """

    bits: int
    chroma: str
    full_range: bool = False


_LAYOUTS = {
    "yuv420p": _Layout(8, "420"), "yuvj420p": _Layout(8, "420", full_range=True),
    "yuv422p": _Layout(8, "422"), "yuvj422p": _Layout(8, "422", full_range=True),
    "yuv444p": _Layout(8, "444"), "yuvj444p": _Layout(8, "444", full_range=True),
    "gray": _Layout(8, ""), "gray10le": _Layout(10, ""), "gray12le": _Layout(12, ""),
    "yuv420p10le": _Layout(10, "420"), "yuv422p10le": _Layout(10, "422"), "yuv444p10le": _Layout(10, "444"),
    "yuv420p12le": _Layout(12, "420"), "yuv422p12le": _Layout(12, "422"), "yuv444p12le": _Layout(12, "444"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Input:
    """What the plan depends on."""

    format: str
    width: int
    height: int
    full_range: bool
    interlaced: bool
    aspect: Fraction


Step = Callable[[U8], U8]


class Stages:
    """Brings decoded frames into one picture of ours.

    Args:
        width: of the output, even.
        height: of the output, even.
        masks: privacy masks.

    Attributes:
        picture: the latest picture, masked.
    """

    def __init__(self, width: int, height: int, masks: tuple[Mask, ...]) -> None:
        self.picture = OwnPicture(width, height)
        self.picture.fill(BLACK)
        self._masks = masks
        self._input: _Input | None = None
        self._layout = _LAYOUTS["yuv420p"]
        self._content = Rectangle(x=0, y=0, width=width, height=height)
        self._steps: list[list[Step]] = []
        self._mask_set: MaskSet | None = None
        self._build_masks()

    def set_masks(self, masks: tuple[Mask, ...]) -> None:
        """Other masks, from now on and on the picture that is there.

        Raises:
            MediaError: a mask can't be drawn; then there is no picture until there are other masks.
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

    def run(self, frame: VideoFrame, aspect: Fraction) -> OwnPicture:
        """The frame's samples in our picture.

        Args:
            frame: decoded; is only read.
            aspect: of its samples.

        Raises:
            MediaError: a mask could not be drawn; the picture must not be used.
        """
        name = frame.format.name
        if name not in _LAYOUTS:
            frame = frame.reformat(format="yuv420p")
            name = "yuv420p"
        full_range = frame.color_range == FULL_RANGE or _LAYOUTS[name].full_range
        seen = _Input(name, frame.width, frame.height, full_range, bool(frame.interlaced_frame), aspect)
        if seen != self._input:
            self._plan(seen)
        read = plane_u8 if self._layout.bits == 8 else plane_u16
        for index, steps in enumerate(self._steps):
            plane = read(frame, index)
            for step in steps:
                plane = step(plane)  # type: ignore[arg-type]  # the first step of a 10-bit plane narrows it
        if self._mask_set is not None:
            self._mask_set.apply(self.picture)
        return self.picture

    def _build_masks(self) -> None:
        size = (self.picture.width, self.picture.height)
        self._mask_set = MaskSet(self._masks, size, self._content) if self._masks else None

    def _plan(self, seen: _Input) -> None:
        self._input = None  # a plan that fails is made again for the next picture
        picture = self.picture
        layout = _LAYOUTS[seen.format]
        self._layout = layout
        content = fit(square_size(seen.width, seen.height, seen.aspect), (picture.width, picture.height))
        self._content = content
        picture.fill(BLACK)
        self._steps = []
        for index in range(3 if layout.chroma else 1):
            self._steps.append(self._plane_steps(index, seen, layout, content))
        self._build_masks()
        self._input = seen

    def _plane_steps(self, index: int, seen: _Input, layout: _Layout, content: Rectangle) -> list[Step]:
        luma = index == 0
        width = seen.width if luma or layout.chroma == "444" else -(-seen.width // 2)
        height = seen.height if luma or layout.chroma != "420" else -(-seen.height // 2)
        steps: list[Step] = []
        if layout.bits > 8:
            steps.append(_narrow(width, height, layout.bits - 8))
        if seen.interlaced:
            steps.append(_deinterlace(width, height))
        if not luma and layout.chroma == "422":
            height = -(-height // 2)
            steps.append(_halve_rows(width, height))
        elif not luma and layout.chroma == "444":
            steps.append(_halve_both(width, -(-width // 2), -(-height // 2)))
            width, height = -(-width // 2), -(-height // 2)
        out = self.picture.planes[index]
        shift = 0 if luma else 1
        target = Rectangle(
            x=content.x >> shift, y=content.y >> shift, width=content.width >> shift, height=content.height >> shift
        )
        to_limited = full_to_limited_luma if luma else full_to_limited_chroma
        whole = (target.width, target.height) == (self.picture.width >> shift, self.picture.height >> shift)
        # an odd width or height has one column or row more than the even output: it is left out
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


def _narrow(width: int, height: int, shift: int) -> Step:
    scratch = np.empty((height, width), np.uint8)

    def step(plane: U8) -> U8:
        narrow_to_8(plane, width, shift, scratch)  # type: ignore[arg-type]  # a 16-bit plane comes in
        return scratch

    return step


def _deinterlace(width: int, height: int) -> Step:
    scratch = np.empty((height, width), np.uint8)

    def step(plane: U8) -> U8:
        deinterlace_linear(plane, width, scratch)
        return scratch

    return step


def _halve_rows(width: int, out_height: int) -> Step:
    scratch = np.empty((out_height, width), np.uint8)

    def step(plane: U8) -> U8:
        halve_rows(plane, width, scratch)
        return scratch

    return step


def _halve_both(width: int, out_width: int, out_height: int) -> Step:
    scratch = np.empty((out_height, out_width), np.uint8)

    def step(plane: U8) -> U8:
        halve_both(plane, width, scratch)
        return scratch

    return step


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
    """The bars again, after a range conversion of the whole plane went over them."""
    height = out.shape[0]
    bottom, right = target.y + target.height, target.x + target.width

    def step(plane: U8) -> U8:
        fill_plane(out, 0, 0, width, target.y, value)
        fill_plane(out, 0, bottom, width, height - bottom, value)
        fill_plane(out, 0, target.y, target.x, target.height, value)
        fill_plane(out, right, target.y, width - right, target.height, value)
        return plane

    return step
