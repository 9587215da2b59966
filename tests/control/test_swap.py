"""A swap looks at the new camera first, and is planned, made, refused and rolled back; no reader is touched."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.controller_world import OPS, World
from transcoder.control import cameras
from transcoder.control.cameras import MAX_LOOKS
from transcoder.control.swap_documents import SwapDocument
from transcoder.net.source_options import SourceOptions
from transcoder.probe.visits import Visit
from transcoder.rejection import Code, Rejected

NEW: dict[str, Any] = {"source": "rtsp://root:new-secret@10.0.0.9/axis"}
SEEN = Visit(streams=("front",), host="10.0.0.9", transport="tcp", codec="h265", size="1280x720", fps=25.0)
AWAY = Visit(streams=("front",), host="10.0.0.9", problem="10.0.0.9: no route; check host and port")


class Visits:
    """Cameras that are looked at, and what each shows."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.shows = SEEN
        self.gate = asyncio.Event()
        self.gate.set()

    async def visit(self, options: SourceOptions, *_: object, **__: object) -> Visit:
        self.asked.append(str(options.url))
        await self.gate.wait()
        return self.shows


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> Visits:
    made = Visits()
    monkeypatch.setattr(cameras, "visit", made.visit)
    return made


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.controller.gateway.apply(made.controller.config, made.controller.config.streams)
    front = made.stream().status
    front.worker.source_format = {"codec": "h264", "width": 640, "height": 360}
    front.output.format = {"codec": "H264", "width": 640, "height": 360, "frame_rate": 25.0}
    yield made
    for stream in made.made:
        await stream.stop()
    made.controller.close()


def url(world: World, stream: str = "front") -> str:
    return world.controller.config.streams[stream].source.url


async def rejection(work: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        await work
    return caught.value


async def test_a_plan_shows_both_cameras_and_changes_nothing(world: World, visits: Visits) -> None:
    found = await world.controller.swap("front", NEW | {"plan": True}, OPS)
    before, after = found.before.pictures, found.after.pictures
    assert (before.width, before.height) == (640, 360)
    assert (after.codec, after.width, after.height, after.fps) == ("H265", 1280, 720, 25.0)
    assert (found.served.codec, found.served.width, found.served.height) == ("H264", 640, 360)
    assert (found.switched, found.can_roll_back, found.problem, found.for_readers) == (False, False, None, ())
    assert visits.asked == ["rtsp://10.0.0.9:554/axis"]
    assert (url(world), world.store.entries, world.told()) == ("rtsp://10.0.0.2/live", [], [])
    assert "secret" not in found.model_dump_json()
    assert SwapDocument.model_validate_json(found.model_dump_json()) == found


async def test_a_swap_and_the_way_back_are_kept_told_and_touch_no_reader(world: World, visits: Visits) -> None:
    front = world.stream()
    ended: list[str] = []
    front._end_readers = lambda path, _: ended.append(path)
    found = await world.controller.swap("front", NEW, OPS)
    assert (found.switched, found.can_roll_back, url(world)) == (True, True, "rtsp://10.0.0.9/axis")
    assert len(front.parts.sources) == 2  # another connection, and the same worker
    assert [told for told in front.parts.worker.told if told[0] in {"replace", "stop"}] == []
    back = await world.controller.swap_rollback("front", OPS)
    assert (back.switched, back.can_roll_back, url(world)) == (True, False, "rtsp://10.0.0.2/live")
    assert (len(front.parts.sources), len(visits.asked)) == (3, 1)  # the camera before is known
    assert ended == []
    assert [entry.what for entry in world.store.entries] == ["swap", "swap_rollback"]
    assert all("secret" not in repr(entry.detail) for entry in world.store.entries)
    swapped = [detail for kind, _, detail in world.told() if kind == "swapped"]
    assert [(detail["by"], detail["rolled_back"]) for detail in swapped] == [(str(OPS), False), (str(OPS), True)]


async def test_a_camera_without_a_picture_to_begin_with_is_told_of(world: World, visits: Visits) -> None:
    visits.shows = replace(SEEN, has_start=False)
    found = await world.controller.swap("front", NEW | {"plan": True}, OPS)
    assert found.problem is None
    assert found.for_readers == ("the last picture stays until the new camera sends an IDR picture: none came in 4 s",)


async def test_a_camera_that_sends_no_pictures_is_switched_to_by_force_alone(world: World, visits: Visits) -> None:
    visits.shows = AWAY
    planned = await world.controller.swap("front", NEW | {"plan": True}, OPS)
    assert planned.problem == "10.0.0.9: no route; check host and port"
    error = await rejection(world.controller.swap("front", NEW, OPS))
    assert (error.code, "no route" in str(error)) == (Code.UNAVAILABLE, True)
    assert (url(world), world.store.entries) == ("rtsp://10.0.0.2/live", [])
    assert [kind for kind, _, _ in world.told()] == ["config_rejected"]
    forced = await world.controller.swap("front", NEW | {"force": True}, OPS)
    assert (forced.switched, url(world)) == (True, "rtsp://10.0.0.9/axis")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ("1920x1080", ()),
        ("1920x1088", ()),
        ("1280x960", ("beside",)),
        ("2560x720", ("above and below",)),
        (None, ()),
    ],
)
async def test_bars_are_told_where_the_shape_differs(
    world: World, visits: Visits, size: str | None, words: tuple[str, ...]
) -> None:
    visits.shows = Visit(streams=("front",), host="10.0.0.9", transport="tcp", codec="h264", size=size)
    told = (await world.controller.swap("front", NEW | {"plan": True}, OPS)).for_readers
    assert (len(told), all(word in told[0] for word in words)) == (len(words), True)


