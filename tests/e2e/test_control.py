"""Streams steered over MQTT and HTTP while they run, and kept over SIGKILL; real broker, simulated cameras."""

import asyncio
import itertools
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiomqtt
import jsonschema_rs
import pytest
import yaml

from tests.support.control_world import (
    BASE,
    FPS,
    HEIGHT,
    KILL,
    PLAYING,
    WIDTH,
    Broker,
    Cameras,
    Client,
    Gateway,
    Listener,
    free_port,
    running,
)
from tests.support.picture_readers import FfmpegReader
from tests.support.plugin import excuse

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
SECRET = "s3cret-of-the-camera"


class Described:
    """The AsyncAPI document, read as a stranger would."""

    def __init__(self) -> None:
        document = yaml.safe_load(ASYNCAPI.read_text())
        self._rules = []
        for name, channel in document["channels"].items():
            values = {"base": "transcoder", "node": "gw1", "discovery_prefix": "homeassistant"}
            pattern = ""
            for part in re.split(r"(\{\w+\})", channel["address"]):
                key = part[1:-1]
                if not part.startswith("{"):
                    pattern += re.escape(part)
                elif key in values:
                    pattern += re.escape(values[key])
                else:
                    choices = channel["parameters"][key].get("enum")
                    pattern += f"({'|'.join(choices)})" if choices else r"[^/]+"
            binding = next(
                item for item in document["operations"].values() if item["channel"]["$ref"].endswith("/" + name)
            )
            message = next(iter(channel["messages"].values()))
            root = {"$ref": message["payload"]["$ref"], "components": document["components"]}
            self._rules.append(
                (re.compile(pattern), message["contentType"], jsonschema_rs.validator_for(root), binding)
            )

    def problem(self, topic: str, payload: bytes, retain: bool, *, reply: str) -> str | None:
        """Why the document doesn't have this message, None where it does."""
        if topic.startswith(reply + "/"):  # a client's response topic
            topic = reply
        for pattern, content_type, validator, operation in self._rules:
            if not pattern.fullmatch(topic):
                continue
            if retain and not operation["bindings"]["mqtt"]["retain"]:
                return f"{topic} is retained"
            if not payload and operation["bindings"]["mqtt"]["retain"]:
                return None  # taken back
            if content_type == "image/jpeg":
                return None if payload.startswith(b"\xff\xd8") else f"{topic} is no JPEG"
            value: Any = json.loads(payload) if content_type == "application/json" else payload.decode()
            errors = [error.message for error in validator.iter_errors(value)]
            return f"{topic}: {errors[0]}" if errors else None
        return f"{topic} is not described"


def assert_described(listener: Listener) -> None:
    described = Described()
    problems = {described.problem(*message, reply=f"{BASE}/reply") for message in listener.messages}
    assert problems == {None}
    for topic, payload, _ in listener.messages:
        if "/cmd/" not in topic:
            assert SECRET.encode() not in payload, topic


@pytest.fixture
def numba(state_dir: Path) -> Path:
    return state_dir / "numba"


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    return Broker(tmp_path)


async def wait_until_playing(gateway: Gateway, *streams: str) -> None:
    for stream in streams:
        for _ in range(600):
            state = (await asyncio.to_thread(gateway.stream, stream))["state"]
            if state["status"] in {"online", "degraded"}:
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError(state)


def is_gapless(counters: list[int]) -> bool:
    """Each picture once, in order; the camera's footage begins again at 0."""
    steps = {later - earlier for earlier, later in itertools.pairwise(counters)}
    return steps <= {1, 1 - 40 * FPS}


def was_overloaded(gateway: Gateway) -> bool:
    """Whether the machine had no time for all pictures: then some are left out on purpose, and nothing can be said."""
    overloaded = "overloaded: some pictures are left out" in gateway.log.read_text()
    if overloaded:
        excuse("the gateway left out pictures")
    return overloaded


