"""What happens to streams, and to processes, when a process of the gateway dies, hangs or grows."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest

from tests.support.crash import crash, send
from tests.support.gateway_process import SLACK_S, GatewayProcess, process_name, wait_for
from tests.support.rtsp_reader import RtspReader
from transcoder.codecs.nal import Codec, split_byte_stream
from transcoder.lab.cameras.access_units import AccessUnit, Content
from transcoder.lab.cameras.content import ContentOptions, from_scene
from transcoder.lab.cameras.counter import read_counter
from transcoder.lab.cameras.families import FAMILIES
from transcoder.lab.cameras.scenes import SceneOptions
from transcoder.lab.cameras.server import SimulatedCamera

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("supervision")]

FPS = 10
LOOP_S = 8.0
LOOP = int(FPS * LOOP_S)
REPLACED_S = 2.0
"""A worker that crashes, hangs or outgrows its memory is replaced within this."""
BEGUN_S = 3.0
"""Seconds of a group of pictures after which two deaths may not be within it on a busy machine."""
GONE_S = 2.0
"""After SIGKILL of the service no process of it is left within this."""


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """One GOP of 8 s with numbered pictures: a replaced worker has to be given what came before."""
    scene = SceneOptions(width=320, height=180, fps=FPS, seconds=LOOP_S, counter=True)
    return from_scene(ContentOptions(scene=scene, gop_s=LOOP_S), tmp_path_factory.mktemp("content"))


@asynccontextmanager
async def camera(content: Content) -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(FAMILIES["hikvision"].behaviour, content) as running:
        yield running


class Pair:
    """A gateway with the streams "front" and "yard", each with a reader."""

    def __init__(self, gateway: GatewayProcess, front: RtspReader, yard: RtspReader) -> None:
        self.gateway = gateway
        self.front = front
        self.yard = yard

    async def worker_after(self, stream: str, old: int) -> float:
        """How long it takes until a stream has another worker that lives, seconds."""
        return await self.front.until(lambda: self.gateway.worker(stream) not in {None, old}, 5 * REPLACED_S)

    async def early_in_a_group(self) -> None:
        """Wait until the camera sends no IDR for a while: two deaths meet the same group of pictures."""
        counter = read_counter(self.front.pictures()[-1])
        assert counter is not None
        left = (LOOP - counter) / FPS
        if left < LOOP_S - BEGUN_S:
            await asyncio.sleep(left + 0.5)

    async def new_picture(self, reader: RtspReader, since: float) -> float:
        """How long after a moment a picture of the camera came that was made after it, seconds.

        A repeated picture is not one: it is shown only when nothing else came for a second, so pictures that follow
        each other by a tenth of a second are the camera's.
        """

        def found() -> list[float]:
            arrivals = [unit.at for unit in reader.units() if unit.at > since]
            return [later - since for earlier, later in itertools.pairwise(arrivals) if later - earlier < 0.3]

        await reader.until(found, 10)
        return found()[0]

    def assert_undisturbed(self, reader: RtspReader) -> None:
        """Nothing is missing: neither a packet nor a picture."""
        units = reader.units()
        assert not any(unit.lost_before for unit in units)
        assert all(packet.ssrc == reader.packets[0].ssrc for packet in reader.packets)
        counters = [read_counter(picture) for picture in reader.pictures()]
        assert len(counters) > FPS
        assert None not in counters
        assert counters[0] is not None
        self.gateway.skip_if_overloaded()
        expected = [(counters[0] + index) % LOOP for index in range(len(counters))]
        assert counters == expected


def has_other_decoder(gateway: GatewayProcess, old: int) -> bool:
    return gateway.decoder("front") not in {None, old}


def has_played(reader: RtspReader) -> bool:
    return reader.marked > FPS


@pytest.fixture
async def pair(content: Content, start_gateway) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        cameras = [await stack.enter_async_context(camera(content)) for _ in range(2)]
        streams = {name: {"source": item.url} for name, item in zip(("front", "yard"), cameras, strict=True)}
        gateway = await asyncio.to_thread(start_gateway, streams)
        await asyncio.to_thread(gateway.wait_until_playing, *streams)
        readers = [await stack.enter_async_context(RtspReader(gateway.url(name))) for name in streams]
        for reader in readers:
            await reader.play()
        for reader in readers:
            await reader.until(partial(has_played, reader), 15)
        yield Pair(gateway, *readers)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGSTOP, signal.SIGKILL], ids=["crash", "hang", "kill"])
async def test_a_worker_is_replaced_and_the_other_stream_loses_nothing(pair: Pair, number: signal.Signals) -> None:
    old = pair.gateway.worker("front")
    assert old is not None
    since = time.monotonic()
    send(old, number)
    replaced = await pair.worker_after("front", old)
    picture = await pair.new_picture(pair.front, time.monotonic())
    print(
        f"another worker after {replaced:.2f} s, a picture of the camera {time.monotonic() - since:.2f} s after it died"
    )
    assert replaced < REPLACED_S + SLACK_S
    assert picture < 2.0 + SLACK_S
    assert not process_name(old)
    await asyncio.sleep(1)
    assert not pair.front.closed
    lost = pair.gateway.events("worker lost")
    assert [event["stream"] for event in lost] == ["front"]
    assert not any(unit.lost_before for unit in pair.front.units())
    times = [unit.timestamp for unit in pair.front.units()]
    assert all(0 < (later - earlier) % 2**32 < 2**31 for earlier, later in itertools.pairwise(times))
    counters = [read_counter(picture) for picture in pair.front.pictures()]
    assert None not in counters
    pair.assert_undisturbed(pair.yard)


async def test_a_group_of_pictures_that_kills_two_workers_is_discarded(pair: Pair) -> None:
    """With the next IDR, here up to 8 s later, the stream is back; until then its last picture is repeated."""
    await pair.early_in_a_group()
    old = pair.gateway.worker("front")
    for _ in range(2):
        assert old is not None
        crash(old)
        old = await asyncio.to_thread(pair.gateway.wait_for_briefed_worker, "front", 5 * REPLACED_S, other_than=old)
    lost = pair.gateway.events("worker lost")
    assert [event["gops_discarded"] for event in lost] == [0, 1]
    killed = time.monotonic()
    picture = await pair.new_picture(pair.front, killed + 0.5)
    counters = [read_counter(picture) for picture in pair.front.pictures()]
    assert picture < LOOP_S + SLACK_S
    # nothing of the discarded group was shown after the second worker died: pictures go on with the camera's next IDR
    begun = len(counters) - 1 - counters[::-1].index(0)  # several may have come at once
    before, after = counters[:begun], counters[begun:]
    assert after == list(range(len(after)))
    assert before[-1] != LOOP - 1
    pair.assert_undisturbed(pair.yard)


async def test_the_fork_server_is_replaced(pair: Pair) -> None:
    server = pair.gateway.fork_server()
    workers = [pair.gateway.worker(name) for name in ("front", "yard")]
    assert server is not None
    os.kill(server, signal.SIGKILL)
    since = time.monotonic()
    for reader in (pair.front, pair.yard):
        await pair.new_picture(reader, since + 0.5)
    print(f"pictures {time.monotonic() - since:.2f} s after the fork server died")
    assert time.monotonic() - since < 5.0 + SLACK_S
    assert pair.gateway.fork_server() not in {None, server}
    assert not any(process_name(pid) for pid in (server, *workers) if pid)
    assert not pair.front.closed
    assert not pair.yard.closed


async def test_nothing_is_left_after_the_service_is_killed(pair: Pair) -> None:
    processes = pair.gateway.processes()
    assert len(processes) == 4  # service, fork server, two workers
    os.kill(pair.gateway.pid, signal.SIGKILL)
    since = time.monotonic()
    await asyncio.to_thread(
        wait_for, lambda: not any(map(process_name, processes)), GONE_S + SLACK_S, "all processes are gone"
    )
    print(f"all gone after {time.monotonic() - since:.2f} s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_and_exits_0(pair: Pair, number: signal.Signals) -> None:
    processes = pair.gateway.processes()
    assert pair.gateway.process is not None
    reports = len(pair.front.reports)
    pair.gateway.process.send_signal(number)
    status = await asyncio.to_thread(pair.gateway.process.wait, 10)
    assert status == 0
    await pair.front.until(lambda: pair.front.closed and pair.yard.closed, 2)
    # readers are told goodbye (RFC 3550 section 6.6, packet type 203)
    assert any(report[9:].find(b"\xcb") >= 0 or report[1] == 203 for _, report in pair.front.reports[reports:])
    assert not any(map(process_name, processes))
    assert "Traceback" not in pair.gateway.log_path.read_text()


def large_pictures(width: int, height: int, count: int) -> Content:
    """Noise of a size that no worker with little memory can hold."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate = Fraction(FPS)
    context.time_base = Fraction(1, FPS)
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "ref=8:bframes=0"}
    context.thread_count = 2
    rng = np.random.default_rng(1)
    planes = rng.integers(100, 110, (height * 3 // 2, width), np.uint8)
    units = []
    for index in range(count):
        frame = av.VideoFrame.from_ndarray(np.roll(planes, 16 * index, axis=1), format="yuv420p")
        frame.pts = index
        for packet in context.encode(frame):
            nal_units = tuple(split_byte_stream(bytes(packet)))
            units.append(AccessUnit(nal_units=nal_units, random_access=index == 0, duration_ticks=90_000 // FPS))
    return Content(codec=Codec.H264, width=width, height=height, access_units=tuple(units))


async def test_a_worker_that_outgrows_its_memory_costs_only_its_own_stream(
    content: Content, start_gateway: Callable[..., GatewayProcess], tmp_path: Path
) -> None:
    async with camera(content) as small, camera(large_pictures(7680, 4320, 4)) as large:
        streams = {"yard": {"source": small.url}, "front": {"source": large.url, "memory_limit_mb": 128}}
        gateway = await asyncio.to_thread(start_gateway, streams)
        await asyncio.to_thread(gateway.wait_until_playing, "yard")
        async with RtspReader(gateway.url("yard")) as yard:
            await yard.play()
            await yard.until(lambda: len(gateway.events("worker lost")) >= 2, 30)
            await yard.until(lambda: yard.marked > 2 * FPS, 15)
            lost = gateway.events("worker lost")
            print(lost[0])
            assert {event["stream"] for event in lost} == {"front"}
            Pair(gateway, yard, yard).assert_undisturbed(yard)
            await asyncio.to_thread(gateway.wait_for_worker, "front", REPLACED_S + SLACK_S)
