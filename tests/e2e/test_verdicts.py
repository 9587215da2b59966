"""The gateway verifies its own streams: a verdict by hand, signed, told everywhere, and the reader counted nowhere."""

import asyncio
import json
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.control_world import Cameras, Gateway, running, wait_until_playing
from tests.support.gateway_process import CONSOLE_SCRIPT, children, wait_for
from transcoder.service.verify_process import SPARE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]

READ_S = 5
PATH = "/api/v1/streams/front/verdicts"


def verdicts(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.http("GET", PATH)[2]["verdicts"]
    return found


def checker_processes(gateway: Gateway) -> list[int]:
    """The checkers that this gateway runs; other tests run gateways beside it, which have their own."""
    return [pid for pid in children(gateway.started.pid) if b"transcoder.verify.served" in command_line(pid)]


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it is gone
        return b""


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
        gateway = Gateway(tmp_path, state_dir / "numba", None, streams, verify={"seconds": READ_S})
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
            wait_for(partial(checker_processes, gateway), 10, "a checker runs")
            most_readers = 0
            end = time.monotonic() + READ_S + SPARE_S  # later the gateway gives up
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
            assert checker_processes(gateway) == []
        with running(gateway):  # kept over a restart
            assert verdicts(gateway) == [found]
            check_asset(gateway)
