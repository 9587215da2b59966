"""One push: what it tells of a target that comes and goes, and when it tries again."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.test_rtsp_push import push_options
from tests.net.test_rtsp_source import until
from tests.support.served import Stream
from transcoder.errors import KeyNotTrusted, NotConnected, TranscoderError
from transcoder.service import push as push_module
from transcoder.service.push import Push, words_of
from transcoder.service.push_backoff import PushBackoff
from transcoder.url import split_url


class Way:
    """A connection that a test ends."""

    def __init__(self, on_playing: Callable[[], None]) -> None:
        self.play = on_playing
        self.sent_bytes = self.dropped = 0
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        await self.outcome

    def end(self) -> None:
        self.outcome.set_result(None)


class World:
    """A push, its ways and its events; a wait of the back-off lasts no longer than a turn of the loop."""

    def __init__(self, **changes: Any) -> None:
        self.ways: list[Way] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.output: Stream | None = Stream()
        options = push_options("rtsp://192.0.2.9/in/secret-path", **changes)
        self.push = Push(
            "front", "vms", options, lambda: self.output, lambda *told: self.events.append(told), self._make
        )

    def _make(self, options: Any, served: Any, on_playing: Callable[[], None]) -> Way:
        self.ways.append(Way(on_playing))
        return self.ways[-1]

    async def way(self, number: int) -> Way:
        await until(lambda: len(self.ways) >= number)
        assert len(self.ways) == number
        return self.ways[-1]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(PushBackoff, "fail", lambda *_: 0.0)
    monkeypatch.setattr(push_module, "AGAIN_S", 0.0)
    return World()


async def test_what_a_target_gets_is_counted_over_its_connections(world: World) -> None:
    world.push.start()
    first = await world.way(1)
    assert world.push.status.state == "connecting"
    first.play()
    assert (world.push.status.state, world.push.status.starts) == ("playing", 1)
    first.sent_bytes, first.dropped = 1000, 2
    world.push.sample()
    assert (world.push.status.sent_bytes, world.push.status.dropped) == (1000, 2)
    first.outcome.set_exception(NotConnected("gone"))
    second = await world.way(2)
    second.play()
    second.sent_bytes, second.dropped = 500, 1
    world.push.sample()
    assert (world.push.status.sent_bytes, world.push.status.dropped) == (1500, 3)
    assert (world.push.status.starts, world.push.status.losses) == (2, 1)
    await world.push.stop()


async def test_an_outage_is_told_once_and_its_end_too(world: World) -> None:
    world.push.start()
    for number in range(1, 6):
        (await world.way(number)).outcome.set_exception(NotConnected("no connection to port 554: Connection refused"))
    (await world.way(6)).play()
    kinds = [kind for kind, _ in world.events]
    assert kinds == ["push_lost", "push_started"]
    lost = world.events[0][1]
    assert lost["target"] == "vms"
    assert "Connection refused" in lost["reason"]
    assert world.push.status.losses == 0  # none of them ever played
    assert world.push.status.problem == ""
    await world.push.stop()


async def test_another_description_is_no_loss(world: World) -> None:
    world.push.start()
    (await world.way(1)).play()
    world.push.end()
    (await world.way(2)).play()
    assert (world.push.status.losses, world.push.status.starts) == (0, 2)
    assert [kind for kind, _ in world.events] == ["push_started"]
    await world.push.stop()


async def test_while_it_waits_it_says_why_and_until_when() -> None:
    world = World()
    world.push.start()
    (await world.way(1)).outcome.set_exception(NotConnected("nobody is there"))
    await until(lambda: world.push.status.state == "waiting")
    status = world.push.status
    assert (status.problem, status.target) == ("nobody is there", "rtsp://192.0.2.9:554")
    assert status.next_attempt is not None
    assert 0 < status.next_attempt - status.since <= 2
    await world.push.stop()


async def test_an_output_that_is_not_there_is_a_problem(world: World) -> None:
    world.output = None
    world.push.start()
    await until(lambda: "no output main" in world.push.status.problem)
    await world.push.stop()
    assert world.ways == []


async def test_a_fault_of_ours_is_loud_and_ends_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.push.start()
    (await world.way(1)).outcome.set_exception(ZeroDivisionError("x"))
    await world.way(2)
    assert "a fault of the gateway: ZeroDivisionError" in str(world.events)
    await world.push.stop()


async def test_one_that_is_switched_off_does_nothing() -> None:
    world = World(enabled=False)
    world.push.start()
    await asyncio.sleep(0)
    assert (world.ways, world.push.status.state) == ([], "disabled")
    await world.push.stop()


async def test_nothing_that_is_told_has_the_path(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.push.start()
    (await world.way(1)).outcome.set_exception(NotConnected("gone"))
    (await world.way(2)).play()
    await world.push.stop()
    captured = capsys.readouterr()
    assert "secret-path" not in f"{world.events}{world.push.status}{captured.out}{captured.err}"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyNotTrusted("the camera shows no certificate"), "the target shows no certificate"),
        (KeyNotTrusted("not that of source.tls.fingerprint"), "not that of tls.fingerprint"),
    ],
)
def test_what_is_worded_for_cameras_is_told_of_targets(error: TranscoderError, words: str) -> None:
    assert words_of(error) == words


def test_what_is_shown_of_an_ipv6_target() -> None:
    options = push_options("rtsp://192.0.2.9/in")
    assert options.shown == "rtsp://192.0.2.9:554"
    url = split_url("rtsps://[2001:db8::7]:8322/in?token=k3y", {"rtsps": 322})
    assert (
        push_options("rtsp://x/")
        .__class__(url=url, rendition="main", allowed=lambda _: True, is_own=lambda *_: False)
        .shown
        == "rtsps://[2001:db8::7]:8322"
    )
