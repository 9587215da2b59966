"""Fork servers that hang or are slow, and workers that die at any moment, of a gateway that runs."""

import asyncio
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest

from tests.support.cameras import Cameras
from tests.support.gateway_process import SLACK_S, GatewayProcess, process_name, wait_for
from tests.support.rtsp_reader import RtspReader
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = pytest.mark.e2e

FPS = 10
HANG_S = 8.0
"""A fork server that hangs is replaced in 6 s, and the stream that waits for it asks again in 1 s."""
LOAD_S = 3.0
"""A fork server loads in so many seconds once the kernels are compiled."""
GONE_S = 2.0
BUSY_LOOPS = 4


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """Small pictures with an IDR every second."""
    scene = SceneOptions(width=192, height=96, fps=FPS, seconds=4)
    return from_scene(ContentOptions(scene=scene, gop_s=1.0), tmp_path_factory.mktemp("content"))


class Streams:
    """A gateway with a reader of each of its streams."""

    def __init__(self, gateway: GatewayProcess, readers: dict[str, RtspReader]) -> None:
        self.gateway = gateway
        self.readers = readers

    async def assert_playing(self, name: str, timeout_s: float = 15.0) -> None:
        """Pictures of the camera come from now on: a repeated one follows the last by a second, never by less."""
        reader, since = self.readers[name], time.monotonic()

        def close_pictures() -> int:
            arrivals = [unit.at for unit in reader.units() if unit.at > since]
            return sum(later - earlier < 0.5 for earlier, later in itertools.pairwise(arrivals))

        await reader.until(lambda: close_pictures() >= FPS, timeout_s)
        assert not reader.closed

    def lost(self) -> list[str]:
        return [event["stream"] for event in self.gateway.events("worker lost")]


@pytest.fixture
async def streams(
    content: Content, start_gateway: Callable[..., GatewayProcess], request: pytest.FixtureRequest
) -> AsyncIterator[Streams]:
    names = [f"s{number}" for number in range(getattr(request, "param", 2))]
    async with AsyncExitStack() as stack:
        behaviour = FAMILIES["hikvision"].behaviour
        cameras = [await stack.enter_async_context(SimulatedCamera(behaviour, content)) for _ in names]
        sources = {name: {"source": camera.url} for name, camera in zip(names, cameras, strict=True)}
        gateway = await asyncio.to_thread(start_gateway, sources)
        readers = {name: await stack.enter_async_context(RtspReader(gateway.url(name))) for name in names}
        made = Streams(gateway, readers)
        for reader in readers.values():
            await reader.play()
        for name in names:
            await made.assert_playing(name)
        yield made


# -- a fork server that hangs ------------------------------------------------------------------------------------------


async def test_a_fork_server_that_hangs_is_replaced_beside_its_workers(streams: Streams) -> None:
    gateway = streams.gateway
    old, workers = gateway.fork_server(), gateway.workers()
    assert old is not None
    os.kill(old, signal.SIGSTOP)
    os.kill(workers["s0"], signal.SIGKILL)
    await streams.readers["s0"].until(lambda: len(gateway.fork_servers()) == 2, HANG_S + 5 * SLACK_S)
    await streams.assert_playing("s0", LOAD_S + 20)
    await streams.assert_playing("s1")
    assert gateway.worker("s1") == workers["s1"]  # nothing has happened to the other one
    assert streams.lost() == ["s0"]
    os.kill(workers["s1"], signal.SIGKILL)  # the last one of the old fork server
    await streams.readers["s1"].until(lambda: not process_name(old), GONE_S + 5 * SLACK_S)
    await streams.assert_playing("s1")
    assert streams.lost() == ["s0", "s1"]
    assert len(gateway.fork_servers()) == 1


