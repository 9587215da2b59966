"""This module builds RTP packets by hand (RFC 3550 section 5.1) and shares no code with the product."""

import struct
from typing import Any

SSRC = 0x0A1B2C3D


def build_rtp(
    sequence_number: int = 0,
    timestamp: int = 0,
    payload: bytes = b"",
    *,
    payload_type: int = 96,
    marker: bool = False,
    ssrc: int = SSRC,
    csrc: tuple[int, ...] = (),
    extension: tuple[int, bytes] | None = None,
    padding: int = 0,
) -> bytes:
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension else 0) | len(csrc)
    data = struct.pack("!BBHII", first, payload_type | (marker << 7), sequence_number, timestamp, ssrc)
    data += b"".join(struct.pack("!I", source) for source in csrc)
    if extension:
        data += struct.pack("!HH", extension[0], len(extension[1]) // 4) + extension[1]
    data += payload
    if padding:
        data += b"\x00" * (padding - 1) + bytes((padding,))
    return data


ENDS = {
    "H264": b"\x09\xf0",  # an access unit delimiter ends the picture before it
    "H265": b"\x46\x01\x50",
    "JPEG": b"\0\xff\xff\xff\1\x32\1\1",  # headers without data: the marker ends the picture
    "MP4V-ES": b"",  # the marker ends the picture here too
}
"""Payloads that end the open picture and bring no data of their own, by the codec's name in SDP."""

NUMBERED_ENDS = {
    "H264": (b"\x79\x40\x00\x00\x02\x09\xf0", b"\x79\x40\x01\x00\x02\x09\xf0"),
    "H265": (b"\x46\x01\x40\x00\x50", b"\x46\x01\x40\x01\x50"),
}
"""Payloads that do the same, with decoding order numbers. The first one waits until the second one comes long after
it."""
LONG_S = 100.0


def end_picture(video: Any, codec: str, number: int, timestamp: int, now: float) -> None:
    """Give a VideoReceiver a packet that ends its open picture.

    Args:
        video: the receiver.
        codec: the codec's name in SDP.
        number: the sequence number that follows.
        timestamp: the RTP timestamp of the open picture.
        now: monotonic seconds.
    """
    packet = build_rtp(number & 0xFFFF, timestamp, ENDS[codec], marker=codec not in {"H264", "H265"})
    video.receive_rtp(packet, now)


def end_numbered_pictures(video: Any, codec: str, number: int, now: float) -> None:
    """Give a VideoReceiver of numbered NAL units packets that release all waiting units and end the last picture."""
    for index, payload in enumerate(NUMBERED_ENDS[codec], 1):
        video.receive_rtp(build_rtp((number + index - 1) & 0xFFFF, 0, payload), now + index * LONG_S)
