"""This module computes where the camera's picture lies in the output picture."""

from dataclasses import dataclass
from fractions import Fraction

from transcoder.codecs.picture_codec import MAX_DIMENSION

SQUARE = Fraction(1)
"""The aspect of square samples. It is one object, because fractions are slow to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """Holds a part of a picture, in luma samples; all four numbers are even, so that no chroma sample is cut."""

    x: int
    y: int
    width: int
    height: int


def even(value: float) -> int:
    """Round down to an even number, at least 2, because 4:2:0 has no odd sizes."""
    return max(int(value) & ~1, 2)


def sane_aspect(aspect: Fraction | None) -> Fraction:
    """Return the ratio of a sample's width to its height, SQUARE where the ratio is 1, missing or impossible."""
    if not aspect or aspect == SQUARE or not Fraction(1, 4) <= aspect <= Fraction(4):
        return SQUARE
    return aspect


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return the even size that a picture has with square samples; the picture only gets larger, so no detail is lost.

    Args:
        width: luma samples of the picture.
        height: luma samples of the picture.
        aspect: the ratio of a sample's width to its height.
    """
    if aspect is not SQUARE:
        if aspect > 1:
            width = min(round(width * aspect), MAX_DIMENSION)
        elif aspect < 1:
            height = min(round(height / aspect), MAX_DIMENSION)
    return even(width), even(height)


def fit(size: tuple[int, int], into: tuple[int, int]) -> Rectangle:
    """Return the largest centred rectangle with the shape of a picture: letterbox or pillarbox, never stretched.

    Args:
        size: (width, height) of the picture with square samples.
        into: (width, height) of the output.
    """
    if size == into:
        return Rectangle(x=0, y=0, width=into[0], height=into[1])
    scale = min(into[0] / size[0], into[1] / size[1])
    width = min(even(size[0] * scale + 1), into[0])
    height = min(even(size[1] * scale + 1), into[1])
    return Rectangle(x=(into[0] - width) // 4 * 2, y=(into[1] - height) // 4 * 2, width=width, height=height)
