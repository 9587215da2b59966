"""What is kept."""

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from transcoder.config.kept_changes import Overlay
from transcoder.service import audit_records
from transcoder.service.audit import Entry, find_break
from transcoder.service.state_database import FILE_NAME
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.service.store import Store, StoreError

ENTRY = Entry(who="http:ops", what="update", stream="a", detail={"keys": {"enabled": False}})


@pytest.fixture
async def store(tmp_path: Path):
    made = Store(tmp_path / "state")
    await made.open()
    yield made
    await made.close()


async def test_what_was_committed_is_there_again(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    store = Store(folder)
    first = await store.open()
    assert (first.overlays, first.file) == ({}, None)
    overlay = Overlay(keys={"video": {"fps": 5}})
    await store.commit([ENTRY], {"a": overlay, "b": Overlay(removed=True)}, {"streams": {"a": {"enabled": True}}})
    await store.commit([ENTRY], {"b": None})
    await store.close()
    second = await Store(folder).open()
    assert second.overlays == {"a": overlay}
    assert second.file == {"streams": {"a": {"enabled": True}}}
    assert second.etag_key == first.etag_key
    assert len(second.etag_key) == 32


async def test_nobody_else_may_read_it(store: Store, tmp_path: Path) -> None:
    await store.commit([ENTRY])
    for path in (tmp_path / "state").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


async def test_one_gateway_at_a_time(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="another gateway runs with it"):
        await Store(tmp_path / "state").open()


async def test_a_commit_that_fails_keeps_nothing(store: Store, tmp_path: Path) -> None:
    await store.commit([ENTRY], {"a": Overlay(keys={"enabled": False})})
    bad = Entry(who="x", what="update", stream="a", detail={"keys": object()})  # no JSON
    with pytest.raises(TypeError):
        await store.commit([bad], {"a": Overlay(keys={"enabled": True})})
    kept = read_kept(tmp_path / "state")
    assert kept is not None
    assert kept.overlays == {"a": Overlay(keys={"enabled": False})}
    await store.commit([ENTRY], {"a": Overlay(keys={"enabled": True})})  # and the next one works


async def test_a_full_disk_is_said(store: Store, tmp_path: Path) -> None:
    database = store._database
    assert database is not None
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"):
        await store.commit([ENTRY], {"a": Overlay(keys={"x": "y" * 100_000})})
    database.execute("PRAGMA max_page_count = 100000")
    await store.commit([ENTRY], {"a": Overlay(keys={"x": "y"})})


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        await Store(folder).open()


async def test_a_newer_database_is_refused(store: Store, tmp_path: Path) -> None:
    await store.close()
    with sqlite3.connect(tmp_path / "state" / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        await Store(tmp_path / "state").open()


async def test_the_last_audit_entries_of_one_stream(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(what: str, stream: str = "", **changed: object) -> Entry:
        return Entry(who="file", what=what, stream=stream, detail={"changed": changed} if changed else {})

    await store.commit([entry("update", "a"), entry("restart", "b"), entry("update", "a")])
    await store.commit([entry("reload", changed={"b": ["enabled"]}), entry("reload", added=["a"]), entry("start")])
    assert [(each.sequence, each.what) for each in await store.audit_of("a", 100)] == [
        (5, "reload"),
        (3, "update"),
        (1, "update"),
    ]
    assert [each.sequence for each in await store.audit_of("a", 2)] == [5, 3]
    assert [each.what for each in await store.audit_of("b", 100)] == ["reload", "restart"]
    assert await store.audit_of("", 100) == []
    monkeypatch.setattr(audit_records, "MAX_LOOKED", 3)
    assert [each.sequence for each in await store.audit_of("a", 100)] == [5]


async def test_the_audit_log_takes_no_change(store: Store) -> None:
    await store.commit([ENTRY])
    assert store._database is not None
    for statement in (
        "UPDATE audit SET who = 'x'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            store._database.execute(statement)


async def test_the_chain_goes_on_over_restarts(tmp_path: Path) -> None:
    for _ in range(3):
        store = Store(tmp_path)
        await store.open()
        await store.commit([ENTRY, ENTRY])
        await store.close()
    records = read_audit(tmp_path)
    assert records is not None
    assert [record.sequence for record in records] == [1, 2, 3, 4, 5, 6]
    assert find_break(records) is None


async def test_a_channel_is_recorded_once(tmp_path: Path) -> None:
    for _ in range(2):
        store = Store(tmp_path)
        await store.open()
        for _ in range(3):
            store.note_channel("a", "nal_in", "SEI")
        store.note_channel("b", "nal_in", "SEI")
        await store.close()
    records = read_audit(tmp_path)
    assert records is not None
    assert [(record.what, record.stream) for record in records] == [("channel_seen", "a"), ("channel_seen", "b")]


async def test_the_loop_does_not_wait_for_the_disk(store: Store) -> None:
    release, begun = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        release.wait(5)

    store._thread.submit(slow)
    commit = asyncio.create_task(store.commit([ENTRY]))
    for _ in range(20):
        await asyncio.sleep(0.01)
    assert begun.is_set()
    assert not commit.done()  # not acknowledged before it is kept
    release.set()
    await commit


@pytest.mark.e2e
def test_sigkill_at_any_moment_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from transcoder.service.audit import Entry
from transcoder.config.kept_changes import Overlay
from transcoder.service.store import Store
async def main():
    store = Store(Path(sys.argv[1]))
    kept = await store.open()
    number = kept.overlays["a"].keys["n"] if "a" in kept.overlays else 0
    while True:
        number += 1
        entry = Entry(who="t", what="update", stream="a", detail={"n": number})
        await store.commit([entry], {"a": Overlay(keys={"n": number})})
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
asyncio.run(main())
"""
    last = 0
    for moment in (5, 23, 1, 60):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                last = int(line)
                if last % 61 >= moment:
                    break
            os.kill(process.pid, 9)
            for line in process.stdout:  # what was acknowledged before the signal came
                last = int(line) if line.endswith("\n") else last
        kept = read_kept(tmp_path)
        assert kept is not None
        # the change after the last acknowledged one may have been kept as well
        assert kept.overlays["a"].keys["n"] - last in {0, 1}
        last = kept.overlays["a"].keys["n"]
    records = read_audit(tmp_path)
    assert records is not None
    assert find_break(records) is None
    assert len(records) == last


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_state_that_is_gone_is_not_read_as_one_that_never_was(
    store: Store, tmp_path: Path, is_there: bool
) -> None:
    """Commands say what a gateway says at its start."""
    await store.commit([ENTRY], {"a": Overlay(keys={"enabled": False})})
    await store.close()
    folder = tmp_path / "state"
    for path in folder.glob(f"{FILE_NAME}*"):
        path.unlink()
    if is_there:
        (folder / FILE_NAME).touch()
    for read in (read_kept, read_audit):
        with pytest.raises(StoreError, match="is empty or gone, and changes were in it"):
            read(folder)


@pytest.mark.parametrize("content", ["nothing", "a header"])
def test_a_first_start_that_was_killed_left_no_state(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).touch()
    if content == "a header":
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
            database.execute("PRAGMA journal_mode = WAL")
        assert (tmp_path / FILE_NAME).stat().st_size > 0
    assert read_kept(tmp_path) is None
    assert read_audit(tmp_path) is None
