"""Codecs that cameras send and that are no NAL units: MJPEG and MPEG-4 Part 2. They are read, never served."""

from dataclasses import dataclass
from typing import ClassVar

from transcoder.codecs.nal import Codec

MAX_DIMENSION = 8192
"""Pixels along one side of a picture that is decoded; the widest camera seen is 8192x1800."""
MAX_PIXELS = 8192 * 4320


@dataclass(frozen=True, slots=True)
class PictureCodec:
    """A video codec that has no NAL units.

    A payload format may bring one of its own, which then stands in its file.

    Attributes:
        value: the name that SDP uses for it (RFC 2435, RFC 6416), as Codec has it.
    """

    value: str

    JPEG: ClassVar["PictureCodec"]
    MPEG4: ClassVar["PictureCodec"]


PictureCodec.JPEG = PictureCodec("JPEG")
PictureCodec.MPEG4 = PictureCodec("MP4V-ES")

SourceCodec = Codec | PictureCodec
"""What a camera may send."""


def source_codec(name: str) -> SourceCodec:
    """The codec of this name.

    Raises:
        ValueError: there is none.
    """
    pictures = (PictureCodec.JPEG, PictureCodec.MPEG4)
    return next((codec for codec in pictures if codec.value == name), None) or Codec(name)


def is_sane_size(width: int, height: int) -> bool:
    """Whether a decoder may be asked for a picture of this size."""
    return 0 < width <= MAX_DIMENSION and 0 < height <= MAX_DIMENSION and width * height <= MAX_PIXELS
