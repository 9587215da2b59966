"""A worker that is asked for, dies and is replaced; no process runs."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable

import pytest
import structlog
import uvloop

from tests.service.test_worker_reports import JPEG
from tests.support.fork_server import FakeForkServer
from tests.support.suspended import Suspended
from tests.support.watched_worker import IDR, Watched, watching
from transcoder.errors import CommandRejected, WorkerError
from transcoder.ipc.messages import (
    MessageType,
    serialize_snapshot,
)
from transcoder.ipc.thumbnails import Thumbnail, serialize_thumbnail
from transcoder.worker_options import Role, WorkerOptions


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with watching() as made:
        yield made


# -- life --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["whole", "split"])
async def unneeded(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    """A stream whose camera was never there."""
    made = Watched(FakeForkServer(), WorkerOptions(split=request.param), is_needed=False)
    task = asyncio.get_running_loop().create_task(made.worker.run())
    for _ in range(20):
        await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()


async def test_a_camera_that_is_away_has_no_worker(unneeded: Watched) -> None:
    assert unneeded.server.workers == []
    with pytest.raises(CommandRejected, match="no picture yet"):
        await unneeded.worker.snapshot()
    unneeded.worker.replace("replaced on request")
    unneeded.worker.force_idr(0)
    unneeded.worker.check(100.0)
    assert unneeded.server.workers == []
    unneeded.worker.need()
    await unneeded.until_served()


async def test_the_first_picture_has_a_worker_forked_and_is_not_lost(unneeded: Watched) -> None:
    assert unneeded.worker.feed(IDR, time.monotonic())
    await unneeded.until_served()
    await unneeded.until(lambda: any(MessageType.ACCESS_UNIT in each.heard() for each in unneeded.server.workers))


async def test_a_reader_of_a_camera_that_was_never_there_gets_a_slate(unneeded: Watched) -> None:
    unneeded.worker.repeat(0, 1.0)
    unneeded.worker.repeat(0, 2.0)
    await unneeded.until_served()
    encoding = next(each for each in unneeded.server.workers if each.role is not Role.DECODING)
    heard: list[MessageType] = []

    def is_asked() -> bool:
        heard.extend(encoding.heard())
        return MessageType.REPEAT in heard

    await unneeded.until(is_asked)
    assert heard.count(MessageType.REPEAT) == 1


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("hang_up", "exit_status"), [(True, None), (False, -9), (True, -9)], ids=["hangs up", "exits", "both"]
)
def test_a_worker_killed_at_any_await_of_its_start_is_replaced(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], hang_up: bool, exit_status: int | None
) -> None:
    async def die_at(suspension: int) -> str:
        """What the worker was when it died: "not there", "being started" or "running"."""
        watched = Watched(FakeForkServer())
        died_when = "not there"

        def hook(number: int) -> None:
            nonlocal died_when
            if number == suspension and watched.server.workers:
                died_when = "running" if watched.worker.is_running else "being started"
                watched.server.workers[0].die(hang_up=hang_up, exit_status=exit_status)

        task = asyncio.get_running_loop().create_task(Suspended(watched.worker.run(), hook).run())
        await asyncio.sleep(0.05)
        await watched.until_served()
        deaths = 0 if died_when == "not there" else 1
        assert len(watched.deaths) == watched.status.deaths == deaths
        assert len(watched.server.workers) == 1 + deaths
        assert watched.server.workers[-1].heard()[:1] == [MessageType.CONFIGURE]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watched.worker.stop()
        assert not any(worker.alive for worker in watched.server.workers)
        return died_when

    async def walk() -> list[str]:
        return list(await asyncio.gather(*map(die_at, range(12))))

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        met = runner.run(walk())
    # the walk began before there was a worker, met several awaits of its start, and went on until it ran
    assert [when for when, _ in itertools.groupby(met)] == ["not there", "being started", "running", "not there"]
    assert met.count("being started") >= 3


async def test_a_start_that_is_given_up_leaves_no_worker() -> None:
    for turns in range(8):
        watched = Watched(FakeForkServer())
        task = asyncio.get_running_loop().create_task(watched.worker.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watched.worker.stop()
        await asyncio.sleep(0)
        assert not any(worker.alive for worker in watched.server.workers), turns
        assert watched.deaths == []


async def test_a_stream_that_begins_again_has_a_worker_again(watched: Watched) -> None:
    watched.worker.stop()
    assert not watched.worker.is_running
    assert not watched.server.workers[0].alive
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    task.cancel()
    assert watched.deaths == []


async def test_a_fork_server_that_has_no_worker_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_life.RETRY_S", 0.05)
    watched = Watched(FakeForkServer())
    watched.server.refuse = WorkerError("the fork server is gone")
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: watched.problems)
    assert watched.problems[0] == "the fork server is gone"
    assert not watched.worker.is_running
    watched.server.refuse = None
    await watched.until_served()
    assert watched.deaths == []
    task.cancel()


async def test_a_machine_without_workers_fills_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_life.RETRY_S", 0.001)
    watched = Watched(FakeForkServer())
    watched.server.refuse = WorkerError("no worker could be started: Cannot allocate memory")
    with structlog.testing.capture_logs() as lines:
        task = asyncio.get_running_loop().create_task(watched.worker.run())
        await watched.until(lambda: len(watched.problems) >= 20)
        task.cancel()
    told = [line for line in lines if line["event"] == "worker not started"]
    assert [line["log_level"] for line in told[:20]] == ["error"] + ["debug"] * 19
    assert told[0]["reason"] == watched.problems[0]


# -- snapshots ---------------------------------------------------------------------------------------------------------


async def test_a_snapshot_goes_to_all_who_wait_for_one(watched: Watched) -> None:
    waiting = [asyncio.ensure_future(watched.worker.snapshot()) for _ in range(2)]
    await watched.until(lambda: MessageType.SNAPSHOT in watched.server.workers[0].heard())
    watched.server.workers[0].say(serialize_snapshot(0, JPEG))
    assert await asyncio.gather(*waiting) == [JPEG] * 2


async def test_a_thumbnail_has_no_picture_where_its_version_is_known(watched: Watched) -> None:
    new = asyncio.ensure_future(watched.worker.thumbnail(0, 320))
    known = asyncio.ensure_future(watched.worker.thumbnail(0, 320, known=9))
    worker, heard = watched.server.workers[0], list[MessageType]()

    def is_asked() -> bool:
        heard.extend(worker.heard())
        return heard.count(MessageType.THUMBNAIL) == 2

    await watched.until(is_asked)
    worker.say(serialize_thumbnail(Thumbnail(output_number=0, width=320, version=9, jpeg=b"")))
    assert (await known).jpeg == b""
    assert not new.done()
    worker.say(serialize_thumbnail(Thumbnail(output_number=0, width=320, version=9, jpeg=JPEG)))
    assert await new == Thumbnail(output_number=0, width=320, version=9, jpeg=JPEG)


async def test_a_stream_without_a_picture_has_no_snapshot(watched: Watched) -> None:
    waiting = asyncio.ensure_future(watched.worker.snapshot())
    await watched.until(lambda: MessageType.SNAPSHOT in watched.server.workers[0].heard())
    watched.server.workers[0].say(serialize_snapshot(0, b""))
    with pytest.raises(CommandRejected, match="no picture yet"):
        await waiting


async def test_who_waits_for_a_snapshot_of_a_stream_that_is_stopped_is_told_and_not_cancelled(watched: Watched) -> None:
    waiting = asyncio.ensure_future(watched.worker.snapshot())
    await asyncio.sleep(0.01)
    watched.worker.stop()
    with pytest.raises(CommandRejected, match="stopped"):
        await waiting


async def test_a_worker_that_makes_no_snapshot(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_receiver.SNAPSHOT_WAIT_S", 0.05)
    with pytest.raises(CommandRejected, match=r"no snapshot in 0\.05 s"):
        await watched.worker.snapshot()
    watched.worker.stop()
    with pytest.raises(CommandRejected, match="has no worker"):
        await watched.worker.snapshot()
