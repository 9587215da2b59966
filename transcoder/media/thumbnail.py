"""A thumbnail is one of our own pictures, scaled down for people who look at many."""

import zlib

from transcoder.media.picture import OwnPicture
from transcoder_native.kernels.scale import scale_area


def thumbnail_size(size: tuple[int, int], width: int) -> tuple[int, int]:
    """Return the even size (width, height) of a thumbnail of a picture; a picture is never made larger.

    Args:
        size: width and height of the picture.
        width: the width that the thumbnail has at most.
    """
    if width >= size[0]:
        return size
    return max(width & ~1, 2), max(round(size[1] * width / size[0] / 2) * 2, 2)


def scaled_down(picture: OwnPicture, width: int) -> OwnPicture:
    """Return a picture as it is, or a smaller one, each sample of which is the mean of those that it covers.

    Args:
        picture: the picture; it is only read.
        width: the width that the smaller picture has at most.
    """
    size = thumbnail_size((picture.width, picture.height), width)
    if size == (picture.width, picture.height):
        return picture
    small = OwnPicture(*size)
    for index, (plane, out) in enumerate(zip(picture.planes, small.planes, strict=True)):
        shift = int(index > 0)
        scale_area(plane, picture.width >> shift, out, 0, 0, size[0] >> shift, size[1] >> shift)
    return small


def version_of(picture: OwnPicture) -> int:
    """Return a number from 1 on that is the same for the same samples, and differs for others but by rare chance."""
    value = 0
    for index, plane in enumerate(picture.planes):
        # the columns behind the picture's own hold anything
        value = zlib.crc32(plane[:, : picture.width >> int(index > 0)].tobytes(), value)
    return value or 1
