"""RTP packets built by hand (RFC 3550 section 5.1), sharing no code with the product."""

import struct
from collections.abc import Callable

import pytest

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


@pytest.fixture(scope="session")
def rtp() -> Callable[..., bytes]:
    return build_rtp
