"""Some codecs that cameras send have no NAL units: MJPEG and MPEG-4 Part 2. They are read, never served."""

from dataclasses import dataclass
from typing import ClassVar

from transcoder.codecs.nal import Codec

MAX_DIMENSION = 8192
"""The largest number of pixels along one side of a picture that is decoded; the widest camera seen is 8192x1800."""
MAX_PIXELS = 8192 * 4320


@dataclass(frozen=True, slots=True)
class PictureCodec:
    """Names a video codec that has no NAL units.

    A payload format may bring a codec of its own, which then stands in the format's file.

    Attributes:
        value: the name that SDP uses for the codec (RFC 2435, RFC 6416); Codec has the same attribute.
    """

    value: str

    JPEG: ClassVar["PictureCodec"]
    MPEG4: ClassVar["PictureCodec"]


PictureCodec.JPEG = PictureCodec("JPEG")
PictureCodec.MPEG4 = PictureCodec("MP4V-ES")

SourceCodec = Codec | PictureCodec
"""The type of every codec that a camera may send."""


def source_codec(name: str) -> SourceCodec:
    """Return the codec of this name.

    Raises:
        ValueError: no codec has this name.
    """
    pictures = (PictureCodec.JPEG, PictureCodec.MPEG4)
    return next((codec for codec in pictures if codec.value == name), None) or Codec(name)


def is_sane_size(width: int, height: int) -> bool:
    """Return whether a decoder may be asked for a picture of this size."""
    return 0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION and width * height <= MAX_PIXELS
