"""What is changed over MQTT, HTTP and in the file is one configuration; readers stay, and a log survives SIGKILL."""

import asyncio
import itertools
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.control_world import BASE, FPS, KILL, Broker, Cameras, Client, Gateway, Listener, running
from tests.support.described_messages import SECRET, assert_described
from tests.support.gateway_process import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

TAKEN_UP_S = 30.0
"""Seconds in which a change of the file is taken up, on a busy machine too."""


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
        wait_for(lambda: "a" in gateway.streams(), TAKEN_UP_S, "the file is taken up")
        gateway.document["include"] = "*.conf.yaml"
        gateway.write()
        (tmp_path / "b.conf.yaml").write_text("streams: {b: {source: rtsp://127.0.0.1:9/, enabled: false}}\n")
        wait_for(lambda: "b" in gateway.streams(), TAKEN_UP_S, "what it includes is taken up")


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
        with running(gateway), gateway.picture_reader("a", tmp_path) as reader:
            reader.wait_for_pictures(FPS, 60)
            for change in ({"bitrate_kbps": 300}, {"bitrate_kbps": 2000}, {"gop_s": 2}, {"fps": 4}, {"fps": None}):
                before = len(reader.pictures)
                assert gateway.http("PATCH", "/api/v1/streams/a", {"video": change})[0] == 200
                reader.wait_for_pictures(before + 2 * FPS, 15)
            assert reader.connected
            times = reader.times()
            assert all(0 < later - earlier < 2 for earlier, later in itertools.pairwise(times)), times
