"""The gateway brings streams to what is configured, decides who starts, and finds what is served; nothing is pulled."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stream_parts import KeptStream
from transcoder.config import Config, parse
from transcoder.config.stream import RenditionConfig
from transcoder.output.output import Output
from transcoder.rtsp.session import EndReason
from transcoder.service.gateway import ASK_AGAIN_S, Gateway
from transcoder.service.status import Rates, StreamState

SOURCE = "rtsp://10.0.0.2/live"


def configured(*names: str, admission: str = "accept", **keys: Any) -> Config:
    streams = {name: {"source": SOURCE, **keys} for name in names}
    users = {"vms": {"password": "secret", "streams": ["front"]}, "all": {"password": "other"}}
    return parse(
        yaml.safe_dump({"streams": streams, "admission": admission, "rtsp": {"users": users}}), Path("/nonexistent"), {}
    )


@dataclass
class World:
    """A gateway and every stream it ever made."""

    gateway: Gateway = field(init=False)
    made: list[KeptStream] = field(default_factory=list)
    events: list[tuple[str | None, str]] = field(default_factory=list)
    ended: list[tuple[str, EndReason]] = field(default_factory=list)

    def begin(self, config: Config) -> None:
        def make(*arguments: Any) -> KeptStream:
            self.made.append(KeptStream(*arguments))
            return self.made[-1]

        self.gateway = Gateway(config, lambda name, kind, _: self.events.append((name, kind)), make_stream=make)
        self.gateway.server.end_readers = lambda path, reason: self.ended.append((path, reason))  # type: ignore[method-assign]

    async def apply(self, config: Config, *names: str) -> None:
        await self.gateway.apply(config, names or config.streams)
        await asyncio.sleep(0)


@pytest.fixture
async def world() -> World:
    return World()


async def started(world: World, *names: str, **keys: Any) -> Config:
    config = configured(*names, **keys)
    world.begin(config)
    await world.apply(config)
    return config


# -- what is configured ------------------------------------------------------------------------------------------------


async def test_streams_come_and_go_and_the_others_are_left_alone(world: World) -> None:
    await started(world, "front", "yard")
    assert list(world.gateway.streams) == ["front", "yard"]
    assert all(stream.parts.source.running for stream in world.made)
    await world.apply(configured("yard", "gate"), "front", "gate")
    front, yard, gate = world.made
    assert world.gateway.streams == {"yard": yard, "gate": gate}
    assert (front.parts.source.running, yard.parts.source.running, gate.parts.source.running) == (False, True, True)
    assert world.ended == [("front", EndReason.STREAM_GONE)]


async def test_a_stream_is_changed_once_for_what_is_configured_last(world: World) -> None:
    await started(world, "front")
    configs = [configured("front", video={"bitrate_kbps": kbps}) for kbps in (500, 600, 600)]
    await asyncio.gather(*(world.apply(config, "front") for config in configs))
    [front] = world.made
    told = [entry for entry in front.parts.worker.told if entry[0] == "configure"]
    assert [options.outputs[0].bitrate_kbps for _, options in told] == [600]


async def test_a_stream_that_is_unknown_by_now_is_no_error(world: World) -> None:
    config = await started(world, "front")
    await world.apply(config, "gone")
    await world.gateway.restart("gone")
    assert list(world.gateway.streams) == ["front"]


async def test_nothing_is_left_of_streams_that_came_and_went(world: World) -> None:
    await started(world)
    for number in range(50):
        await world.apply(configured(f"stream-{number}"), f"stream-{number}", f"stream-{number - 1}")
    await world.apply(configured(), "stream-49")
    gateway = world.gateway
    assert (len(gateway.streams), len(gateway._applied), len(gateway._locks)) == (0, 0, 0)


async def test_restart(world: World) -> None:
    await started(world, "front")
    await world.gateway.restart("front")
    [front] = world.made
    assert front.parts.worker.told == [("replace", "replaced on request")]
    assert len(front.parts.sources) == 2


async def test_events_and_addresses_are_those_of_the_configuration(world: World) -> None:
    await started(world, "front")
    [front] = world.made
    front.parts.worker.listener.on_worker_lost("signal 11")
    assert world.events == [("front", "worker_restarted")]
    assert front.parts.source.options.allowed("10.0.0.2")
    assert not front.parts.source.options.allowed("169.254.0.1")


# -- what is served ----------------------------------------------------------------------------------------------------


async def test_a_second_output_needs_nothing_but_a_configuration_that_names_it(world: World) -> None:
    config = configured("front", "yard")
    renditions = {"sub": RenditionConfig(size="640x360")}
    two = config.streams["front"].model_copy(update={"renditions": renditions})
    changed = config.model_copy(update={"streams": {"front": two, "yard": config.streams["yard"]}})
    world.begin(changed)
    await world.apply(changed)
    found = {path: world.gateway.catalogue.find(path) for path in ("front", "front/sub", "yard")}
    assert all(isinstance(output, Output) and output.path == path for path, output in found.items())
    assert len(set(map(id, found.values()))) == 3
    for path in ("front/main", "front/other", "yard/sub", "gate", "gate/sub", ""):
        assert world.gateway.catalogue.find(path) is None


async def test_who_may_read_a_stream_may_read_all_its_outputs(world: World) -> None:
    world.begin(configured("front", "yard"))
    may_read = world.gateway.catalogue.may_read
    assert may_read("vms", "front")
    assert may_read("vms", "front/sub")
    assert not may_read("vms", "yard")
    assert not may_read("vms", "yard/front")
    assert may_read("all", "yard/sub")
    assert not may_read("nobody", "front")
    assert world.gateway.catalogue.passwords() == {"vms": "secret", "all": "other"}


# -- who starts --------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.processors.os.sched_getaffinity", lambda _: {0})


def measure(stream: KeptStream, cpu: float) -> None:
    stream.status.state, stream.status.rates = StreamState.PLAYING, Rates(cpu=cpu)
    stream.status.output.pictures = 1000


async def full(world: World, policy: str) -> KeptStream:
    """A machine on which one stream takes all there is, and a second one that is configured; return the second one."""
    config = await started(world, "front", admission=policy)
    measure(world.made[0], 0.8)
    config = configured("front", "yard", admission=policy)
    await world.apply(config, "yard")
    return world.made[1]


@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize(("policy", "divisor"), [("accept", 1), ("degrade", 4)])
async def test_a_stream_without_time_may_be_let_in(world: World, policy: str, divisor: int) -> None:
    yard = await full(world, policy)
    assert yard.parts.source.running
    assert yard._settings.worker.outputs[0].rate_divisor == divisor


@pytest.mark.usefixtures("one_core")
async def test_or_refused_until_there_is_time(world: World) -> None:
    yard = await full(world, "refuse")
    assert not yard.parts.source.running
    assert (yard.status.state, yard.status.problem[:24]) == (StreamState.DISABLED, "no time for this stream:")
    now = 1000.0
    await world.gateway.tick(now, 0.0)
    assert yard.status.state is StreamState.DISABLED
    measure(world.made[0], 0.2)
    await world.gateway.tick(now + ASK_AGAIN_S / 2, 0.0)
    assert yard.status.state is StreamState.DISABLED
    await world.gateway.tick(now + ASK_AGAIN_S, 0.0)
    await asyncio.sleep(0)
    assert yard.parts.source.running


@pytest.mark.usefixtures("one_core")
async def test_one_that_runs_is_not_asked_again(world: World) -> None:
    await started(world, "front", admission="refuse")
    measure(world.made[0], 5.0)
    await world.apply(configured("front", admission="refuse", video={"fps": 5}))
    assert world.made[0].parts.source.running


# -- time --------------------------------------------------------------------------------------------------------------


async def test_streams_are_looked_after_four_times_a_second_and_sampled_once(world: World) -> None:
    await started(world, "front")
    [front] = world.made
    for quarter in range(8):
        await world.gateway.tick(1000.0 + quarter / 4, 5000.0 + quarter)
    assert len(front.ticks) == 8
    assert front.samples == [1000.0, 1001.0]
    assert front.ledger.now == 5007.0