async def test_every_property_and_verb_over_mqtt(tmp_path: Path, numba: Path, broker: Broker) -> None:
    cameras = Cameras(tmp_path, 2)
    with running(broker, cameras):
        gateway = Gateway(tmp_path, numba, broker, {"still": {"source": cameras.urls[0]}})
        with running(gateway):
            async with Listener(broker.port) as listener, Client(broker.port) as client:
                await listener.wait_for(f"{BASE}/status", b"online")
                url = cameras.urls[1].replace("rtsp://", f"rtsp://u:{SECRET}@")
                added = await client.request("cmd/add", {"id": "moving", "source": url, "request": 1})
                assert added["ok"]
                assert added["request"] == 1
                assert added["data"]["config"]["video"]["bitrate_kbps"] == 500
                again = await client.request("cmd/add", {"id": "moving", "source": url})
                assert (again["ok"], again["error"]["code"]) == (False, "exists")
                await wait_until_playing(gateway, "still", "moving")
                await listener.wait_for(f"{BASE}/stream/moving/status", *PLAYING, timeout_s=60)

                with FfmpegReader(gateway.url("still"), (WIDTH, HEIGHT), "tcp", tmp_path) as reader:
                    await asyncio.to_thread(reader.wait_for_pictures, FPS, 30)
                    for name, payload in {
                        "bitrate_kbps": "300",
                        "fps": "2.5",
                        "gop_s": "2",
                        "preset": "superfast",
                        "size": "160x90",
                        "codec": "h265",
                        "audio": "drop",
                        "masks": '[{"polygon":[[0.0,0.0],[0.5,0.0],[0.5,0.5]],"style":"solid"}]',
                        "enabled": "OFF",
                    }.items():
                        answer = await client.request(f"stream/moving/{name}/set", payload)
                        assert answer["ok"], answer
                        await listener.wait_for(f"{BASE}/stream/moving/{name}/state", payload.encode())
                    await listener.wait_for(f"{BASE}/stream/moving/status", b"disabled")
                    answer = await client.request(
                        "stream/moving/set", {"enabled": True, "codec": "h264", "size": "source", "fps": None}
                    )
                    assert answer["ok"]
                    assert answer["data"]["config"]["video"]["fps"] is None
                    await wait_until_playing(gateway, "moving")
                    refused = await client.request("stream/moving/set", {"gop_s": 3, "bitrate_kbps": 1})
                    assert refused["error"]["problems"] == [
                        "streams.moving.video.bitrate_kbps: must be at least 64 (it is 1)"
                    ]
                    assert gateway.stream("moving")["config"]["video"]["gop_s"] == 2  # all of them or none
                    refused = await client.request("stream/moving/fps/set", "many")
                    assert refused["error"]["code"] == "invalid"

                    before = (await client.request("cmd/get", {"id": "moving"}))["data"]["state"]["faults"][
                        "worker_starts"
                    ]
                    assert (await client.request("stream/moving/restart"))["ok"]
                    for _ in range(200):
                        got = (await client.request("cmd/get", {"id": "moving"}))["data"]
                        if got["state"]["faults"]["worker_starts"] > before:
                            break
                        await asyncio.sleep(0.05)
                    assert got["state"]["faults"]["worker_starts"] > before
                    await wait_until_playing(gateway, "moving")
                    assert (await client.request("stream/moving/keyframe"))["ok"]
                    assert (await client.request("cmd/snapshot", {"id": "moving"}))["data"][
                        "content_type"
                    ] == "image/jpeg"
                    listed = (await client.request("cmd/list"))["data"]
                    assert [item["id"] for item in listed] == ["still", "moving"]
                    probed = (await client.request("cmd/probe", {"source": url}))["data"]
                    assert probed["reachable"]
                    assert probed["codec"] == "H264"
                    assert "application" in {media["kind"] for media in probed["media"]}
                    assert (await client.request("cmd/probe", {"source": "rtsp://8.8.8.8/"}))["error"][
                        "code"
                    ] == "invalid"

                    assert (await client.request("cmd/remove", {"id": "moving"}))["ok"]
                    assert (await client.request("cmd/get", {"id": "moving"}))["error"]["code"] == "unknown_stream"
                    await listener.wait_for("homeassistant/device/gw1_moving/config", b"")
                    kept = {topic for topic, payload in listener.retained.items() if payload and "/moving/" in topic}
                    assert all(
                        topic.endswith(("/set", "/event", "/restart", "/keyframe", "/moving/set")) for topic in kept
                    )
                    await asyncio.to_thread(reader.wait_for_pictures, len(reader.pictures) + 2 * FPS, 30)
                    counters = [picture.counter for picture in reader.pictures if picture.counter is not None]
                    assert len(counters) >= len(reader.pictures) - 1
                    assert is_gapless(counters) or was_overloaded(gateway), counters

                    (session,) = (await client.request("cmd/sessions", {"id": "still"}))["data"]["sessions"]
                    assert (session["stream"], session["transport"], session["peer"]) == ("still", "tcp", None)
                    assert (await client.request("cmd/end_session", {"session": session["id"]}))["ok"]
                    gone = await client.request("cmd/end_session", {"session": session["id"]})
                    assert gone["error"]["code"] == "unknown_session"
                    listed = (await client.request("cmd/sessions"))["data"]
                    assert session["id"] not in {item["id"] for item in listed["sessions"]}
                    assert (listed["ended"][0]["reason"], listed["ended"][0]["session"]["id"]) == (
                        "operator",
                        session["id"],
                    )
                kinds = {
                    json.loads(payload)["event_type"]
                    for topic, payload, _ in listener.messages
                    if topic.endswith("/event")
                }
                assert kinds >= {"added", "updated", "removed", "restarted", "config_rejected", "channel_seen"}
                assert kinds >= {"reader_connected", "reader_gone"}
                assert gateway.end(signal.SIGTERM) == 0
                await listener.wait_for(f"{BASE}/status", b"offline")
                assert_described(listener)


