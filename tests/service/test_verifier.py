"""The verifier between a schedule and a checker that is made up."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import ANYWHERE, Catalogue
from transcoder.config import parse
from transcoder.config.verify import VerifyConfig
from transcoder.net.rtsp_server import RtspServer
from transcoder.output.status import OutputStatus
from transcoder.rejection import Code, Rejected
from transcoder.service.asset_register import AssetRegister
from transcoder.service.kept_assets import KeptAssets
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.verdicts import KEPT, Verdict
from transcoder.service.verifier import ASK_S, Verifier
from transcoder.service.verify_schedule import START_S

CLEAN = {"statement": {"verdict": "clean", "problems": {}, "pictures": 600, "seconds_read": 60}, "signature": "AAAA"}
WALL = 1_790_000_000.0


class FakeStream:
    def __init__(self, state: StreamState = StreamState.PLAYING) -> None:
        self.status = StreamStatus(name="front")
        self.status.state = state


class World:
    def __init__(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, kept: tuple[Verdict, ...] = ()) -> None:
        self.now, self.wall = 1000.0, WALL
        monkeypatch.setattr("transcoder.clock.monotonic", lambda: self.now)
        monkeypatch.setattr("transcoder.clock.wall_clock", lambda: self.wall)
        self.streams: dict[str, FakeStream] = {"front": FakeStream()}
        self.config = VerifyConfig()
        self.requests: list[Mapping[str, Any]] = []
        self.answer: dict[str, Any] | None = CLEAN
        self.gate = asyncio.Event()
        self.gate.set()
        self.told: list[tuple[Verdict, dict[str, Any]]] = []
        self.server = RtspServer(Catalogue(), [ANYWHERE], (0, 0))
        self.verifier = Verifier(
            self.server,
            self.streams,
            lambda: self.config,
            tmp_path / "verify.key",
            lambda verdict, answer: self.told.append((verdict, answer)),
            kept,
            read=self._read,
        )

    async def _read(self, request: Mapping[str, Any], served: Callable[[], Mapping[str, Any]]) -> dict[str, Any] | None:
        self.requests.append(request)
        self.served = served
        await self.gate.wait()
        return self.answer

    async def look(self, after_s: float = START_S) -> None:
        self.now += after_s
        self.wall += after_s
        await self.verifier.look(self.now, self.wall)


@pytest.fixture
def world(tmp_path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


async def test_a_stream_is_read_with_the_own_login(world: World, tmp_path) -> None:
    await world.look(5)
    assert world.requests == []
    await world.look()
    own = world.server.own_reader
    assert world.requests == [
        {
            "url": "rtsp://127.0.0.1:0/front",
            "username": own.name,
            "password": own.password,
            "seconds": 60,
            "key": str(tmp_path / "verify.key"),
        }
    ]
    (verdict, answer), *_ = world.told
    assert (verdict.number, verdict.kind, verdict.pictures, verdict.by) == (1, "clean", 600, "schedule")
    assert (verdict.is_signed, answer) == (True, CLEAN)
    assert world.verifier.latest("front") == verdict
    await world.look()
    assert len(world.requests) == 1  # once a day
    await world.look(86_400)
    assert [one.number for one in world.verifier.verdicts("front")] == [2, 1]


@pytest.mark.parametrize("state", [StreamState.DISABLED, StreamState.AWAY, StreamState.CONNECTING])
async def test_a_stream_without_pictures_is_left_out_and_that_is_told(world: World, state: StreamState) -> None:
    world.streams["front"].status.state = state
    await world.look()
    assert world.requests == []
    ((verdict, answer),) = world.told
    assert (verdict.kind, verdict.reason) == ("nothing to judge", f"not read: the stream is {state.value}")
    assert (verdict.was_read, answer) == (False, {})
    await world.look()
    assert len(world.told) == 1
    world.streams["front"].status.state = StreamState.PLAYING
    await world.look(900)
    assert [verdict.kind for verdict, _ in world.told] == ["nothing to judge", "clean"]


async def test_by_hand(world: World) -> None:
    world.verifier.ask("front", "http:ops", world.now)
    await world.look(0)
    assert world.told[0][0].by == "http:ops"


async def test_by_hand_there_is_a_limit(world: World) -> None:
    world.streams["yard"] = FakeStream()
    world.verifier.ask("front", "http:ops", world.now)
    with pytest.raises(Rejected, match="one is verified at a time") as refused:
        world.verifier.ask("yard", "http:ops", world.now)
    assert refused.value.code is Code.BUSY
    world.gate.clear()
    looking = asyncio.create_task(world.look(0))
    await asyncio.sleep(0)
    with pytest.raises(Rejected, match="one is verified at a time"):
        world.verifier.ask("yard", "http:ops", world.now + ASK_S)
    world.gate.set()
    await looking
    with pytest.raises(Rejected, match="in 60 s"):
        world.verifier.ask("yard", "http:ops", world.now)
    world.verifier.ask("yard", "http:ops", world.now + ASK_S)
    world.streams["yard"].status.state = StreamState.AWAY
    with pytest.raises(Rejected, match="away") as refused:
        world.verifier.ask("yard", "http:ops", world.now + 2 * ASK_S)
    assert refused.value.code is Code.UNAVAILABLE


async def test_never_by_itself(world: World) -> None:
    world.config = VerifyConfig(every_h=None)
    await world.look(10 * 86_400)
    assert world.told == []
    world.verifier.ask("front", "http:ops", world.now)
    await world.look(0)
    assert len(world.told) == 1


async def test_a_stream_that_is_removed_is_forgotten(world: World) -> None:
    await world.look()
    world.gate.clear()
    looking = asyncio.create_task(world.look(86_400))
    await asyncio.sleep(0)
    del world.streams["front"]
    world.gate.set()
    await looking
    assert len(world.told) == 1
    await world.look()
    assert world.verifier.latest("front") is None


async def test_verdicts_of_earlier_lives(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tuple(
        Verdict(number=number, stream="front", at=f"2026-09-21T13:{number:02}:00.000Z", kind="clean")
        for number in range(1, KEPT + 6)
    )
    world = World(tmp_path, monkeypatch, kept)
    assert len(world.verifier.verdicts("front")) == KEPT
    world.wall = 1_789_999_600.0  # 2026-09-21T14:06:40Z
    await world.look()
    assert world.told == []  # half an hour after the last one
    await world.look(86_400)
    assert world.told[0][0].number == KEPT + 6


async def test_a_fault_does_not_end_the_looking(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    async def look(now: float, wall: float) -> None:
        calls.append(now)
        raise RuntimeError("fault")

    monkeypatch.setattr(world.verifier, "look", look)
    monkeypatch.setattr("transcoder.service.verifier.LOOK_S", 0.001)
    running = asyncio.create_task(world.verifier.run())
    while len(calls) < 2:
        await asyncio.sleep(0.002)
    running.cancel()


@pytest.mark.parametrize(("listen", "asked"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("192.0.2.1", "192.0.2.1")])
async def test_the_address_that_is_read(world: World, listen: str, asked: str) -> None:
    world.server.listeners[0] = type(ANYWHERE)(host=listen, port=8554)
    await world.look()
    assert world.requests[0]["url"] == f"rtsp://{asked}:8554/front"


async def test_the_measures_of_the_checker_are_no_part_of_the_statement(world: World) -> None:
    told = {"no paths": "", "system calls": "the kernel\x1brefuses", "another": "x" * 10_000, "own user": 5}
    world.answer = {**CLEAN, "measures": told}
    await world.look(5)
    await world.look()
    assert world.verifier.measures == {"own user": "5", "no paths": "", "system calls": "the kernel?refuses"}
    assert world.told[0][1] == CLEAN
    world.answer = {**CLEAN, "measures": ["no dict"]}
    await world.look(86_400)
    assert len(world.told) == 2
    assert world.verifier.measures["no paths"] == ""


# -- the camera's pictures, or a slate ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("camera", "slate", "verdict"),
    [(0, 10, "nothing to judge"), (1, 10, "nothing to judge"), (60, 10, "clean"), (60, 0, "clean")],
)
async def test_a_slate_is_never_clean_whatever_the_checker_says(
    world: World, camera: int, slate: int, verdict: str
) -> None:
    """A picture a second of each."""
    world.gate.clear()
    looking = asyncio.create_task(world.look(START_S + 5))
    await asyncio.sleep(0)
    spans = world.streams["front"].status.output.spans
    for is_camera, count in ((True, camera), (False, slate)):
        for _ in range(count):
            world.now += 1
            spans.note(world.now, is_camera=is_camera)
    told = world.served()
    world.gate.set()
    await looking
    [(found, _)] = world.told
    assert (found.kind, found.is_signed) == (verdict, verdict == "clean")
    assert found.reason == ("" if verdict == "clean" else "only the slate was served")
    assert sum(span["pictures"] for span in told["spans"]) == camera + slate


async def test_a_rendition_is_read_under_its_own_path_and_leaves_the_schedule_alone(world: World) -> None:
    world.streams["front"].status.outputs["sub"] = OutputStatus()
    world.verifier.ask("front", "http:ops", world.now, "sub")
    await world.look(1)
    assert [request["url"] for request in world.requests] == ["rtsp://127.0.0.1:0/front/sub"]
    [(verdict, _)] = world.told
    assert (verdict.stream, verdict.rendition, verdict.kind, verdict.by) == ("front", "sub", "clean", "http:ops")
    await world.look()
    assert [request["url"] for request in world.requests[1:]] == ["rtsp://127.0.0.1:0/front"]


def test_a_rendition_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(Rejected, match="no rendition 'sub'"):
        world.verifier.ask("front", "http:ops", world.now, "sub")


async def test_the_schedule_alone_cleans_every_asset_whose_camera_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"camera-{number:02}" for number in range(40)]
    there = names[:30]
    world.streams.clear()
    world.streams |= {name: FakeStream(StreamState.PLAYING if name in there else StreamState.AWAY) for name in names}
    streams = "".join(f"  {name}: {{source: 'rtsp://10.0.0.2/{name}', asset: {name}}}\n" for name in names)
    assets = "".join(f"  {name}: {{brand: HiLook}}\n" for name in names)
    config = parse(f"streams:\n{streams}assets:\n{assets}", Path("/nonexistent"), {})
    register = AssetRegister(lambda: config, KeptAssets(), (), None, lambda change, before: None)
    monkeypatch.setattr(
        world.verifier, "_on_verdict", lambda verdict, answer: register.note_verdict(register.tagged(verdict))
    )

    def cleaned() -> list[str]:
        return [each.id for each in register.look(world.wall).assets if each.state == "cleaned"]

    assert cleaned() == []
    for _ in range(31 * 60):  # a stream every five minutes
        await world.look(5)
    assert cleaned() == there
    assert len(world.requests) == 30
    for _ in range(29):  # as days go by each is verified once a day, and none grows old
        for _ in range(40):
            await world.look(86_400 / 40)
    assert cleaned() == there
    world.config = VerifyConfig(every_h=None)
    await world.look(31 * 86_400)
    assert cleaned() == []
