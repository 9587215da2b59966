"""The service's side of a fork server whose control socket the test holds: who gets a worker, and when."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.fork_server_scene import Scene, playing, sleeper, turns
from transcoder.errors import WorkerError
from transcoder.service import forkserver
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer

pytestmark = pytest.mark.process


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with playing(monkeypatch) as made:
        yield made


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
