"""`transcoder discover` against devices that a thread plays on addresses of loopback."""

import io
import json
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rich.console import Console

import transcoder.discover.command as module
from transcoder.config import load
from transcoder.discover.command import DiscoverOptions, discover
from transcoder.discover.sweep import sweep


class _Camera(socketserver.StreamRequestHandler):
    """Answers OPTIONS, and wants a login for everything else."""

    def handle(self) -> None:
        while (line := self.rfile.readline()) not in {b"", b"\r\n"}:
            method = line.split()[0].decode()
            number = b"0"
            while (field := self.rfile.readline()).strip():
                number = field.split()[1] if field.startswith(b"CSeq") else number
            self.server.asked.append((self.server.address, method))  # type: ignore[attr-defined]
            status = b"200 OK" if method == "OPTIONS" else b"401 Unauthorized"
            realm = self.server.realm.encode()  # type: ignore[attr-defined]
            login = b"" if method == "OPTIONS" else b'WWW-Authenticate: Digest realm="%s", nonce="n"\r\n' % realm
            self.wfile.write(b"RTSP/1.0 %s\r\nCSeq: %s\r\n%s\r\n" % (status, number, login))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def _cameras(realms: dict[str, str]) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Run cameras with these realms by address, all at one port."""
    asked: list[tuple[str, str]] = []
    servers: list[Any] = []
    port = 0
    for address, realm in realms.items():
        server: Any = _Server((address, port), _Camera)
        server.asked, server.realm, server.address = asked, realm, address
        port = server.server_address[1]
        servers.append(server)
    threads = [Thread(target=each.serve_forever, kwargs={"poll_interval": 0.01}) for each in servers]
    for thread in threads:
        thread.start()
    try:
        yield port, asked
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


REALMS = {"127.0.0.41": "IP Camera(C1)", "127.0.0.42": "Login to X", "127.0.0.43": "c47905000001"}


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_: object) -> None:
        pass

    monkeypatch.setattr(module, "ask_everybody", nobody)


def _run(options: DiscoverOptions) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    code = discover(options, Console(file=out, width=200), Console(file=errors, width=200))
    return code, out.getvalue(), errors.getvalue()


def test_what_answers_and_what_is_no_stream_yet(tmp_path: Path) -> None:
    config, written = tmp_path / "gateway.yaml", tmp_path / "found.yaml"
    with _cameras(REALMS) as (port, asked):
        config.write_text(f"streams: {{front: {{source: 'rtsp://127.0.0.41:{port}/'}}}}\n")
        options = DiscoverOptions(
            networks=("127.0.0.40/29",), ports=str(port), config=config, write=written, as_json=True
        )
        code, out, errors = _run(options)
        again, _, refused = _run(options)
    assert code == 0, errors
    found = {each["address"]: each for each in json.loads(out)["devices"]}
    assert {address: each["maker"] for address, each in found.items()} == {
        "127.0.0.41": "Hikvision",
        "127.0.0.42": "Dahua",
        "127.0.0.43": "Uniview",
    }
    assert {address: each["streams"] for address, each in found.items() if each["streams"]} == {"127.0.0.41": ["front"]}
    assert found["127.0.0.43"]["maker_by"] == "registry"
    assert sorted(asked) == sorted((address, method) for address in REALMS for method in ("OPTIONS", "DESCRIBE"))
    assert set(load(written).streams) == {"camera-127-0-0-42", "camera-127-0-0-43"}
    assert written.stat().st_mode & 0o077 == 0
    assert again == 2
    assert "already" in refused  # a file is never written over


@pytest.mark.parametrize("kind", ["link", "no folder", "long name"])
def test_a_file_that_cannot_be_made_is_refused_before_anybody_is_asked(kind: str, tmp_path: Path) -> None:
    file = {"link": tmp_path / "link", "no folder": tmp_path / "no" / "x", "long name": tmp_path / ("x" * 300)}[kind]
    if kind == "link":
        file.symlink_to(tmp_path / "nowhere")
    with _cameras(REALMS) as (port, asked):
        options = DiscoverOptions(networks=("127.0.0.41",), ports=str(port), write=file)
        code, _, errors = _run(options)
    assert (code, asked) == (2, [])
    assert errors.startswith("discover: --write: ")
    assert not (tmp_path / "nowhere").exists()


def test_lines() -> None:
    with _cameras(REALMS) as (port, _):
        code, out, errors = _run(DiscoverOptions(networks=("127.0.0.42/32", "127.0.0.43/32"), ports=str(port)))
    assert code == 0
    assert "127.0.0.42 | " in out
    assert "maker Dahua, software dahua | realm of Dahua; wants a login" in out
    assert out.endswith("2 devices\n")
    assert "looked at " in errors


def test_nothing_is_there() -> None:
    with _cameras({"127.0.0.41": ""}) as (port, _):
        pass
    code, out, _ = _run(DiscoverOptions(networks=("127.0.0.41/32",), ports=str(port)))
    assert (code, out) == (1, "0 devices\n")


@pytest.mark.parametrize(
    "options",
    [
        DiscoverOptions(networks=("192.0.2.0/24",)),
        DiscoverOptions(networks=("10.0.0.0/19",)),
        DiscoverOptions(networks=("127.0.0.1/32",), ports="x"),
        DiscoverOptions(networks=("127.0.0.1/32",), rate=201),
        DiscoverOptions(networks=("127.0.0.1/32",), rate=0),
        DiscoverOptions(networks=("127.0.0.1/32",), config=Path("/nonexistent/gateway.yaml")),
    ],
)
def test_wrong_usage(options: DiscoverOptions) -> None:
    code, out, errors = _run(options)
    assert (code, out) == (2, "")
    assert errors.startswith("discover: ")


def test_ctrl_c_keeps_what_was_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written = tmp_path / "found.yaml"
    real = sweep

    async def interrupted(*arguments: Any) -> None:
        await real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "sweep", interrupted)
    with _cameras(REALMS) as (port, _):
        options = DiscoverOptions(networks=("127.0.0.40/29",), ports=str(port), write=written)
        code, out, errors = _run(options)
    assert code == 1
    assert "3 devices, so far" in out
    assert "cut short after 6 of 6" in errors
    assert len(load(written).streams) == 3
