"""The process that verifies a stream, as the service starts it; stand-ins show what is not waited for."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cameras import Cameras
from transcoder.service import verify_process
from transcoder.service.verify_process import read_served

pytestmark = pytest.mark.process

PYTHON = sys.executable


def request(url: str = "rtsp://127.0.0.1:9/x", seconds: float = 1.5) -> dict[str, object]:
    return {"url": url, "username": "u", "password": "p", "seconds": seconds, "key": ""}


async def test_its_answer(cameras: Cameras) -> None:
    answer = await read_served(request(cameras.url("h264dvr")), dict)
    assert answer is not None
    assert answer["statement"]["verdict"] == "unclean"
    assert answer["statement"]["shown"]["told_by"] == "pictures"
    refused = await read_served(request(), dict)
    assert refused is not None
    assert "refused" in refused["error"]


@pytest.mark.parametrize(("shows", "origin"), [("camera", "camera"), ("slate", "slate")])
async def test_it_asks_what_was_served(cameras: Cameras, shows: str, origin: str) -> None:
    """Ten pictures a second, as the camera sends them."""

    def served() -> dict[str, Any]:
        now = time.time()
        spans = [{"begin": now - 10, "end": now, "shows": shows, "pictures": 100}]
        return {"now": now, "since": now - 10, "spans": spans}

    answer = await read_served(request(cameras.url("h264dvr")), served)
    assert answer is not None
    shown = answer["statement"]["shown"]
    assert (shown["origin"], shown["told_by"]) == (origin, "gateway")


def stand_in(folder: Path, text: str) -> str:
    """A program in the place of Python, which finds no checker and does this."""
    path = folder / "python"
    path.write_text(f"#!{PYTHON}\nimport os, sys, time\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("text", "limit_s"),
    [
        ("print('no json')", 10),
        ("print('[1]')", 10),
        ("os._exit(3)", 10),
        ("sys.stdin.read(); print('{}' + ' ' * (3 << 20), flush=True); time.sleep(60)", 10),
        ("time.sleep(60)", 5),
    ],
    ids=["no json", "a list", "no word", "a flood", "silence"],
)
async def test_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, limit_s: float) -> None:
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, text))
    monkeypatch.setattr(verify_process, "SPARE_S", 0.5)
    began = time.monotonic()
    assert await read_served(request(seconds=1), dict) is None
    assert time.monotonic() - began < limit_s


async def test_it_ends_with_who_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "pid"
    text = f"open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, text))
    reading = asyncio.create_task(read_served(request(seconds=30), dict))
    while not told.exists() or not told.read_text():
        await asyncio.sleep(0.02)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not Path(f"/proc/{told.read_text()}").exists()
