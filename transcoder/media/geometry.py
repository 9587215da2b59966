"""Where the camera's picture lies in the output picture."""

from dataclasses import dataclass
from fractions import Fraction

from transcoder.codecs.picture_codec import MAX_DIMENSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A part of a picture, in luma samples; all four even, so that chroma lies on it."""

    x: int
    y: int
    width: int
    height: int


def even(value: float) -> int:
    """The even number nearest below, at least 2: 4:2:0 has no odd sizes."""
    return max(int(value) & ~1, 2)


def sane_aspect(aspect: Fraction | None) -> Fraction:
    """Width to height of a sample, 1 where it is not said or impossible."""
    return aspect if aspect and Fraction(1, 4) <= aspect <= Fraction(4) else Fraction(1)


def square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Even size with square samples of a picture with these samples: the longer way, so that nothing is lost.

    Args:
        width: luma samples.
        height: luma samples.
        aspect: width to height of a sample.
    """
    if aspect > 1:
        width = min(round(width * aspect), MAX_DIMENSION)
    elif aspect < 1:
        height = min(round(height / aspect), MAX_DIMENSION)
    return even(width), even(height)


def fit(size: tuple[int, int], into: tuple[int, int]) -> Rectangle:
    """The largest centred rectangle of a shape: letterbox or pillarbox, never stretched.

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
