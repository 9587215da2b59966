"""A taken-over worker looks for secrets of the service in its memory, and for the service's log."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from transcoder.service import forkserver_process
from transcoder.service.forkserver import ForkServer

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may read a worker's memory"),
]

SECRETS = ["planted-8c1f-camera-password", "planted-77d2-broker-password"]
DEVNULL = Path(os.devnull)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, secret in enumerate(SECRETS):
        monkeypatch.setenv(f"PLANTED_{number}", secret)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ForkServer]:
    cache = os.environ.get("NUMBA_CACHE_DIR")
    made = ForkServer(Path(cache) if cache else tmp_path)
    yield made
    await made.close()


def pieces(pid: int) -> Iterator[bytes]:
    """Every page that a process can read, one mapping after another, but what the kernel keeps for itself."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S+)", line)
            if found is None or line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
                continue
            start, end = int(found[1], 16), int(found[2], 16)
            memory.seek(start)
            while start < end and (data := memory.read(min(end - start, 64 << 20))):
                start += len(data)
                yield data


def secrets_in(pid: int) -> set[str]:
    return {secret for data in pieces(pid) for secret in SECRETS if secret.encode() in data}


@pytest.mark.parametrize("passed_on", [False, True])
async def test_no_secret_of_the_environment_is_in_a_workers_memory(
    planted: None, passed_on: bool, server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    if passed_on:
        monkeypatch.setattr(forkserver_process, "worker_environment", dict)
    forked = await server.fork("front", lambda _: None)
    assert b"transcoder.worker.forkserver" in b"".join(data for data in pieces(forked.pid) if len(data) < 1 << 20)
    assert server.pid is not None
    for pid in (forked.pid, server.pid):
        assert secrets_in(pid) == (set(SECRETS) if passed_on else set())


async def test_a_worker_has_its_socket_and_nothing_else(server: ForkServer) -> None:
    forked = await server.fork("front", lambda _: None)
    folder = Path(f"/proc/{forked.pid}/fd")
    async with asyncio.timeout(10):  # a worker that was just forked closes what it does not need
        while {path.name for path in folder.iterdir()} != set("0123") or (folder / "2").readlink() != DEVNULL:
            await asyncio.sleep(0.01)
    assert {(folder / str(number)).readlink() for number in range(3)} == {DEVNULL}
    assert stat.S_ISSOCK((folder / "3").stat().st_mode)
    own = Path("/proc/self/fd/2").readlink()  # the fork server's own words still reach the service's log
    assert Path(f"/proc/{server.pid}/fd/2").readlink() == own


def test_what_python_and_the_libraries_need_is_passed_on() -> None:
    own = {"PATH": "/bin", "LANG": "C.UTF-8", "AWS_SECRET": "x", "OPENBLAS_NUM_THREADS": "4"}
    own |= {"TRANSCODER_CHECK_PICTURES": "1", "TRANSCODER_PASSWORD": "x"}
    assert forkserver_process.worker_environment(own) == {
        "TRANSCODER_CHECK_PICTURES": "1",
        "PATH": "/bin",
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
