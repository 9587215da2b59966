"""The trial of a worker, with workers that a test plays, and with a real one."""

import asyncio
import os
from pathlib import Path

import av
import pytest

from tests.support.fork_server import FakeForkServer
from transcoder.errors import WorkerError
from transcoder.service.forkserver import ForkServer
from transcoder.service.worker_trial import PICTURE, try_worker


async def first_worker(server: FakeForkServer) -> object:
    async with asyncio.timeout(5):
        while not server.workers:
            await asyncio.sleep(0.005)
    return server.workers[0]


def test_the_picture_is_one_that_another_program_can_decode() -> None:
    decoder = av.CodecContext.create("h264", "r")
    (frame,) = [*decoder.decode(av.Packet(PICTURE)), *decoder.decode(None)]
    assert isinstance(frame, av.VideoFrame)
    assert (frame.width, frame.height) == (128, 96)
    assert set(bytes(frame.planes[0])[:128]) == {128}


async def test_a_worker_that_dies_at_once_has_failed() -> None:
    server = FakeForkServer()
    trial = asyncio.create_task(try_worker(server, split=False))
    await first_worker(server)
    server.workers[0].die(hang_up=True, exit_status=-31)  # SIGSYS
    assert "31" in await trial or "SYS" in await trial


async def test_no_worker_at_all() -> None:
    server = FakeForkServer()
    server.refuse = WorkerError("no worker could be started: Operation not permitted")
    assert await try_worker(server, split=False) == "no worker could be started: Operation not permitted"


async def test_a_worker_that_says_nothing_is_not_waited_for_for_ever() -> None:
    assert await try_worker(FakeForkServer(), split=False, patience_s=0.2) == "a new worker gave no picture in 0.2 s"


@pytest.mark.process
@pytest.mark.parametrize("split", [False, True])
async def test_a_real_worker_passes_and_is_gone(tmp_path: Path, *, split: bool) -> None:
    server = ForkServer(Path(os.environ.get("NUMBA_CACHE_DIR") or tmp_path))
    try:
        assert await try_worker(server, split=split) == ""
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        async with asyncio.timeout(5):
            while children.read_text().split():
                await asyncio.sleep(0.02)
    finally:
        await server.close()
