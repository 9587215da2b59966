"""A state that was lost, damaged or can't be written: a mask is never lost silently."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.stream_parts import KeptStream
from transcoder.api.server import HttpServer
from transcoder.app import LOST, NOT_KEPT, App
from transcoder.config import load_file
from transcoder.config.kept_changes import Overlay
from transcoder.control import Writer
from transcoder.control import controller as controller_module
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected
from transcoder.service import audit_records
from transcoder.service import store as store_module
from transcoder.service.audit import Entry
from transcoder.service.gateway import Gateway
from transcoder.service.state_database import FILE_NAME
from transcoder.service.state_marker import MARKER_NAME, Remembered, read_marker
from transcoder.service.status import StreamState
from transcoder.service.store import Store, StoreError

OPS = Writer(interface="http", name="ops")
ENTRY = Entry(who="http:ops", what="update", stream="front", detail={})
MASK = [{"polygon": [[0, 0], [0.5, 0], [0.5, 0.5]], "style": "solid"}]
MASKED = Overlay(keys={"masks": MASK})


class Started:
    """An app whose streams pull nothing and that listens nowhere."""

    def __init__(self, folder: Path, **keys: Any) -> None:
        path = folder / "gateway.yaml"
        streams = {name: {"source": "rtsp://10.0.0.2/"} for name in ("front", "yard")}
        listen = {"listen": "127.0.0.1:0", "udp_ports": [0, 0]}
        path.write_text(yaml.safe_dump({"rtsp": listen, "streams": streams, **keys}))
        self.path = path
        self.app = App(path, load_file(path))

    def status(self, stream: str) -> Any:
        return self.app.controller.gateway.streams[stream].status

    def masks(self, stream: str) -> int:
        return len(self.app.controller.config.streams[stream].masks)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways without a fork server, cameras or workers."""

    class Quiet(Gateway):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, make_stream=KeptStream)

            async def start() -> None:
                pass

            self.fork_server.start = start  # type: ignore[method-assign]
            self.fork_server.launch = lambda: None  # type: ignore[assignment,method-assign,return-value]

    async def passed(*_: object, **__: object) -> str:
        return ""

    monkeypatch.setattr("transcoder.app.try_worker", passed)
    defaults: Any = controller_module.Controller.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "make_gateway", Quiet)


@pytest.fixture
async def start(tmp_path: Path, quiet: None) -> AsyncIterator[Callable[[], Any]]:
    running: list[App] = []

    async def started() -> Started:
        made = Started(tmp_path)
        await made.app.start()
        running.append(made.app)
        return made

    yield started
    for app in running:
        await app.stop()


async def keep(folder: Path, *streams: str) -> None:
    """A state with masks on these streams, whose gateway has ended."""
    store = Store(folder / "state")
    await store.open()
    await store.commit([ENTRY], dict.fromkeys(streams, MASKED), load_file(folder / "gateway.yaml").raw)
    await store.close()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def truncated(path: Path) -> None:
    os.truncate(path, 4096)


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def gone(path: Path) -> None:
    path.unlink()


