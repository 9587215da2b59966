"""This module makes RTP payloads of JPEG and MPEG-4 Part 2 pictures, as cameras make them."""

from transcoder.codecs.jpeg import JpegHeader, entropy_data, read_segments
from transcoder.codecs.mpeg4 import GROUP_OF_PLANES, PLANE
from transcoder.codecs.picture_codec import PictureCodec
from transcoder.lab.cameras.packets import header_extension

_QUANTISERS_IN_BAND = 255
_LARGEST = 255 * 8
"""Pixels: the largest width or height that the payload header can say."""


def packetize_pictures(
    codec: PictureCodec, elements: list[bytes], max_payload: int, *, wraps: bool = False
) -> list[bytes]:
    """Return the RTP payloads of one access unit: one JPEG file, or MPEG-4 elements.

    Args:
        codec: the codec of the elements.
        elements: the elements, in order.
        max_payload: bytes of an RTP payload.
        wraps: whether a side of over 2040 pixels wraps in its byte, instead of being sent as 0.
    """
    if codec is PictureCodec.JPEG:
        return [payload for element in elements for payload in _jpeg(element, max_payload, wraps=wraps)]
    data = b"".join(elements)
    return [data[start : start + max_payload] for start in range(0, len(data), max_payload)]


def _jpeg(data: bytes, max_payload: int, *, wraps: bool) -> list[bytes]:
    """Return payloads of type 1 (4:2:0), with quantisers in the first packet and without restart markers.

    Source: RFC 2435 section 3.1.
    """
    header, start = read_segments(data, JpegHeader(), _ignore)
    scan = entropy_data(data[start:], _ignore)
    tables = b"".join(header.quantisers[component.quantiser] for component in header.components[:2])
    large = max(header.width, header.height) > _LARGEST
    units = -(-header.width // 8), -(-header.height // 8)
    size = b"\0\0" if large and not wraps else bytes(unit % 256 for unit in units)
    payloads = []
    position = 0
    while position < len(scan):
        head = b"\0" + position.to_bytes(3) + bytes((1, _QUANTISERS_IN_BAND)) + size
        if position == 0:
            head += b"\0\0" + len(tables).to_bytes(2) + tables
        room = max_payload - len(head)
        payloads.append(head + scan[position : position + room])
        position += room
    return payloads


def _ignore(kind: str, data: bytes) -> None:
    """Ignore the content's own markers."""


def jpeg_extension(profile: int, width: int, height: int, segments: list[bytes]) -> bytes:
    """Return ONVIF's header extension: private segments and the true size; 0xFF fills up the last word.

    Source: ONVIF Streaming Specification, "JPEG over RTP"; T.81 B.2.2.
    """
    frame = (
        b"\xff\xc0\x00\x11\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01"
    )
    data = b"".join([*segments, frame])
    return header_extension(profile, b"\xff" * (-len(data) % 4) + data)


def is_configuration(codec: PictureCodec, element: bytes) -> bool:
    """Return whether MPEG-4 calls it a visual object sequence, visual object, video object or video object layer."""
    return codec is PictureCodec.MPEG4 and element[3] not in {PLANE, GROUP_OF_PLANES}
