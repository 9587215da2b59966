"""The gateway verifies its own streams: a verdict by hand, signed, told everywhere, and the reader counted nowhere."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Cameras, Gateway, running, wait_until_playing
from tests.support.gateway_process import CONSOLE_SCRIPT, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

PATH = "/api/v1/streams/front/verdicts"


def verdicts(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.http("GET", PATH)[2]["verdicts"]
    return found


def checker_processes() -> list[str]:
    done = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if line.startswith(sys.executable) and "verify.served" in line]


def check_asset(gateway: Gateway) -> None:
    """The verdict made the asset cleaned, and the camera's own marks told its maker."""
    asset = gateway.http("GET", "/api/v1/assets/pole-17")[2]
    assert (asset["state"], asset["streams"]) == ("cleaned", ["front"])
    assert [change["state"] for change in asset["history"]] == ["legacy", "cleaned"]
    assert (asset["maker"]["value"], asset["maker"]["by"]) == ("Hikvision", "stream")
    assert gateway.http("GET", "/api/v1/assets")[2] == {"assets": [asset]}
    assert gateway.stream("front")["state"]["asset_state"] == "cleaned"
    metrics = gateway.http("GET", "/metrics")[2].decode()
    assert 'transcoder_assets{maker="Hikvision",state="cleaned"} 1.0' in metrics


async def test_a_verdict_by_hand(tmp_path: Path, state_dir: Path) -> None:
    cameras = Cameras(tmp_path, 1)
    with running(cameras):
        streams = {"front": {"source": cameras.urls[0]}, "away": {"source": "rtsp://127.0.0.1:9/x"}}
        users = {"vms": {"password": "secret"}}
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams, verify={"seconds": 5})
        gateway.document["rtsp"]["users"] = users
        gateway.document["streams"]["front"]["asset"] = "pole-17"
        gateway.document["assets"] = {"pole-17": {"site": "Harbour"}}
        gateway.write()
        with running(gateway):
            await wait_until_playing(gateway, "front")
            assert verdicts(gateway) == []
            assert gateway.stream("front")["state"]["asset_state"] == "legacy"
            assert gateway.http("POST", "/api/v1/streams/away/verdicts")[0] == 409
            assert gateway.http("POST", "/api/v1/streams/gone/verdicts")[0] == 404
            assert gateway.http("POST", PATH)[0] == 202
            assert gateway.http("POST", PATH)[0] == 429
            wait_for(checker_processes, 10, "a checker runs")
            most_readers = 0
            end = time.monotonic() + 30
            while not verdicts(gateway):
                most_readers = max(most_readers, len(gateway.http("GET", "/api/v1/sessions")[2]["sessions"]))
                assert time.monotonic() < end
                await asyncio.sleep(0.2)
            (found,) = verdicts(gateway)
            assert (found["verdict"], found["reason"], found["signed"]) == ("clean", None, True)
            assert found["pictures"] > 10
            assert most_readers == 0
            assert gateway.http("GET", "/api/v1/sessions")[2] == {"sessions": [], "ended": []}
            assert gateway.stream("front")["state"]["verdict"] == found
            metrics = gateway.http("GET", "/metrics")[2].decode()
            assert 'transcoder_verdict{stream="front",verdict="clean"} 1.0' in metrics
            check_asset(gateway)
            statement = tmp_path / "statement.json"
            statement.write_text(json.dumps(gateway.http("GET", f"{PATH}/{found['number']}")[2]))
            command = [*CONSOLE_SCRIPT, "verify", "--check", str(statement)]
            command += ["--public-key", str(gateway.state_dir / "verify.key.pub")]
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
            assert (done.returncode, "verdict: clean" in done.stdout) == (0, True)
            assert gateway.http("GET", f"{PATH}/99")[0] == 404
            assert checker_processes() == []
        with running(gateway):  # kept over a restart
            assert verdicts(gateway) == [found]
            check_asset(gateway)
