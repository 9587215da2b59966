"""SIGTERM while the gateway starts."""

import asyncio
import os
import signal
import socket
from typing import Any

from transcoder.app import run_until_stopped
from transcoder.service.forkserver_process import CLOSE_TIMEOUT_S, ForkServerProcess


class SlowStart:
    """An app whose start takes for ever."""

    def __init__(self) -> None:
        self.is_cleaned_up = False
        self.tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        try:
            await asyncio.sleep(3600)
        except BaseException:
            self.is_cleaned_up = True
            raise


async def test_a_signal_ends_a_start_that_is_under_way() -> None:
    app: Any = SlowStart()
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await run_until_stopped(app)
    assert app.is_cleaned_up


class Compiling:
    """A process that does not notice that its control socket is closed."""

    pid = os.getpid()

    def __init__(self) -> None:
        self.did: list[str] = []

    def kill(self) -> None:
        self.did.append("kill")

    def poll(self) -> int | None:
        return 0 if "kill" in self.did else None

    def wait(self, timeout: float | None = None) -> int:
        self.did.append("wait")
        return 0


async def closed(*, is_ready: bool) -> list[str]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    process = Compiling()
    server = ForkServerProcess(process, ours, lambda _: None)
    if is_ready:
        theirs.send(b'{"ready": true, "kernels_s": 0, "threads": 1}')
        await server.ready()
    await server.close()
    theirs.close()
    return process.did


async def test_a_fork_server_that_still_compiles_is_not_waited_for() -> None:
    assert CLOSE_TIMEOUT_S > 0
    assert (await closed(is_ready=False))[0] == "kill"
    assert (await closed(is_ready=True))[0] == "wait"