async def test_a_retained_command_is_ignored_and_an_expired_one_refused(
    tmp_path: Path, numba: Path, broker: Broker
) -> None:
    gateway = Gateway(tmp_path, numba, broker, {"a": {"source": "rtsp://127.0.0.1:9/", "enabled": False}})
    with running(broker):
        async with aiomqtt.Client("127.0.0.1", broker.port) as old:
            await old.publish(f"{BASE}/stream/a/bitrate_kbps/set", "777", qos=1, retain=True)
            await old.publish(f"{BASE}/stream/gone/status", "online", qos=1, retain=True)  # of an earlier life
        # who subscribes after the gateway has cleared a topic sees nothing of it: the listener comes first
        async with Listener(broker.port) as listener:
            await listener.wait_for(f"{BASE}/stream/gone/status", b"online")
            with running(gateway):
                await listener.wait_for(f"{BASE}/status", b"online")
                await listener.wait_for(f"{BASE}/stream/gone/status", b"")
                async with Client(broker.port) as client:
                    got = await client.request("cmd/get", {"id": "a"})
                    assert got["data"]["config"]["video"]["bitrate_kbps"] == 500
                # a client of MQTT 3.1.1 finds its answer on the common topic
                async with aiomqtt.Client("127.0.0.1", broker.port) as plain:
                    await plain.subscribe(f"{BASE}/reply", qos=1)
                    await plain.publish(f"{BASE}/cmd/get", '{"id": "a", "request": "mine"}', qos=1)
                    message = await asyncio.wait_for(anext(aiter(plain.messages)), 10)
                    assert json.loads(message.payload)["request"] == "mine"


async def test_a_client_cannot_have_its_answer_pass_for_a_state(tmp_path: Path, numba: Path, broker: Broker) -> None:
    gateway = Gateway(tmp_path, numba, broker, {})
    with running(broker, gateway):
        async with Listener(broker.port) as listener, Client(broker.port) as client:
            await listener.wait_for(f"{BASE}/status", b"online")
            client._reply = f"{BASE}/status"
            with pytest.raises(TimeoutError):
                await client.request("cmd/list", timeout_s=1)
            assert listener.retained[f"{BASE}/status"] == b"online"
            assert json.loads(listener.retained[f"{BASE}/reply"])["ok"]


