"""This module reads MPEG-4 Part 2 (ISO/IEC 14496-2): start codes and the video object layer; it has the allow-list.

An element is the bytes from one start code up to the next, its own start code included.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.picture_codec import is_sane_size
from transcoder.errors import BitstreamError

MAX_ELEMENTS = 256
"""The largest number of elements between two pictures; an encoder writes about six."""
MAX_LAYER_SIZE = 512
"""Bytes of a video object layer; with both quantiser matrices it takes about 200."""

# ISO/IEC 14496-2 table 6-3
LAYER_FIRST, LAYER_LAST = 0x20, 0x2F
SEQUENCE_START = 0xB0
SEQUENCE_END = 0xB1
USER_DATA = 0xB2
GROUP_OF_PLANES = 0xB3
VISUAL_OBJECT = 0xB5
PLANE = 0xB6

I_PLANE = 0
"""The vop_coding_type of a picture that refers to no other (table 6-20)."""

_NAMES = {
    SEQUENCE_START: "visual object sequence", SEQUENCE_END: "visual object sequence end", USER_DATA: "user data",
    GROUP_OF_PLANES: "group of VOP", 0xB4: "video session error", VISUAL_OBJECT: "visual object", PLANE: "VOP",
    0xC2: "stuffing",
}  # fmt: skip
_START_CODE = re.compile(rb"\x00\x00\x01", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoObjectLayer:
    """Holds the numbers that are read of a video object layer: its size in pixels."""

    width: int
    height: int


def element_name(code: int) -> str:
    """Return the name that the standard gives a start code value."""
    if code < LAYER_FIRST:
        return "video object"
    if code <= LAYER_LAST:
        return "video object layer"
    return _NAMES.get(code, f"start code {code:02x}")


def is_layer(code: int) -> bool:
    """Return whether the code is that of a video object layer, which a decoder needs before the first VOP."""
    return LAYER_FIRST <= code <= LAYER_LAST


def split_elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield start code values and elements, in order; the code is -1 for bytes before the first start code."""
    start, code = 0, -1
    for match in _START_CODE.finditer(data):
        at = match.start()
        if at > start:
            yield code, data[start:at]
        if at + 3 == len(data):
            return
        start, code = at, data[at + 3]
    if len(data) > start:
        yield code, data[start:]


def coding_type(plane: bytes) -> int:
    """Return the vop_coding_type of a VOP: 0 I, 1 P, 2 B, 3 S; -1 where the VOP is cut off.

    Source: section 6.2.5.
    """
    return plane[4] >> 6 if len(plane) > 4 else -1


def parse_layer(element: bytes) -> VideoObjectLayer:
    """Read a video object layer.

    Args:
        element: the element with its start code.

    Raises:
        BitstreamError: the element is cut off, too long, over the size limit or not a rectangular video.

    Source: section 6.2.3.
    """
    if len(element) > MAX_LAYER_SIZE:
        raise BitstreamError("a video object layer is too long")
    bits = BitReader(element[4:])
    bits.u(1 + 8)  # random_accessible_vol, video_object_type_indication
    version = 1
    if bits.flag():  # is_object_layer_identifier
        version = bits.u(4)
        bits.u(3)
    if bits.u(4) == 15:  # aspect_ratio_info: extended
        bits.u(8 + 8)
    if bits.flag():  # vol_control_parameters
        bits.u(2 + 1)
        if bits.flag():  # vbv_parameters
            bits.u(79)
    shape = bits.u(2)
    if shape == 3 and version != 1:
        bits.u(4)
    if shape:
        raise BitstreamError("a video object layer is not rectangular")
    bits.u(1)
    resolution = bits.u(16)
    bits.u(1)
    if bits.flag():  # fixed_vop_rate: fixed_vop_time_increment, of as many bits as vop_time_increment_resolution needs
        bits.u(max((resolution - 1).bit_length(), 1) if resolution else 1)
    bits.u(1)
    width = bits.u(13)
    bits.u(1)
    height = bits.u(13)
    if not is_sane_size(width, height):
        raise BitstreamError("a video object layer's size is zero or over the limit")
    return VideoObjectLayer(width=width, height=height)


def video_object_layers(data: bytes) -> tuple[bytes, ...]:
    """Return the video object layers of a configuration that can be read, at most one."""
    for count, (code, element) in enumerate(split_elements(data)):
        if count == MAX_ELEMENTS:
            break
        if is_layer(code):
            try:
                parse_layer(element)
            except BitstreamError:
                continue
            return (element,)
    return ()
