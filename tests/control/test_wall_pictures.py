"""Small pictures for all who look at a wall."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from transcoder.control.wall_pictures import (
    LINGER_S,
    MAX_WATCHERS,
    SPAN_S,
    TURNS,
    WIDTHS,
    WallPictures,
    Watcher,
    framed,
)
from transcoder.errors import CommandRejected
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.rejection import Code, Rejected
from transcoder.service.status import StreamStatus


class FakeStream:
    """A stream whose output shows another picture whenever `show` is called."""

    def __init__(self, name: str) -> None:
        self.status = StreamStatus(name=name)
        self.asked: list[tuple[str, int, int]] = []
        self.version = 0
        self.gate: asyncio.Event | None = None
        self.show()

    def show(self, *, other: bool = True) -> None:
        self.status.output.pictures += 1
        self.version += other

    async def thumbnail(self, output: str, width: int, known: int = 0) -> Thumbnail:
        self.asked.append((output, width, known))
        if self.gate is not None:
            await self.gate.wait()
        if not self.version:
            raise CommandRejected("no picture yet")
        jpeg = b"" if known == self.version else f"{self.status.name} {width} {self.version}".encode()
        return Thumbnail(output_number=0, width=width, version=self.version, jpeg=jpeg)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("transcoder.control.wall_pictures.clock.monotonic", lambda: self.now)
        self.streams = {name: FakeStream(name) for name in ("a", "b")}
        self.wall = WallPictures(lambda: self.streams)

    async def pass_time(self, seconds: float) -> None:
        """Let the wall look after its pictures as often as it does, without waiting for it."""
        for _ in range(round(seconds * TURNS / SPAN_S)):
            self.now += SPAN_S / TURNS
            self.wall._ask(self.now)
            for _ in range(3):
                await asyncio.sleep(0)

    def asked(self) -> Counter[str]:
        found = Counter({name: len(stream.asked) for name, stream in self.streams.items() if stream.asked})
        for stream in self.streams.values():
            stream.asked.clear()
        return found


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    made = World(monkeypatch)
    yield made
    made.wall.close()


def waiting(watcher: Watcher) -> list[bytes]:
    return sorted(watcher._waiting.values())


async def test_nothing_is_made_while_nobody_looks(world: World) -> None:
    watcher = world.wall.look()
    assert world.wall._task is None
    await world.pass_time(2)
    assert world.asked() == Counter()
    watcher.see(["a"], 320)
    await world.pass_time(0.1)
    assert await watcher.next() == b"\x01aa 320 1"
    watcher.close()
    world.streams["a"].show()
    world.asked()
    await world.pass_time(LINGER_S + 3)
    assert world.asked() == Counter()
    assert world.wall._tiles == {}
    await asyncio.sleep(2 * SPAN_S / TURNS)
    assert world.wall._task is None


async def test_sixty_four_watchers_cost_what_one_costs(world: World) -> None:
    watchers = [world.wall.look() for _ in range(MAX_WATCHERS)]
    for number, watcher in enumerate(watchers):
        watcher.see(["a", "b"], WIDTHS[1] - number)  # screens differ
    for second in range(10):
        world.streams["a"].show()
        world.streams["b"].show()
        await world.pass_time(1)
        asked = world.asked()
        assert max(asked.values()) == 1, second
        assert {picture for watcher in watchers for picture in waiting(watcher)} == set(waiting(watchers[0]))
    with pytest.raises(Rejected) as caught:
        world.wall.look()
    assert caught.value.code is Code.BUSY
    watchers.pop().close()
    world.wall.look()


async def test_what_is_the_same_is_neither_asked_for_nor_sent(world: World) -> None:
    watcher, stream = world.wall.look(), world.streams["a"]
    watcher.see(["a"], 100)
    await world.pass_time(3)
    assert await watcher.next() == framed("a", b"a 160 1")
    assert stream.asked == [("main", 160, 0)]
    stream.show(other=False)  # a picture that looks the same
    await world.pass_time(3)
    assert stream.asked[1:] == [("main", 160, 1)]
    assert waiting(watcher) == []
    stream.show()
    await world.pass_time(3)
    assert stream.asked[2:] == [("main", 160, 1)]
    assert waiting(watcher) == [framed("a", b"a 160 2")]


async def test_a_slow_watcher_skips_pictures_and_keeps_nobody_waiting(world: World) -> None:
    slow, quick = world.wall.look(), world.wall.look()
    slow.see(["a"], 320)
    quick.see(["a"], 320)
    for number in range(1, 5):
        await world.pass_time(1.2)
        assert await quick.next() == framed("a", f"a 320 {number}".encode())
        world.streams["a"].show()
    assert waiting(slow) == [framed("a", b"a 320 4")]


async def test_who_comes_later_has_the_last_picture_at_once(world: World) -> None:
    first, second = world.wall.look(), world.wall.look()
    first.see(["a"], 320)
    await world.pass_time(1)
    second.see(["a", "b"], 320)
    assert waiting(second) == [framed("a", b"a 320 1")]
    second.see(["b"], 320)
    assert waiting(second) == []
    await world.pass_time(0.1)
    assert waiting(second) == [framed("b", b"b 320 1")]


async def test_a_page_that_scrolls_back_and_forth_has_no_picture_made_twice_a_second(world: World) -> None:
    watcher = world.wall.look()
    for _ in range(50):
        watcher.see(["a", "b"], 320)
        await world.pass_time(0.1)
        watcher.see([], 320)
        await world.pass_time(0.1)
        for stream in world.streams.values():
            stream.show()
    assert max(world.asked().values()) <= 11  # in ten seconds


async def test_ids_that_a_client_makes_up_cost_nothing_that_stays(world: World) -> None:
    watchers = [world.wall.look() for _ in range(4)]
    for number in range(100):
        for watcher in watchers:
            watcher.see(["a", *(f"made-up-{number}-{each}" for each in range(63))], 320)
        await world.pass_time(0.1)
    assert len(world.wall._tiles) == 1
    assert len(world.wall._seen) == 64
    assert world.wall._seen["a", 320] == 4
    for watcher in watchers:
        watcher.close()
        watcher.close()  # by whoever closes it and by the gateway
    assert world.wall._seen == Counter()


async def test_pictures_under_other_masks_are_not_shown_any_more(world: World) -> None:
    watcher, stream = world.wall.look(), world.streams["a"]
    watcher.see(["a"], 320)
    await world.pass_time(1)
    assert await watcher.next() == framed("a", b"a 320 1")
    stream.show()
    stream.gate = asyncio.Event()
    await world.pass_time(1.5)  # one is under way
    world.wall.forget(["a"])
    later = world.wall.look()
    later.see(["a"], 320)
    assert waiting(later) == []
    stream.gate.set()
    stream.show()
    await world.pass_time(0.1)
    assert waiting(later) == waiting(watcher) == [framed("a", b"a 320 3")]
    assert stream.asked[-1] == ("main", 320, 0)


async def test_a_stream_without_a_picture_is_asked_again_and_one_that_there_is_not_is_nothing(world: World) -> None:
    stream = world.streams["a"]
    stream.version = 0
    watcher = world.wall.look()
    watcher.see(["a", "gone"], 320)
    await world.pass_time(5)
    assert 3 <= len(stream.asked) <= 5
    assert waiting(watcher) == []
    stream.version = 1
    await world.pass_time(2)
    assert waiting(watcher) == [framed("a", b"a 320 1")]
    del world.streams["a"]
    await world.pass_time(2)


async def test_the_pictures_of_many_streams_are_spread_over_the_second(world: World) -> None:
    names = [f"cam{number}" for number in range(20)]
    world.streams = {name: FakeStream(name) for name in names}
    watcher = world.wall.look()
    watcher.see(names, 320)
    asked: list[Counter[str]] = []
    for _ in range(60):
        for stream in world.streams.values():
            stream.show()
        await world.pass_time(0.1)
        asked.append(world.asked())
    assert sum(asked[0].values()) == 20  # the first ones at once
    assert max(sum(each.values()) for each in asked[1:]) <= 4
    assert all(4 <= sum(each[name] for each in asked[10:]) <= 5 for name in names)


async def test_when_the_gateway_ends_watchers_are_told(world: World) -> None:
    watcher = world.wall.look()
    watcher.see(["a"], 320)
    ended = asyncio.create_task(watcher.next())
    await asyncio.sleep(0)
    world.wall.close()
    assert await ended is None
