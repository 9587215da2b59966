"""What a worker is told, and what of it a new one is told; no process runs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.fork_server import FakeForkServer
from tests.support.watched_worker import IDR, OTHER, Watched, watching
from transcoder.ipc.messages import (
    MessageType,
)
from transcoder.worker_options import AudioFormat, OutputOptions, WorkerOptions


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with watching() as made:
        yield made


async def test_a_new_worker_is_told_what_its_predecessor_knew(watched: Watched) -> None:
    first = watched.server.workers[0]
    watched.worker.set_audio(AudioFormat(encoding="PCMU", clock_rate=8000))
    assert watched.worker.feed(IDR, 1.0)
    assert watched.worker.feed(OTHER, 1.1)
    access_unit, audio_format = MessageType.ACCESS_UNIT, MessageType.AUDIO_FORMAT
    assert first.heard() == [MessageType.CONFIGURE, audio_format, access_unit, access_unit]
    first.die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    second = watched.server.workers[1]
    assert second.heard() == [MessageType.CONFIGURE, audio_format, access_unit, access_unit]
    second.die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 3)
    await watched.until_served()
    assert watched.server.workers[2].heard() == [MessageType.CONFIGURE, audio_format]  # the pictures killed two


async def test_a_worker_that_is_replaced_owes_no_slate(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its readers had pictures, and a grey one among them would be a flash."""
    fork = watched.server.fork
    asked: list[bool] = []

    async def asked_meanwhile(*args: Any) -> Any:
        asked.append(watched.worker.is_running)
        watched.worker.repeat(0, 1.0)
        return await fork(*args)

    assert watched.worker.feed(IDR, 1.0)
    monkeypatch.setattr(watched.server, "fork", asked_meanwhile)
    watched.server.workers[0].die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    assert asked == [False]
    assert watched.server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.ACCESS_UNIT]


async def test_a_new_worker_is_told_the_banner(watched: Watched) -> None:
    watched.server.workers[0].heard()
    for _ in range(2):
        watched.worker.set_banner("Front door\nno picture yet")
    assert watched.server.workers[0].heard() == [MessageType.BANNER]
    watched.server.workers[0].die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    assert watched.server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.BANNER]


async def test_a_stopgap_gets_no_pictures_and_is_replaced_when_there_are_kernels() -> None:
    server = FakeForkServer()
    server.has_kernels = False
    watched = Watched(server, WorkerOptions(memory_limit_mb=1 << 20))  # the worker's memory is that of this process
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until_served()
    watched.worker.set_banner("Front door")
    assert watched.worker.feed(IDR, 1.0)
    watched.worker.repeat(0, 1.0)
    assert server.workers[0].heard() == [MessageType.CONFIGURE, MessageType.BANNER, MessageType.REPEAT]
    assert watched.worker.began == 0  # nothing was to be decoded so far
    watched.worker.check(2.0)
    assert server.workers[0].alive
    server.has_kernels = True
    watched.worker.check(3.0)
    await watched.until(lambda: len(server.workers) == 2)
    await watched.until_served()
    assert server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.ACCESS_UNIT, MessageType.BANNER]
    assert (watched.deaths, watched.status.deaths) == ([], 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    watched.worker.stop()


async def test_settings_that_change_while_a_worker_is_started_reach_it() -> None:
    watched = Watched(FakeForkServer())
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: watched.server.workers)
    watched.worker.configure(WorkerOptions(outputs=(OutputOptions(bitrate_kbps=500),)))
    await watched.until_served()
    assert watched.server.workers[0].heard() == [MessageType.CONFIGURE, MessageType.CONFIGURE]
    task.cancel()


async def test_what_a_worker_is_asked_for(watched: Watched) -> None:
    watched.server.workers[0].heard()
    watched.worker.force_idr(0)
    watched.worker.repeat(0, 10.0)
    watched.worker.note_unread(0)
    watched.worker.feed_audio(5, b"aac")
    watched.worker.configure(WorkerOptions(outputs=(OutputOptions(fps=5),)))
    expected = [MessageType.KEYFRAME, MessageType.REPEAT, MessageType.UNREAD, MessageType.AUDIO, MessageType.CONFIGURE]
    assert watched.server.workers[0].heard() == expected
    watched.worker.replace("replaced on request")
    assert watched.deaths == ["replaced on request"]
    watched.worker.force_idr(0)  # to nobody
