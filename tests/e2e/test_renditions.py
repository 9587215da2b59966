"""A rendition beside its stream: read at the same time, over a worker's death, and added and taken away meanwhile."""

import asyncio
import itertools
import os
import signal
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.e2e.test_supervision import camera, content, has_played
from tests.support.gateway_process import GatewayProcess
from tests.support.rtsp_reader import RtspReader
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.counter import read_counter

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("supervision")]

__all__ = ["content"]
SIZE = (180, 320)
SUB = {"size": "160x90", "on_demand": True}


def assert_whole(reader: RtspReader) -> None:
    """The reader was never ended, no packet is missing, and time goes on."""
    assert not reader.closed
    units = reader.units()
    assert not any(unit.lost_before for unit in units)
    times = [unit.timestamp for unit in units]
    assert all(0 < (later - earlier) % 2**32 < 2**31 for earlier, later in itertools.pairwise(times))


async def test_a_rendition_is_read_beside_its_stream(content: Content, standing_gateway: GatewayProcess) -> None:
    gateway = standing_gateway
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(camera(content))
        stack.enter_context(gateway.serving("front", {"source": source.url, "renditions": {"sub": SUB}}))
        main = await stack.enter_async_context(RtspReader(gateway.url("front")))
        sub = await stack.enter_async_context(RtspReader(gateway.url("front/sub")))
        await main.play()
        await main.until(partial(has_played, main), 15)
        await sub.play()
        await sub.until(partial(has_played, sub), 15)
        picture = sub.pictures()[-1]
        assert picture.shape == (90, 160)
        assert read_counter(picture, SIZE) is not None, "it slept until it was described, and shows the camera"

        # one more, which is taken away again: the worker and the readers of the others stay
        worker = gateway.worker("front")
        await asyncio.to_thread(gateway.change, "front", {"renditions": {"tiny": {"size": "80x46"}}})
        tiny = await stack.enter_async_context(RtspReader(gateway.url("front/tiny")))
        await tiny.play()
        await tiny.until(lambda: tiny.marked > 2, 10)
        assert tiny.pictures()[-1].shape == (46, 80)
        await asyncio.to_thread(gateway.change, "front", {"renditions": {"tiny": None}})
        await tiny.until(lambda: tiny.closed, 5)
        assert gateway.worker("front") == worker

        # its death costs neither reader its session
        assert worker is not None
        before = len(main.units()), len(sub.units())
        os.kill(worker, signal.SIGKILL)
        await main.until(lambda: len(main.units()) > before[0] + 8, 10)
        await sub.until(lambda: len(sub.units()) > before[1] + 8, 10)
        assert_whole(main)
        assert_whole(sub)
        assert read_counter(sub.pictures()[-1], SIZE) is not None