async def test_two_interfaces_and_the_file_change_one_configuration(
    tmp_path: Path, numba: Path, broker: Broker
) -> None:
    file = {"a": {"source": "rtsp://127.0.0.1:9/", "enabled": False, "video": {"fps": 10}}}
    gateway = Gateway(tmp_path, numba, broker, file)
    with running(broker, gateway):
        async with Client(broker.port) as client, Listener(broker.port) as listener:
            await listener.wait_for(f"{BASE}/status", b"online")
            _, headers, _ = gateway.http("GET", "/api/v1/streams/a")
            # both at once, on different keys: neither is lost
            over_http = asyncio.to_thread(gateway.http, "PATCH", "/api/v1/streams/a", {"video": {"gop_s": 2}})
            over_mqtt = client.request("stream/a/bitrate_kbps/set", "1234")
            (status, _, _), answer = await asyncio.gather(over_http, over_mqtt)
            assert status == 200
            assert answer["ok"]
            video = gateway.stream("a")["config"]["video"]
            assert (video["gop_s"], video["bitrate_kbps"], video["fps"]) == (2, 1234, 10)
            # who read before either of them is told so
            tag = headers["etag"]
            assert gateway.http("PATCH", "/api/v1/streams/a", {"video": {"gop_s": 3}}, If_Match=tag)[0] == 412
            stale = await client.request("cmd/update", {"id": "a", "video": {"gop_s": 3}, "if_match": tag.strip('"')})
            assert stale["error"]["code"] == "conflict"

            # the file: what changed in it holds, and nothing else is touched
            gateway.document["streams"]["a"]["video"]["fps"] = 20
            gateway.document["streams"]["b"] = {"source": "rtsp://127.0.0.1:9/b", "enabled": False}
            gateway.write()
            gateway.started.send_signal(signal.SIGHUP)
            await listener.wait_for(f"{BASE}/stream/a/fps/state", b"20")
            await listener.wait_for(f"{BASE}/stream/b/status", b"disabled")
            video = gateway.stream("a")["config"]["video"]
            assert (video["gop_s"], video["bitrate_kbps"], video["fps"]) == (2, 1234, 20)
            assert gateway.stream("a")["origin"] == "changed"

            # an invalid file changes nothing, and each of its problems is named
            gateway.config.write_text(
                "streams:\n  a: {source: 'rtsp://127.0.0.1:9/', video: {fps: 0, gop_s: x}}\n  C: {}\n"
            )
            gateway.started.send_signal(signal.SIGHUP)
            for _ in range(300):
                events = [json.loads(payload) for topic, payload, _ in listener.messages if topic == f"{BASE}/event"]
                rejected = [event for event in events if event["event_type"] == "config_rejected"]
                if rejected:
                    break
                await asyncio.sleep(0.05)
            named = {problem.split(":")[0] for problem in rejected[0]["detail"]["problems"]}
            assert {"streams.a.video.fps", "streams.a.video.gop_s", "streams.C.source"} <= named
            assert set(gateway.streams()) == {"a", "b"}
            gateway.write()

            # file and runtime are told apart
            shown = yaml.safe_load(gateway.run("config", "show").stdout)
            assert shown["streams"]["a"]["video"]["bitrate_kbps"] == 1234
            diff = gateway.run("config", "diff")
            assert diff.returncode == 1
            assert "~ a.video.bitrate_kbps: 500 -> 1234" in diff.stdout.splitlines()
            assert "fps" not in diff.stdout
            exported = yaml.safe_load(gateway.run("config", "export").stdout)
            gateway.document = exported
            gateway.write()
            gateway.started.send_signal(signal.SIGHUP)
            for _ in range(300):
                if gateway.stream("a")["origin"] == "file":
                    break
                await asyncio.sleep(0.05)
            diff = gateway.run("config", "diff")
            assert (diff.returncode, diff.stdout) == (0, "")
            assert gateway.stream("a")["config"]["video"]["bitrate_kbps"] == 1234
            assert_described(listener)


