"""The service's side of a fork server whose control socket the test holds; its processes only sleep."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from transcoder.errors import WorkerError
from transcoder.service import forkserver, forkserver_process
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.forkserver_process import ANSWER_LIMIT_S, START_LIMIT_S, ForkServerProcess, OnLost
from transcoder.service.process_watch import ProcessSample
from transcoder.service.sandbox import SandboxOptions

pytestmark = pytest.mark.process


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


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
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


async def test_it_loads_before_anybody_waits_for_it(scene: Scene) -> None:
    side = scene.server.launch()
    assert side is scene.peers[0].side
    waiting = asyncio.get_running_loop().create_task(scene.server.start())
    await turns()
    assert not waiting.done()
    await scene.peers[0].ready()
    await waiting
    assert len(scene.peers) == 1


# -- slates while kernels compile --------------------------------------------------------------------------------------


@pytest.fixture
async def with_stopgap(scene: Scene) -> Scene:
    """The first peer is the fork server, the second one the stopgap."""
    scene.server = ForkServer(None, scene._launch, launch_stopgap=scene._launch)
    scene.server.launch()
    return scene


async def test_a_stopgap_forks_for_who_owes_a_slate_and_for_nobody_else(with_stopgap: Scene) -> None:
    scene = with_stopgap
    owed, other = scene.ask("front", lambda: Urgency(owes_slate=True)), scene.ask("back")
    await scene.peers[1].ready()
    await asyncio.sleep(2.5 * forkserver.STOPGAP_S)
    scene.peers[1].read()
    assert [request["name"] for request, _ in scene.peers[1].requests] == ["front"]
    await scene.peers[1].fork()
    assert (await owed).is_stopgap
    assert not scene.server.is_ready
    await scene.peers[0].ready()
    assert scene.server.is_ready
    await scene.peers[0].fork()
    assert not (await other).is_stopgap


async def test_a_stopgap_forks_as_soon_as_it_is_ready(with_stopgap: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "STOPGAP_S", 1e6)  # nobody looks: a reader waits for a slate
    scene = with_stopgap
    owed = scene.ask("front", lambda: Urgency(owes_slate=True))
    await turns()
    await scene.peers[1].ready()
    await turns()
    await scene.peers[1].fork()
    assert (await owed).is_stopgap


async def test_a_stopgap_goes_with_its_last_worker(with_stopgap: Scene) -> None:
    scene = with_stopgap
    owed = scene.ask("front", lambda: Urgency(owes_slate=True))
    await scene.peers[1].ready()
    await asyncio.sleep(1.5 * forkserver.STOPGAP_S)
    scene.peers[1].read()
    await scene.peers[1].fork()
    worker = await owed
    await scene.peers[0].ready()
    await scene.pass_time(3, answering=scene.peers[0])
    assert scene.peers[1].process.poll() is None
    worker.kill()
    await scene.pass_time(2, answering=scene.peers[0])
    assert scene.peers[1].process.wait(5) != 0
    assert scene.server.losses == 0


async def test_a_stopgap_that_dies_leaves_all_to_the_fork_server(with_stopgap: Scene) -> None:
    scene = with_stopgap
    scene.peers[1].control.close()
    owed = scene.ask("front", lambda: Urgency(owes_slate=True))
    await asyncio.sleep(1.5 * forkserver.STOPGAP_S)
    await scene.peers[0].ready()
    await turns()
    scene.peers[0].read()
    await scene.peers[0].fork()
    assert not (await owed).is_stopgap
    assert (scene.server.losses, len(scene.peers)) == (0, 2)


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_workers_are_asked_for_one_after_another(scene: Scene) -> None:
    tasks = [scene.ask(name) for name in "abc"]
    await turns()
    (peer,) = scene.peers
    peer.read()
    assert peer.requests == []  # it is not ready
    await peer.ready()
    for count, name in enumerate("abc", 1):
        assert [request["name"] for request, _ in peer.requests] == list("abc")[:count]
        pid = await peer.fork()
        assert tasks[count - 1].done(), name
        assert tasks[count - 1].result().pid == pid


async def test_a_fork_server_that_may_not_fork_says_why(scene: Scene) -> None:
    task = scene.ask("front")
    await turns()
    (peer,) = scene.peers
    peer.say({"failed": "memory that is writable and executable is left: 7f00-7f01"})
    with pytest.raises(WorkerError, match="writable and executable"):
        await task


async def test_the_measures_of_the_sandbox_are_those_that_the_fork_server_tells(scene: Scene) -> None:
    scene.ask("front")
    await turns()
    (peer,) = scene.peers
    assert scene.server.measures == {}
    peer.say({"ready": True, "kernels_s": 0.1, "threads": 1, "measures": {"no new code": "Invalid argument"}})
    await turns()
    assert scene.server.measures == {"no new code": "Invalid argument"}
    peer.read()
    await peer.fork()


async def test_the_most_urgent_is_asked_for_first(scene: Scene) -> None:
    tasks = [
        scene.ask("new"),
        scene.ask("played", lambda: Urgency(has_played=True)),
        scene.ask("watched", lambda: Urgency(has_readers=True)),
    ]
    await turns()
    (peer,) = scene.peers
    await peer.ready()
    for _ in tasks:
        await peer.fork()
    asked = [request["name"] for request, _ in peer.requests]
    assert asked.index("watched") < asked.index("played")
    assert all(task.done() for task in tasks)


async def test_an_exit_that_is_told_with_the_answer_is_not_lost(scene: Scene) -> None:
    task = scene.ask("front")
    await turns()
    (peer,) = scene.peers
    await peer.ready()
    worker = sleeper()
    peer.workers[worker.pid] = worker
    peer.say({"id": peer.requests[0][0]["id"], "pid": worker.pid})
    peer.say({"exited": worker.pid, "status": -11})
    assert (await task).pid == worker.pid
    assert scene.exits == [-11]


async def test_the_exit_of_a_worker_is_told_once(scene: Scene) -> None:
    worker = await scene.with_worker()
    for pid in (worker.pid, worker.pid, 1):
        scene.peers[0].say({"exited": pid, "status": 0})
    await turns()
    assert scene.exits == [0]


async def test_a_fork_server_that_can_not_fork_says_so_and_stays(scene: Scene) -> None:
    tasks = [scene.ask("a"), scene.ask("b")]
    await turns()
    (peer,) = scene.peers
    await peer.ready()
    peer.say({"id": peer.requests[0][0]["id"], "error": "Resource temporarily unavailable"})
    await turns()
    peer.read()
    with pytest.raises(WorkerError, match="no worker could be started: Resource temporarily unavailable"):
        await tasks[0]
    await peer.fork()
    assert tasks[1].done()
    assert len(scene.peers) == 1


async def test_a_stream_that_does_not_want_its_worker_any_more_holds_up_nobody(scene: Scene) -> None:
    tasks = [scene.ask("a"), scene.ask("b")]
    await turns()
    (peer,) = scene.peers
    await peer.ready()
    tasks[0].cancel()
    await turns()
    peer.read()
    assert [request["name"] for request, _ in peer.requests] == ["a", "b"]
    await peer.fork(0)
    assert not tasks[1].done()
    assert peer.requests[0][1].recv(1) == b""  # so a worker that was forked nevertheless ends
    peer.say({"exited": next(iter(peer.workers)), "status": 0})
    await peer.fork(1)
    assert tasks[1].done()
    assert scene.exits == []


async def test_a_worker_that_comes_in_the_moment_in_which_its_stream_stops_is_ended(scene: Scene) -> None:
    task = scene.ask("a")
    await turns()
    (peer,) = scene.peers
    await peer.ready()
    worker = sleeper()
    peer.workers[worker.pid] = worker
    peer.say({"id": peer.requests[0][0]["id"], "pid": worker.pid})
    peer.side._on_readable()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.to_thread(worker.wait, 5) == -9


# -- slow, hanging, dead -----------------------------------------------------------------------------------------------


async def test_a_fork_server_that_answers_heartbeats_is_waited_for(scene: Scene) -> None:
    """Ten minutes for one fork: nobody is killed for that, and the others wait for their turn."""
    await scene.with_worker()
    tasks = [scene.ask("slow"), scene.ask("next")]
    await turns()
    (peer,) = scene.peers
    await scene.pass_time(600, answering=peer)
    assert scene.exits == []
    assert [request["name"] for request, _ in peer.requests] == ["front", "slow"]
    for task in tasks:
        assert not task.done()
        await peer.fork()
        assert task.done()
    assert scene.peers == [peer]
    assert peer.process.poll() is None


async def test_a_fork_server_that_gets_no_time_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.with_worker()
    task = scene.ask("slow")
    await turns()
    starved = ProcessSample(state="R", cpu_s=1.0, private_bytes=0)
    monkeypatch.setattr(forkserver_process, "sample_process", lambda _: starved)
    await scene.pass_time(600)  # it is inside fork() all the time and answers nothing
    scene.peers[0].read()
    assert scene.peers[0].pings == 1  # more would fill its socket
    await scene.peers[0].fork()
    assert task.done()
    assert scene.exits == []
    assert len(scene.peers) == 1


async def test_a_fork_server_that_hangs_is_replaced_and_its_workers_live(scene: Scene) -> None:
    worker = await scene.with_worker()
    old = scene.peers[0]
    task = scene.ask("back")
    await turns()
    await scene.pass_time(ANSWER_LIMIT_S)
    assert not task.done()
    await scene.pass_time(1)
    with pytest.raises(WorkerError, match="the fork server does not answer"):
        await task
    again = scene.ask("back")
    await turns()
    new = scene.peers[1]
    await new.ready()
    await new.fork()
    assert again.done()
    assert scene.server.pid == new.process.pid
    await scene.pass_time(60, answering=new)
    assert old.process.poll() is None  # with it its worker would die
    assert old.workers[worker.pid].poll() is None
    assert scene.exits == []
    old.say({"exited": worker.pid, "status": -11})
    await turns()
    assert scene.exits == [-11]  # it is still heard
    await scene.pass_time(1, answering=new)
    assert await asyncio.to_thread(old.process.wait, 5) == -9
    await scene.pass_time(1, answering=new)
    assert scene.server._others == []


async def test_a_fork_server_that_hangs_goes_with_its_last_worker_though_it_can_not_say_so(scene: Scene) -> None:
    worker = await scene.with_worker()
    await scene.pass_time(ANSWER_LIMIT_S + 1)
    assert scene.server.pid is None
    assert scene.peers[0].process.poll() is None
    worker.kill()  # as the connection does whose worker hung up
    await scene.pass_time(1)
    assert await asyncio.to_thread(scene.peers[0].process.wait, 5) == -9


async def test_a_fork_server_that_hangs_without_workers_is_ended_at_once(scene: Scene) -> None:
    task = asyncio.get_running_loop().create_task(scene.server.start())
    await turns()
    await scene.peers[0].ready()
    await task
    await scene.pass_time(ANSWER_LIMIT_S + 1)
    assert await asyncio.to_thread(scene.peers[0].process.wait, 5) == -9


async def test_a_fork_server_may_take_its_time_to_start_but_not_for_ever(scene: Scene) -> None:
    task = asyncio.get_running_loop().create_task(scene.server.start())
    await turns()
    await scene.pass_time(START_LIMIT_S)
    assert not task.done()
    await scene.pass_time(1)
    with pytest.raises(WorkerError, match="the fork server does not start"):
        await task


async def test_a_service_that_is_behind_does_not_blame_the_fork_server(scene: Scene) -> None:
    await scene.with_worker()
    scene.now += 1
    scene.server._check(scene.now)
    scene.peers[0].say({"pong": True})
    for _ in range(60):  # the loop has no time to read it
        scene.now += 1
        scene.server._check(scene.now)
    assert scene.server.pid == scene.peers[0].process.pid


async def test_a_fork_server_that_dies_takes_its_workers_with_it(scene: Scene) -> None:
    await scene.with_worker()
    tasks = [scene.ask("a"), scene.ask("b")]
    await turns()
    scene.peers[0].control.close()
    await turns()
    assert scene.exits == [-9]
    assert scene.server.losses == 1
    with pytest.raises(WorkerError, match="the fork server is gone"):
        await tasks[0]
    await turns()
    await scene.peers[1].ready()  # the next in the queue starts another one
    await scene.peers[1].fork()
    assert tasks[1].done()


async def test_a_fork_server_that_dies_while_it_loads(scene: Scene) -> None:
    task = asyncio.get_running_loop().create_task(scene.server.start())
    await turns()
    scene.peers[0].control.close()
    with pytest.raises(WorkerError, match="the fork server is gone"):
        await task
    assert scene.server.pid is None


async def test_after_its_end_nothing_is_started(scene: Scene) -> None:
    worker = await scene.with_worker()
    task = scene.ask("a")
    await turns()
    await scene.server.close()
    with pytest.raises(WorkerError):
        await task
    with pytest.raises(WorkerError, match="shutting down"):
        await scene.server.fork("b", scene.exits.append)
    assert len(scene.peers) == 1
    assert scene.peers[0].process.poll() is not None
    assert worker.pid in scene.peers[0].workers


async def test_where_the_sandbox_is_required_a_missing_measure_lets_no_worker_run() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with theirs:
        process = ForkServerProcess(sleeper(), ours, lambda _: None, SandboxOptions(is_required=True))
        ready = {"ready": True, "kernels_s": 0.1, "threads": 1, "measures": {"no paths": "old"}}
        theirs.send(json.dumps(ready).encode())
        with pytest.raises(WorkerError, match="no paths: old"):
            await process.ready()
        with pytest.raises(WorkerError, match="no paths: old"):
            await process.fork("front", lambda _: None)
        assert process.measures == {"no paths": "old"}
        await process.close()
