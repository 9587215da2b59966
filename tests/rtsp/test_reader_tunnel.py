"""RTSP over HTTP as readers open it: the requests are those that ffmpeg, GStreamer and live555 were seen to send."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.errors import RemoteProtocolError
from transcoder.rtsp.reader_tunnel import MAX_HEAD, Base64Reader, Opening, TunnelRefused, TunnelRequest, reply_to_get

FFMPEG_GET = (
    b"GET /front HTTP/1.1\r\nUser-Agent: Lavf/59.27.100\r\nAccept: application/x-rtsp-tunnelled\r\nRange: bytes=0-\r\n"
    b"Connection: close\r\nHost: 127.0.0.1:8554\r\nIcy-MetaData: 1\r\nx-sessioncookie: 2fa0c1d09e53b7a1\r\n"
    b"Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"
)
LIVE555_POST = (
    b"POST /front HTTP/1.0\r\nCSeq: 1\r\nUser-Agent: openRTSP\r\nx-sessioncookie: a1B2+/c3D4\r\n"
    b"Content-Type: application/x-rtsp-tunnelled\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n"
    b"Content-Length: 32767\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
)


def opened(data: bytes, size: int) -> object:
    """What it is taken for, in pieces; the bytes behind what is known go with it."""
    opening = Opening()
    for start in range(0, len(data), size):
        found = opening.receive_data(data[start : start + size])
        if found is not None:
            return found
    return None


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_two_requests(size: int) -> None:
    assert opened(FFMPEG_GET, size) == TunnelRequest(is_post=False, cookie="2fa0c1d09e53b7a1", rest=b"")
    assert opened(LIVE555_POST, size) == TunnelRequest(is_post=True, cookie="a1B2+/c3D4", rest=b"")


def test_bytes_behind_the_head_are_the_body() -> None:
    found = opened(LIVE555_POST + b"T1BUSU9OUw==", 1000)
    assert isinstance(found, TunnelRequest)
    assert found.rest == b"T1BUSU9OUw=="


@pytest.mark.parametrize(
    "data",
    [
        b"OPTIONS rtsp://h/front RTSP/1.0\r\n", b"GET_PARAMETER rtsp://h/front RTSP/1.0\r\n", b"$\x00\x00\x04abcd",
        b"PLAY * RTSP/1.0\r\n", b"PAUSE * RTSP/1.0\r\n", b"\r\nOPTIONS", b"\xff\xfe", b"",
    ],
)  # fmt: skip
def test_everything_else_is_rtsp_and_loses_no_byte(data: bytes) -> None:
    assert Opening().receive_data(data) in {data, None}
    opening, got = Opening(), b""
    for byte in data:
        found = opening.receive_data(bytes([byte]))
        if isinstance(found, bytes):
            got = found
            break
    assert data.startswith(got)


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 404 "),
        (b"POST /onvif/device_service HTTP/1.1\r\nContent-Length: 3\r\n\r\n<a>", b"HTTP/1.1 404 "),
        (b"GET / HTTP/1.1\r\nx-sessioncookie: \r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET / HTTP/1.1\r\nx-sessioncookie: " + b"a" * 65 + b"\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET / HTTP/1.1\r\nx-sessioncookie: a\x00b\r\n\r\n", b"HTTP/1.1 404 "),
        (b"GET rtsp://h/front RTSP/1.0\r\nx-sessioncookie: a\r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET \r\n\r\n", b"HTTP/1.1 400 "),
        (b"GET /" + b"a" * MAX_HEAD, b"HTTP/1.1 400 "),
        (b"\x16\x03\x01\x02\x00\x01\x00", b""),  # TLS has nothing that is no TLS to read
    ],
)
def test_what_opens_no_tunnel_is_refused(data: bytes, reply: bytes) -> None:
    with pytest.raises(TunnelRefused) as caught:
        Opening().receive_data(data)
    assert caught.value.reply[: len(reply)] == reply
    assert bool(caught.value.reply) == bool(reply)


def test_the_reply_is_one_that_never_ends() -> None:
    head = reply_to_get().decode()
    assert head.startswith("HTTP/1.0 200 OK\r\n")
    assert "\r\nContent-Type: application/x-rtsp-tunnelled\r\n" in head
    assert "content-length" not in head.lower()
    assert head.endswith("\r\n\r\n")


@given(
    requests=st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    breaks=st.booleans(),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5),
)
def test_each_request_may_have_padding_of_its_own(requests: list[bytes], breaks: bool, sizes: list[int]) -> None:
    end = b"\r\n" if breaks else b""
    coded = b"".join(base64.b64encode(request) + end for request in requests)
    reader, got, at, turn = Base64Reader(), b"", 0, 0
    while at < len(coded):
        size = sizes[turn % len(sizes)]
        got += reader.receive_data(coded[at : at + size])
        at, turn = at + size, turn + 1
    assert got == b"".join(requests)


@pytest.mark.parametrize("data", [b"OPTIONS *", b"====", b"A===", b"AA=A", b"AB\x00D", b"\xff\xff\xff\xff", b"A-_A"])
def test_what_is_no_base64_ends_it(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Base64Reader().receive_data(data + b"A" * (-len(data) % 4))
