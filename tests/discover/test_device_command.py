"""`transcoder probe --onvif` against a device that a thread plays with the standard library's server."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console

from tests.discover.test_device_questions import INFORMATION, REFUSAL, SCOPES
from transcoder.discover.device_command import DeviceOptions, ask


class _Device(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        name = "GetScopes" if "GetScopes" in body else "GetDeviceInformation"
        self.server.asked.append(name)  # type: ignore[attr-defined]
        if "UsernameToken" in body:
            self._answer(200, SCOPES if name == "GetScopes" else INFORMATION)
        else:
            self._answer(400, REFUSAL)

    def _answer(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def _device() -> Iterator[tuple[str, list[str]]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Device)
    server.asked = []  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _ask(options: DeviceOptions) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    code = ask(options, Console(file=out, width=200), Console(file=errors, width=200))
    return code, out.getvalue(), errors.getvalue()


def test_two_questions_and_no_more() -> None:
    with _device() as (url, asked):
        code, out, errors = _ask(DeviceOptions(url=url, username="u", password="hunter22", as_json=True))
    assert (code, errors) == (0, "")
    assert asked == ["GetDeviceInformation", "GetDeviceInformation", "GetScopes"]
    found = json.loads(out)
    assert found["device"]["manufacturer"] == "HIKVISION"
    assert found["device"]["location"] == "city/harbour"
    said = {(each["field"], each["value"], each["by"]) for each in found["findings"]}
    assert ("brand", "HIKVISION", "onvif") in said
    assert not [field for field, _, _ in said if field == "maker"]  # a brand is no maker
    assert 'brand: "HIKVISION"' in found["config"]


def test_lines() -> None:
    with _device() as (url, _):
        code, out, _ = _ask(DeviceOptions(url=url, username="u", password="hunter22"))
    assert code == 0
    for line in ("manufacturer: HIKVISION", "firmware: V5.4.5 build 170123", "name: North gate", "assets:"):
        assert line in out


def test_without_a_login() -> None:
    with _device() as (url, asked):
        code, out, errors = _ask(DeviceOptions(url=url))
    assert (code, out, asked) == (1, "", ["GetDeviceInformation"])
    assert "wants a login" in errors


def test_a_device_outside_the_allowed_networks_is_not_asked(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("sources: {allow: [192.0.2.0/24]}\nstreams: {}\n")
    with _device() as (url, asked):
        code, _, errors = _ask(DeviceOptions(url=url, config=config))
    assert (code, asked) == (1, [])
    assert "sources.allow" in errors


@pytest.mark.parametrize("url", ["https://192.0.2.1/", "192.0.2.1", "http://"])
def test_what_is_no_url(url: str) -> None:
    assert _ask(DeviceOptions(url=url))[0] == 2


def test_nobody_there() -> None:
    with _device() as (url, _):
        pass
    code, _, errors = _ask(DeviceOptions(url=url))
    assert code == 1
    assert "no connection" in errors
