"""The API is asked by a client of its own; a server that is made up answers."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.verify.gateway_api import GatewayApi, gateway_api
from transcoder.verify.target import parse_target


class Answers:
    """What is answered to every request, and what was asked."""

    def __init__(self) -> None:
        self.status, self.body = 200, b"{}"
        self.asked: list[tuple[str, str | None]] = []
        self.port = 0

    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def answers() -> Iterator[Answers]:
    told = Answers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(told.status)
            if told.status == 302:
                self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()
            self.wfile.write(told.body)

        @override
        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        told.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()


def test_what_is_asked(answers: Answers, tmp_path: Path) -> None:
    told = {"now": "2026-11-29T07:00:30.000Z", "spans": []}
    answers.body = json.dumps(told).encode()
    token = tmp_path / "token"
    token.write_text("abc-123\n")
    api = gateway_api(answers.url() + "/gate/", token, parse_target("rtsp://h/front%20a/sub?x=1"))
    assert api.served() == told
    assert api.served("2026-11-29T07:00:00.000+00:00") == told
    path = "/gate/api/v1/streams/front%2520a/served"
    assert answers.asked == [
        (path, "Bearer abc-123"),
        (f"{path}?since=2026-11-29T07%3A00%3A00.000%2B00%3A00", "Bearer abc-123"),
    ]
    gateway_api(answers.url(), None, parse_target("rtsp://h/front")).served()
    assert answers.asked[-1] == ("/api/v1/streams/front/served", None)


UNKNOWN = {"code": "unknown_stream", "detail": "there is no stream 'front'"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, b"{}", "answers 401: it does not know this token"),
        (403, b'{"detail": "not from \\u001b[31m here"}', "answers 403: not from "),
        (404, json.dumps(UNKNOWN).encode(), "has no stream 'front': is it the API of the gateway that serves it?"),
        (404, b"<html>", "is no API of this version of transcoder"),
        (200, b"<html>", "is no API of this version of transcoder"),
        (200, b'{"now": 5}', "is no API of this version of transcoder"),
        pytest.param(200, b"[" * 100_000, "is no API of this version of transcoder", id="nested"),
        (200, b"[1]", "is no API of this version of transcoder"),
        (302, b"", "answers 302"),
        (503, b"{}", "answers 503"),
    ],
)
def test_what_to_do_about_a_refusal(answers: Answers, status: int, body: bytes, words: str) -> None:
    """A token is never sent where a redirection points to."""
    answers.status, answers.body = status, body
    with pytest.raises(TransportError) as caught:
        GatewayApi(answers.url(), "abc", "front").served()
    assert f"the API at 127.0.0.1:{answers.port} {words}" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(answers.asked) == 1
