"""Descriptions whose size is not told, byte by byte and at once; their ends are those of RFC 4566 lines."""

import contextlib
import random
from collections.abc import Callable

import pytest

from transcoder.errors import LimitExceeded, RtspSyntaxError
from transcoder.rtsp.client_events import ClientCounters
from transcoder.rtsp.client_parser import SILENCE_S, ClientParser
from transcoder.rtsp.messages import MAX_BODY_SIZE, InterleavedFrame, Response, RtspParser

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
NEXT = b"RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"


def response(*fields: bytes, body: bytes = SDP, status: bytes = b"200 OK") -> bytes:
    lines = [b"RTSP/1.0 " + status, b"CSeq: 2", b"Content-Type: application/sdp", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def bodies(parser: ClientParser) -> list[bytes]:
    found = []
    while (event := parser.next_event()) is not None:
        assert isinstance(event, Response)
        found.append(event.body)
    return found


def feed(data: bytes, pieces: int) -> tuple[ClientParser, ClientCounters, list[bytes]]:
    counters = ClientCounters()
    parser, found = ClientParser(counters), []
    size = -(-len(data) // pieces)
    for start in range(0, len(data), size):
        parser.receive_data(data[start : start + size])
        found += bodies(parser)
    return parser, counters, found


@pytest.mark.parametrize("pieces", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    "body", [SDP, SDP.rstrip(), SDP.replace(b"\r\n", b"\n"), SDP + b"\r\n", SDP.replace(b"s=-", b"s=")]
)
@pytest.mark.parametrize("more", [None, 2, 500])
def test_it_is_over_when_nothing_more_comes(body: bytes, pieces: int, more: int | None) -> None:
    fields = [] if more is None else [b"Content-Length: %d" % (len(body) + more)]
    parser, counters, found = feed(response(*fields, body=body), pieces)
    assert found == []
    assert not parser.note_time(100.0)
    assert not parser.note_time(100.0 + SILENCE_S / 2)
    assert parser.note_time(100.0 + SILENCE_S)
    assert bodies(parser) == [body]
    assert counters.measured_descriptions == 1
    parser.receive_data(NEXT)
    assert bodies(parser) == [b""]


def test_a_pause_inside_is_waited_for() -> None:
    parser, _, _ = feed(response(body=SDP[:40]), 1)
    parser.note_time(100.0)
    parser.receive_data(SDP[40:])
    assert not parser.note_time(100.0 + SILENCE_S)
    assert bodies(parser) == []
    assert parser.note_time(100.0 + 2 * SILENCE_S)
    assert bodies(parser) == [SDP]


@pytest.mark.parametrize("behind", [NEXT, b"$\x01\x00\x04abcd"])
def test_what_follows_at_once_is_its_end(behind: bytes) -> None:
    parser = ClientParser(ClientCounters())
    parser.receive_data(response() + behind)
    first, second = parser.next_event(), parser.next_event()
    assert isinstance(first, Response)
    assert first.body == SDP
    assert isinstance(second, Response | InterleavedFrame)


@pytest.mark.parametrize(
    "data",
    [
        response(b"Content-Length: %d" % len(SDP)),
        response(b"Content-Length: 0", body=b""),
        response(b"Content-Length: %d" % len(SDP), status=b"404 Not Found"),
        response(body=b"", status=b"401 Unauthorized"),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS\r\n\r\n",
        b"OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    ],
)
def test_whatever_tells_its_size_is_never_waited_for(data: bytes) -> None:
    plain, parser = RtspParser(), ClientParser(ClientCounters())
    for each in (plain, parser):
        each.receive_data(data)
    assert str(parser.next_event()) == str(plain.next_event()) != "None"


def test_a_description_without_an_end_is_bounded() -> None:
    parser = ClientParser(ClientCounters())
    with pytest.raises(LimitExceeded, match="without its length"):  # noqa: PT012
        parser.receive_data(response(body=b""))
        for _ in range(MAX_BODY_SIZE // 500 + 1):
            parser.receive_data(b"a=x\r\n" * 100)
            assert parser.next_event() is None


def test_pieces_cost_no_more_than_their_bytes(assert_linear: Callable[..., None]) -> None:
    def pieces(size: int) -> bytes:
        return response(body=b"a=x\r\n" * (size // 5))

    def read(data: bytes) -> None:
        feed(data, 50)

    assert_linear(pieces, read, 30_000, at_most_s=0.2)


def test_any_bytes() -> None:
    chance = random.Random(1)
    for _ in range(300):
        data = bytearray(response() + NEXT)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        parser = ClientParser(ClientCounters())
        parser.receive_data(bytes(data))
        for at in (100.0, 101.0, 102.0):
            with contextlib.suppress(RtspSyntaxError, LimitExceeded):
                while parser.next_event() is not None:
                    pass
            parser.note_time(at)
