"""Whoever may only look is not told where a camera is: not by any answer, in any state, whatever a camera says."""

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Cameras, Gateway, free_port, running
from tests.support.gateway_process import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CONTROL = Path(__file__).parents[2] / "docs" / "control.md"
OPS, EYE = {"Authorization": "Bearer token-of-ops"}, {"Authorization": "Bearer token-of-eye"}
LOOKS = 5
"""Times that all streams are looked at until none changes meanwhile: a source that is gone is tried again and again."""
AT_ONCE_S = 1.0
"""Seconds in which events come that are remembered, and the beginning of a video."""
NAMED = "camera-zuidpoort.invalid"
USER, PASSWORD, PATH = "kijker77", "wachtwoord-geheim", "zuidpad"
HOSTS = {
    name: f"127.91.17.{number}" for number, name in enumerate(("gone", "moved", "rude", "elsewhere", "new", "tls"), 31)
}
"""The addresses of cameras, on this machine, each of them a word that stands nowhere else."""
MOVED = f"RTSP/1.0 302 Moved Temporarily\r\nCSeq: 1\r\nLocation: rtsp://{HOSTS['elsewhere']}:9/{PATH}\r\n\r\n"
RUDE = (
    f"RTSP/1.0 453 {HOSTS['rude']} {PATH} is busy for {USER}\r\nCSeq: 1\r\nServer: {HOSTS['rude']}\r\n"
    f'WWW-Authenticate: Digest realm="{HOSTS["rude"]}", nonce="a"\r\n\r\n'
)


