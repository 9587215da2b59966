"""Databases of every schema that there ever was, kept as SQL text: each is read, brought up to date and written on."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry, find_break
from transcoder.service.state_database import (
    FILE_NAME,
    MIGRATIONS,
    SCHEMA_VERSION,
    StoredState,
    bring_up_to_date,
    read_state,
    schema_version,
)
from transcoder.service.state_reader import read_audit, read_kept
from transcoder.service.store import Store, StoreError

DATA = Path(__file__).parent.parent / "data"
VERSIONS = range(1, SCHEMA_VERSION + 1)
HEAD = "4d1770e76bf18305feb7812ec74d749e3609cbffb77f8cd549a34f005d2ed1f8"
"""The newest record of the recorded databases, as the version that wrote them chained it."""
MASK = {"polygon": [[0, 0], [0.5, 0], [0.5, 0.5]], "style": "solid"}


def recorded(folder: Path, version: int) -> Path:
    """Make the database of a version of the schema from its text."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / FILE_NAME)) as database:
        database.executescript((DATA / f"state-{version}.sql").read_text())
    return folder


def schema(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(sql.split()) for name, sql in rows}


def check(state: StoredState) -> None:
    assert state.overlays == {
        "front": Overlay(keys={"masks": [MASK]}),
        "yard": Overlay(keys={"source": {"url": "rtsp://192.168.10.22/y"}, "video": {"fps": 5}}),
    }
    assert state.file == {"streams": {"front": {"source": "rtsp://192.168.10.21/x"}}}
    assert state.learned == {"rtsp://192.168.10.21:554": {"transport": "tcp"}}
    assert state.etag_key == b"Z" * 32


def test_every_schema_is_recorded() -> None:
    """A new schema needs a text of its own: the one of this version is never made by the code under test."""
    assert {path.name for path in DATA.glob("state-*.sql")} == {f"state-{version}.sql" for version in VERSIONS}
    assert set(MIGRATIONS) == set(VERSIONS) - {1}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_database_of_each_schema_is_brought_up_to_date_and_written_on(version: int, tmp_path: Path) -> None:
    folder = recorded(tmp_path / "state", version)
    store = Store(folder)
    state = await store.open()
    check(state)
    assert [(verdict.stream, verdict.kind) for verdict in state.verdicts] == [("front", "clean")] * (version >= 2)
    await store.commit([Entry(who="http:ops", what="remove", stream="yard", detail={})], {"yard": None})
    await store.close()
    records = read_audit(folder)
    assert records is not None
    assert (len(records), records[3].hash, find_break(records)) == (5, HEAD, None)
    kept = read_kept(folder)
    assert kept is not None
    assert set(kept.overlays) == {"front"}
    with closing(sqlite3.connect(folder / FILE_NAME)) as database:
        assert schema_version(database) == SCHEMA_VERSION


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_database_that_was_brought_up_to_date_is_like_a_new_one(version: int, tmp_path: Path) -> None:
    for folder in (recorded(tmp_path / "old", version), tmp_path / "new"):
        store = Store(folder)
        await store.open()
        await store.close()
    assert schema(tmp_path / "old" / FILE_NAME) == schema(tmp_path / "new" / FILE_NAME)


@pytest.mark.parametrize("version", VERSIONS)
def test_commands_read_a_database_of_each_schema_and_leave_it_as_it_is(version: int, tmp_path: Path) -> None:
    folder = recorded(tmp_path / "state", version)
    before = (folder / FILE_NAME).read_bytes()
    kept, records = read_kept(folder), read_audit(folder)
    assert kept is not None
    check(kept)
    assert records is not None
    assert records[-1].hash == HEAD
    assert (folder / FILE_NAME).read_bytes() == before


async def test_a_newer_schema_is_refused_in_one_sentence_and_left_as_it_is(tmp_path: Path) -> None:
    folder = recorded(tmp_path / "state", SCHEMA_VERSION)
    with closing(sqlite3.connect(folder / FILE_NAME)) as database:
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (folder / FILE_NAME).read_bytes()
    sentence = f"it was written by a newer version .schema {SCHEMA_VERSION + 1}, this version knows {SCHEMA_VERSION}."
    store = Store(folder)
    with pytest.raises(StoreError, match=f"{sentence}: install that version, or restore a backup of before"):
        await store.open()
    await store.close()
    with pytest.raises(StoreError, match=sentence):
        read_kept(folder)
    with closing(sqlite3.connect(folder / FILE_NAME)) as database:
        assert database.execute("SELECT count(*) FROM overlay").fetchone() == (2,)
    assert (folder / FILE_NAME).read_bytes()[100:] == before[100:]  # the header counts WAL mode


def test_a_step_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recorded(tmp_path / "state", 1)
    monkeypatch.setitem(MIGRATIONS, 2, "CREATE TABLE verdict (number INTEGER); ALTER TABLE no_such ADD COLUMN x;")
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as database:
        with pytest.raises(sqlite3.OperationalError, match="no such table: no_such"):
            bring_up_to_date(database, 1)
        assert schema_version(database) == 1
        assert "verdict" not in schema(folder / FILE_NAME)
        check(read_state(database))


def test_the_documents_in_the_text_are_json() -> None:
    text = (DATA / f"state-{SCHEMA_VERSION}.sql").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("INSERT INTO \"overlay\" VALUES('yard'")]
    assert json.loads(line.split("'")[3])["removed"] is False
