"""This scene plays the fork servers of a service: a test holds their control sockets; their processes only sleep."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from transcoder.service import forkserver, forkserver_process
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.forkserver_process import ForkServerProcess, OnLost
from transcoder.service.process_watch import ProcessSample


def sleeper() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["sleep", "300"])


async def turns() -> None:
    """Let the loop do all that it can do now."""
    for _ in range(12):
        await asyncio.sleep(0)


class Peer:
    """A fork server that does what the test says.

    Attributes:
        requests: of forks, as far as they were read, with the worker's socket.
        pings: heartbeats that were read.
    """

    def __init__(self, on_lost: OnLost) -> None:
        ours, self.control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.control.setblocking(False)
        self.process = sleeper()
        self.workers: dict[int, subprocess.Popen[bytes]] = {}
        self.requests: list[tuple[dict[str, Any], socket.socket]] = []
        self.pings = 0
        self.side = ForkServerProcess(self.process, ours, on_lost)

    def say(self, answer: dict[str, Any]) -> None:
        self.control.send(json.dumps(answer).encode())

    def read(self) -> None:
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self.control, 4096, 1)
            except BlockingIOError:
                return
            if not data:
                return
            request = json.loads(data)
            if "ping" in request:
                self.pings += 1
            else:
                self.requests.append((request, socket.socket(fileno=descriptors[0])))

    async def ready(self) -> None:
        self.say({"ready": True, "kernels_s": 0.1, "threads": 1})
        await turns()
        self.read()

    async def fork(self, index: int = -1) -> int:
        """Answer a request with a worker."""
        worker = sleeper()
        self.workers[worker.pid] = worker
        self.say({"id": self.requests[index][0]["id"], "pid": worker.pid})
        await turns()
        self.read()
        return worker.pid

    def close(self) -> None:
        self.control.close()
        for _, connection in self.requests:
            connection.close()
        for process in (self.process, *self.workers.values()):
            process.kill()
            process.wait()


class Scene:
    """A service's fork server, the peers that it launched, and a clock."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.exits: list[int] = []
        self.now = 1000.0
        self.server = ForkServer(None, self._launch)

    def _launch(self, cache_dir: Path | None, on_lost: OnLost) -> ForkServerProcess:
        self.peers.append(Peer(on_lost))
        return self.peers[-1].side

    def ask(self, name: str, urgency: Callable[[], Urgency] = Urgency) -> "asyncio.Task[Any]":
        return asyncio.get_running_loop().create_task(self.server.fork(name, self.exits.append, urgency))

    async def pass_time(self, seconds: float, *, answering: Peer | None = None) -> None:
        """A look every second; a peer that answers tells that it is alive."""
        for _ in range(round(seconds)):
            self.now += 1.0
            self.server._check(self.now)
            if answering is not None:
                answering.read()
                if answering.pings:
                    answering.pings -= 1
                    answering.say({"pong": True})
            await turns()

    async def with_worker(self) -> Any:
        """A first fork server that has forked a worker."""
        task = self.ask("front")
        await turns()
        await self.peers[0].ready()
        await self.peers[0].fork()
        return await task


@asynccontextmanager
async def playing(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Give a test a scene, and end all that it began."""
    monkeypatch.setattr(forkserver, "HEARTBEAT_S", 1e6)  # the test looks itself
    monkeypatch.setattr(forkserver_process, "CLOSE_TIMEOUT_S", 0.1)
    asleep = ProcessSample(state="S", cpu_s=1.0, private_bytes=0)
    monkeypatch.setattr(forkserver_process, "sample_process", lambda _: asleep)
    made = Scene()
    yield made
    for peer in made.peers:
        peer.process.kill()
    await made.server.close()
    for peer in made.peers:
        peer.close()
