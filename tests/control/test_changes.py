"""Changes are validated, kept, applied, in that order and one at a time; what is refused changes nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.kept_store import KeptStore
from transcoder.config import ConfigFile, load_file
from transcoder.config.difference import Difference
from transcoder.config.overlay import EffectiveConfig
from transcoder.control import Writer
from transcoder.control.changes import Change, Changes
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected
from transcoder.service.audit import Entry

KEY = b"k" * 32
FRONT = {"source": "rtsp://u:secret@10.0.0.2/live", "video": {"fps": 10}}
OPS = Writer(interface="http", name="ops")

MakeFile = Callable[..., ConfigFile]


@pytest.fixture
def file_of(tmp_path: Path) -> MakeFile:
    def make(**streams: Any) -> ConfigFile:
        path = tmp_path / "gateway.yaml"
        path.write_text(yaml.safe_dump({"streams": streams or {"front": FRONT}}))
        return load_file(path)

    return make


class World:
    """Changes, what was kept of them and what was applied."""

    def __init__(self, file: ConfigFile, *, with_store: bool = True) -> None:
        self.store = KeptStore()
        self.applied: list[tuple[Difference, float | None]] = []
        effective = EffectiveConfig.build(file, {})
        self.changes = Changes(effective, self.store if with_store else None, KEY, self._apply)

    async def _apply(self, found: Difference) -> None:
        self.applied.append((found, self.fps))

    @property
    def fps(self) -> float | None:
        front = self.changes.effective.config.streams.get("front")
        return front.video.fps if front is not None else None

    async def set_fps(self, fps: object, if_match: str | None = None) -> None:
        await self.changes.make(update({"video": {"fps": fps}}, if_match))

    def assert_nothing_happened(self) -> None:
        assert (self.store.entries, self.store.overlays, self.applied, self.fps) == ([], {}, [], 10)


def update(keys: object, if_match: str | None = None) -> Change:
    return Change(stream="front", verb="update", keys=keys, by=OPS, edit=EffectiveConfig.update, if_match=if_match)


@pytest.fixture
def world(file_of: MakeFile) -> World:
    return World(file_of())


async def test_a_change_is_kept_then_holds_then_is_applied(world: World) -> None:
    world.store.gate = asyncio.Event()
    change = asyncio.create_task(world.set_fps(5))
    await asyncio.sleep(0.01)
    world.assert_nothing_happened()
    world.store.gate.set()
    await change
    [(found, fps)] = world.applied
    assert (list(found.changed), fps) == (["front"], 5)
    [entry] = world.store.entries
    assert (entry.who, entry.what, entry.stream) == (str(OPS), "update", "front")
    assert entry.detail["keys"] == {"video": {"fps": 5}}
    assert list(world.store.overlays) == ["front"]


async def test_a_password_is_in_no_record(world: World) -> None:
    keys = {"source": {"url": "rtsp://10.0.0.3/", "username": "u", "password": "secret"}}
    await world.changes.make(update(keys))
    [entry] = world.store.entries
    assert "secret" not in repr(entry.detail)
    assert "secret" not in repr(world.changes.shown())


async def test_what_is_not_valid_changes_nothing(world: World) -> None:
    with pytest.raises(Rejected) as caught:
        await world.set_fps(-1)
    assert caught.value.code is Code.INVALID
    world.assert_nothing_happened()


@pytest.mark.parametrize("with_store", [True, False])
async def test_what_can_not_be_kept_changes_nothing(file_of: MakeFile, with_store: bool) -> None:
    world = World(file_of(), with_store=with_store)
    world.store.broken = True
    with pytest.raises(Rejected) as caught:
        await world.set_fps(5)
    assert caught.value.code is Code.NOT_KEPT
    world.assert_nothing_happened()


async def test_a_change_to_what_holds_already_is_not_recorded(world: World) -> None:
    await world.set_fps(10)
    assert (world.store.entries, world.store.overlays) == ([], {})


async def test_changes_do_not_undo_each_other(world: World) -> None:
    """Both were asked for when neither was made."""
    await asyncio.gather(world.set_fps(5), world.changes.make(update({"video": {"bitrate_kbps": 700}})))
    video = world.changes.effective.config.streams["front"].video
    assert (video.fps, video.bitrate_kbps) == (5, 700)


async def test_who_read_an_older_configuration_is_told_so(world: World) -> None:
    tag = world.changes.etag("front")
    await world.set_fps(5, tag)
    with pytest.raises(Rejected) as caught:
        await world.set_fps(6, tag)
    assert (caught.value.code, world.fps) == (Code.CONFLICT, 5)
    await world.set_fps(6, world.changes.etag("front"))
    assert world.fps == 6


async def test_a_tag_of_a_stream_that_there_is_not(world: World) -> None:
    change = Change(stream="gone", verb="remove", keys={}, by=OPS, edit=EffectiveConfig.update, if_match="x")
    with pytest.raises(Rejected) as caught:
        await world.changes.make(change)
    assert caught.value.code is Code.UNKNOWN_STREAM


async def test_a_caller_that_goes_away_leaves_no_half_change(world: World) -> None:
    world.store.gate = asyncio.Event()
    caller = asyncio.create_task(world.set_fps(5))
    await asyncio.sleep(0.01)
    caller.cancel()
    world.store.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(5):
        while not world.applied:
            await asyncio.sleep(0)
    assert (len(world.store.entries), world.fps) == (1, 5)


# -- the file ----------------------------------------------------------------------------------------------------------


async def test_a_file_is_taken_up_beside_what_was_set_at_runtime(world: World, file_of: MakeFile) -> None:
    await world.set_fps(5)
    found = await world.changes.reload(file_of(front=FRONT | {"memory_limit_mb": 300}, yard=FRONT))
    assert (list(found.added), list(found.changed)) == (["yard"], ["front"])
    front = world.changes.effective.config.streams["front"]
    assert (front.video.fps, front.memory_limit_mb) == (5, 300)
    assert world.store.entries[-1].who == "file"
    assert world.store.file is not None
    assert world.applied[-1][0] == found


async def test_a_file_that_can_not_be_kept_is_not_taken_up(world: World, file_of: MakeFile) -> None:
    world.store.broken = True
    with pytest.raises(ConfigError, match="could not be kept"):
        await world.changes.reload(file_of(yard=FRONT))
    world.assert_nothing_happened()


async def test_without_a_store_a_file_is_taken_up_and_nothing_is_recorded(file_of: MakeFile) -> None:
    world = World(file_of(), with_store=False)
    await world.changes.reload(file_of(front=FRONT | {"video": {"fps": 7}}))
    assert world.fps == 7
    await world.changes.record(Entry(who="x", what="restart", stream="front", detail={}))


async def test_the_tag_of_the_whole_differs_with_every_stream(world: World) -> None:
    _, before = world.changes.shown()
    assert world.changes.shown()[1] == before
    await world.set_fps(5)
    assert world.changes.shown()[1] != before
