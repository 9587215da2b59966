"""A recovery point is a place to begin decoding that is no IDR: an SEI message of H.264 names it (section D.2.8).

Cameras with intra refresh send no IDR after their first picture, but a message before the picture from which on
everything is refreshed. What a camera sends is read and never handed on: the decoder gets a message of our own.
"""

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import H264_SEI, remove_emulation_prevention
from transcoder.errors import BitstreamError

MAX_FRAMES = 1024
"""The largest recovery_frame_cnt that counts: 40 s at 25 pictures a second; encoders refresh within one or two."""
_PAYLOAD_TYPE = 6
_MAX_MESSAGES = 16
_MAX_SIZE = 4096
"""Bytes of an SEI that are read at most; the message is short, and cameras put long ones of their own before it."""


class RecoveryPoint(bytes):
    """Is an SEI message of our own, as a NAL unit; nothing that came over the network is of this type."""

    __slots__ = ()


def recovery_point(frames: int) -> RecoveryPoint:
    """Return the message that output is right `frames` frames after the picture behind it.

    Source: H.264 section D.1.8: recovery_frame_cnt, exact_match_flag, broken_link_flag, changing_slice_group_idc; the
    payload is filled up with a 1 and zeros (section D.1.1).
    """
    code = f"{frames + 1:b}"
    bits = "0" * (len(code) - 1) + code + "1000"
    if len(bits) % 8:
        bits += "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8)
    return RecoveryPoint(bytes((H264_SEI, _PAYLOAD_TYPE, len(payload))) + payload + b"\x80")


def recovery_frames(nal_unit: bytes) -> int | None:
    """Return the recovery_frame_cnt of an H.264 SEI, or None where the SEI names no recovery point.

    Source: H.264 section 7.3.2.3.1.
    """
    data = remove_emulation_prevention(nal_unit[1:], _MAX_SIZE)
    position = 0
    for _ in range(_MAX_MESSAGES):
        kind, position = _read_number(data, position)
        size, position = _read_number(data, position)
        if position >= len(data):
            return None
        if kind == _PAYLOAD_TYPE:
            try:
                return BitReader(data[position : position + min(size, 8)]).ue(MAX_FRAMES)
            except BitstreamError:
                return None
        position += size
    return None


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Read a payload type or a payload size: as many 255 as there are, and the rest."""
    number = 0
    while data[position : position + 1] == b"\xff":
        number += 255
        position += 1
    return number + (data[position] if position < len(data) else 0), position + 1
