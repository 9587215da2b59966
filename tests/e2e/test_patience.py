"""Slow, silent and full cameras behind one gateway, read by ffmpeg: each shows its pictures."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_defects import DefectiveCamera, simulator
from tests.support.gateway_process import GatewayProcess, wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("patience")]

CAMERAS = {
    "first": DefectiveCamera("longse first_packet_s=8"),
    "describe": DefectiveCamera("longse describe_s=12"),
    "seldom": DefectiveCamera("longse picture_every_s=6 rtcp=false"),
    "full": DefectiveCamera("longse full_table_s=5"),
    "sound": DefectiveCamera("longse audio=true unanswered=audio"),
    "dead": DefectiveCamera("longse unanswered=DESCRIBE"),
}
PICTURES = 30
SELDOM_S = 7.0
"""Seconds in which the seldom one sends another picture."""


def read(url: str, count: int) -> subprocess.Popen[bytes]:
    """ffmpeg that ends when it has so many pictures."""
    command = ["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-frames:v", str(count), "-f", "null", "-"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def states(api: str) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(f"{api}/api/v1/streams", timeout=5) as answer:  # noqa: S310  # of our own gateway
        found = json.load(answer)
    return {item["id"]: item["state"] for item in (found if isinstance(found, list) else found["streams"])}


def test_whoever_is_slow_is_waited_for(tmp_path: Path, state_dir: Path) -> None:
    with simulator(CAMERAS, tmp_path / "cache") as described:
        streams = {
            name: {"source": camera["url"], "audio": "reencode" if name == "sound" else "drop"}
            for name, camera in zip(CAMERAS, described, strict=True)
        }
        with GatewayProcess(tmp_path / "gateway", state_dir, streams) as gateway:
            api = gateway.events("HTTP API")[0]["url"].rstrip("/")

            def all_play() -> bool:
                return all(state["state"] == "playing" for name, state in states(api).items() if name != "dead")

            wait_for(all_play, 60.0, "every camera plays but the dead one")
            began = time.monotonic()
            readers = {name: read(gateway.url(name), PICTURES) for name in CAMERAS if name not in {"dead", "seldom"}}
            for name, reader in readers.items():
                assert reader.wait(40.0) == 0, name
            time.sleep(max(0.0, began + SELDOM_S - time.monotonic()))
            found = states(api)
            assert {name: found[name]["source"]["connects"] for name in ("first", "seldom", "sound")} == {
                "first": 1,
                "seldom": 1,
                "sound": 1,
            }
            assert found["dead"]["state"] != "playing"
            assert found["dead"]["problem_code"] in {None, "silent"}
            assert found["first"]["problem_code"] is None
            assert found["first"]["next_attempt_at"] is None
            told = gateway.events("source lost")
            assert {event["stream"] for event in told} <= {"full", "dead"}
            assert any("403" in event["reason"] for event in told)
            assert gateway.events("the camera does not set up its sound: picture without sound")
