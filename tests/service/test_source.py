"""The source, with connections that do what a test says: which transport comes next, and what is told of its life."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.source_world import (
    Behaviour,
    Connection,
    World,
    world_maker,
)
from transcoder import clock
from transcoder.errors import (
    KeyNotTrusted,
    LoginDowngraded,
    ResponseError,
    TranscoderError,
    TransportError,
)
from transcoder.net.source_options import SourceOptions
from transcoder.service import source as module
from transcoder.source.events import (
    Playing,
)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[..., World]:
    return world_maker(monkeypatch)


# -- transports --------------------------------------------------------------------------------------------------------


def refuses(status: int) -> Behaviour:
    return lambda _: ResponseError(status, "SETUP", "no")


def silent(connection: Connection) -> TranscoderError:
    connection.describe()
    connection.tell(Playing())
    return TransportError("no packet in 5 s")


async def test_a_transport_that_does_not_work_is_followed_by_the_next_at_once(make: Callable[..., World]) -> None:
    world = make()
    world.behaviour = refuses(461)
    assert await world.pull(7) == ["tcp", "udp", "http", "tcp", "udp", "http", "tcp"]
    assert world.waited[:2] == [3, 6]  # only when all were tried


@pytest.mark.parametrize(
    ("address", "is_group"),
    [
        ("IP4 224.2.36.42/127", True),
        ("IP4 228.1.1.1", True),
        ("IP4 239.255.0.1/1/3", True),
        ("IP6 FF15::101", True),
        ("IP4 23.1.2.3", False),
        ("IP4 240.0.0.1", False),
        ("IP4 0.0.0.0", False),
        ("IP4 camera.example", False),
    ],
)
async def test_what_a_multicast_group_is(make: Callable[..., World], address: str, *, is_group: bool) -> None:
    """RFC 5771: 224.0.0.0 to 239.255.255.255; RFC 4291 section 2.7: ff00::/8."""
    world = make()

    def described(connection: Connection) -> TranscoderError:
        connection.describe(connection=f"c=IN {address}\r\n")
        return ResponseError(461, "SETUP", "no")

    world.behaviour = described
    assert ("multicast" in await world.pull(4)) == is_group


@pytest.mark.parametrize("works", ["tcp", "udp", "http"])
async def test_the_one_that_gave_pictures_is_kept(make: Callable[..., World], works: str) -> None:
    world = make()

    def behaviour(connection: Connection) -> TranscoderError:
        if connection.transport != works:
            return silent(connection)
        connection.describe()
        connection.tell(Playing())
        connection.picture()
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    before = ["tcp", "udp", "http"].index(works)
    assert await world.pull(before + 4) == ["tcp", "udp", "http"][:before] + [works] * 4
    assert world.waited[:3] == [before + 1, before + 2, before + 3]
    assert ("the camera closed the connection", True) in world.lost


# -- life --------------------------------------------------------------------------------------------------------------


async def test_what_is_counted_and_told(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.behaviour = silent
    await world.pull(3)
    assert world.lost[:2] == [("no packet in 5 s", True)] * 2
    assert world.status.connects >= 2
    assert world.status.losses >= 2
    assert world.source.received_bytes >= 2000
    assert not world.source.is_connected


async def test_a_puller_that_is_stopped_leaves_nothing_behind(make: Callable[..., World]) -> None:
    world = make()
    started = asyncio.Event()
    left = asyncio.Event()

    async def run(self: Connection) -> None:
        started.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            left.set()

    connecting = type("Connecting", (Connection,), {"run": run})
    module_source: Any = lambda options, ledger, handler: connecting(world, options, handler)  # noqa: E731  # stands for a class
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RtspSource", module_source)
        task = asyncio.create_task(world.source.run())
        await asyncio.wait_for(started.wait(), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert left.is_set()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    async with asyncio.timeout(1), world.gate.attempt("192.0.2.1"):  # another stream of the host may try
        pass


async def test_the_gate_is_held_until_it_plays_and_no_longer(make: Callable[..., World]) -> None:
    world = make("tcp")
    described, playing = asyncio.Event(), asyncio.Event()

    async def run(self: Connection) -> None:
        self.world.tried.append(self.transport)
        await described.wait()
        self.describe()
        self.tell(Playing())
        playing.set()
        await asyncio.get_running_loop().create_future()

    plays = type("Plays", (Connection,), {"run": run})
    module_source: Any = lambda options, ledger, handler: plays(world, options, handler)  # noqa: E731  # stands for a class
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RtspSource", module_source)
        task = asyncio.create_task(world.source.run())
        while not world.tried:
            await asyncio.sleep(0.001)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), world.gate.attempt("192.0.2.1"):
                pass
        described.set()
        await asyncio.wait_for(playing.wait(), 5)
        assert world.source.is_connected
        async with asyncio.timeout(1), world.gate.attempt("192.0.2.1"):
            pass
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_the_documents_tell_of_the_next_attempt(make: Callable[..., World]) -> None:
    world = make("tcp")
    world.behaviour = lambda _: ResponseError(401, "DESCRIBE", "Unauthorized")
    task = asyncio.create_task(world.source.run())
    async with asyncio.timeout(5):
        while not world.lost:
            await asyncio.sleep(0.001)
    status = world.status
    assert status.problem_code == "login"
    assert status.next_attempt is None or abs(status.next_attempt - clock.wall_clock()) < 5
    assert status.place() == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert status.next_attempt is None  # nobody tries again


async def test_a_key_that_is_not_trusted_is_told_once(make: Callable[..., World]) -> None:
    world = make("tcp")
    keys = iter(["a1", "a1", "b2", "b2", "b2", "b2", "b2"])
    world.behaviour = lambda _: KeyNotTrusted("another key", next(keys))
    await world.pull(5)
    assert world.keys == [("another key", "a1"), ("another key", "b2")]
    assert world.status.problem_code == "refused"


async def test_a_login_in_clear_is_told_once_until_the_camera_plays(make: Callable[..., World]) -> None:
    world = make("tcp")
    numbers = itertools.count(1)

    def behave(connection: Connection) -> TranscoderError:
        if next(numbers) == 3:
            connection.tell(Playing())
        return LoginDowngraded("in clear")

    world.behaviour = behave
    await world.pull(2)
    assert world.logins == ["in clear"]
    assert world.status.problem_code == "login"
    await world.pull(5)
    assert world.logins == ["in clear", "in clear"]


async def test_an_address_without_a_picture_is_tried_last(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device behind the first address of a name takes the connection, and is no camera."""

    async def resolve(_options: SourceOptions, _url: object) -> tuple[str, ...]:
        return "::1", "127.0.0.1"

    monkeypatch.setattr(SourceOptions, "resolve", resolve)
    world = make("tcp")
    tried: list[str] = []

    def behaviour(connection: Connection) -> TranscoderError:
        tried.append(connection.address)
        if connection.address == "127.0.0.1":
            connection.describe()
            connection.picture()
        return TransportError("the camera closed the connection")

    world.behaviour = behaviour
    await world.pull(4)
    assert tried[:4] == ["::1", "127.0.0.1", "127.0.0.1", "127.0.0.1"]
