"""The service manager, on a real datagram socket; what it is told is the text of sd_notify(3)."""

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from transcoder.app import run_until_stopped
from transcoder.net.service_manager import PERIOD_S, ServiceManager


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "notify")


@pytest.fixture
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.setblocking(False)
        yield sock


async def heard(sock: socket.socket) -> dict[str, str]:
    async with asyncio.timeout(5):
        data = await asyncio.get_running_loop().sock_recv(sock, 4096)
    return dict(line.split("=", 1) for line in data.decode().split("\n"))


class App:
    """An app that starts at once, whose stream plays after a while."""

    def __init__(self) -> None:
        self.playing = 0
        self.is_ready = False
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start."""

    async def stop(self) -> None:
        """Stop."""

    def summary(self) -> str:
        return f"{self.playing} of 1 enabled streams play"


async def test_a_service_from_its_start_to_its_end(
    manager: socket.socket, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    app: Any = App()
    service = asyncio.create_task(run_until_stopped(app))
    assert "READY" not in await heard(manager)  # it starts
    assert await heard(manager) == {"WATCHDOG": "1", "STATUS": "0 of 1 enabled streams play"}  # no worker can work yet
    app.is_ready = True
    assert await heard(manager) == {"READY": "1", "WATCHDOG": "1", "STATUS": "0 of 1 enabled streams play"}
    app.playing = 1
    before = asyncio.get_running_loop().time()
    assert (await heard(manager))["STATUS"] == "1 of 1 enabled streams play"
    assert (await heard(manager))["WATCHDOG"] == "1"
    assert asyncio.get_running_loop().time() - before < 0.6  # twice in the time of the watchdog
    os.kill(os.getpid(), signal.SIGTERM)
    last = await heard(manager)
    while "STOPPING" not in last:
        last = await heard(manager)
    assert last["STOPPING"] == "1"
    await service
    with pytest.raises(BlockingIOError):
        manager.recv(4096)


async def test_nobody_is_told_where_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    app: Any = App()
    async with asyncio.timeout(5):
        await run_until_stopped(app)


def test_an_abstract_address_begins_with_a_zero_byte() -> None:
    name = f"transcoder-test-{os.getpid()}"
    told = ServiceManager.of_environment({"NOTIFY_SOCKET": f"@{name}"})
    assert told is not None
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        told.tell(READY="1")
        assert sock.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234"])
def test_an_address_that_is_no_unix_socket(address: str) -> None:
    assert ServiceManager.of_environment({"NOTIFY_SOCKET": address}) is None


@pytest.mark.parametrize(
    ("variables", "period_s"),
    [
        ({"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": "7"}, 3.0),
        ({"WATCHDOG_USEC": "9000000"}, 3.0),
        ({"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": "8"}, PERIOD_S),  # it waits for another process
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, PERIOD_S),
        ({"WATCHDOG_USEC": "0", "WATCHDOG_PID": "7"}, PERIOD_S),
        ({"WATCHDOG_USEC": "18446744073709551615", "WATCHDOG_PID": "7"}, PERIOD_S),  # systemd's "infinity"
        ({"WATCHDOG_USEC": "9" * 400, "WATCHDOG_PID": "7"}, PERIOD_S),  # larger than any float
        ({"WATCHDOG_USEC": "9" * 5000, "WATCHDOG_PID": "7"}, PERIOD_S),  # longer than Python reads
        ({"WATCHDOG_USEC": "soon", "WATCHDOG_PID": "7"}, PERIOD_S),
        ({}, PERIOD_S),
    ],
)
def test_the_watchdog_sets_the_pace(variables: dict[str, str], period_s: float) -> None:
    told = ServiceManager.of_environment({"NOTIFY_SOCKET": "/nowhere", **variables}, pid=7)
    assert told is not None
    assert told.period_s == period_s


def test_a_line_of_words_stays_one_variable(manager: socket.socket, address: str) -> None:
    ServiceManager(address).tell(STATUS="a reason\nWATCHDOG=trigger", READY="1")
    assert manager.recv(4096) == b"STATUS=a reason WATCHDOG=trigger\nREADY=1"


def test_a_manager_that_is_gone_or_full_costs_nothing(manager: socket.socket, address: str) -> None:
    told = ServiceManager(address)
    for _ in range(5_000):  # far past net.unix.max_dgram_qlen
        told.tell(READY="1")
    manager.close()
    told.tell(READY="1")
    Path(address).unlink()
    told.tell(READY="1")


@pytest.mark.parametrize("made", ["nothing", "folder", "file", "pipe", "stream socket", "too long", "abstract"])
def test_an_address_at_which_no_manager_is_costs_nothing(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    path = Path("x")
    address = str(tmp_path / path)
    with socket.socket(socket.AF_UNIX) as listening:
        if made == "folder":
            path.mkdir()
        elif made == "file":
            path.touch()
        elif made == "pipe":
            os.mkfifo(path)
        elif made == "stream socket":
            listening.bind("x")
            listening.listen()
        elif made == "too long":
            address = f"/{'x' * 200}"
        elif made == "abstract":
            address = "@" + "x" * 200
        told = ServiceManager.of_environment({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "9000000"})
        assert told is not None
        told.tell(READY="1")
        told.close()
