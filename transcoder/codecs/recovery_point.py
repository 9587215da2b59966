"""A recovery point is a place to begin decoding that is no IDR: an SEI message names it.

Cameras with intra refresh send no IDR (in H.265, no IRAP) after their first picture, but a message before the picture
from which on everything is refreshed. What a camera sends is read and never handed on: the decoder gets a message of
our own.

Source: H.264 section D.2.8, recovery_frame_cnt; H.265 section D.3.8, recovery_poc_cnt.
"""

from transcoder.codecs.bit_reader import BitReader
from transcoder.codecs.nal import (
    H264_SEI,
    H265_SEI_PREFIX,
    Codec,
    header_size,
    nal_unit_type,
    remove_emulation_prevention,
)
from transcoder.errors import BitstreamError

MAX_FRAMES = 1024
"""The largest recovery_frame_cnt that counts: 40 s at 25 pictures a second; encoders refresh within one or two."""
H265_MIN_FRAMES = 2
"""The smallest count in a message of ours in H.265: FFmpeg 8 shows no pictures behind one of 0 or 1. It costs two."""
_PAYLOAD_TYPE = 6
_MAX_MESSAGES = 16
_MAX_SIZE = 4096
"""Bytes of an SEI that are read at most; the message is short, and cameras put long ones of their own before it."""


class RecoveryPoint(bytes):
    """Is an SEI message of our own, as a NAL unit; nothing that came over the network is of this type."""

    __slots__ = ()


def recovery_point(frames: int, codec: Codec = Codec.H264) -> RecoveryPoint:
    """Return the message that output is right `frames` pictures after the picture behind it.

    Source: H.264 section D.1.8: recovery_frame_cnt, exact_match_flag, broken_link_flag, changing_slice_group_idc; H.265
    section D.2.8: recovery_poc_cnt, exact_match_flag, broken_link_flag. The payload is filled up with a 1 and zeros
    (D.1.1 and D.2.1).
    """
    if codec is Codec.H264:
        header, bits = bytes((H264_SEI,)), _ue(frames) + "1000"
    else:
        header, bits = bytes((H265_SEI_PREFIX << 1, 1)), _ue(2 * max(frames, H265_MIN_FRAMES) - 1) + "10"
    if len(bits) % 8:
        bits += "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8)
    return RecoveryPoint(header + bytes((_PAYLOAD_TYPE, len(payload))) + payload + b"\x80")


def _ue(number: int) -> str:
    """Return the bits of an unsigned Exp-Golomb code (H.264 section 9.1)."""
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def recovery_frames(nal_unit: bytes, codec: Codec = Codec.H264) -> int | None:
    """Return after how many pictures output is right, or None where the NAL unit names no recovery point.

    Pictures before the message may be right already in H.265, whose count may be negative: then the next one is.

    Source: H.264 section 7.3.2.3.1; H.265 section 7.3.5.
    """
    if nal_unit_type(codec, nal_unit) != (H264_SEI if codec is Codec.H264 else H265_SEI_PREFIX):
        return None
    data = remove_emulation_prevention(nal_unit[header_size(codec) :], _MAX_SIZE)
    if _PAYLOAD_TYPE not in data:
        return None  # as in nearly all SEI: no message of that type begins anywhere
    position = 0
    for _ in range(_MAX_MESSAGES):
        kind, position = _read_number(data, position)
        size, position = _read_number(data, position)
        if position >= len(data):
            return None
        if kind == _PAYLOAD_TYPE:
            try:
                bits = BitReader(data[position : position + min(size, 8)])
                return bits.ue(MAX_FRAMES) if codec is Codec.H264 else _picture_count(bits)
            except BitstreamError:
                return None
        position += size
    return None


def _picture_count(bits: BitReader) -> int | None:
    """Return a recovery_poc_cnt, 0 at least, or None where it is too large."""
    count = bits.se()
    return max(count, 0) if count <= MAX_FRAMES else None


def _read_number(data: bytes, position: int) -> tuple[int, int]:
    """Read a payload type or a payload size: as many 255 as there are, and the rest."""
    number = 0
    while data[position : position + 1] == b"\xff":
        number += 255
        position += 1
    return number + (data[position] if position < len(data) else 0), position + 1
