"""Answers of devices over HTTP, whole and in pieces, and what is none."""

import pytest

from transcoder.discover.http_answer import MAX_BODY, MAX_HEAD, HttpAnswer
from transcoder.errors import LimitExceeded, RemoteProtocolError

PLAIN = b"HTTP/1.1 200 OK\r\nServer: App-webs/\r\nContent-Length: 5\r\n\r\n<a/>\n"
CHUNKED = b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a/\r\n1;x=y\r\n>\r\n0\r\n\r\n"
UNTIL_THE_END = b"HTTP/1.0 200\r\n\r\n<a/>"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [(PLAIN, 200, b"<a/>\n"), (CHUNKED, 401, b"<a/>"), (UNTIL_THE_END, 200, b"<a/>"), (CONTINUED, 400, b"")],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_answer(data: bytes, status: int, body: bytes, step: int) -> None:
    answer = HttpAnswer()
    for start in range(0, len(data), step):
        answer.receive_data(data[start : start + step])
    if not answer.is_complete:
        answer.receive_end()
    assert (answer.status, answer.body) == (status, body)


def test_fields() -> None:
    answer = HttpAnswer()
    answer.receive_data(b"HTTP/1.1 200 OK\r\nserver:  x \r\nBad: a\nb\r\nno colon\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers.get("Server") == "x"
    assert answer.headers.get("Bad") is None  # its value would end a line of the next request


@pytest.mark.parametrize(
    "data",
    [
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 65 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"z" * 400,
    ],
)
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        HttpAnswer().receive_data(data)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\na: " + b"x" * MAX_HEAD,
    ],
)
def test_what_is_too_large(data: bytes) -> None:
    with pytest.raises(LimitExceeded):
        HttpAnswer().receive_data(data)


def test_an_endless_answer_of_small_chunks_ends() -> None:
    answer = HttpAnswer()
    answer.receive_data(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        answer.receive_data(b"1\r\nx\r\n" * 20)
    with pytest.raises(LimitExceeded):
        answer.receive_data(b"1\r\nx\r\n" * 20_000)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", PLAIN[:-1], CHUNKED[:-6]])
def test_a_connection_that_ends_early(data: bytes) -> None:
    answer = HttpAnswer()
    if data:
        answer.receive_data(data)
    with pytest.raises(RemoteProtocolError, match="closed"):
        answer.receive_end()


def test_no_number_of_interim_answers_is_too_large_to_be_left_out() -> None:
    answer = HttpAnswer()
    answer.receive_data(b"HTTP/1.1 100 Continue\r\n\r\n" * 3000)
    assert (answer.status, answer.is_complete) == (0, False)
    answer.receive_data(PLAIN)
    assert answer.is_complete
