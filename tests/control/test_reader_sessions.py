"""Every reason for which a session ends, provoked over real sockets, and seen in log, metric, event and API."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from tests.support.outputs import IDR_SLICE, PPS, SPS, coded
from tests.support.rtsp_reader import RtspReader
from transcoder.api.server import HttpServer
from transcoder.codecs.nal import Codec
from transcoder.config import load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.controller import Controller
from transcoder.errors import WorkerError
from transcoder.net.rtsp_server import Listener, RtspServer
from transcoder.rtsp.session import EndReason, ServerOptions
from transcoder.service.state_reader import read_audit
from transcoder.service.store import Store
from transcoder.worker_options import MAIN

CONFIG = """
rtsp: {listen: "127.0.0.1:0", udp_ports: [0, 0], users: {vms: {password_file: password}}}
http: {listen: "127.0.0.1:0", tokens: {eye: {token_file: eye, role: read}, ops: {token_file: ops, role: control}}}
state_dir: state
streams: {front: {source: "rtsp://127.0.0.1:9/"}}
"""
IDR = [b"\x67\x42\x00\x1e", b"\x68\xce\x38\x80", b"\x65" + bytes(3000)]
USUAL = ServerOptions(tick_s=0.05)


class NoWorkers:
    """A fork server that never comes up."""

    sandbox_mode = "best_effort"
    measures: ClassVar[dict[str, str]] = {}
    losses = 0

    async def start(self) -> None:
        raise WorkerError("there are none here")

    async def fork(self, *_: object) -> int:
        raise WorkerError("there are none here")

    async def close(self) -> None:
        pass


@dataclass
class World:
    """A gateway without cameras and workers, whose one stream the test feeds."""

    controller: Controller
    http: HttpServer
    folder: Path
    lines: list[Any] = field(default_factory=list)

    @property
    def server(self) -> RtspServer:
        return self.controller.gateway.server

    def send(self) -> None:
        served = self.controller.gateway.catalogue.find("front")
        assert served is not None
        served.fanout.send(Codec.H264, IDR, round(time.monotonic() * 90_000), random_access=True)

    async def play(self, reader: RtspReader, transport: str = "tcp") -> str:
        """Play; the public id of the session."""
        before = set(self.server.sessions)
        await reader.set_up(transport)
        (secret,) = set(self.server.sessions) - before
        play = asyncio.create_task(reader.request("PLAY"))
        while not play.done():
            self.send()
            await asyncio.sleep(0.01)
        assert play.result().status == 200
        return self.server.sessions[secret].id

    async def ask(self, method: str, path: str, role: str = "ops", body: Any = None) -> tuple[int, Any]:
        def send() -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer token-of-{role}", "Content-Type": "application/json"}
            data = json.dumps(body).encode() if body is not None else None
            request = urllib.request.Request(f"{self.http.url}{path}", data, headers, method=method)  # noqa: S310
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
                    text = answer.read()
                    return answer.status, json.loads(text) if "json" in answer.headers.get_content_type() else text
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())

        return await asyncio.to_thread(send)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.01)

    def events(self, kind: str) -> list[Any]:
        feed = self.controller.events(0)
        return [event for event in feed._waiting if event.event_type == kind]


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    for name, text in (("password", "secret"), ("eye", "token-of-eye"), ("ops", "token-of-ops")):
        (tmp_path / name).write_text(text)
    (tmp_path / "gateway.yaml").write_text(CONFIG)
    file = load_file(tmp_path / "gateway.yaml")
    assert file.config.state_dir is not None
    store = Store(file.config.state_dir)
    kept = await store.open()
    controller = Controller(EffectiveConfig.build(file, {}), store, kept.etag_key)
    gateway = controller.gateway
    gateway.fork_server = NoWorkers()  # type: ignore[assignment]
    options, anywhere = getattr(request, "param", USUAL), [Listener(host="127.0.0.1", port=0)]
    gateway.server = RtspServer(gateway.catalogue, anywhere, (0, 0), options=options, reader_listener=gateway.readers)
    assert file.config.http is not None
    http = HttpServer(controller, file.config.http)
    await http.start()
    await gateway.server.start()
    await gateway.apply(file.config, file.config.streams)
    made = World(controller, http, file.config.state_dir)
    try:
        with capture_logs() as made.lines:
            yield made
    finally:
        controller.close()
        await gateway.stop()
        await http.stop()
        await store.close()


def reader_of(world: World, password: str = "secret") -> RtspReader:  # noqa: S107
    return RtspReader(world.server.url("127.0.0.1", "front"), user="vms", password=password)


def address_of(reader: RtspReader) -> str:
    assert reader.client._transport is not None
    host, port = reader.client._transport.get_extra_info("sockname")
    return f"{host}:{port}"


# -- how each of them is provoked --------------------------------------------------------------------------------------


async def peer_closed(world: World, reader: RtspReader, session: str) -> None:
    reader.close_connection()


async def teardown(world: World, reader: RtspReader, session: str) -> None:
    assert (await reader.request("TEARDOWN")).status == 200


async def stuck(world: World, reader: RtspReader, session: str) -> None:
    reader.stop_reading()
    for _ in range(2000):
        if not world.server.sessions:
            break
        for _ in range(20):
            world.send()
        await asyncio.sleep(0.005)


async def silent(world: World, reader: RtspReader, session: str) -> None:
    pass  # that is all it takes over UDP


async def junk(world: World, reader: RtspReader, session: str) -> None:
    reader.client.write(b"\0" * 400_000)


async def format_change(world: World, reader: RtspReader, session: str) -> None:
    now = time.monotonic()
    world.controller.gateway.streams["front"].outputs[MAIN].on_picture(*coded(SPS, PPS, IDR_SLICE, at=now), now)
    body = {"video": {"codec": "h265"}}
    assert (await world.ask("PATCH", "/api/v1/streams/front", body=body))[0] == 200


async def disabled(world: World, reader: RtspReader, session: str) -> None:
    assert (await world.ask("PATCH", "/api/v1/streams/front", body={"enabled": False}))[0] == 200


async def removed(world: World, reader: RtspReader, session: str) -> None:
    assert (await world.ask("DELETE", "/api/v1/streams/front"))[0] == 204


async def shutdown(world: World, reader: RtspReader, session: str) -> None:
    await world.server.stop()


async def deleted(world: World, reader: RtspReader, session: str) -> None:
    assert (await world.ask("DELETE", f"/api/v1/sessions/{session}", "eye"))[0] == 403
    assert (await world.ask("DELETE", f"/api/v1/sessions/{session}"))[0] == 204
    assert (await world.ask("DELETE", f"/api/v1/sessions/{session}"))[0] == 404


Provoke = Callable[[World, RtspReader, str], Awaitable[None]]

OF_A_SESSION: list[tuple[EndReason, Provoke, str, ServerOptions]] = [
    (EndReason.PEER_CLOSED, peer_closed, "tcp", USUAL),
    (EndReason.TEARDOWN, teardown, "tcp", USUAL),
    (EndReason.TEARDOWN, teardown, "udp", USUAL),
    (EndReason.STUCK, stuck, "tcp", ServerOptions(tick_s=0.05, stuck_s=0.3)),
    (EndReason.SILENT, silent, "udp", ServerOptions(tick_s=0.05, session_timeout_s=2.0, session_slack_s=0.0)),
    (EndReason.PROTOCOL_ERROR, junk, "tcp", USUAL),
    (EndReason.FORMAT_CHANGE, format_change, "tcp", USUAL),
    (EndReason.STREAM_GONE, disabled, "tcp", USUAL),
    (EndReason.STREAM_GONE, removed, "udp", USUAL),
    (EndReason.SHUTDOWN, shutdown, "udp", USUAL),
    (EndReason.OPERATOR, deleted, "tcp", USUAL),
    (EndReason.OPERATOR, deleted, "udp", USUAL),
]


def metric(text: bytes, stream: str, reason: EndReason) -> str:
    name = f'transcoder_reader_sessions_ended_total{{reason="{reason.value}",stream="{stream}"}} '
    found = [line for line in text.decode().splitlines() if line.startswith(name)]
    return found[0].removeprefix(name) if found else ""


@pytest.mark.parametrize(
    ("reason", "provoke", "transport", "world"),
    OF_A_SESSION,
    indirect=["world"],
    ids=[f"{how.__name__}-{transport}" for _, how, transport, _ in OF_A_SESSION],
)
async def test_the_end_of_a_session(world: World, reason: EndReason, provoke: Provoke, transport: str) -> None:
    async with reader_of(world) as reader:
        assert (await reader.request("SETUP", Transport="RTP/AVP;multicast")).status == 461  # logged in by now
        session = await world.play(reader, transport)
        _, listed = await world.ask("GET", "/api/v1/sessions")
        assert [(item["id"], item["stream"], item["transport"]) for item in listed["sessions"]] == [
            (session, "front", transport)
        ]
        await provoke(world, reader, session)
        await world.until(lambda: not world.server.sessions)

        plays, gone = (
            [line for line in world.lines if line["event"] == event] for event in ("reader plays", "reader gone")
        )
        assert [line["session"] for line in plays] == [session]
        assert len(gone) == 1
        line = gone[0]
        assert (line["session"], line["reason"], line["stream"]) == (session, reason.value, "front")
        assert (line["user"], line["transport"]) == ("vms", transport)
        assert line["peer"] == address_of(reader)
        assert line["bytes"] >= 3000
        assert line["after_s"] >= 0
        assert (line["dropped"] > 0) is (reason is EndReason.STUCK)

        status, text = await world.ask("GET", "/metrics")
        assert (status, metric(text, "front", reason)) == (200, "1.0")
        status, listed = await world.ask("GET", "/api/v1/sessions")
        assert (status, listed["sessions"]) == (200, [])
        (ended,) = listed["ended"]
        assert (ended["reason"], ended["session"]["id"], ended["peer"]) == (reason.value, session, line["peer"])
        assert (ended["session"]["bytes"], ended["session"]["dropped"]) == (line["bytes"], line["dropped"])
        (connected,), (event,) = world.events("reader_connected"), world.events("reader_gone")
        assert connected.detail["session"] == event.detail["session"] == session
        assert (event.stream, event.detail["reason"]) == ("front", reason.value)
        assert "127.0.0.1" not in event.model_dump_json()


# -- connections that end before there is a session --------------------------------------------------------------------


async def idle(world: World, reader: RtspReader) -> None:
    await reader.request("OPTIONS")


async def junk_at_once(world: World, reader: RtspReader) -> None:
    reader.client.write(b"\0" * 400_000)


async def wrong_password(world: World, reader: RtspReader) -> None:
    assert (await reader.request("DESCRIBE")).status == 401
    for _ in range(USUAL.max_auth_failures + 2):
        if reader.closed:
            break
        reader.write_request("DESCRIBE", reader.url, {})
        await asyncio.sleep(0.01)


async def one_too_many(world: World, reader: RtspReader) -> None:
    async with reader_of(world) as other:
        await world.until(lambda: other.closed)


OF_A_CONNECTION: list[tuple[EndReason, Callable[[World, RtspReader], Awaitable[None]], ServerOptions]] = [
    (EndReason.IDLE, idle, ServerOptions(idle_s=0.3, tick_s=0.05)),
    (EndReason.PROTOCOL_ERROR, junk_at_once, USUAL),
    (EndReason.LOGIN_FAILURES, wrong_password, USUAL),
    (EndReason.CONNECTION_LIMIT, one_too_many, ServerOptions(max_connections=1)),
]


@pytest.mark.parametrize(
    ("reason", "provoke", "world"),
    OF_A_CONNECTION,
    indirect=["world"],
    ids=[reason.value for reason, _, _ in OF_A_CONNECTION],
)
async def test_the_end_of_a_connection_without_a_session(
    world: World, reason: EndReason, provoke: Callable[[World, RtspReader], Awaitable[None]]
) -> None:
    async with reader_of(world, "guessed" if provoke is wrong_password else "secret") as reader:
        await provoke(world, reader)
        await world.until(lambda: [line for line in world.lines if line["event"] == "reader gone"])
        (line,) = [line for line in world.lines if line["event"] == "reader gone"]
        assert line["reason"] == reason.value
        assert line["peer"].startswith("127.0.0.1:")
        _, text = await world.ask("GET", "/metrics")
        assert metric(text, "", reason) == "1.0"
        _, listed = await world.ask("GET", "/api/v1/sessions")
        (ended,) = listed["ended"]
        assert (ended["reason"], ended["session"], ended["peer"]) == (reason.value, None, line["peer"])
        (event,) = world.events("reader_gone")
        assert (event.stream, event.detail) == (None, {"reason": reason.value})


def test_no_reason_is_left_out() -> None:
    assert {reason for reason, *_ in (*OF_A_SESSION, *OF_A_CONNECTION)} == set(EndReason)


# -- who may see and do what -------------------------------------------------------------------------------------------


async def test_addresses_of_readers_are_for_operators(world: World) -> None:
    async with reader_of(world) as reader:
        assert (await reader.request("SETUP", Transport="RTP/AVP;multicast")).status == 461
        session = await world.play(reader)
        peer = address_of(reader)
        for token, shown in (("ops", peer), ("eye", None)):
            status, found = await world.ask("GET", f"/api/v1/sessions/{session}", token)
            assert (status, found["peer"], found["playing"], found["user"]) == (200, shown, True, "vms")
            _, listed = await world.ask("GET", "/api/v1/sessions?stream=front", token)
            assert [item["peer"] for item in listed["sessions"]] == [shown]
        await reader.request("TEARDOWN")
        _, listed = await world.ask("GET", "/api/v1/sessions", "eye")
        assert peer not in json.dumps(listed)
    assert (await world.ask("GET", "/api/v1/sessions?stream=nowhere"))[0] == 404
    assert (await world.ask("GET", f"/api/v1/sessions/{session}"))[0] == 404


async def test_the_readers_own_id_is_told_to_nobody_and_who_ended_a_session_is_kept(world: World) -> None:
    async with reader_of(world) as reader:
        assert (await reader.request("SETUP", Transport="RTP/AVP;multicast")).status == 461
        session = await world.play(reader)
        secret = reader.session
        assert secret
        _, listed = await world.ask("GET", "/api/v1/sessions")
        assert secret not in json.dumps(listed)
        assert (await world.ask("GET", f"/api/v1/sessions/{secret}"))[0] == 404
        assert (await world.ask("DELETE", f"/api/v1/sessions/{secret}"))[0] == 404
        assert world.server.sessions
        assert (await world.ask("DELETE", f"/api/v1/sessions/{session}"))[0] == 204
        await world.until(lambda: reader.closed)
        assert secret not in str(world.lines)
    records = [record for record in read_audit(world.folder) or [] if record.what == "end_session"]
    assert [(record.who, record.stream, json.loads(record.detail)["session"]) for record in records] == [
        ("http:ops", "front", session)
    ]


# -- HTTP clients ------------------------------------------------------------------------------------------------------


async def test_what_http_clients_do_not_get_is_counted(world: World) -> None:
    for path, role, status in (
        ("/api/v1/streams/nowhere", "ops", 404),
        ("/nothing", "ops", 404),
        ("/metrics", "x", 401),
    ):
        assert (await world.ask("GET", path, role))[0] == status
    _, writer = await asyncio.open_connection("127.0.0.1", world.http.port)
    writer.write(b"no HTTP\r\n\r\n")
    await world.until(lambda: world.http._state.counts.rejected[400])
    writer.close()
    _, text = await world.ask("GET", "/metrics")
    shown = text.decode()
    for status, count in ((404, 2), (401, 1), (400, 1)):
        assert f'transcoder_http_rejected_requests_total{{status="{status}"}} {count}.0' in shown
