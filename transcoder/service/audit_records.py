"""Records of the audit log are appended to the state's database, and read from it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Final

from transcoder.service.audit import GENESIS, Entry, Record, link

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
