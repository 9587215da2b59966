"""Whether packets of an undescribed payload type are the video; the cases are those of RFC 6184 and RFC 7798."""

import struct

import pytest

from transcoder.codecs.nal import Codec
from transcoder.rtp.undescribed import ALONE_S, MAX_KEPT_BYTES, MAX_TYPES, UndescribedType, begins

IDR, SLICE = b"\x65\x88\x84\x00", b"\x41\x9a\x02\x00"


def packet(payload: bytes, payload_type: int = 97) -> bytes:
    return struct.pack("!BBHII", 0x80, payload_type, 1, 2, 3) + payload


def looked(payloads: list[bytes], *, payload_type: int = 97, step_s: float = 0.1, described: int = 0) -> int:
    """At which packet the type is taken, from 1 on; 0: never."""
    undescribed = UndescribedType()
    for index, payload in enumerate(payloads):
        if undescribed.look(packet(payload, payload_type), 100.0 + index * step_s, described * index):
            return index + 1
    return 0


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        (Codec.H264, b"\x65\x88", True),
        (Codec.H264, b"\x67\x4d", True),
        (Codec.H264, b"\x68\xee", False),
        (Codec.H264, b"\x41\x9a", False),
        (Codec.H264, b"\x7c\x85", True),  # FU-A, start of an IDR
        (Codec.H264, b"\x7c\x05", False),
        (Codec.H264, b"\x7c\x81", False),
        (Codec.H264, b"\x78\x00\x02\x67\x4d", True),  # STAP-A
        (Codec.H264, b"\x78\x00", False),
        (Codec.H265, b"\x26\x01", True),
        (Codec.H265, b"\x42\x01", True),
        (Codec.H265, b"\x02\x01", False),
        (Codec.H265, b"\x62\x01\x93", True),  # FU, start of IDR_W_RADL
        (Codec.H265, b"\x62\x01\x13", False),
        (Codec.H265, b"\x60\x01\x00\x02\x42\x01", True),  # AP
        (Codec.H265, b"\x60\x01", False),
    ],
)
def test_where_a_decoder_begins(codec: Codec, payload: bytes, *, expected: bool) -> None:
    assert begins(codec, memoryview(payload)) is expected


def test_it_takes_time_and_packets_and_a_beginning() -> None:
    assert looked([IDR, *[SLICE] * 60]) == 1 + round(ALONE_S / 0.1)
    assert looked([IDR, *[SLICE] * 60], step_s=0.5) == 16
    assert looked([SLICE] * 100) == 0
    assert looked([IDR, *[SLICE] * 10, b"\xff\xff"] * 10) == 0
    assert looked([IDR, *[SLICE] * 60], described=1) == 0  # a described packet came between each two
    assert looked([IDR, *[SLICE] * 60], payload_type=8) == 0  # a static type: G.711


def test_what_is_kept_is_bounded() -> None:
    undescribed = UndescribedType()
    for index in range(20 * MAX_TYPES):
        undescribed.look(packet(SLICE + bytes(60_000), 96 + index % 20), 100.0 + index / 1000, 0)
    assert len(undescribed._candidates) == MAX_TYPES
    for index in range(200):
        undescribed.look(packet(SLICE + bytes(60_000)), 101.0 + index / 1000, 0)
        assert all(candidate.size <= MAX_KEPT_BYTES for candidate in undescribed._candidates.values())


def test_garbage_is_no_evidence() -> None:
    undescribed = UndescribedType()
    for data in (b"", b"\x80", b"\x80\x61" + bytes(10), b"\x00" * 20):
        assert not undescribed.look(data, 100.0, 0)