def test_a_watched_file(tmp_path: Path, numba: Path) -> None:
    gateway = Gateway(tmp_path, numba, None, {}, watch=True)
    with running(gateway):
        gateway.document["streams"] = {"a": {"source": "rtsp://127.0.0.1:9/", "enabled": False}}
        gateway.write()
        for _ in range(100):
            if "a" in gateway.streams():
                return
            subprocess.run(["sleep", "0.1"], check=True)
        raise AssertionError(gateway.log.read_text())


def test_changes_survive_sigkill_and_the_log_of_them_is_whole(tmp_path: Path, numba: Path) -> None:
    gateway = Gateway(tmp_path, numba, None, {"a": {"source": "rtsp://127.0.0.1:9/", "enabled": False}})
    with running(gateway):
        acknowledged = 0
        for life in range(3):
            for step in range(1, 8):
                bitrate = 100 * (life + 1) + step
                assert gateway.http("PATCH", "/api/v1/streams/a", {"video": {"bitrate_kbps": bitrate}})[0] == 200
                acknowledged = bitrate
            gateway.end(KILL)  # the moment after the answer
            gateway.start()
            assert gateway.stream("a")["config"]["video"]["bitrate_kbps"] == acknowledged
        source = f"rtsp://127.0.0.1:9/user=admin&password={SECRET}"
        assert gateway.http("POST", "/api/v1/streams", {"id": "b", "source": source, "enabled": False})[0] == 201
        assert SECRET not in json.dumps(gateway.streams())
        assert SECRET not in json.dumps(gateway.http("GET", "/api/v1/config")[2])

        whole = gateway.run("audit", "verify")
        assert whole.returncode == 0, whole.stdout
        records = [json.loads(line) for line in gateway.run("audit", "export").stdout.splitlines()]
        updates = [
            record["detail"]["keys"]["video"]["bitrate_kbps"] for record in records if record["what"] == "update"
        ]
        assert updates == [100 * (life + 1) + step for life in range(3) for step in range(1, 8)]
        assert {record["who"] for record in records} == {"gateway", "http:local"}
        assert SECRET not in json.dumps(records)
        other = Gateway.__new__(Gateway)
        other.__dict__.update(gateway.__dict__)
        refused = other.run("run")
        assert refused.returncode == 2
        assert "another gateway runs with it" in refused.stderr
        assert gateway.end(signal.SIGTERM) == 0

    database = gateway.state_dir / "state.sqlite"
    assert database.stat().st_mode & 0o077 == 0
    tamper = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('DROP TRIGGER audit_is_not_changed');"
        "d.execute(\"UPDATE audit SET who = 'nobody' WHERE sequence = 5\"); d.commit()"
    )
    subprocess.run([sys.executable, "-c", tamper, str(database)], check=True)
    broken = gateway.run("audit", "verify")
    assert (broken.returncode, broken.stdout) == (1, "the audit log is not whole: record 5 was changed\n")


def test_a_reader_stays_while_what_it_reads_is_changed(tmp_path: Path, numba: Path) -> None:
    cameras = Cameras(tmp_path, 1)
    with running(cameras):
        gateway = Gateway(tmp_path, numba, None, {"a": {"source": cameras.urls[0]}})
        with running(gateway), FfmpegReader(gateway.url("a"), (WIDTH, HEIGHT), "tcp", tmp_path) as reader:
            reader.wait_for_pictures(FPS, 60)
            for change in ({"bitrate_kbps": 300}, {"bitrate_kbps": 2000}, {"gop_s": 2}, {"fps": 4}, {"fps": None}):
                before = len(reader.pictures)
                assert gateway.http("PATCH", "/api/v1/streams/a", {"video": change})[0] == 200
                reader.wait_for_pictures(before + 2 * FPS, 15)
            assert reader.connected
            times = reader.times()
            assert all(0 < later - earlier < 2 for earlier, later in itertools.pairwise(times)), times


