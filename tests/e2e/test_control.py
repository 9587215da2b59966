"""Streams steered over MQTT and what they tell there; real broker, simulated cameras."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.support.control_world import (
    BASE,
    FPS,
    KILL,
    PLAYING,
    Broker,
    Cameras,
    Client,
    Gateway,
    Listener,
    free_port,
    is_gapless,
    running,
    wait_until_playing,
    was_overloaded,
)
from tests.support.described_messages import SECRET, assert_described

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


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

                with gateway.picture_reader("still", tmp_path) as reader:
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
                with gateway.picture_reader("a", tmp_path) as reader:
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
