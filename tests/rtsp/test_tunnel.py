"""RTSP over HTTP, the core: Apple's tunnelling as ONVIF Streaming describes it."""

import base64

import pytest

from transcoder.errors import LimitExceeded, ResponseError, RtspSyntaxError
from transcoder.rtsp.tunnel import MAX_HEADER_SIZE, TunnelReply, encode_request, tunnel_requests
from transcoder.rtsp.urls import RtspUrl

REPLY = (
    b"HTTP/1.0 200 OK\r\nServer: Streaming\r\nConnection: close\r\nCache-Control: no-store\r\n"
    b"Content-Type: application/x-rtsp-tunnelled\r\n\r\n"
)


def read(request: bytes) -> tuple[str, dict[str, str]]:
    """Request line and headers of a request without a body."""
    assert request.endswith(b"\r\n\r\n")
    assert request.count(b"\r\n\r\n") == 1
    first, *lines = request.decode("ascii")[:-4].split("\r\n")
    return first, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def test_the_two_requests_belong_together() -> None:
    get, post = tunnel_requests(RtspUrl(host="192.0.2.7", port=80, target="/live?channel=1"), "a1b2c3")
    line, headers = read(get)
    assert line == "GET /live?channel=1 HTTP/1.0"
    assert headers["x-sessioncookie"] == "a1b2c3"
    assert headers["accept"] == "application/x-rtsp-tunnelled"
    assert headers["host"] == "192.0.2.7:80"
    line, headers = read(post)
    assert line == "POST /live?channel=1 HTTP/1.0"
    assert headers["x-sessioncookie"] == "a1b2c3"
    assert headers["content-type"] == "application/x-rtsp-tunnelled"
    assert int(headers["content-length"]) > 10_000  # more than is ever sent
    assert headers["pragma"] == headers["cache-control"] == "no-cache"


def test_a_url_without_a_path_and_an_ipv6_host() -> None:
    get, post = tunnel_requests(RtspUrl(host="2001:db8::1", port=8080, target=""), "x")
    assert read(get)[0] == "GET / HTTP/1.0"
    assert read(get)[1]["host"] == read(post)[1]["host"] == "[2001:db8::1]:8080"


def test_requests_go_up_in_base64() -> None:
    request = b"OPTIONS rtsp://192.0.2.7/live RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    assert encode_request(request) == base64.b64encode(request)
    assert encode_request(b"foobar") == b"Zm9vYmFy"  # RFC 4648 section 10
    assert encode_request(b"fooba") == b"Zm9vYmE="


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_the_header_is_taken_off_however_it_comes(size: int) -> None:
    rtsp = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x00\x00\x04abcd"
    stream = REPLY + rtsp
    reply = TunnelReply()
    assert not reply.is_open
    got = b"".join(reply.receive_data(stream[at : at + size]) for at in range(0, len(stream), size))
    assert reply.is_open
    assert got == rtsp


def test_an_open_tunnel_reads_no_header_any_more() -> None:
    reply = TunnelReply()
    assert reply.receive_data(REPLY) == b""
    assert reply.is_open
    assert reply.receive_data(b"HTTP/1.0 404 Not Found\r\n\r\n") == b"HTTP/1.0 404 Not Found\r\n\r\n"


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK", b"HTTP/1.0 200", b"HTTP/1.0  200  Fine by me"])
def test_ways_to_agree(line: bytes) -> None:
    reply = TunnelReply()
    assert reply.receive_data(line + b"\r\n\r\nx") == b"x"
    assert reply.is_open


@pytest.mark.parametrize("status", [401, 404, 453, 503])
def test_a_refusal(status: int) -> None:
    reply = TunnelReply()
    with pytest.raises(ResponseError) as caught:
        reply.receive_data(b"HTTP/1.0 %d No Way\r\nContent-Length: 0\r\n\r\n" % status)
    assert caught.value.status == status
    assert caught.value.own_words == "No Way"
    assert "No Way" not in str(caught.value)  # the camera chose it, and a message stands in logs and states
    assert not reply.is_open


@pytest.mark.parametrize(
    "line",
    [b"RTSP/1.0 200 OK", b"HTTP/1.0", b"HTTP/1.0 OK 200", b"SSH-2.0-x 200", b"", b"HTTP/1.0 \xb2\xb9 x", b"\xff"],
)
def test_what_is_no_http(line: bytes) -> None:
    reply = TunnelReply()
    with pytest.raises(RtspSyntaxError):
        reply.receive_data(line + b"\r\n\r\n")
    assert not reply.is_open


def test_a_header_without_end() -> None:
    reply = TunnelReply()
    piece = b"X-Fill: y\r\n" * 50
    for _ in range(MAX_HEADER_SIZE // len(piece)):
        assert reply.receive_data(piece) == b""
    with pytest.raises(LimitExceeded):
        reply.receive_data(piece)
