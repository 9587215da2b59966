"""Answers of whatever listens at a port, which may be no gateway."""

import http.client
import socket
import threading

import pytest

from transcoder.verify.json_answer import parse_json, within


def read_within(connection: http.client.HTTPConnection, seconds: float) -> bytes:
    with within(connection, seconds):
        connection.request("GET", "/")
        return connection.getresponse().read()


@pytest.mark.parametrize("header", [b"Content-Length: 100", b"Connection: close", b"A: b"])
def test_a_server_that_sends_a_little_at_a_time_holds_nobody(header: bytes) -> None:
    """Each byte comes within the time-out of the socket."""
    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n")
                while not is_over.wait(0.02):
                    try:
                        peer.sendall(b"x")
                    except OSError:
                        return

        dripping = threading.Thread(target=drip)
        dripping.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.getsockname()[1], timeout=10)
        with pytest.raises(TimeoutError, match=r"no answer in 0\.2 s"):
            read_within(connection, 0.2)
        connection.close()
        is_over.set()
        dripping.join()


@pytest.mark.parametrize(
    "text",
    [b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b"", b"\xff"],
    ids=["lists", "mappings", "number", "empty", "no text"],
)
def test_what_no_gateway_says_is_no_value(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"nested too deep|Exceeds|Expecting|codec"):
        parse_json(text)
