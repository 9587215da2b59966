"""Thumbnails are small pictures that a worker makes of an output's last picture; these are the messages about them.

The service names the version that it has, so that a picture that is still the same is neither coded nor sent again.
"""

import struct
from dataclasses import dataclass
from typing import Final

from transcoder.errors import RemoteProtocolError
from transcoder.ipc.messages import MessageType, check_output_number, serialize_message

MIN_WIDTH: Final = 16
MAX_WIDTH: Final = 1920
"""Samples of a row of a thumbnail, at most."""

_THUMBNAIL = struct.Struct("<BHI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """Holds the last picture of one output, scaled down.

    Attributes:
        output_number: which of the stream's outputs shows the picture, counted from 0.
        width: the width that was asked for; a smaller picture stays as it is.
        version: a number that differs where the picture differs; 0 where there is no picture.
        jpeg: a JPEG file; nothing where there is no picture, or where it has the version that the service knew.
    """

    output_number: int
    width: int
    version: int
    jpeg: bytes


def serialize_thumbnail_request(output_number: int, width: int, known: int) -> bytes:
    """Return the wire form of the request for a thumbnail.

    Args:
        output_number: the number of the output.
        width: samples of a row, MIN_WIDTH to MAX_WIDTH.
        known: the version that the service has, 0 for none.
    """
    return serialize_message(MessageType.THUMBNAIL, _THUMBNAIL.pack(output_number, width, known))


def parse_thumbnail_request(body: memoryview) -> tuple[int, int, int]:
    """Read output number, width and known version of a THUMBNAIL message, as our own service wrote it."""
    number, width, known = _THUMBNAIL.unpack(body)
    return int(number), int(width), int(known)


def serialize_thumbnail(thumbnail: Thumbnail) -> bytes:
    """Return the wire form of a thumbnail."""
    head = _THUMBNAIL.pack(thumbnail.output_number, thumbnail.width, thumbnail.version)
    return serialize_message(MessageType.THUMBNAIL_TAKEN, head + thumbnail.jpeg)


def parse_thumbnail(body: memoryview, outputs: int) -> Thumbnail:
    """Read a THUMBNAIL_TAKEN message.

    Raises:
        RemoteProtocolError: it is too short, names an output that there is not, or has a picture without a version.
    """
    if len(body) < _THUMBNAIL.size:
        raise RemoteProtocolError("a thumbnail has no header")
    number, width, version = _THUMBNAIL.unpack_from(body)
    jpeg = bytes(body[_THUMBNAIL.size :])
    if jpeg and not version:
        raise RemoteProtocolError("a thumbnail has no version")
    return Thumbnail(output_number=check_output_number(number, outputs), width=width, version=version, jpeg=jpeg)
