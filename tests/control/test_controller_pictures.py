"""Pictures that are asked for: snapshots, small ones, and those of a viewer."""

import asyncio

import pytest

from tests.support.controller_world import OPS, World, world
from tests.support.outputs import IDR_SLICE, PPS, SPS, coded
from transcoder import clock
from transcoder.control.controller import MAX_ASKED, MAX_SNAPSHOTS, MAX_THUMBNAILS
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.rejection import Code, Rejected
from transcoder.worker_options import MAIN

__all__ = ["world"]


async def test_a_viewer_sees_no_stream_that_was_disabled(world: World) -> None:
    now = clock.monotonic()
    world.stream().outputs[MAIN].on_picture(*coded(SPS, PPS, IDR_SLICE, at=now), now)
    viewer = await world.controller.view("front", MAIN, "ops", "192.0.2.7:1")  # the control: its format is known
    viewer.close()
    await world.controller.update("front", {"enabled": False}, OPS)
    with pytest.raises(Rejected, match="is disabled") as caught:
        await world.controller.view("front", MAIN, "ops", "192.0.2.7:1")
    assert caught.value.code is Code.UNAVAILABLE
    assert world.controller.gateway.readers.viewers.sessions == []


async def test_snapshots_are_bounded(world: World) -> None:
    assert await world.controller.snapshot("front") == b"JPEG"
    gate = asyncio.Event()

    async def slow(number: int = 0) -> bytes:
        await gate.wait()
        return b"JPEG"

    world.stream().parts.worker.snapshot = slow  # type: ignore[method-assign]  # the test plays the worker
    waiting = [asyncio.create_task(world.controller.snapshot("front")) for _ in range(MAX_SNAPSHOTS)]
    await asyncio.sleep(0)
    with pytest.raises(Rejected) as caught:
        await world.controller.snapshot("front")
    assert caught.value.code is Code.BUSY
    gate.set()
    assert await asyncio.gather(*waiting) == [b"JPEG"] * MAX_SNAPSHOTS


async def test_small_pictures_wait_for_their_turn_and_not_without_a_bound(world: World) -> None:
    assert await world.controller.thumbnail("front", 320) == b"small JPEG"
    assert world.stream().parts.worker.told_since()[-1] == ("thumbnail", 0, 320, 0)
    gate, asked = asyncio.Event(), 0

    async def slow(number: int, width: int, known: int = 0) -> Thumbnail:
        nonlocal asked
        asked += 1
        await gate.wait()
        return Thumbnail(output_number=number, width=width, version=1, jpeg=b"JPEG")

    world.stream().parts.worker.thumbnail = slow  # type: ignore[method-assign]  # the test plays the worker
    waiting = [asyncio.create_task(world.controller.thumbnail("front", 320)) for _ in range(MAX_ASKED)]
    await asyncio.sleep(0.01)
    assert asked == MAX_THUMBNAILS >= 16  # a wall of sixteen tiles is made at once
    with pytest.raises(Rejected) as caught:
        await world.controller.thumbnail("front", 320)
    assert caught.value.code is Code.BUSY
    waiting.pop().cancel()
    gate.set()
    assert await asyncio.gather(*waiting) == [b"JPEG"] * (MAX_ASKED - 1)
    assert await world.controller.thumbnail("front", 320) == b"JPEG"


async def test_a_wall_shows_no_picture_from_before_a_change_of_the_masks(world: World) -> None:
    watcher = world.controller.look_at_wall()
    watcher.see(["front"], 320)
    assert await watcher.next() == b"\x05frontsmall JPEG"
    corner = {"polygon": [[0, 0], [0.5, 0], [0.5, 0.5]]}
    worker = world.stream().parts.worker
    worker.told_since()
    await world.controller.update("front", {"masks": [corner]}, OPS)
    late = world.controller.look_at_wall()
    late.see(["front"], 320)
    assert await late.next() == b"\x05frontsmall JPEG"
    assert ("thumbnail", 0, 320, 0) in worker.told_since()  # made anew, and not the one that is known
    watcher.close()
    late.close()


async def test_a_snapshot_of_a_rendition(world: World) -> None:
    await world.controller.update("front", {"renditions": {"sub": {"size": "640x360"}}}, OPS)
    assert await world.controller.snapshot("front", "sub") == b"JPEG1"
    with pytest.raises(Rejected) as caught:
        await world.controller.snapshot("front", "other")
    assert caught.value.code is Code.UNAVAILABLE
