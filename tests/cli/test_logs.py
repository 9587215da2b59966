"""The command `transcoder logs`, against the API of a gateway whose streams pull nothing."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml
from typer.testing import CliRunner, Result

from tests.support.control_world import free_port
from tests.support.kept_store import KeptStore
from tests.support.stream_parts import KeptStream
from transcoder.api.server import HttpServer
from transcoder.cli.event_lines import event_line, state_line
from transcoder.cli.gateway_client import GatewayClient
from transcoder.cli.main import command_line
from transcoder.config import Config, load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.controller import Controller
from transcoder.exit_codes import NO, OK, USAGE
from transcoder.lab.cameras.certificate import Certificate
from transcoder.service.gateway import Gateway
from transcoder.service.reader_register import OnEvent


@pytest.fixture(autouse=True)
def clock_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def make_gateway(config: Config, on_event: OnEvent) -> Gateway:
    return Gateway(config, on_event, make_stream=KeptStream)


class World:
    """A gateway whose API listens, and its file."""

    def __init__(self, folder: Path, http: dict[str, Any]) -> None:
        self.path = folder / "gateway.yaml"
        document = {
            "http": {"listen": f"127.0.0.1:{free_port()}", **http},
            "streams": {"front": {"source": "rtsp://u:hunter2@10.0.0.2/live"}},
        }
        self.path.write_text(yaml.safe_dump(document))
        file = load_file(self.path)
        self.controller = Controller(EffectiveConfig.build(file, {}), KeptStore(), b"k" * 32, make_gateway=make_gateway)
        self.config = file.config
        assert file.config.http is not None
        self.http = HttpServer(self.controller, file.config.http)

    async def logs(self, *arguments: str) -> Result:
        words = ["logs", str(self.path), *arguments]
        return await asyncio.to_thread(CliRunner().invoke, command_line(), words)

    async def start(self) -> None:
        await self.http.start()
        await self.controller.gateway.apply(self.config, self.config.streams)

    async def stop(self) -> None:
        self.controller.close()
        await self.http.stop()


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path, getattr(request, "param", {}))
    await made.start()
    yield made
    await made.stop()


async def test_the_events_of_a_stream_and_its_state(world: World) -> None:
    world.controller.on_event("front", "source_lost", {"reason": "the camera closed the connection"})
    world.controller.on_event("front", "source_recovered", {})
    done = await world.logs("front")
    assert done.exit_code == OK, done.output
    lost, recovered, state = done.stdout.splitlines()
    assert lost.endswith(" source lost: the camera closed the connection")
    assert recovered.endswith(" source recovered")
    assert state.startswith("front: offline since ")


TOKENS = {"tokens": {"ops": {"token": "o" * 20, "role": "control"}, "eye": {"token": "e" * 20, "role": "read"}}}


@pytest.mark.parametrize("world", [TOKENS], indirect=True)
async def test_json_with_the_token_that_may_only_read(world: World) -> None:
    world.controller.on_event("front", "source_lost", {"reason": "gone"})
    done = await world.logs("front", "--json")
    [event] = map(json.loads, done.stdout.splitlines())
    assert (event["event_type"], event["stream"], event["detail"]) == ("source_lost", "front", {"reason": "gone"})
    assert GatewayClient(world.config, world.path)._headers == {"Authorization": f"Bearer {'e' * 20}"}


@pytest.mark.parametrize("world", [{"tokens": {"eye": TOKENS["tokens"]["eye"]}}], indirect=True)
async def test_a_file_whose_tokens_may_only_read_is_told_no_reasons_of_cameras(world: World) -> None:
    world.controller.on_event("front", "source_lost", {"reason": "no connection to 10.0.0.2"})
    done = await world.logs("front")
    assert done.exit_code == OK
    assert done.stdout.splitlines()[0].endswith(" source lost")
    assert "10.0.0.2" not in done.output


async def test_from_a_time_on(world: World) -> None:
    world.controller.on_event("front", "source_lost", {"reason": "gone"})
    done = await world.logs("front", "--json", "--since", "2999-01-01T00:00:00Z")
    assert (done.exit_code, done.stdout) == (OK, "")
    done = await world.logs("front", "--since", "yesterday")
    assert done.exit_code == USAGE
    assert "since" in done.stderr


async def test_a_stream_that_is_not_there(world: World) -> None:
    done = await world.logs("yard")
    assert (done.exit_code, done.stderr) == (USAGE, "there is no stream 'yard'\n")
    done = await world.logs("../info")
    assert done.exit_code == USAGE


async def test_what_comes_is_followed_until_the_gateway_goes(world: World) -> None:
    world.controller.on_event("front", "source_lost", {"reason": "gone"})
    following = asyncio.create_task(world.logs("front", "--follow", "--since", "2999-01-01T00:00:00Z"))
    async with asyncio.timeout(20):
        while not world.controller._publisher._events._feeds:
            await asyncio.sleep(0.01)
    world.controller.on_event("front", "source_recovered", {})
    await asyncio.sleep(0.05)
    world.controller.close()
    done = await following
    assert done.exit_code == NO
    state, recovered = done.stdout.splitlines()
    assert state.startswith("front: ")
    assert recovered.endswith(" source recovered")
    assert done.stderr.endswith("ended the connection\n")


async def test_ctrl_c_ends_what_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> Iterator[dict[str, Any]]:
        raise KeyboardInterrupt

    monkeypatch.setattr(GatewayClient, "follow", interrupted)
    done = await world.logs("front", "--follow")
    assert done.exit_code == OK


async def test_over_tls_the_certificate_itself_is_trusted_and_no_other(tmp_path: Path) -> None:
    files = [tmp_path / "gateway.pem", tmp_path / "gateway.key"]
    for file in files:
        file.write_bytes(Certificate("gateway.example").pem_with_key)
    made = World(tmp_path, {"cert_file": str(files[0]), "key_file": str(files[0])})
    await made.start()
    try:
        assert (await made.logs("front")).exit_code == OK
        made.path.write_text(made.path.read_text().replace(f"cert_file: {files[0]}", f"cert_file: {files[1]}"))
        done = await made.logs("front")
        assert done.exit_code == NO
        assert "certificate" in done.stderr.lower()
    finally:
        await made.stop()


def test_the_file_is_gateway_yaml_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command_line(), ["logs", "front"])
    assert (done.exit_code, done.stderr) == (USAGE, "gateway.yaml: can't be read: No such file or directory\n")
    done = CliRunner().invoke(command_line(), ["logs", "a", "b", "c"])
    assert done.exit_code == USAGE
    for name in ("gateway.yaml", "/etc/transcoder/gateway"):
        done = CliRunner().invoke(command_line(), ["logs", name])
        assert done.exit_code == USAGE
        assert done.stderr.startswith(f"{name} is no id of a stream: give CONFIG and STREAM")


@pytest.mark.parametrize(
    ("http", "exit_code", "problem"),
    [
        ({}, NO, "no gateway answers at http://127.0.0.1:{port}: Connection refused"),
        ({"listen": "127.0.0.1:0"}, USAGE, "http.listen: has port 0"),
        (None, USAGE, "http: is not in the file"),
        (None, USAGE, "gateway.yaml: events are asked for over the API of the running gateway; add `http: {{listen:"),
    ],
)
def test_no_gateway_to_ask(tmp_path: Path, http: dict[str, Any] | None, exit_code: int, problem: str) -> None:
    path, port = tmp_path / "gateway.yaml", free_port()
    listen = {"listen": f"127.0.0.1:{port}", **http} if http is not None else None
    path.write_text(yaml.safe_dump({"http": listen, "streams": {"front": {"source": "rtsp://10.0.0.2/live"}}}))
    done = CliRunner().invoke(command_line(), ["logs", str(path), "front"])
    assert done.exit_code == exit_code
    assert problem.format(port=port) in done.stderr


@pytest.mark.parametrize(
    ("event_type", "detail", "words"),
    [
        ("source_lost", {"reason": "gone"}, "source lost: gone"),
        ("channel_seen", {"layer": "nal_in", "kind": "h264 type 6"}, "not let through: SEI"),
        ("overload", {"active": True, "rate_divisor": 2}, "overload (rate_divisor 2)"),
        ("picture_dark", {"active": False}, "picture dark is over"),
        ("updated", {"changed": ["video.fps", "masks"]}, "updated (changed video.fps masks)"),
        ("reader_gone", {"user": None, "reason": "teardown", "after_s": 3.5}, "reader gone: teardown (after_s 3.5)"),
        ("source_lost", {"reason": "a\x1b[2J"}, "source lost: a?[2J"),
    ],
)
def test_an_event_is_a_line(event_type: str, detail: dict[str, Any], words: str) -> None:
    event = {"event_type": event_type, "ts": "2026-11-28T23:32:09.123Z", "detail": detail}
    assert event_line(event) == f"2026-11-29 00:32:09 {words}"


def test_a_state_is_a_line() -> None:
    state: dict[str, Any] = {
        "status": "offline",
        "state": "away",
        "since": "2026-11-28T20:29:00.000Z",
        "problem": "no connection",
        "next_attempt_at": "2026-11-28T20:30:00.000Z",
    }
    line = state_line({"id": "gone", "state": state})
    assert line == "gone: offline since 2026-11-28 21:29:00: no connection; next try at 2026-11-28 21:30:00"
    line = state_line({"id": "gone", "state": {**state, "title": "Front door\x1b[2J", "site": "Town hall"}})
    assert line.startswith("gone (Front door")
    assert "\x1b" not in line
    assert "Town hall): offline since" in line
    output = {"codec": "h264", "width": 640, "height": 360, "frame_rate": 25.0, "readers": 1}
    plays = {**state, "status": "online", "state": "playing", "problem": None, "next_attempt_at": None}
    line = state_line({"id": "front", "state": {**plays, "output": output}})
    assert line == "front: online since 2026-11-28 21:29:00: H264 640x360 25/s, 1 reader"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"[1]", "is no API of this version"),
        pytest.param(200, b"[" * 100_000, "is no API of this version", id="nested"),
        (200, b"null", "is no API of this version"),
        (200, b'{"events": [{}]}', "is no API of this version"),
        (200, b'{"events": [{"detail": null, "ts": 1}]}', "is no API of this version"),
        (404, b"[1]", "is no API of this version"),
        (404, b"<html>", "is no API of this version"),
        (403, b'{"title": "\\u001b[2J"}', "?[2J"),
    ],
)
async def test_another_server_at_the_port(tmp_path: Path, status: int, body: bytes, words: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        path = tmp_path / "gateway.yaml"
        path.write_text(f"http: {{listen: '127.0.0.1:{port}'}}\nstreams: {{front: {{source: 'rtsp://10.0.0.2/x'}}}}\n")
        done = await asyncio.to_thread(CliRunner().invoke, command_line(), ["logs", str(path), "front"])
    assert words in done.stderr
    assert done.exit_code in {NO, USAGE}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_followed_ends_well_by_a_signal(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program leaves both signals to the kernel until a command takes them over."""

    def follow(*_: object) -> Iterator[dict[str, Any]]:
        assert signal.getsignal(number) not in {signal.SIG_DFL, before}
        signal.raise_signal(number)
        yield {}

    path = tmp_path / "gateway.yaml"
    path.write_text("http: {listen: '127.0.0.1:1'}\nstreams: {front: {source: 'rtsp://10.0.0.2/x'}}\n")
    monkeypatch.setattr(GatewayClient, "stream_events", lambda *_: [])
    monkeypatch.setattr(GatewayClient, "follow", follow)
    before, kept = signal.SIG_IGN, signal.signal(number, signal.SIG_IGN)
    try:
        done = CliRunner().invoke(command_line(), ["logs", str(path), "front", "--follow", "--json"])
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, kept)
    assert done.exit_code == OK, done.output
