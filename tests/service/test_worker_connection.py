"""One worker as the service sees it: its messages, how it ended, when it hangs. No process runs."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.support.fork_server import FakeForkServer, FakeWorker
from transcoder import clock
from transcoder.errors import RemoteProtocolError, WorkerError
from transcoder.ipc.messages import MessageType, serialize_json, serialize_message
from transcoder.service import worker_connection
from transcoder.service.process_watch import ProcessSample
from transcoder.service.worker_connection import HANG_S, START_S, STARVED_S, WorkerConnection
from transcoder.worker_options import WorkerOptions


class Watched:
    """A connection, what came over it and how it ended, with a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = FakeForkServer()
        self.kinds: list[MessageType] = []
        self.gone: list[str] = []
        self.refuses = False
        self.now = 1000.0
        self.sample = ProcessSample(state="S", cpu_s=10.0, private_bytes=100 << 20)
        self.connection: WorkerConnection
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)
        monkeypatch.setattr(worker_connection, "sample_process", lambda _: self.sample)

    def on_message(self, kind: MessageType, body: memoryview) -> None:
        if self.refuses:
            raise RemoteProtocolError("that is none of ours")
        self.kinds.append(kind)

    async def start(self) -> WorkerConnection:
        return await WorkerConnection.start(
            self.server, "front", WorkerOptions(memory_limit_mb=200), self.on_message, self.gone.append
        )

    @property
    def worker(self) -> FakeWorker:
        return self.server.workers[-1]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.002)

    async def hear(self) -> None:
        """The worker gives a sign of life."""
        count = len(self.kinds)
        self.worker.say(serialize_json(MessageType.STATS, {}))
        await self.until(lambda: len(self.kinds) > count)

    def check(self, after_s: float, state: str = "S", used_s: float = 0.0) -> list[str]:
        """Look at the worker so much later, when it has used so much more time."""
        self.now += after_s
        self.sample = ProcessSample(state=state, cpu_s=self.sample.cpu_s + used_s, private_bytes=100 << 20)
        self.connection.check(self.now)
        return self.gone


@pytest.fixture
async def watched(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    made = Watched(monkeypatch)
    made.connection = await made.start()
    yield made
    made.connection.stop()


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_the_first_message_is_the_configuration(watched: Watched) -> None:
    await asyncio.sleep(0)
    assert watched.worker.heard() == [MessageType.CONFIGURE]


async def test_messages_come_in_turn_however_they_are_cut(watched: Watched) -> None:
    kinds = [MessageType.READY, MessageType.STATS, MessageType.FORMAT]
    for byte in b"".join(serialize_message(kind, b"{}") for kind in kinds):
        watched.worker.say(bytes((byte,)))
        await asyncio.sleep(0)
    await watched.until(lambda: len(watched.kinds) == 3)
    assert watched.kinds == kinds


async def test_a_message_that_no_worker_sends_ends_it_and_is_the_last(watched: Watched) -> None:
    watched.refuses = True
    watched.worker.say(serialize_message(MessageType.READY) * 3)
    await watched.until(lambda: watched.gone)
    assert watched.gone == ["worker broke the protocol: that is none of ours"]
    assert not watched.worker.alive


async def test_what_waits_for_a_worker_is_known(watched: Watched) -> None:
    assert watched.connection.backlog() == 0
    for _ in range(64):
        watched.connection.send(bytes(1 << 16))
    assert watched.connection.backlog() > 1 << 20
    watched.worker.die(hang_up=True, exit_status=None)
    await watched.until(lambda: watched.gone)
    watched.connection.send(b"to nobody")
    assert watched.connection.backlog() == 0


# -- the end -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hang_up", "status", "reason"),
    [
        (False, -9, "worker was killed by signal 9"),
        (False, -11, "worker was killed by signal 11"),
        (False, 1, "worker exited with 1"),
        (True, None, "worker ended"),
    ],
)
async def test_how_it_ended_is_said_once(watched: Watched, hang_up: bool, status: int | None, reason: str) -> None:
    watched.worker.die(hang_up=hang_up, exit_status=status)
    await watched.until(lambda: watched.gone)
    await asyncio.sleep(0.02)
    assert watched.gone == [reason]
    watched.connection.kill("again")
    assert watched.gone == [reason]


async def test_an_end_that_was_wanted_is_not_told(watched: Watched) -> None:
    watched.connection.stop()
    watched.worker.die(hang_up=True, exit_status=-9)
    await asyncio.sleep(0.02)
    assert watched.gone == []
    assert not watched.worker.alive


async def test_a_worker_that_is_given_up_is_killed_for_that_reason(watched: Watched) -> None:
    watched.connection.kill("it has other outputs")
    assert watched.gone == ["it has other outputs"]
    assert not watched.worker.alive


async def test_where_there_is_no_worker_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)
    watched.server.refuse = WorkerError("the fork server is gone")
    with pytest.raises(WorkerError, match="the fork server is gone"):
        await watched.start()
    assert watched.gone == []


async def test_a_worker_that_can_not_be_reached_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(monkeypatch)

    async def unreachable(*_: object, **__: object) -> None:
        raise OSError("no descriptors left")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_unix_connection", unreachable)
    with pytest.raises(WorkerError, match="could not be reached: no descriptors left"):
        await watched.start()
    assert not watched.worker.alive
    watched.worker._on_exit(-9)
    assert watched.gone == []


# -- signs of life -----------------------------------------------------------------------------------------------------


async def test_a_new_worker_has_time_for_its_first_message(watched: Watched) -> None:
    assert watched.check(START_S - HANG_S) == []
    assert watched.check(0.5) == []
    assert watched.check(HANG_S) == [f"worker gave no sign of life for {HANG_S + 0.5:.1f} s"]


@pytest.mark.parametrize(("state", "share"), [("S", 0.0), ("T", 0.0), ("R", 0.9)])
async def test_a_worker_that_waits_for_ever_or_loops_hangs(watched: Watched, state: str, share: float) -> None:
    await watched.hear()
    assert watched.check(0.1) == []
    assert watched.check(HANG_S, state, HANG_S * share) == ["worker gave no sign of life for 1.3 s"]


@pytest.mark.parametrize(("state", "share"), [("S", 0.1), ("R", 0.3), ("R", 0.0)])
async def test_a_worker_that_works_or_gets_no_time_is_waited_for(watched: Watched, state: str, share: float) -> None:
    await watched.hear()
    assert watched.check(0.1) == []
    for _ in range(8):
        assert watched.check(HANG_S, state, HANG_S * share) == []
    assert watched.check(HANG_S, state, HANG_S * share) == [f"worker gave no sign of life for {0.1 + 9 * HANG_S:.1f} s"]
    assert 0.1 + 8 * HANG_S < STARVED_S


async def test_a_service_that_is_behind_does_not_blame_the_worker(watched: Watched) -> None:
    await watched.hear()
    watched.worker.say(serialize_json(MessageType.STATS, {}))
    assert watched.check(60.0) == []


async def test_a_worker_over_its_memory_is_killed(watched: Watched) -> None:
    watched.sample = ProcessSample(state="S", cpu_s=10.0, private_bytes=200 << 20)
    watched.connection.check(watched.now)
    assert (watched.gone, watched.connection.private_bytes) == ([], 200 << 20)
    watched.sample = ProcessSample(state="S", cpu_s=10.0, private_bytes=201 << 20)
    watched.connection.check(watched.now)
    assert watched.gone == ["worker took 201 MiB, over its limit of 200 MiB"]
    assert not watched.worker.alive
