"""Manners towards camera hosts, on a clock that is moved by hand."""

import asyncio
import contextlib

import pytest

from transcoder import clock
from transcoder.service import host_gate
from transcoder.service.host_gate import ATTEMPTS_PER_MINUTE, MAX_CONNECTING, HostGate, Turn


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, delay: float) -> None:
        self.slept.append(delay)
        self.now += delay


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "monotonic", made.monotonic)
    monkeypatch.setattr("transcoder.service.host_gate.asyncio.sleep", made.sleep)
    return made


async def settle() -> None:
    """Let every task go as far as it can; asyncio.sleep may be replaced."""
    for _ in range(20):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, None)
        await future


class Attempts:
    """Attempts that last until they are told to end."""

    def __init__(self, gate: HostGate) -> None:
        self.gate = gate
        self.begun: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ends: dict[str, asyncio.Event] = {}

    def begin(self, name: str, host: str) -> None:
        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._run(name, host))

    async def _run(self, name: str, host: str) -> None:
        async with self.gate.attempt(host):
            self.begun.append(name)
            await self.ends[name].wait()

    async def cancel(self, *names: str) -> None:
        for name in names:
            self.tasks[name].cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.tasks[name]


async def test_one_attempt_at_a_time_towards_a_host_in_the_order_of_asking() -> None:
    attempts = Attempts(HostGate())
    for name in "abc":
        attempts.begin(name, "192.0.2.1")
    await settle()
    assert attempts.begun == ["a"]
    attempts.ends["a"].set()
    await settle()
    assert attempts.begun == ["a", "b"]
    attempts.ends["b"].set()
    await settle()
    assert attempts.begun == ["a", "b", "c"]
    await attempts.cancel("c")


async def test_other_hosts_do_not_wait() -> None:
    attempts = Attempts(HostGate())
    for index in range(10):
        attempts.begin(f"{index}", f"192.0.2.{index}")
    await settle()
    assert sorted(attempts.begun) == [f"{index}" for index in range(10)]
    await attempts.cancel(*attempts.tasks)


async def test_so_many_hosts_at_once() -> None:
    attempts = Attempts(HostGate())
    for index in range(MAX_CONNECTING + 5):
        attempts.begin(f"{index}", f"host{index}")
    await settle()
    assert len(attempts.begun) == MAX_CONNECTING
    attempts.ends["0"].set()
    await settle()
    assert len(attempts.begun) == MAX_CONNECTING + 1
    await attempts.cancel(*attempts.tasks)


@pytest.mark.parametrize("waiting", [False, True])
async def test_an_attempt_that_is_cancelled_frees_the_gate(*, waiting: bool) -> None:
    attempts = Attempts(HostGate())
    for name in "abc":
        attempts.begin(name, "192.0.2.1")
    await settle()
    await attempts.cancel("b" if waiting else "a")
    if waiting:
        attempts.ends["a"].set()
    await settle()
    assert attempts.begun == (["a", "c"] if waiting else ["a", "b"])
    await attempts.cancel(*attempts.tasks)


async def test_an_attempt_that_fails_frees_the_gate() -> None:
    gate = HostGate()
    with pytest.raises(OSError, match="refused"):
        async with gate.attempt("192.0.2.1"):
            raise OSError("refused")
    async with asyncio.timeout(1), gate.attempt("192.0.2.1"):
        pass


async def test_sixty_attempts_in_any_minute(time: Time) -> None:
    gate = HostGate()
    begun = []
    for _ in range(3 * ATTEMPTS_PER_MINUTE):
        async with gate.attempt("192.0.2.1"):
            begun.append(time.now)
            time.now += 0.25
    assert ATTEMPTS_PER_MINUTE == 60
    for index in range(60, len(begun)):
        assert begun[index] - begun[index - 60] >= 60 - 1e-6
    assert begun[59] == 1000 + 59 * 0.25  # the first sixty wait for nothing
    assert begun[60] == pytest.approx(1060)  # and no longer than they have to
    assert begun[-1] < 1000 + 2 * 60 + 60 * 0.25 + 1


async def test_an_attempt_a_second_never_waits(time: Time) -> None:
    gate = HostGate()
    for _ in range(200):
        async with gate.attempt("192.0.2.1"):
            time.now += 1.0
    assert time.slept == []


