"""Records of the audit log are appended to the state's database, and read from it."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Final

from transcoder.service.audit import GENESIS, Entry, Record, link

MAX_LOOKED: Final = 20_000
"""The newest records among which those of one stream are looked for: some ten milliseconds of the store's thread."""

_COLUMNS: Final = ", ".join(field.name for field in fields(Record))


def append(database: sqlite3.Connection, entries: Sequence[Entry], now_text: Callable[[], str]) -> None:
    """Make each entry the next record of the chain.

    Args:
        database: the database, in a transaction.
        entries: the entries, the oldest first.
        now_text: tells the time, UTC, RFC 3339.
    """
    last = database.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    sequence, previous = last or (0, GENESIS)
    for entry in entries:
        sequence += 1
        record = link(entry, sequence=sequence, at=now_text(), previous=previous)
        values = (sequence, record.at, record.who, record.what, record.stream, record.detail, previous, record.hash)
        database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        previous = record.hash


def records_of(database: sqlite3.Connection) -> Iterator[Record]:
    """Yield the records of the audit log, the oldest first."""
    names = _COLUMNS.split(", ")
    for row in database.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY sequence"):  # noqa: S608  # a constant
        yield Record(**dict(zip(names, row, strict=True)))


def latest_of(database: sqlite3.Connection, stream: str, limit: int) -> list[Record]:
    """Return the last records that concern a stream, the newest first.

    They are its own, and those of reloads of the file and imports of assets that changed it.
    """
    last = database.execute("SELECT COALESCE(MAX(sequence), 0) FROM audit").fetchone()[0]
    rows = database.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE sequence > ?"  # noqa: S608  # a constant
        " AND (stream = ? OR (stream = '' AND what IN ('reload', 'asset_import'))) ORDER BY sequence DESC",
        (last - MAX_LOOKED, stream),
    )
    names, found = _COLUMNS.split(", "), []
    for row in rows:
        record = Record(**dict(zip(names, row, strict=True)))
        if record.stream or stream in changed_streams(record):
            found.append(record)
        if len(found) >= limit:
            break
    return found


def changed_streams(record: Record) -> dict[str, list[str]]:
    """Return the paths of the keys that a record's change made different, by stream; new and removed ones have none."""
    changed = json.loads(record.detail).get("changed", {})
    found: dict[str, list[str]] = {name: [] for kind in ("added", "removed") for name in changed.get(kind, [])}
    return found | dict(changed.get("changed", {}))