def without_tables(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 0")
        database.execute("CREATE TABLE x (y)")
    database.close()


def without_key(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM meta")
    database.close()


LOSSES = [empty, truncated, garbage, gone, without_tables, without_key]


@pytest.mark.parametrize("lose", LOSSES)
async def test_a_stream_whose_masks_are_lost_is_not_served(
    tmp_path: Path, start: Any, lose: Callable[[Path], None]
) -> None:
    Started(tmp_path)
    await keep(tmp_path, "front", "runtime")
    lose(tmp_path / "state" / FILE_NAME)
    for _ in range(2):  # and a restart confirms nothing
        started = await start()
        front = started.status("front")
        assert front.state is StreamState.DISABLED
        assert front.problem.startswith(LOST)
        assert not started.app.controller.gateway.streams["front"].is_enabled
        assert started.app.controller.gateway.streams["yard"].is_enabled
        with pytest.raises(Rejected) as caught:
            await started.app.controller.update("front", {"video": {"fps": 5}}, OPS)
        assert caught.value.code is Code.NOT_KEPT
        with pytest.raises(ConfigError, match="could not be kept"):
            await started.app.controller.reload(load_file(started.path))
        await started.app.stop()
    (tmp_path / "state" / MARKER_NAME).unlink()  # the operator confirms
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (tmp_path / "state" / name).unlink(missing_ok=True)
    started = await start()
    assert started.app.controller.gateway.streams["front"].is_enabled
    await started.app.controller.update("front", {"masks": MASK}, OPS)


async def test_a_backup_brings_the_masks_back(tmp_path: Path, start: Any) -> None:
    Started(tmp_path)
    await keep(tmp_path, "front")
    state = tmp_path / "state" / FILE_NAME
    shutil.copyfile(state, tmp_path / "backup")
    empty(state)
    started = await start()
    assert not started.app.controller.gateway.streams["front"].is_enabled
    await started.app.stop()
    shutil.copyfile(tmp_path / "backup", state)
    started = await start()
    assert started.masks("front") == 1
    assert started.app.controller.gateway.streams["front"].is_enabled


async def test_with_a_damaged_marker_no_stream_is_served(tmp_path: Path, start: Any) -> None:
    Started(tmp_path)
    await keep(tmp_path, "front")
    empty(tmp_path / "state" / FILE_NAME)
    empty(tmp_path / "state" / MARKER_NAME)
    started = await start()
    assert not any(stream.is_enabled for stream in started.app.controller.gateway.streams.values())


async def test_without_the_marker_masks_are_lost_silently(tmp_path: Path, start: Any) -> None:
    Started(tmp_path)
    await keep(tmp_path, "front")
    empty(tmp_path / "state" / FILE_NAME)
    (tmp_path / "state" / MARKER_NAME).unlink()
    started = await start()
    assert started.masks("front") == 0
    assert started.app.controller.gateway.streams["front"].is_enabled


async def test_a_lost_state_without_changes_is_a_new_one(tmp_path: Path, start: Any) -> None:
    Started(tmp_path)
    await keep(tmp_path)
    empty(tmp_path / "state" / FILE_NAME)
    started = await start()
    await started.app.controller.update("front", {"masks": MASK}, OPS)


@pytest.mark.parametrize("lose", LOSSES)
async def test_assets_that_are_lost_are_not_begun_anew(
    tmp_path: Path, start: Any, lose: Callable[[Path], None]
) -> None:
    started = await start()
    await started.app.controller.assets.add("pole-17", {"maker": "Axis"}, OPS, confidential=True)
    await started.app.stop()
    lose(tmp_path / "state" / FILE_NAME)
    for _ in range(2):  # and a restart confirms nothing
        started = await start()
        assert "changes made at runtime are lost" in started.app.summary()
        assert all(stream.is_enabled for stream in started.app.controller.gateway.streams.values())
        with pytest.raises(Rejected) as caught:
            await started.app.controller.assets.add("pole-18", {}, OPS, confidential=True)
        assert caught.value.code is Code.NOT_KEPT
        await started.app.stop()
    (tmp_path / "state" / MARKER_NAME).unlink()  # the operator confirms
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (tmp_path / "state" / name).unlink(missing_ok=True)
    started = await start()
    await started.app.controller.assets.add("pole-18", {}, OPS, confidential=True)


async def test_assets_that_were_taken_out_again_are_not_remembered(tmp_path: Path, start: Any) -> None:
    started = await start()
    await started.app.controller.assets.add("pole-17", {}, OPS, confidential=True)
    assert read_marker(tmp_path / "state") == Remembered(streams=frozenset(), has_assets=True)
    await started.app.controller.assets.remove("pole-17", OPS)
    assert read_marker(tmp_path / "state") == Remembered(streams=frozenset())


async def test_the_marker_never_names_too_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    await store.open()
    assert read_marker(tmp_path) == Remembered(streams=frozenset())
    seen: list[frozenset[str] | None] = []
    real = audit_records.append

    def append(database: sqlite3.Connection, entries: Any, now_text: Any) -> None:
        remembered = read_marker(tmp_path)
        assert remembered is not None
        seen.append(remembered.streams)
        real(database, entries, now_text)

    monkeypatch.setattr(store_module, "append", append)
    await store.commit([ENTRY], {"a": MASKED})
    await store.commit([ENTRY], {"a": None, "b": MASKED})
    assert seen == [{"a"}, {"a", "b"}]
    assert read_marker(tmp_path) == Remembered(streams=frozenset({"b"}))

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "write_marker", full)
    with pytest.raises(StoreError, match="No space"):
        await store.commit([ENTRY], {"c": MASKED})
    await store.close()
    monkeypatch.undo()
    store = Store(tmp_path)
    assert set((await store.open()).overlays) == {"b"}
    await store.close()


async def test_what_could_not_be_kept_at_the_start_is_kept_with_the_next_change(
    tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Started(tmp_path)
    await keep(tmp_path, "front")
    real, is_full = audit_records.append, True

    def append(database: sqlite3.Connection, entries: Any, now_text: Any) -> None:
        if is_full:
            raise sqlite3.OperationalError("database or disk is full")
        real(database, entries, now_text)

    monkeypatch.setattr(store_module, "append", append)
    started = await start()
    assert started.masks("front") == 1
    with pytest.raises(Rejected) as caught:
        await started.app.controller.update("yard", {"masks": MASK}, OPS)
    assert caught.value.code is Code.NOT_KEPT
    is_full = False
    await started.app.controller.update("yard", {"masks": MASK}, OPS)
    await started.app.stop()
    started = await start()
    assert (started.masks("front"), started.masks("yard")) == (1, 1)


async def test_a_disk_that_fills_up_while_running_is_told_until_there_is_room(
    tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await start()
    app = started.app
    assert (app._notes, app.controller.gateway_numbers().state_writable) == ([], True)
    monkeypatch.setattr(store_module, "folder_problem", lambda folder: f"{folder} is on a file system that is full")
    await app._look_at_store()
    await app._look_at_store()
    assert (app._notes, app.controller.gateway_numbers().state_writable) == ([NOT_KEPT], False)
    assert NOT_KEPT in app.summary()
    monkeypatch.undo()
    await app._look_at_store()
    assert (app._notes, app.controller.gateway_numbers().state_writable) == ([], True)


async def test_a_change_that_was_refused_is_told_until_the_state_can_be_written(
    tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await start()
    app = started.app

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store_module, "write_marker", full)
        with pytest.raises(Rejected, match="No space left on device"):
            await app.controller.update("front", {"masks": MASK}, OPS)
        assert not app.controller.gateway_numbers().state_writable
    assert not app.controller.gateway_numbers().state_writable  # nothing was tried since
    await app._look_at_store()
    assert app.controller.gateway_numbers().state_writable
    await app.controller.update("front", {"masks": MASK}, OPS)
    assert app._notes == []


async def test_a_database_that_can_not_be_written_any_more_is_found_by_writing(tmp_path: Path, start: Any) -> None:
    started = await start()
    store = started.app._store
    assert store is not None
    store._thread.submit(lambda: store._database.execute("PRAGMA query_only = 1")).result()
    with pytest.raises(Rejected, match="readonly"):
        await started.app.controller.update("front", {"masks": MASK}, OPS)
    await started.app._look_at_store()
    assert started.app._notes == [NOT_KEPT]
    store._thread.submit(lambda: store._database.execute("PRAGMA query_only = 0")).result()
    await started.app._look_at_store()
    assert started.app._notes == []


async def test_state_dir_null_keeps_nothing_and_says_so_once(
    tmp_path: Path, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("transcoder.app.log.info", lambda text, **_: said.append(text))
    monkeypatch.setattr("transcoder.app.log.warning", lambda text, **_: said.append(f"warning {text}"))
    started = Started(tmp_path, state_dir=None)
    await started.app.start()
    try:
        with pytest.raises(Rejected, match="the state_dir is null in the configuration") as caught:
            await started.app.controller.update("front", {"masks": MASK}, OPS)
        assert caught.value.code is Code.NOT_KEPT
        await started.app._look_at_store()
        assert started.app._notes == []
        assert started.app.controller.gateway_numbers().state_writable is None
    finally:
        await started.app.stop()
    assert [line for line in said if "nothing is kept" in line] == [
        "state_dir is null: nothing is kept over a restart and no stream can be changed at runtime"
    ]
    assert os.listdir(tmp_path) == ["gateway.yaml"]


SCRIPT = """
import asyncio, os, resource, sys
from pathlib import Path
from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry
from transcoder.service.store import Store, StoreError

async def main():
    store = Store(Path(sys.argv[1]))
    print("kept", sorted((await store.open()).overlays))
    try:
        await store.commit([Entry(who="x", what="update", stream="a", detail={})], {"b": Overlay(keys={})})
    except StoreError:
        print("refused")
    await store.close()

if sys.argv[2] == "full":  # no file grows, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
elif os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
asyncio.run(main())
"""


@pytest.mark.process
@pytest.mark.parametrize("disk", ["full", "read-only"])
@pytest.mark.parametrize("is_killed", [False, True])
async def test_on_a_disk_that_takes_nothing_the_state_is_read(disk: str, is_killed: bool) -> None:
    if (disk, is_killed) == ("full", True):
        pytest.skip("the limit that stands for the full disk holds for the copy in memory too")
    import tempfile  # pytest's folders may not be entered by another user

    with tempfile.TemporaryDirectory() as name:
        live, folder = Path(name) / "live", Path(name) / "state"
        store = Store(live)
        await store.open()
        await store.commit([ENTRY], {"front": MASKED})
        if not is_killed:
            await store.close()
        shutil.copytree(live, folder)
        await store.close()
        if disk == "read-only":
            for path in folder.iterdir():
                path.chmod(0o444)
            folder.chmod(0o555)
        Path(name).chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(folder), disk], capture_output=True, text=True, timeout=60, check=False
        )
        folder.chmod(0o755)
    assert done.stdout.splitlines() == ["kept ['front']", "refused"], done.stderr


async def test_readiness_stays_green_and_says_so(tmp_path: Path, start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[Any] = []
    real = HttpServer.__init__

    def made(self: HttpServer, control: Any, config: Any, given: Any, **options: Any) -> None:
        notes.append(given)
        real(self, control, config, given, **options)

    monkeypatch.setattr(HttpServer, "__init__", made)
    Started(tmp_path)
    await keep(tmp_path, "front")
    empty(tmp_path / "state" / FILE_NAME)
    started = Started(tmp_path)
    text = started.path.read_text() + "http: {listen: '127.0.0.1:0'}\n"
    started.path.write_text(text)
    app = App(started.path, load_file(started.path))
    await app.start()
    try:
        assert app._http is not None
        assert app._http._waiting_for() == []
        assert any("not served" in note for note in notes[0])
        assert not any(str(tmp_path) in note for note in notes[0])
    finally:
        await app.stop()
