"""Who gets a worker first."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from transcoder.service.fork_queue import ForkQueue, Urgency


class Askers:
    """Streams that wait for their turn, in the order in which they asked."""

    def __init__(self) -> None:
        self.queue = ForkQueue()
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._go_on = asyncio.Semaphore(0)

    async def ask(self, name: str, urgency: Callable[[], Urgency] = Urgency) -> None:
        async def turn() -> None:
            async with self.queue.turn(urgency):
                self.served.append(name)
                await self._go_on.acquire()

        self.tasks[name] = asyncio.get_running_loop().create_task(turn())
        await asyncio.sleep(0)

    async def step(self) -> None:
        """The present turn ends."""
        self._go_on.release()
        for _ in range(5):
            await asyncio.sleep(0)

    async def finish(self) -> list[str]:
        while any(not task.done() for task in self.tasks.values()):
            await self.step()
        return self.served


@pytest.fixture
async def askers() -> Askers:
    return Askers()


async def test_one_after_another_in_the_order_of_asking(askers: Askers) -> None:
    for name in "abc":
        await askers.ask(name)
    assert askers.served == ["a"]
    await askers.step()
    assert askers.served == ["a", "b"]
    assert await askers.finish() == ["a", "b", "c"]


async def test_readers_come_before_pictures_and_pictures_before_order(askers: Askers) -> None:
    urgencies = {
        "first": Urgency(),
        "new": Urgency(),
        "played": Urgency(has_played=True),
        "watched": Urgency(has_readers=True),
        "both": Urgency(has_readers=True, has_played=True),
        "played too": Urgency(has_played=True),
    }
    for name, urgency in urgencies.items():
        await askers.ask(name, urgency._replace)
    assert await askers.finish() == ["first", "both", "watched", "played", "played too", "new"]


async def test_readers_that_come_while_a_stream_waits_count(askers: Askers) -> None:
    readers: set[str] = set()

    def urgency(name: str) -> Urgency:
        return Urgency(has_readers=name in readers)

    for name in ("a", "b", "c"):
        await askers.ask(name, partial(urgency, name))
    readers.add("c")
    assert await askers.finish() == ["a", "c", "b"]


@pytest.mark.parametrize("leaver", ["a", "b", "c"])
async def test_a_stream_that_does_not_wait_any_more(askers: Askers, leaver: str) -> None:
    for name in "abc":
        await askers.ask(name)
    askers.tasks[leaver].cancel()
    await asyncio.gather(askers.tasks[leaver], return_exceptions=True)
    expected = ["a", *(name for name in "bc" if name != leaver)]
    assert await askers.finish() == expected


async def test_a_stream_that_leaves_in_the_moment_of_its_turn_does_not_keep_it(askers: Askers) -> None:
    for name in "abc":
        await askers.ask(name)
    askers.tasks["a"].cancel()
    await asyncio.sleep(0)  # a's turn ends; b has the next one and has not heard of it
    askers.tasks["b"].cancel()
    await asyncio.gather(askers.tasks["b"], return_exceptions=True)
    assert await askers.finish() == ["a", "c"]


async def test_a_turn_that_fails_ends(askers: Askers) -> None:
    with pytest.raises(ValueError, match="no memory"):
        async with askers.queue.turn(Urgency):
            raise ValueError("no memory")
    await askers.ask("a")
    assert await askers.finish() == ["a"]
