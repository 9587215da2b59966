"""The process that verifies a stream for the gateway: its answers, and the bounds of its life."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.cameras import Cameras
from transcoder.verify.proof import check, read_public_key
from transcoder.verify.served import MAX_MEMORY

pytestmark = pytest.mark.process


def ask(url: str, **changes: Any) -> tuple[dict[str, Any], str]:
    request = {"url": url, "username": "", "password": "", "seconds": 1.5, "key": ""} | changes
    done = subprocess.run(
        [sys.executable, "-P", "-m", "transcoder.verify.served"],
        check=False,
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return json.loads(done.stdout or "{}"), done.stderr


def limits(pid: int, name: str) -> tuple[int, int]:
    """A soft and a hard limit as the kernel tells them; the process has a user of its own, so it can't be asked."""
    [line] = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if line.startswith(name)]
    soft, hard = (-1 if word == "unlimited" else int(word) for word in line.removeprefix(name).split()[:2])
    return soft, hard


def test_it_signs_what_it_found(cameras: Cameras, tmp_path: Path) -> None:
    key = tmp_path / "state" / "verify.key"
    answer, errors = ask(cameras.url("h264dvr"), username="admin", password="x", key=str(key))
    assert errors == ""
    path = tmp_path / "a.json"
    path.write_text(json.dumps(answer))
    statement = check(path, read_public_key(key.with_name("verify.key.pub")))
    assert (statement["verdict"], statement["complete"]) == ("unclean", True)
    assert statement["pictures"] > 5
    assert "password=***" in statement["source"]


def test_without_a_key_it_is_not_signed(cameras: Cameras, tmp_path: Path) -> None:
    answer, _ = ask(cameras.url("h264dvr"))
    assert sorted(answer) == ["statement"]
    answer, _ = ask(cameras.url("h264dvr"), key="/proc/no/key")
    assert sorted(answer) == ["statement", "unsigned"]


def test_nobody_answers() -> None:
    answer, errors = ask("rtsp://127.0.0.1:9/x")
    assert "Connection refused" in answer["error"]
    assert errors == ""


def test_its_life_is_bounded(cameras: Cameras) -> None:
    """The limits as the kernel shows them, and that it ends with whoever started it."""
    request = {"url": cameras.url("h264dvr"), "username": "", "password": "", "seconds": 30, "key": ""}
    starter = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'transcoder.verify.served'], stdin=subprocess.PIPE)\n"
        "child.stdin.write(sys.argv[1].encode()); child.stdin.close()\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, json.dumps(request)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        deadline = time.monotonic() + 20
        while limits(child, "Max address space")[0] != MAX_MEMORY:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert limits(child, "Max core file size") == (0, 0)
        assert limits(child, "Max cpu time")[0] == 140
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        while Path(f"/proc/{child}/stat").exists() and time.monotonic() < deadline:
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                break
            time.sleep(0.05)
        assert time.monotonic() < deadline
