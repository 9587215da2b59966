"""The service's view of one real worker, asked for by this process."""

import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.support.crash import send
from tests.support.gateway_process import children, process_name
from tests.support.suspended import Suspended
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import CodedMessage, MessageType, parse_coded, serialize_repeat
from transcoder.service.forkserver import ForkServer
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_connection import WorkerConnection
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.worker_options import OutputOptions, WorkerOptions

pytestmark = pytest.mark.e2e


class Watched:
    """A worker, what it said and how it ended."""

    def __init__(self) -> None:
        self.messages: list[tuple[MessageType, bytes]] = []
        self.gone: list[str] = []
        self.link: WorkerConnection

    def on_message(self, kind: MessageType, body: memoryview) -> None:
        self.messages.append((kind, bytes(body)))

    def kinds(self) -> list[MessageType]:
        return [kind for kind, _ in self.messages]

    async def until(self, kind: MessageType, timeout_s: float = 5.0) -> bytes:
        async with asyncio.timeout(timeout_s):
            while kind not in self.kinds():
                await asyncio.sleep(0.01)
        return next(body for found, body in reversed(self.messages) if found is kind)

    async def until_gone(self, timeout_s: float = 5.0) -> str:
        async with asyncio.timeout(timeout_s):
            while not self.gone:
                self.link.check(time.monotonic())
                await asyncio.sleep(0.05)
        return self.gone[0]


@pytest.fixture
async def server(state_dir: Path) -> AsyncIterator[ForkServer]:
    made = ForkServer(state_dir / "numba")
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def worker(server: ForkServer) -> AsyncIterator[Watched]:
    watched = Watched()
    watched.link = await WorkerConnection.start(
        server, "front", WorkerOptions(), watched.on_message, watched.gone.append
    )
    await watched.until(MessageType.STATS)
    yield watched
    watched.link.stop()


async def test_it_is_ready_in_tens_of_milliseconds_and_reports_twice_a_second(server: ForkServer) -> None:
    watched = Watched()
    started = time.monotonic()
    watched.link = await WorkerConnection.start(
        server, "front", WorkerOptions(), watched.on_message, watched.gone.append
    )
    await watched.until(MessageType.READY)
    assert time.monotonic() - started < 1.0
    await asyncio.sleep(2.2)
    reports = [json.loads(body) for kind, body in watched.messages if kind is MessageType.STATS]
    assert 3 <= len(reports) <= 6
    assert reports[-1]["counters"] == {}
    assert 0 <= reports[-1]["cpu_s"] < 1.0
    watched.link.stop()
    assert watched.gone == []


async def test_a_slate_comes_out_of_the_sandbox(worker: Watched) -> None:
    worker.link.send(serialize_repeat(0, round(time.monotonic() * 90_000)))
    await worker.until(MessageType.CODED)
    assert MessageType.FORMAT in worker.kinds()


async def test_a_service_that_is_behind_does_not_blame_the_worker(worker: Watched) -> None:
    time.sleep(2.5)  # nothing of this process runs; the worker's reports wait in the socket
    worker.link.check(time.monotonic())
    assert worker.gone == []
    await asyncio.sleep(0.7)
    worker.link.check(time.monotonic())
    assert worker.gone == []


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGSTOP, "no sign of life"), (signal.SIGKILL, "signal 9"), (signal.SIGSEGV, "signal 11")],
)
async def test_how_it_ended_is_said_once(worker: Watched, number: signal.Signals, reason: str) -> None:
    assert worker.link.pid is not None
    send(worker.link.pid, number)
    assert reason in await worker.until_gone() or worker.gone == ["worker ended"]
    await asyncio.sleep(0.3)
    assert len(worker.gone) == 1


async def test_an_unknown_message_ends_the_worker_and_not_the_service(worker: Watched) -> None:
    worker.link.send(b"\1\0\0\0\xc8x")
    await worker.until_gone()


async def test_an_encoder_that_the_sandbox_does_not_allow_is_another_workers(server: ForkServer) -> None:
    """H.264 needs no threads, and a worker that makes it may start none; H.265 does."""
    watched = Watched()
    watched.link = await WorkerConnection.start(
        server, "front", WorkerOptions(), watched.on_message, watched.gone.append
    )
    await watched.until(MessageType.STATS)
    options = WorkerOptions(outputs=(OutputOptions(codec=Codec.H265),))
    watched.link.configure(options)
    assert "with 4" in await watched.until_gone() or watched.gone == ["worker ended"]
    other = Watched()
    other.link = await WorkerConnection.start(server, "front", options, other.on_message, other.gone.append)
    for codec in (Codec.H265, Codec.H264, Codec.H265):
        other.link.configure(WorkerOptions(outputs=(OutputOptions(codec=codec),)))
        other.messages.clear()
        other.link.send(serialize_repeat(0, round(time.monotonic() * 90_000)))
        assert parse_coded(memoryview(await other.until(MessageType.CODED)), 1).codec is codec
    assert other.gone == []
    other.link.stop()


async def test_memory_over_the_limit_is_seen(server: ForkServer) -> None:
    watched = Watched()
    options = WorkerOptions(memory_limit_mb=1)
    watched.link = await WorkerConnection.start(server, "front", options, watched.on_message, watched.gone.append)
    assert await watched.until_gone()


async def test_workers_end_with_the_fork_server(worker: Watched, server: ForkServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await worker.until_gone()
    other = Watched()
    other.link = await WorkerConnection.start(server, "front", WorkerOptions(), other.on_message, other.gone.append)
    await other.until(MessageType.READY)
    other.link.stop()


class Stream(WorkerListener):
    """The rest of a stream, which does nothing."""

    has_readers = False

    def __init__(self) -> None:
        self.lost: list[str] = []

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        pass

    def on_format(self, report: PictureFormat) -> None:
        pass

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        pass

    def on_worker_lost(self, reason: str) -> None:
        self.lost.append(reason)

    def on_worker_problem(self, problem: str) -> None:
        pass


async def test_a_worker_killed_at_any_await_of_its_start_is_replaced(server: ForkServer) -> None:
    """As tests/service/test_worker.py does it with sockets alone; here the kernel and the fork server tell of it."""
    met = []
    for suspension in itertools.count():
        stream, status = Stream(), WorkerStatus()
        worker = Worker(f"w{suspension}", WorkerOptions(), server, status, structlog.get_logger(), stream)
        worker.need()
        state = ""

        def kill(number: int, wanted: int = suspension, worker: Worker = worker) -> None:
            nonlocal state
            if number == wanted:
                state = "running" if worker.is_running else "not there"
                time.sleep(0.1)  # what was asked for before this await happens now
                for pid in children(server.pid or 0):
                    os.kill(pid, signal.SIGKILL)
                    state = "running" if worker.is_running else "being started"
                time.sleep(0.1)  # and it is told before the await ends

        task = asyncio.get_running_loop().create_task(Suspended(worker.run(), kill).run())
        async with asyncio.timeout(10):
            # a worker that lives and has reported: it has read its configuration and is in its sandbox
            while not (worker.is_running and status.report and process_name(status.pid or 0) == f"tc:w{suspension}"):
                await asyncio.sleep(0.01)
        assert len(stream.lost) == status.deaths == (0 if state == "not there" else 1)
        met.append(state)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        worker.stop()
        await asyncio.sleep(0.1)
        if state == "running":
            break
    assert met.count("being started") >= 2
    assert met[-1] == "running"
