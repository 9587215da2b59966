"""Which modules a worker and the service hold, however the service was started."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.gateway_process import CONSOLE_SCRIPT, MODULE, GatewayProcess, process_name, wait_for
from transcoder.service.forkserver import ForkServer

pytestmark = pytest.mark.e2e

NOT_IN_A_WORKER = (
    "transcoder.service",
    "transcoder.net",
    "transcoder.mqtt",
    "transcoder.api",
    "transcoder.config",
    "transcoder.lab.cameras",
    "uvloop",
    "asyncio",
    "pydantic",
    "typer",
)
WATCHER = """
import atexit, json, os, sys

def dump(name):
    with open(os.path.join({folder!r}, name), "w") as out:
        json.dump(sorted(sys.modules), out)
    with open("/proc/self/maps") as maps, open(os.path.join({folder!r}, name + ".maps"), "w") as out:
        out.write(maps.read())

os.register_at_fork(after_in_child=lambda: dump("forked-" + os.readlink("/proc/self")))
atexit.register(lambda: dump(f"ended-{{os.getpid()}}"))
"""
"""Python runs a module of this name at the start of every process; a forked child has what it holds written down. That
is all a worker will ever hold: after the fork it can open no file, so it can't import."""


@pytest.fixture
def dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dumps"
    folder.mkdir()
    watcher = tmp_path / "watcher"
    watcher.mkdir()
    (watcher / "sitecustomize.py").write_text(WATCHER.format(folder=str(folder)))
    monkeypatch.setenv("PYTHONPATH", str(watcher))
    return folder


def modules(path: Path) -> set[str]:
    return set(json.loads(path.read_text()))


def assert_is_a_workers(held: set[str]) -> None:
    assert {"transcoder.worker.process", "transcoder.media.decoder", "av"} <= held
    unwanted = [name for name in held if any(name == bad or name.startswith(f"{bad}.") for bad in NOT_IN_A_WORKER)]
    assert unwanted == []


def mapped(path: Path) -> set[str]:
    """Files that a process has mapped; only root could look at them from outside."""
    return {line.split()[-1] for line in path.with_suffix(".maps").read_text().splitlines() if line.count(" ") > 4}


@pytest.mark.parametrize("command", [CONSOLE_SCRIPT, MODULE], ids=["console script", "-m"])
def test_of_a_started_service(
    command: tuple[str, ...], dumps: Path, start_gateway: Callable[..., GatewayProcess]
) -> None:
    gateway = start_gateway({"front": {"source": "rtsp://127.0.0.1:9/nobody"}}, command=command)
    with socket.create_connection(("127.0.0.1", int(gateway.base.rpartition(":")[2]))) as reader:
        reader.sendall(f"DESCRIBE {gateway.url('front')} RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
        worker = gateway.wait_for_worker("front", 10)  # which makes a slate for the reader
    wait_for((dumps / f"forked-{worker}").exists, 2, "the worker's modules are written down")
    assert_is_a_workers(modules(dumps / f"forked-{worker}"))
    assert [path for path in mapped(dumps / f"forked-{worker}") if "libavcodec" in path]
    assert not [path for path in mapped(dumps / f"forked-{worker}") if "uvloop" in path or "pydantic" in path]
    assert len(list(Path(f"/proc/{gateway.fork_server()}/task").iterdir())) == 1
    assert gateway.terminate() == 0
    held = modules(dumps / f"ended-{gateway.pid}")
    assert not [path for path in mapped(dumps / f"ended-{gateway.pid}") if "libavcodec" in path or "/av/" in path]
    assert "transcoder.service.stream" in held
    assert not {"av", "transcoder.media", "transcoder.worker", "numba"} & held


async def test_of_a_fork_server_started_by_pytest(dumps: Path, state_dir: Path) -> None:
    """The process that asks for workers holds everything here: pytest, the simulator, av."""
    server = ForkServer(state_dir / "numba")
    await server.start()
    try:
        ended: list[int] = []
        forked = await server.fork("front", ended.append)
        wait_for((dumps / f"forked-{forked.pid}").exists, 5, "the worker's modules are written down")
        deadline = time.monotonic() + 5
        while "front" not in process_name(forked.pid):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        held = modules(dumps / f"forked-{forked.pid}")
        assert_is_a_workers(held)
        assert not [name for name in held if name.startswith(("pytest", "_pytest"))]
        forked.kill()
        while not ended:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        assert ended == [-9]
    finally:
        forked.connection.close()
        await server.close()
