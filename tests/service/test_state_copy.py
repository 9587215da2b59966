"""A database beside which no file can be made."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from transcoder.service.state_copy import read_beside, read_unwritable


def _values(database: sqlite3.Connection) -> list[int]:
    return [row[0] for row in database.execute("SELECT x FROM t ORDER BY x")]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A database whose writer was killed: one value is in the file, the other in its write-ahead log."""
    path = tmp_path / "live" / "a.sqlite"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (1)")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("INSERT INTO t VALUES (2)")
        copy = tmp_path / "killed"
        copy.mkdir()
        for name in ("a.sqlite", "a.sqlite-wal"):
            shutil.copyfile(path.parent / name, copy / name)
    return copy / "a.sqlite"


def test_the_log_is_read_too_and_nothing_is_written(killed: Path) -> None:
    before = {path.name: path.read_bytes() for path in killed.parent.iterdir()}
    assert read_unwritable(killed, _values) == [1, 2]
    assert {path.name: path.read_bytes() for path in killed.parent.iterdir()} == before


def test_read_where_it_is_the_log_would_be_left_out(killed: Path) -> None:
    with closing(sqlite3.connect(f"{killed.as_uri()}?immutable=1", uri=True)) as database:
        assert _values(database) == [1]


def test_without_a_log(killed: Path) -> None:
    killed.with_name("a.sqlite-wal").unlink()
    assert read_unwritable(killed, _values) == [1]


def test_a_damaged_one_is_said(killed: Path) -> None:
    killed.write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError):
        read_unwritable(killed, _values)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY])
def test_a_disk_that_can_not_be_written_is_read_all_the_same(
    code: int, killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root writes to every disk of a test, so that the refusal is SQLite's by name only."""
    connect = sqlite3.connect

    def refuse(address: str | Path, **options: Any) -> sqlite3.Connection:
        if "mode=ro" not in str(address):
            return connect(address, **options)
        error = sqlite3.OperationalError("refused")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(sqlite3, "connect", refuse)
    if code == sqlite3.SQLITE_BUSY:
        with pytest.raises(sqlite3.OperationalError):
            read_beside(killed, _values)
    else:
        assert read_beside(killed, _values) == [1, 2]


def test_a_database_in_use_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE t (x)")
        database.execute("INSERT INTO t VALUES (1)")
        assert read_beside(path, _values) == [1]
