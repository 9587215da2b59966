"""What is served has taken the checker over: it reaches nothing but its connection and its answer."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cameras import Cameras
from tests.support.sandboxed_worker import process_status
from transcoder.service import verify_process
from transcoder.service.verdicts import CHECKER_MEASURES
from transcoder.verify.confinement import FIRST_USER
from transcoder.worker.namespaces import USERS

pytestmark = pytest.mark.process

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to lose")
PREPARE = (
    "import ctypes, mmap, os, signal, socket, subprocess, sys\nfrom transcoder.verify.confinement import confine\n"
)
ACTIONS = {
    "a file": "open('/etc/passwd').read()",
    "the key": "open(sys.argv[2]).read()",
    "a new file": "open(sys.argv[3], 'w')",
    "a connection": "socket.socket().connect(('127.0.0.1', int(sys.argv[1])))",
    "a program": "os.execv('/bin/true', ['true'])",
    "a process": "os.fork() or os._exit(0)",
    "a signal": "os.kill(int(sys.argv[4]), signal.SIGTERM)",
    "new code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "more rights": "os.setuid(0) or open('/etc/shadow').read()",
    "memory of the service": "open(f'/proc/{sys.argv[4]}/mem', 'rb')",
}
NEEDS_ROOT = {"more rights"}


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as made:
        yield made
        made.kill()


def attempt(action: str, victim: int, *, confined: bool) -> str:
    """Return "done", "refused" or "killed"."""
    text = (
        f"{PREPARE}{'confine()' if confined else ''}\ntry:\n    {action}\nexcept OSError:\n    os._exit(7)\nos._exit(0)"
    )
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        key = Path(folder) / "verify.key"
        key.write_text("secret")
        arguments = [str(server.getsockname()[1]), str(key), str(key.with_name("new")), str(victim)]
        command = [sys.executable, "-c", text, *arguments]
        status = subprocess.run(command, check=False, capture_output=True, timeout=30).returncode
    return {0: "done", 7: "refused", -signal.SIGSYS: "killed"}[status]


@pytest.mark.parametrize("name", ACTIONS)
def test_it_is_refused_or_ends_the_checker(name: str, victim: subprocess.Popen[bytes]) -> None:
    assert attempt(ACTIONS[name], victim.pid, confined=True) in {"refused", "killed"}
    assert victim.poll() is None


@pytest.mark.parametrize("name", ACTIONS)
def test_without_the_sandbox_it_works(name: str, victim: subprocess.Popen[bytes]) -> None:
    if name in NEEDS_ROOT and os.geteuid() != 0:
        pytest.skip("only root has rights to lose")
    assert attempt(ACTIONS[name], victim.pid, confined=False) == "done"


async def test_before_it_reads_anything_it_has_no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader from outside: the process's state at its first request, and that its end comes with its starter's."""
    seen: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def note(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        started.append(await start(*arguments, **options))
        return started[0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.set_result(process_status(started[0].pid))
        writer.close()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", note)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    request = {"url": url, "username": "u", "password": "p", "seconds": 1, "key": ""}
    answer = await verify_process.read_served(request, dict)
    server.close()
    status = await seen
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert int(status[name], 16) == 0, name
    if os.geteuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        for name in ("Uid", "Gid"):
            assert set(status[name].split()) == {str(FIRST_USER + started[0].pid)}
        assert status["Groups"] == ""
    assert answer is not None
    assert tuple(answer["measures"]) == CHECKER_MEASURES


@as_root
def test_it_ends_with_its_starter_although_its_user_is_another() -> None:
    starter = (
        "import os, subprocess, sys, time\n"
        "text = 'from transcoder.verify.confinement import confine; import sys, time; confine(); '\n"
        "text += 'print(1, flush=True); time.sleep(60)'\n"
        "child = subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE)\n"
        "child.stdout.read(1)\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    for _ in range(200):
        path = Path(f"/proc/{child}/status")
        if not path.exists() or process_status(child)["State"].startswith("Z"):
            return
        signal.sigtimedwait([], 0.05)
    raise AssertionError("it lives on")


def test_where_a_measure_is_missing_and_all_are_required_nothing_is_read(cameras: Cameras) -> None:
    request = {
        "url": cameras.url("h264dvr"),
        "username": "",
        "password": "",
        "seconds": 1,
        "key": "",
        "sandbox": "required",
    }
    text = (
        "from transcoder.verify import confinement, served\n"
        "def refuse(): raise OSError(95, 'not here')\n"
        "confinement.kernel.restrict_by_landlock = refuse\n"
        "served.main()"
    )
    for code, is_read in ((text, False), ("from transcoder.verify import served; served.main()", True)):
        done = subprocess.run(
            [sys.executable, "-c", code],
            check=False,
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=60,
        )
        answer = json.loads(done.stdout)
        if is_read and any(why for name, why in answer["measures"].items() if name != "own user"):
            pytest.skip("this kernel lacks a measure")
        assert ("statement" in answer) == is_read, done.stderr
        if not is_read:
            assert "the checker lacks no paths (not here)" in answer["error"]


def test_no_worker_has_its_user() -> None:
    """Process ids are told apart, so their users are, as long as both count from the same number."""
    assert USERS.start == FIRST_USER