async def test_another_aspect_is_told(world: World, visits: Visits) -> None:
    camera = {"source": {"url": "rtsp://10.0.0.9/x", "display_aspect": "4:3"}, "plan": True}
    [told] = (await world.controller.swap("front", camera, OPS)).for_readers
    assert "sessions end" in told


async def test_a_relayed_stream_takes_cameras_of_its_codec_alone_and_has_their_size(
    world: World, visits: Visits
) -> None:
    await world.controller.update("front", {"video": {"mode": "relay", "relay_reason": "Axis", "fps": None}}, OPS)
    world.stream().status.output.format = {"codec": "H264", "width": 640, "height": 360, "frame_rate": 25.0}
    planned = await world.controller.swap("front", NEW | {"plan": True}, OPS)
    assert planned.problem == "it sends H265, and the stream is relayed as H264 (video.codec)"
    visits.shows = Visit(streams=("front",), host="10.0.0.9", transport="tcp", codec="h264", size="1280x720")
    planned = await world.controller.swap("front", NEW | {"plan": True}, OPS)
    assert (planned.problem, "sessions end" in planned.for_readers[0]) == (None, True)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ([], Code.MALFORMED),
        (NEW | {"plan": "yes"}, Code.MALFORMED),
        ({}, Code.INVALID),
        ({"source": "rtsp://8.8.8.8/x"}, Code.INVALID),
    ],
)
async def test_a_swap_that_can_not_be_made_looks_at_no_camera(
    world: World, visits: Visits, keys: object, code: Code
) -> None:
    assert (await rejection(world.controller.swap("front", keys, OPS))).code is code
    assert visits.asked == []


async def test_a_swap_of_a_stream_that_was_changed_meanwhile(world: World, visits: Visits) -> None:
    tag = world.controller.stream("front").etag
    await world.controller.update("front", {"video": {"fps": 5}}, OPS)
    assert (await rejection(world.controller.swap("front", NEW, OPS, tag))).code is Code.CONFLICT
    assert (await rejection(world.controller.swap_rollback("front", OPS))).code is Code.UNAVAILABLE
    assert (await rejection(world.controller.swap_rollback("gone", OPS))).code is Code.UNKNOWN_STREAM


async def test_of_two_swaps_at_once_one_is_made_and_its_way_back_leads_to_the_old_camera(
    world: World, visits: Visits
) -> None:
    visits.gate.clear()
    other = {"source": "rtsp://10.0.0.8/other"}
    both = [asyncio.create_task(world.controller.swap("front", keys, OPS)) for keys in (NEW, other)]
    for _ in range(500):  # it validates in a thread
        await asyncio.sleep(0.0 if len(visits.asked) == len(both) else 0.01)
    visits.gate.set()
    made = await asyncio.gather(*both, return_exceptions=True)
    assert [each.code for each in made if isinstance(each, Rejected)] == [Code.CONFLICT]
    await world.controller.swap_rollback("front", OPS)
    assert url(world) == "rtsp://10.0.0.2/live"


async def test_cameras_that_are_looked_at_are_bounded(world: World, visits: Visits) -> None:
    visits.gate.clear()
    plan = NEW | {"plan": True}
    waiting = [asyncio.create_task(world.controller.swap("front", plan, OPS)) for _ in range(MAX_LOOKS)]
    for _ in range(500):  # it validates in a thread
        await asyncio.sleep(0.0 if len(visits.asked) == MAX_LOOKS else 0.01)
    assert (await rejection(world.controller.swap("front", plan, OPS))).code is Code.BUSY
    visits.gate.set()
    assert all(not found.switched for found in await asyncio.gather(*waiting))
