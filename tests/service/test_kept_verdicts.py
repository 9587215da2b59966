"""Verdicts in the state's database, and a database of the version before."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from transcoder.config.kept_changes import Overlay
from transcoder.service.audit import Entry
from transcoder.service.kept_verdicts import SIGNED, TABLE, insert, read_signed, read_verdicts
from transcoder.service.state_database import FILE_NAME, SCHEMA, SCHEMA_VERSION
from transcoder.service.state_reader import read_kept
from transcoder.service.store import Store
from transcoder.service.verdicts import KEPT, Verdict


def verdict(number: int, stream: str = "front") -> Verdict:
    return Verdict(number=number, stream=stream, at="2026-09-21T13:00:00.000Z", kind="clean", is_signed=True)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    found = sqlite3.connect(":memory:")
    found.executescript(TABLE)
    yield found
    found.close()


def test_the_last_ones_of_each_stream(database: sqlite3.Connection) -> None:
    for number in range(1, KEPT + 11):
        insert(database, verdict(number), json.dumps({"n": number}))
    insert(database, verdict(KEPT + 11, "yard"), "")
    found = read_verdicts(database)
    assert [one.number for one in found if one.stream == "front"] == list(range(11, KEPT + 11))
    assert found[-1] == verdict(KEPT + 11, "yard")
    signed = [number for number in range(1, KEPT + 12) if read_signed(database, "front", number)]
    assert signed == [KEPT + 11 - back for back in range(SIGNED, 0, -1)]
    assert read_signed(database, "front", KEPT + 10) == {"n": KEPT + 10}
    assert read_signed(database, "yard", KEPT + 10) is None


def test_of_all_streams_together(database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.kept_verdicts.MAX_ROWS", 5)
    for number in range(1, 9):
        insert(database, verdict(number, f"s{number}"), "")
    assert [one.number for one in read_verdicts(database)] == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("document", ["no json", "[]", '{"number": 1}', '{"number":1,"stream":"a","at":"b","kind":""}'])
def test_a_damaged_one_is_left_out(database: sqlite3.Connection, document: str) -> None:
    database.execute("INSERT INTO verdict VALUES (1, 'front', ?, '')", (document,))
    insert(database, verdict(2), "")
    assert [one.number for one in read_verdicts(database)] == [2]


async def test_over_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    await store.open()
    store.note_verdict(verdict(1), {"statement": {}})
    store.note_verdict(verdict(2), {})
    await store.close()
    store = Store(tmp_path)
    assert (await store.open()).verdicts == (verdict(1), verdict(2))
    assert await store.signed_verdict("front", 1) == {"statement": {}}
    assert await store.signed_verdict("front", 2) is None
    await store.close()


def older(folder: Path) -> None:
    """A database as version 1 wrote it."""
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO meta VALUES ('etag_key', ?)", ("ab" * 32,))
        database.execute("INSERT INTO overlay VALUES ('front', ?)", (Overlay(keys={"enabled": False}).to_json(),))
        database.execute("PRAGMA user_version = 1")
    database.close()


async def test_a_database_of_the_version_before(tmp_path: Path) -> None:
    older(tmp_path)
    kept = read_kept(tmp_path)  # as `config show` reads it, without a change
    assert kept is not None
    assert (kept.verdicts, set(kept.overlays)) == ((), {"front"})
    store = Store(tmp_path)
    state = await store.open()
    assert (state.etag_key, state.overlays["front"].keys) == (b"\xab" * 32, {"enabled": False})
    store.note_verdict(verdict(1), {})
    await store.commit([Entry(who="x", what="update", stream="front", detail={})])
    await store.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        assert database.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION == 3
    assert [one.number for one in (await Store(tmp_path).open()).verdicts] == [1]