class Answers:
    """Answers every request to an address with the same text."""

    def __init__(self, host: str, text: str) -> None:
        self._text = text
        self._socket = socket.create_server((host, 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while asked := connection.recv(4096):
                number = re.search(rb"CSeq: *(\d+)", asked)
                connection.sendall(self._text.replace("CSeq: 1", f"CSeq: {int(number[1]) if number else 1}").encode())

    def close(self) -> None:
        self._socket.close()


def source(host: str, port: int, scheme: str = "rtsp") -> str:
    return f"{scheme}://{USER}:{PASSWORD}@{host}:{port}/{PATH}/1"


class World:
    """A gateway whose cameras are in many states, and the words by which each can be found."""

    def __init__(self, folder: Path, state_dir: Path) -> None:
        self.moved, self.rude = Answers(HOSTS["moved"], MOVED), Answers(HOSTS["rude"], RUDE)
        self.tls = Answers(HOSTS["tls"], "no TLS here")
        self.port = free_port()
        self.cameras = Cameras(folder, 1)
        for name in ("ops", "eye"):
            (folder / f"{name}.token").write_text(f"token-of-{name}")
        self.gateway = Gateway(
            folder,
            state_dir / "numba",
            None,
            {},
            sources={"allow": ["127.0.0.0/16", *(f"{host}/32" for host in HOSTS.values())]},
            ledger={"examples": True},
            assets={"pole": {"title": "Pole", "notes": f"at {HOSTS['gone']}", "extra": {"ip": HOSTS["gone"]}}},
        )
        self.gateway.document["http"]["tokens"] = {
            "ops": {"token_file": "ops.token", "role": "control"},
            "eye": {"token_file": "eye.token"},
        }

    def write(self) -> None:
        self.gateway.document["streams"] = {
            "gone": {"source": source(HOSTS["gone"], self.port), "asset": "pole"},
            "named": {"source": source(NAMED, self.port)},
            "moved": {"source": source(HOSTS["moved"], self.moved.port)},
            "rude": {"source": {"url": source(HOSTS["rude"], self.rude.port), "redirect_ports": [self.port]}},
            "tls": {"source": source(HOSTS["tls"], self.tls.port, "rtsps")},
            "off": {"source": source(HOSTS["gone"], self.port), "enabled": False},
            "plays": {"source": self.cameras.urls[0]},
        }
        self.gateway.write()

    @property
    def words(self) -> list[str]:
        of_camera = re.findall(r"//[^/]*?:(\d+)(/[^ ?]{4,})", self.cameras.urls[0])
        [(port, path)] = of_camera
        return [
            *HOSTS.values(),
            NAMED,
            USER,
            PASSWORD,
            PATH,
            path.strip("/"),
            port,
            str(self.port),
            str(self.rude.port),
        ]

    def ops(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, _, answer = self.gateway.http(method, path, body, **OPS)
        return status, answer

    def stir(self) -> None:
        """Bring about everything that events, records and documents tell of."""
        base = "/api/v1/streams"
        new = source(HOSTS["new"], self.port)
        assert self.ops("POST", base, {"id": "made", "source": new})[0] == 201
        assert self.ops("PATCH", f"{base}/made", {"source": {"url": source(HOSTS["elsewhere"], 9)}})[0] == 200
        assert self.ops("PATCH", f"{base}/made", {"source": {"url": f"http://{HOSTS['new']}/{PATH}"}})[0] == 422
        assert self.ops("PATCH", f"{base}/made", {"source": {"url": f"rtsp://8.8.8.8/{HOSTS['new']}"}})[0] == 422
        assert self.ops("POST", base, {"id": HOSTS["new"], "source": new})[0] == 422
        assert self.ops("POST", f"{base}/gone/swap", {"source": new, "asset": "pole"})[0] in {409, 422}
        assert self.ops("POST", f"{base}/gone/restart")[0] == 200
        assert self.ops("POST", f"{base}/tls/accept-key")[0] == 200
        self.ops("POST", "/api/v1/probe", {"source": source(HOSTS["rude"], self.rude.port)})
        device = {"model": "X1", "serial": HOSTS["gone"], "name": HOSTS["gone"]}
        self.ops("POST", "/api/v1/assets/pole/device", device)
        self.ops("PATCH", "/api/v1/assets/pole", {"notes": f"moved to {HOSTS['new']}"})

    def fetch(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """The status, and head and body as text; of an answer that does not end, what comes at once."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.http_port, timeout=20)
        try:
            body = None if method in {"GET", "DELETE"} else b"{}"
            connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
            answer = connection.getresponse()
            found = bytearray(str(answer.headers).encode())
            if answer.getheader("Content-Length") is not None or answer.status != 200:
                found += answer.read()
            elif connection.sock is not None:
                connection.sock.settimeout(AT_ONCE_S)
                ends = time.monotonic() + AT_ONCE_S
                with contextlib.suppress(TimeoutError):
                    while time.monotonic() < ends and (chunk := answer.read1(65536)):
                        found += chunk
            return answer.status, found.decode("utf-8", "replace")
        finally:
            connection.close()

    def paths(self) -> Iterator[tuple[str, str]]:
        """Each operation of the API with each thing that it can be asked of."""
        document = self.ops("GET", "/openapi.json")[1]
        streams = [item["id"] for item in self.ops("GET", "/api/v1/streams")[1]["streams"]]
        known = {"stream": streams, "asset": ["pole"], "number": ["1"], "rendition": ["main"], "session": ["none"]}
        for path, operations in document["paths"].items():
            [*names] = re.findall(r"{(\w+)}", path)
            values = [path]
            known["stream"] = ["plays"] if path.endswith((".jpg", ".mp4")) else streams
            for name in names:
                values = [
                    each.replace(f"{{{name}}}", value) for each in values for value in known.get(name, ["index.html"])
                ]
            for method in operations:
                if method.upper() in {"GET", "POST", "PUT", "PATCH", "DELETE"}:
                    yield from ((method.upper(), value) for value in values)


def found_in(text: str, words: list[str]) -> list[str]:
    """The words that stand in a text; a number not as a part of another one."""
    return [word for word in words if re.search(rf"(?<![0-9a-f.]){re.escape(word)}(?![0-9a-f])", text)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("addresses"), state_dir)
    with running(made.cameras):
        made.write()
        with running(made.gateway):
            wait_for(lambda: state(made, "plays")["status"] in {"online", "degraded"}, 60, "it plays")
            for name in ("gone", "named", "moved", "rude", "tls"):
                wait_for(partial(lambda one: state(made, one)["problem"], name), 30, f"{name} has a problem")
            made.stir()
            made.cameras.close()
            wait_for(lambda: state(made, "plays")["problem"], 30, "the camera is lost")
            yield made
    for each in (made.moved, made.rude, made.tls):
        each.close()


def state(world: World, stream: str) -> dict[str, Any]:
    return world.ops("GET", f"/api/v1/streams/{stream}")[1]["state"]


def test_no_answer_tells_a_reader_where_a_camera_is(world: World) -> None:
    told: dict[str, list[str]] = {}
    for method, path in world.paths():
        headers = {**EYE, "Last-Event-ID": "0@x"}
        status, text = world.fetch(method, path, headers)
        assert status < 500 or path == "/readyz", (method, path, status)
        if method != "GET" and not path.startswith("/api/v1/login"):
            assert status in {403, 404, 405}, (method, path, status)
        if words := found_in(text, world.words):
            told[f"{method} {path}"] = words
    assert told == {}


def test_the_same_answers_tell_it_to_whoever_may_change_it(world: World) -> None:
    """The control: the words are there to be found, in each kind of document."""
    for path, words in {
        "/api/v1/streams": [*(host for name, host in HOSTS.items() if name != "new"), NAMED, PATH],
        "/api/v1/streams/gone": [HOSTS["gone"]],
        "/api/v1/streams/made/audit": [HOSTS["new"], PATH],
        "/api/v1/config": [HOSTS["gone"], NAMED, str(world.port)],
        "/api/v1/assets": [HOSTS["gone"]],
        "/api/v1/events": [HOSTS["new"]],
        "/api/v1/wall": [NAMED, str(world.port)],
    }.items():
        _, text = world.fetch("GET", path, {**OPS, "Last-Event-ID": "0@x"})
        assert [word for word in words if word not in found_in(text, words)] == [], path


def problems(streams: dict[str, Any]) -> dict[str, str]:
    return {name: stream["state"]["problem"] for name, stream in streams.items()}


def test_a_reader_is_still_told_what_is_wrong(world: World) -> None:
    meanings = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", CONTROL.read_text(), re.MULTILINE))
    for _ in range(LOOKS):
        whole, streams, after = (
            {item["id"]: item for item in world.gateway.http("GET", "/api/v1/streams", **who)[2]["streams"]}
            for who in (OPS, EYE, OPS)
        )
        if problems(whole) == problems(after):  # else a source failed in another way between two answers
            break
    for name in ("gone", "named", "moved", "rude", "tls", "plays"):
        told, known = streams[name]["state"], whole[name]["state"]
        assert told["problem_code"] == known["problem_code"]
        assert told["problem"] == meanings[told["problem_code"]]
        assert told["problem"] != known["problem"]
    tiles = {tile["id"]: tile for tile in world.gateway.http("GET", "/api/v1/wall", **EYE)[2]["tiles"]}
    assert tiles["gone"]["problem"] == streams["gone"]["state"]["problem"]
    assert streams["gone"]["config"]["source"]["url"] == "rtsp://***"
    assert streams["tls"]["config"]["source"]["url"] == "rtsps://***"
    events = json.loads(world.fetch("GET", "/api/v1/streams/plays/events", EYE)[1].partition("\n\n")[2] or "{}")
    assert "source_lost" in [event["event_type"] for event in events["events"]]


def test_numbers_name_no_camera(world: World) -> None:
    for headers in (OPS, EYE):
        assert found_in(world.fetch("GET", "/metrics", headers)[1], world.words) == []
