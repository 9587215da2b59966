"""This module reads and writes the RTP fixed header and measures what may follow it (RFC 3550 section 5.1).

Only the fields that a receiver needs are kept. A header extension, CSRCs and padding are measured, so that they can be
counted, and never handed on.
"""

import struct

from transcoder.errors import PayloadError
from transcoder.formats.depacketizer import RtpPacket

Buffer = bytes | bytearray | memoryview

HEADER_SIZE = 12

_HEADER = struct.Struct("!BBHII")


_KNOWN_PROFILES = frozenset(
    {0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0x0008, 0x1002, 0x4000, 0xABAC, 0xBEDE, 0xFFD8, 0xFFFF}
    | {0x1000 | number for number in range(16)}
)
"""Profiles of header extensions that are known to many devices: those of Hikvision, of ONVIF (replay and JPEG) and of
RFC 8285 section 4."""


def profile_word(profile: int) -> str:
    """Return our own word for the profile of a header extension.

    A profile has 16 bits, and a camera that uses others than known ones could write a serial number with them.
    """
    return f"0x{profile:04x}" if profile in _KNOWN_PROFILES else "private profile"


def peek_payload_type(data: Buffer) -> int:
    """Return the payload type of a packet without parsing it, or -1 where the packet is too short to have one."""
    return data[1] & 0x7F if len(data) >= HEADER_SIZE else -1


def parse_rtp(data: Buffer) -> RtpPacket:
    """Parse one RTP packet.

    Raises:
        PayloadError: the packet is shorter than its own header says, or of another version.

    Source: RFC 3550 section 5.1, 5.3.1.
    """
    size = len(data)
    if size < HEADER_SIZE:
        raise PayloadError(f"RTP packet of {size} bytes is shorter than its header")
    first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise PayloadError(f"RTP version {first >> 6} is not 2")
    view = data if isinstance(data, memoryview) else memoryview(data)
    if first == 0x80:  # nearly every sender sends this packet: no padding, extension or CSRC
        return RtpPacket(
            payload_type=second & 0x7F,
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=ssrc,
            marker=second >= 0x80,
            payload=view[HEADER_SIZE:],
        )
    csrc_count = first & 0x0F
    start = HEADER_SIZE + 4 * csrc_count
    profile: int | None = None
    extension = b""
    if first & 0x10:
        if size < start + 4:
            raise PayloadError("RTP header extension is cut off")
        profile = int.from_bytes(view[start : start + 2])
        length = 4 * int.from_bytes(view[start + 2 : start + 4])
        extension = bytes(view[start + 4 : start + 4 + length])
        start += 4 + length
    end = size
    padding = 0
    if first & 0x20:
        padding = view[size - 1]
        end -= padding
    if start > end or (first & 0x20 and padding == 0):
        raise PayloadError("RTP packet is shorter than its header, extension and padding")
    return RtpPacket(
        payload_type=second & 0x7F,
        sequence_number=sequence_number,
        timestamp=timestamp,
        ssrc=ssrc,
        marker=second >= 0x80,
        payload=view[start:end],
        extension_profile=profile,
        extension=extension,
        csrc_count=csrc_count,
        padding=padding,
    )


def serialize_header(*, payload_type: int, sequence_number: int, timestamp: int, ssrc: int, marker: bool) -> bytes:
    """Return the 12 bytes of a header without extension, CSRC or padding, which is the only kind that we send."""
    return _HEADER.pack(
        0x80,
        (0x80 if marker else 0) | payload_type,
        sequence_number & 0xFFFF,
        timestamp & 0xFFFF_FFFF,
        ssrc,
    )