async def test_what_happens_to_a_camera_and_a_worker_is_told(tmp_path: Path, numba: Path, broker: Broker) -> None:
    cameras = Cameras(tmp_path, 1, "--port-base", str(free_port()))
    with running(broker, cameras):
        gateway = Gateway(tmp_path, numba, broker, {"a": {"source": cameras.urls[0]}})
        # the listener first: what is seen at once is told once
        async with Listener(broker.port) as listener:
            with running(gateway):

                async def event(kind: str) -> dict[str, Any]:
                    for _ in range(600):
                        for topic, payload, _ in listener.messages:
                            if topic == f"{BASE}/stream/a/event" and json.loads(payload)["event_type"] == kind:
                                return json.loads(payload)
                        await asyncio.sleep(0.05)
                    raise AssertionError(f"no event {kind}")

                await listener.wait_for(f"{BASE}/stream/a/status", *PLAYING, timeout_s=60)
                seen = await event("channel_seen")
                assert set(seen["detail"]) == {"layer", "kind"}
                cameras.end(KILL)
                assert (await event("source_lost"))["detail"]["reason"]
                await listener.wait_for(f"{BASE}/stream/a/status", b"offline")
                assert (await asyncio.to_thread(gateway.http, "GET", "/readyz"))[0] == 200
                await asyncio.to_thread(cameras.start)
                await event("source_recovered")
                await listener.wait_for(f"{BASE}/stream/a/status", *PLAYING, timeout_s=60)

                pids = subprocess.run(
                    ["pgrep", "-x", "tc:a"], capture_output=True, text=True, check=False
                ).stdout.split()
                ours = [pid for pid in map(int, pids) if gateway.started.pid in ancestors(pid)]
                os.kill(ours[0], KILL)
                assert (await event("worker_restarted"))["detail"]["reason"]
                await wait_until_playing(gateway, "a")

                # the same in the ledger, in the metrics and as server-sent events
                ledger = gateway.http("GET", "/api/v1/streams/a/ledger")[2]
                assert {(seen["detail"]["layer"], seen["detail"]["kind"])} <= {
                    (item["layer"], item["kind"]) for item in ledger
                }
                assert all(item["example"] is None for item in ledger)
                metrics = gateway.http("GET", "/metrics")[2].decode()
                assert re.search(
                    r'^transcoder_sanitized_units_total{kind="[^"]+",layer="[^"]+",stream="a"} \d',
                    metrics,
                    re.MULTILINE,
                )
                assert 'transcoder_source_losses_total{stream="a"} 1.0' in metrics
                assert "transcoder_mqtt_connected 1.0" in metrics
                port = cameras.urls[0].split(":")[2].split("/")[0]
                assert port not in metrics
                with socket.create_connection(("127.0.0.1", gateway.http_port), 5) as stream:
                    stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0@x\r\n\r\n")
                    text = b""
                    while b"event: worker_restarted" not in text:
                        text += stream.recv(65536)
                assert b"event: source_lost" in text
                assert_described(listener)


def ancestors(pid: int) -> list[int]:
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


