"""This module makes arguments for kernels from a seed, for the tests of equality and for the benchmarks."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from transcoder_native.arrays import U8, U16


class Source:
    """Draws random sizes and samples.

    Args:
        seed: the same seed gives the same case.
        constant: the value of all samples; None: samples are random, and now and then only 0 and the largest value.
        padding: the least and the largest number of columns of padding in a row.
    """

    def __init__(self, seed: int, *, constant: int | None = None, padding: tuple[int, int] = (0, 40)) -> None:
        self.random = np.random.default_rng(seed)
        self.constant = constant
        self.padding = padding
        self._extremes = bool(self.random.integers(4) == 0)

    def integer(self, low: int, high: int) -> int:
        """Return a number from low to high, both included."""
        return int(self.random.integers(low, high + 1))

    def plane(self, height: int, width: int) -> U8:
        """Return a plane of random samples.

        Its padding is random too: a kernel may neither use nor change the padding.
        """
        plane = self.random.integers(0, 256, (height, width + self.integer(*self.padding)), dtype=np.uint8)
        if self.constant is not None:
            plane[:, :width] = self.constant
        elif self._extremes:
            plane[:, :width] = np.where(plane[:, :width] < 128, 0, 255)
        return plane

    def plane16(self, height: int, width: int) -> U16:
        """Return a plane of random samples of 16 bits."""
        plane = self.random.integers(0, 65536, (height, width + self.integer(*self.padding)), dtype=np.uint16)
        if self.constant is not None:
            plane[:, :width] = self.constant * 257
        return plane

    def mask(self, height: int, width: int) -> U8:
        """Return a mask; a pixel that hides is any number but 0, not always 1."""
        plane = self.random.integers(0, 256, (height, width + self.integer(*self.padding)), dtype=np.uint8)
        plane[plane < 128] = 0
        return plane

    def block_size(self) -> int:
        """Return the size of a macroblock's side: that of luma or that of chroma."""
        return (8, 16)[self.integer(0, 1)]

    def map(self, height: int, width: int, size: int) -> U8:
        """Return a map with one element a macroblock of a plane.

        All are marked, or none, or one in a few; a mark is any number but 0.
        """
        shape = -(-height // size), -(-width // size)
        marks = self.random.integers(1, 256, shape, dtype=np.uint8)
        return np.where(self.random.random(shape) < self.random.choice([0.0, 0.1, 0.5, 1.0]), marks, 0).astype(np.uint8)

    def interval(self, length: int) -> tuple[int, int]:
        """Return the start and the end of a part of something of this length.

        Now and then the part is empty or whole.
        """
        start = self.integer(0, length)
        return start, self.integer(start, length)


CaseMaker: TypeAlias = Callable[[Source, int, int], tuple[Any, ...]]
"""The type of a function that makes the arguments of one call from a source of chance, a height and a width."""


def same_size(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, out), both planes of the same size."""
    return source.plane(height, width), width, source.plane(height, width)


def halved_rows(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, out), where out has half the rows."""
    return source.plane(height, width), width, source.plane((height + 1) // 2, width)


def halved_both(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, out), where out has half the rows and half the columns."""
    return source.plane(height, width), width, source.plane((height + 1) // 2, (width + 1) // 2)


def wide_samples(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src16, width, shift, out)."""
    return source.plane16(height, width), width, source.integer(0, 8), source.plane(height, width)


def scaled(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, out, out_x, out_y, out_width, out_height): larger by any ratio up to 2, or smaller."""
    rows, columns = source.integer(1, 2 * height), source.integer(1, 2 * width)
    top, bottom = source.interval(rows)
    left, right = source.interval(columns)
    return source.plane(height, width), width, source.plane(rows, columns), left, top, right - left, bottom - top


def two_thirds(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return the arguments that scale a whole picture by two thirds, as from 1080p to 720p."""
    rows, columns = max(1, height * 2 // 3), max(1, width * 2 // 3)
    return source.plane(height, width), width, source.plane(rows, columns), 0, 0, columns, rows


def scaled_macroblocks(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, size, changed, out, out_width): larger by any ratio up to 2, or smaller."""
    rows, columns, size = source.integer(1, 2 * height), source.integer(1, 2 * width), source.block_size()
    changed = source.map(rows, columns, size)
    return source.plane(height, width), width, size, changed, source.plane(rows, columns), columns


def third_of_macroblocks(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return such arguments that scale a whole picture by one third, as from 1080p to 360p."""
    rows, columns = max(1, height // 3), max(1, width // 3)
    changed = np.ones((-(-rows // 16), -(-columns // 16)), np.uint8)
    return source.plane(height, width), width, 16, changed, source.plane(rows, columns), columns


def rectangle(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (out, x, y, width, height, value)."""
    top, bottom = source.interval(height)
    left, right = source.interval(width)
    return source.plane(height, width), left, top, right - left, bottom - top, source.integer(0, 255)


def whole_plane(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (out, x, y, width, height, value) for a rectangle that is all of the plane."""
    return source.plane(height, width), 0, 0, width, height, 16


def bitmap(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (bitmap, columns, out, x, y, scale, off, on)."""
    scale = source.integer(1, min(4, height + width + 1))
    rows, columns = source.integer(0, height // scale), source.integer(0, width // scale)
    x, y = source.integer(0, width - columns * scale), source.integer(0, height - rows * scale)
    drawn = source.mask(rows, columns)
    return drawn, columns, source.plane(height, width), x, y, scale, source.integer(0, 255), source.integer(0, 255)


def banner(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (bitmap, columns, out, x, y, scale, off, on) for two lines of text that are as wide as half the plane."""
    rows, columns = 20, max(width // 16, 0)
    scale = 8 if rows * 8 <= height else 0
    drawn = source.mask(rows if scale else 0, columns if scale else 0)
    return drawn, columns if scale else 0, source.plane(height, width), 0, 0, scale or 1, 16, 235


def vertices(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (vertices, width, out): up to 8 vertices, some outside the picture; often on the corners of pixels."""
    points: npt.NDArray[np.float64] = source.random.uniform(-0.2, 1.2, (source.integer(0, 8), 2))
    if source.integer(0, 1):
        size = np.array([width, height])
        points = np.rint(points * size) / size
    return points, width, _empty_mask(source, height, width)


def quadrangle(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (vertices, width, out) for a quadrangle that is aligned to nothing and covers a quarter of the picture."""
    return np.array([[0.21, 0.2], [0.74, 0.27], [0.7, 0.77], [0.24, 0.71]]), width, _empty_mask(source, height, width)


def masked(largest: int, least: int = 0) -> CaseMaker:
    """Return a maker of (plane, width, mask, parameter, y0, y1, x0, x1), the parameter from least to largest."""

    def case(source: Source, height: int, width: int) -> tuple[Any, ...]:
        parameter = source.integer(least, largest)
        bounds = (*source.interval(height), *source.interval(width))
        return source.plane(height, width), width, source.mask(height, width), parameter, *bounds

    return case


def masked_quarter(parameter: int) -> CaseMaker:
    """Return a maker of such arguments whose mask hides all of the middle quarter of the picture."""

    def case(source: Source, height: int, width: int) -> tuple[Any, ...]:
        bounds = (height // 4, height * 3 // 4, width // 4, width * 3 // 4)
        mask = np.zeros((height, width), np.uint8)
        mask[bounds[0] : bounds[1], bounds[2] : bounds[3]] = 1
        return source.plane(height, width), width, mask, parameter, *bounds

    return case


def differing(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (plane, before, width, size, out): some macroblocks differ, often in a single sample; some are marked."""
    plane, size = source.plane(height, width), source.block_size()
    before = source.plane(height, width)
    before[:, :width] = plane[:, :width]
    for _ in range(source.integer(0, 4)):
        before[source.integer(0, height - 1), source.integer(0, width - 1)] ^= np.uint8(1 << source.integer(0, 7))
    return plane, before, width, size, source.map(height, width, size)


def copied(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (src, width, size, changed, out)."""
    size = source.block_size()
    changed = source.map(height, width, size)
    return source.plane(height, width), width, size, changed, source.plane(height, width)


def masked_macroblocks(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (plane, width, mask, value, size, changed)."""
    size = source.block_size()
    changed = source.map(height, width, size)
    return source.plane(height, width), width, source.mask(height, width), source.integer(0, 255), size, changed


def masked_all(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return such arguments where every macroblock is looked at, and the mask hides the middle quarter."""
    plane, _, mask, value, *_ = masked_quarter(16)(source, height, width)
    return plane, width, mask, value, 16, np.ones((-(-height // 16), -(-width // 16)), np.uint8)


def blocks(source: Source, height: int, width: int) -> tuple[Any, ...]:
    """Return (luma, width, changed, reference, out)."""
    out = np.full((-(-height // 8), -(-width // 8)), 7, np.uint16)
    return source.plane(height, width), width, source.map(height, width, 16), source.plane(height, width), out


def _empty_mask(source: Source, height: int, width: int) -> U8:
    """Return a mask that hides nothing or a few pixels already: a pixel that is set stays set."""
    out = source.plane(height, width)
    out[:, :width] = out[:, :width] < source.integer(0, 10)
    return out