async def test_nothing_is_left_of_a_fork_server_that_hangs_when_the_service_is_killed(streams: Streams) -> None:
    gateway = streams.gateway
    old = gateway.fork_server()
    assert old is not None
    os.kill(old, signal.SIGSTOP)
    await streams.readers["s0"].until(lambda: gateway.events("the fork server hangs; another one takes its place"), 15)
    processes = gateway.processes()
    assert len(processes) == 4
    os.kill(gateway.pid, signal.SIGKILL)
    await asyncio.to_thread(wait_for, lambda: not any(map(process_name, processes)), GONE_S + SLACK_S, "all are gone")


async def test_a_fork_server_that_hangs_does_not_hold_up_the_end(streams: Streams) -> None:
    gateway = streams.gateway
    old = gateway.fork_server()
    assert old is not None
    os.kill(old, signal.SIGSTOP)
    processes = gateway.processes()
    assert await asyncio.to_thread(gateway.terminate) == 0
    assert not any(map(process_name, processes))


# -- workers that die at any moment ------------------------------------------------------------------------------------


async def kill_workers(streams: Streams, kills: int, seed: int) -> None:
    """Half of them at any time, half of them as soon as they are there: while the service connects to them."""
    generator = random.Random(seed)
    killed: set[int] = set()
    deadline = time.monotonic() + 60 + 2 * kills
    while len(killed) < kills:
        assert time.monotonic() < deadline
        await asyncio.sleep(generator.choice((0.002, generator.uniform(0, 0.3))))
        fresh = [pid for pid in streams.gateway.workers().values() if pid not in killed]
        if fresh:
            pid = generator.choice(fresh)
            await asyncio.sleep(generator.choice((0.0, generator.uniform(0, 0.05))))
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)


async def assert_kills_are_survived(streams: Streams, kills: int, seed: int) -> None:
    await kill_workers(streams, kills, seed)
    await asyncio.sleep(1.5)  # the longest wait before a worker is replaced
    for name in streams.readers:
        await streams.assert_playing(name)
    # one that dies before the service has connected to it is lost as well
    assert len(streams.lost()) == kills
    assert set(streams.gateway.workers()) == set(streams.readers)


@pytest.mark.parametrize("streams", [3], indirect=True)
async def test_kills_at_random_moments_leave_every_stream_playing(streams: Streams) -> None:
    await assert_kills_are_survived(streams, 20, seed=1)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("streams", [6], indirect=True)
async def test_two_hundred_kills_at_random_moments_leave_every_stream_playing(streams: Streams) -> None:
    await assert_kills_are_survived(streams, 200, seed=2)


# -- a machine that is busy --------------------------------------------------------------------------------------------


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def assert_all_keep_their_workers(
    start_gateway: Callable[..., GatewayProcess], cameras: Cameras, streams: int, within_s: float, watched_s: float
) -> None:
    """All streams ask for a worker at once, and those that have one take the time from the others."""
    families = list(cameras.listed)
    sources = {f"s{number}": {"source": cameras.url(families[number % len(families)])} for number in range(streams)}
    with busy_loops(BUSY_LOOPS):
        gateway = start_gateway(sources)
        started = time.monotonic()
        wait_for(lambda: len(gateway.workers()) == streams, within_s, "all streams have workers")
        print(f"{streams} workers after {time.monotonic() - started:.1f} s, load {os.getloadavg()[0]:.0f}")
        time.sleep(watched_s)
        assert gateway.events("the fork server hangs; another one takes its place") == []
        assert gateway.events("the fork server is gone; it is started again") == []
        assert gateway.events("worker not started") == []
        assert [event for event in gateway.events("worker lost") if "signal 9" in event["reason"]] == []
        print(f"{len(gateway.events('worker lost'))} workers were lost for other reasons")


@pytest.mark.alone
def test_a_busy_machine_costs_no_worker(start_gateway: Callable[..., GatewayProcess], cameras: Cameras) -> None:
    assert_all_keep_their_workers(start_gateway, cameras, 25, within_s=40, watched_s=5)


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(300)
def test_a_hundred_streams_on_a_busy_machine_lose_no_worker(
    start_gateway: Callable[..., GatewayProcess], cameras: Cameras
) -> None:
    assert_all_keep_their_workers(start_gateway, cameras, 100, within_s=120, watched_s=35)
