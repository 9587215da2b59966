"""The service's side of a fork server that is slow, hangs or dies, or may let no worker run."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from tests.support.fork_server_scene import Scene, playing, sleeper, turns
from transcoder.errors import WorkerError
from transcoder.service import forkserver_process
from transcoder.service.forkserver_process import ANSWER_LIMIT_S, START_LIMIT_S, ForkServerProcess
from transcoder.service.process_watch import ProcessSample
from transcoder.service.sandbox import SandboxOptions

pytestmark = pytest.mark.process


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with playing(monkeypatch) as made:
        yield made


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