async def test_nothing_waits_for_a_broker_that_hangs(tmp_path: Path, numba: Path, broker: Broker) -> None:
    cameras = Cameras(tmp_path, 1)
    with running(broker, cameras):
        other = {"source": "rtsp://127.0.0.1:9/", "enabled": False}
        gateway = Gateway(tmp_path, numba, broker, {"a": {"source": cameras.urls[0]}, "b": other})
        with running(gateway):
            async with Listener(broker.port) as listener:
                await listener.wait_for(f"{BASE}/stream/a/status", *PLAYING, timeout_s=60)
                with FfmpegReader(gateway.url("a"), (WIDTH, HEIGHT), "tcp", tmp_path) as reader:
                    await asyncio.to_thread(reader.wait_for_pictures, FPS, 30)
                    broker.started.send_signal(signal.SIGSTOP)
                    for number in range(12):
                        started = time.monotonic()
                        body = {"video": {"bitrate_kbps": 300 + number}}
                        assert (await asyncio.to_thread(gateway.http, "PATCH", "/api/v1/streams/b", body))[0] == 200
                        assert time.monotonic() - started < 2
                        await asyncio.sleep(1)
                    broker.started.send_signal(signal.SIGCONT)
                    await listener.wait_for(f"{BASE}/stream/b/bitrate_kbps/state", b"311", timeout_s=40)
                    counters = [picture.counter for picture in reader.pictures if picture.counter is not None]
                    assert len(counters) >= len(reader.pictures) - 1
                    assert reader.connected
                    assert is_gapless(counters) or was_overloaded(gateway), counters


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    folder = tmp_path / "tls"
    folder.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test ca")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "gateway"):
        openssl("req", *new[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", "names", "-out", f"{name}.pem"),
        )
    return folder


async def test_tls_passwords_and_client_certificates(tmp_path: Path, numba: Path, certificates: Path) -> None:
    passwords = tmp_path / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "gw", SECRET], check=True)
    broker = Broker(
        tmp_path,
        f"cafile {certificates}/ca.pem\ncertfile {certificates}/server.pem\nkeyfile {certificates}/server.key\n"
        f"require_certificate true\npassword_file {passwords}\nallow_anonymous false\n",
    )
    (tmp_path / "mqtt.secret").write_text(SECRET)
    (tmp_path / "ops.token").write_text("token-of-ops")
    (tmp_path / "eye.token").write_text("token-of-eye")
    gateway = Gateway(
        tmp_path,
        numba,
        None,
        {},
        mqtt={
            "url": f"mqtts://127.0.0.1:{broker.port}",
            "username": "gw",
            "password_file": "mqtt.secret",
            "ca_file": "tls/ca.pem",
            "cert_file": "tls/gateway.pem",
            "key_file": "tls/gateway.key",
        },
    )
    gateway.document["http"] |= {
        "cert_file": "tls/server.pem",
        "key_file": "tls/server.key",
        "tokens": {"ops": {"token_file": "ops.token", "role": "control"}, "eye": {"token_file": "eye.token"}},
    }
    gateway.write()
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))

    def curl(path: str, token: str | None, *arguments: str) -> str:
        header = ["-H", f"Authorization: Bearer {token}"] if token else []
        command = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--cacert",
            str(certificates / "ca.pem"),
            *header,
        ]
        url = f"https://127.0.0.1:{gateway.http_port}{path}"
        return subprocess.run([*command, *arguments, url], capture_output=True, text=True, check=False).stdout

    gateway.is_ready = lambda: curl("/readyz", None) == "200"  # type: ignore[method-assign]
    with running(broker, gateway):
        context.load_cert_chain(certificates / "gateway.pem", certificates / "gateway.key")
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, username="gw", password=SECRET, tls_context=context
        ) as client:
            await client.subscribe(f"{BASE}/status", qos=1)
            async for message in client.messages:
                if message.payload == b"online":
                    break
        new = [
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            '{"id": "a", "source": "rtsp://127.0.0.1:9/"}',
        ]
        assert curl("/api/v1/streams", None) == "401"
        assert curl("/api/v1/streams", "wrong") == "401"
        assert curl("/metrics", None) == "401"
        assert curl("/healthz", None) == "200"
        assert curl("/api/v1/streams", "token-of-eye") == "200"
        assert curl("/api/v1/streams", "token-of-eye", *new) == "403"
        assert curl("/api/v1/streams", "token-of-ops", *new) == "201"
        # another token in the file holds after a reload
        (tmp_path / "ops.token").write_text("another-token-of-ops")
        gateway.started.send_signal(signal.SIGHUP)
        for _ in range(100):
            if curl("/api/v1/streams", "token-of-ops") == "401":
                break
            await asyncio.sleep(0.1)
        assert curl("/api/v1/streams", "another-token-of-ops") == "200"