async def test_the_budget_is_of_one_host(time: Time) -> None:
    gate = HostGate()
    for _ in range(ATTEMPTS_PER_MINUTE):
        async with gate.attempt("192.0.2.1"):
            pass
    async with gate.attempt("192.0.2.2"):
        pass
    assert time.slept == []
    async with gate.attempt("192.0.2.1"):
        pass
    assert time.slept == [pytest.approx(60)]


async def test_who_waits_for_the_budget_holds_up_no_other_host(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    gate = HostGate()
    for _ in range(ATTEMPTS_PER_MINUTE):
        async with gate.attempt("192.0.2.1"):
            pass
    blocked = asyncio.Event()

    async def sleep(_: float) -> None:
        await blocked.wait()

    monkeypatch.setattr("transcoder.service.host_gate.asyncio.sleep", sleep)
    attempts = Attempts(gate)
    for index in range(MAX_CONNECTING + 1):  # all of one host: only those that may connect count as connecting
        attempts.begin(f"waits{index}", "192.0.2.1")
    attempts.begin("other", "192.0.2.2")
    await settle()
    assert attempts.begun == ["other"]
    await attempts.cancel(*attempts.tasks)


async def test_hosts_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_gate, "MAX_HOSTS", 50)
    gate = HostGate()
    attempts = Attempts(gate)
    attempts.begin("held", "held")
    await settle()
    for index in range(500):
        async with gate.attempt(f"host{index}"):
            assert len(gate._hosts) <= 52
    attempts.begin("second", "held")
    await settle()
    assert attempts.begun == ["held"]  # one that is used is not forgotten
    await attempts.cancel(*attempts.tasks)


async def test_a_host_that_is_waited_for_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the end of one attempt and the begin of the next, the lock is free and yet wanted."""
    monkeypatch.setattr(host_gate, "MAX_HOSTS", 1)
    gate = HostGate()
    attempts = Attempts(gate)
    async with gate.attempt("192.0.2.1"):
        attempts.begin("waiting", "192.0.2.1")
        await settle()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), gate.attempt("192.0.2.1"):
            pass
    assert attempts.begun == ["waiting"]
    await attempts.cancel("waiting")


# -- a turn is for sending, not for waiting ----------------------------------------------------------------------------


async def test_a_turn_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel that never answers holds up no other, although its attempt goes on."""
    monkeypatch.setattr(host_gate, "TURN_S", 0.02)
    attempts = Attempts(HostGate())
    for name in "abc":
        attempts.begin(name, "192.0.2.1")
    async with asyncio.timeout(5):
        while len(attempts.begun) < 3:
            await asyncio.sleep(0.005)
    assert attempts.begun == ["a", "b", "c"]
    assert not any(task.done() for task in attempts.tasks.values())
    await attempts.cancel(*attempts.tasks)


async def test_who_has_played_before_comes_first() -> None:
    gate = HostGate()
    attempts = Attempts(gate)
    for name in ("holds", "dead1", "dead2"):
        attempts.begin(name, "192.0.2.1")
    await settle()
    living = Turn(is_first=True)
    begun = asyncio.Event()

    async def connect() -> None:
        async with gate.attempt("192.0.2.1", living):
            begun.set()

    task = asyncio.create_task(connect())
    await settle()
    assert living.place == 1
    attempts.ends["holds"].set()
    await settle()
    assert begun.is_set()
    assert living.place == 0
    await task
    await attempts.cancel("dead1", "dead2")


async def test_everybody_knows_the_place() -> None:
    gate = HostGate()
    turns = [Turn() for _ in range(100)]

    async def connect(turn: Turn) -> None:
        async with gate.attempt("192.0.2.1", turn):
            await asyncio.get_running_loop().create_future()

    tasks = [asyncio.create_task(connect(turn)) for turn in turns]
    await settle()
    assert [turn.place for turn in turns] == list(range(100))
    tasks[50].cancel()
    await asyncio.gather(tasks[50], return_exceptions=True)
    assert turns[50].place == 0
    assert turns[99].place == 98
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(host.is_used for host in gate._hosts.values())


async def test_dead_channels_leave_attempts_for_those_that_played(time: Time) -> None:
    gate = HostGate()
    for _ in range(ATTEMPTS_PER_MINUTE):
        async with gate.attempt("192.0.2.1"):
            pass
    async with gate.attempt("192.0.2.1", Turn(is_first=True)):
        pass
    assert time.slept == []
