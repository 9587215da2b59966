"""RTSP and interleaved packets told apart (RFC 2326 section 10.12, RFC 3550 section 5.1)."""

import pytest

from transcoder.lab.reader.scanner import Scanner
from transcoder.lab.reader.wire import Wire, WireCounts
from transcoder.verify.messages import MAX_MESSAGE

DESCRIPTION = b"v=0\r\nm=video 0 RTP/AVP 96\r\n"


def response(body: bytes = b"") -> bytes:
    return b"RTSP/1.0 200 OK\r\nCSeq: 1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def packet(channel: int, first: int = 0x80, payload_type: int = 96, number: int = 0) -> bytes:
    data = bytes((first, payload_type)) + number.to_bytes(2, "big") + bytes(8) + b"$RTSP/1.0 in a payload is neither"
    return b"$" + bytes((channel,)) + len(data).to_bytes(2, "big") + data


def read(data: bytes, size: int) -> WireCounts:
    counts = WireCounts()
    wire = Wire(counts, Scanner())
    for start in range(0, len(data), size):
        wire.feed(data[start : start + size])
    return counts


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_a_plain_stream(size: int) -> None:
    data = (
        response() + response(DESCRIPTION) + packet(0, number=65_534) + packet(0, payload_type=96 | 0x80, number=65_535)
    )
    data += packet(1, payload_type=200) + response() + packet(0, number=0)
    counts = read(data, size)
    assert (counts.messages, counts.rtp, counts.rtcp, counts.payload_types) == (3, 3, 1, {96})
    assert counts.media == ("video",)
    assert counts.oddities() == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (response(DESCRIPTION + b"m=application 0 RTP/AVP 107\r\n"), "media video, application"),
        (packet(0) + packet(0, payload_type=112, number=1), "payload types 96, 112"),
        (packet(0) + packet(2), "channels 0, 2"),
        (packet(0, first=0x90), "1 RTP header extensions"),
        (packet(0, first=0x81), "1 RTP packets with CSRC"),
        (packet(0, first=0xA0), "1 padded RTP packets"),
        (packet(0, number=5) + packet(0, number=7), "1 gaps in RTP sequence numbers"),
        (packet(0, number=5) + packet(0, number=5), "1 gaps in RTP sequence numbers"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "1 pieces that are no RTSP"),
        (b"x" * (MAX_MESSAGE + 1), "1 pieces that are no RTSP"),
    ],
)
def test_what_is_no_plain_stream(data: bytes, told: str) -> None:
    assert read(data, 1 << 20).oddities() == [told]
