"""The pushes of streams follow the configuration."""

import asyncio
from typing import Any

import pytest

from tests.service.test_gateway import World as GatewayWorld
from tests.service.test_gateway import configured
from transcoder.rtsp.session import EndReason
from transcoder.service.pushes import Pushes
from transcoder.source.camera_keys import CameraKeys

VMS, OTHER = "rtsp://192.0.2.9/in", "rtsp://192.0.2.10/in"


class Ways:
    """Counts connections by their target."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.running: list[str] = []
        self.ended: list[str] = []
        self.goodbye_s = 0.0

    def __call__(self, options: Any, served: Any, on_playing: Any) -> "Way":
        return Way(self, options.shown)


class Way:
    sent_bytes = dropped = 0

    def __init__(self, ways: Ways, target: str) -> None:
        self._ways, self._target = ways, target
        ways.made.append(target)

    async def run(self) -> None:
        self._ways.running.append(self._target)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(self._ways.goodbye_s)
            self._ways.running.remove(self._target)

    def end(self) -> None:
        self._ways.ended.append(self._target)


class World(GatewayWorld):
    """A gateway whose pushes connect to nobody."""

    def begin(self, config: Any) -> None:
        super().begin(config)
        self.ways = Ways()
        self.gateway.pushes = Pushes(CameraKeys(), self.gateway._on_event, self.ways)

    async def configure(self, **keys: Any) -> None:
        await self.apply(configured("front", **keys), "front")


@pytest.fixture
async def world() -> World:
    made = World()
    made.begin(configured("front"))
    return made


async def test_targets_come_go_and_stay(world: World) -> None:
    await world.configure(push={"vms": VMS})
    assert world.ways.running == ["rtsp://192.0.2.9:554"]
    await world.configure(push={"vms": VMS, "other": OTHER})
    assert world.ways.made == ["rtsp://192.0.2.9:554", "rtsp://192.0.2.10:554"]  # the first one was not touched
    assert set(world.gateway.streams["front"].status.pushes) == {"vms", "other"}
    await world.configure(push={"vms": {"url": VMS, "username": "gw", "password": "p"}})
    assert world.ways.made[2:] == ["rtsp://192.0.2.9:554"]
    assert world.ways.running == ["rtsp://192.0.2.9:554"]
    assert list(world.gateway.streams["front"].status.pushes) == ["vms"]
    await world.configure(push={})
    assert (world.ways.running, world.gateway.streams["front"].status.pushes) == ([], {})


async def test_a_stream_that_is_disabled_or_removed_is_sent_nowhere(world: World) -> None:
    await world.configure(push={"vms": VMS})
    await world.configure(push={"vms": VMS}, enabled=False)
    assert world.ways.running == []
    await world.configure(push={"vms": VMS})
    assert world.ways.running == ["rtsp://192.0.2.9:554"]
    await world.apply(configured(), "front")
    assert world.ways.running == []


async def test_a_restart_connects_to_every_target_at_once(world: World) -> None:
    """One whose key was accepted would wait for half an hour otherwise."""
    await world.configure(push={"vms": VMS, "off": {"url": OTHER, "enabled": False}})
    await world.gateway.restart("front")
    await asyncio.sleep(0)
    assert world.ways.made == ["rtsp://192.0.2.9:554"] * 2
    assert world.ways.running == ["rtsp://192.0.2.9:554"]
    assert world.gateway.streams["front"].status.pushes["off"].state == "disabled"


async def test_all_targets_are_left_at_once(world: World) -> None:
    """A target that does not answer to the goodbye takes a second, and the gateway has ten to stop."""
    names = [f"cam{number}" for number in range(8)]
    await world.apply(configured(*names, push={"vms": VMS, "other": OTHER}), *names)
    world.ways.goodbye_s = 0.1
    assert len(world.ways.running) == 16
    began = asyncio.get_running_loop().time()
    await world.gateway.pushes.stop()
    assert world.ways.running == []
    assert asyncio.get_running_loop().time() - began < 8 * world.ways.goodbye_s


async def test_another_format_is_announced_anew(world: World) -> None:
    await world.configure(push={"vms": VMS})
    stream = world.gateway.streams["front"]
    stream.end_readers("front", EndReason.FORMAT_CHANGE)
    assert world.ways.ended == ["rtsp://192.0.2.9:554"]
    stream.end_readers("front/sub", EndReason.FORMAT_CHANGE)
    assert world.ways.ended == ["rtsp://192.0.2.9:554"]  # it is sent another output
    assert world.ended == [("front", EndReason.FORMAT_CHANGE), ("front/sub", EndReason.FORMAT_CHANGE)]
    await world.gateway.pushes.stop()
    assert world.ways.running == []
