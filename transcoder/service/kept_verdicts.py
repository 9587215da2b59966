"""Verdicts are kept in the state's database: the last ones of each stream, the newest with what was signed."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any, Final

from transcoder.service.verdicts import KEPT, KINDS, Verdict

SIGNED: Final = 3
"""Signed statements of a stream that are kept: of the newest verdicts, about 20 kB each."""
MAX_ROWS: Final = 20_000
"""Verdicts of all streams that are kept, those of removed streams included; 30 of each of 600 streams."""
TABLE: Final = """
CREATE TABLE verdict (
    number INTEGER PRIMARY KEY, stream TEXT NOT NULL, document TEXT NOT NULL, signed TEXT NOT NULL
);
CREATE INDEX verdict_of_stream ON verdict (stream, number);
"""
"""What version 2 of the schema added."""


def insert(database: sqlite3.Connection, verdict: Verdict, signed: str) -> None:
    """Keep a verdict, and forget those that it takes the place of.

    Args:
        database: the database, in a transaction.
        verdict: the verdict.
        signed: the signed statement as JSON, "" for none.
    """
    row = (verdict.number, verdict.stream, json.dumps(asdict(verdict)), signed)
    database.execute("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?)", row)
    older = "(SELECT number FROM verdict WHERE stream = ? ORDER BY number DESC LIMIT -1 OFFSET ?)"
    database.execute(f"DELETE FROM verdict WHERE number IN {older}", (verdict.stream, KEPT))  # noqa: S608  # a constant
    database.execute(f"UPDATE verdict SET signed = '' WHERE number IN {older}", (verdict.stream, SIGNED))  # noqa: S608
    database.execute(
        "DELETE FROM verdict WHERE number IN (SELECT number FROM verdict ORDER BY number DESC LIMIT -1 OFFSET ?)",
        (MAX_ROWS,),
    )


def read_verdicts(database: sqlite3.Connection) -> tuple[Verdict, ...]:
    """Return all verdicts, the oldest first; one that can't be read is left out: no picture depends on it."""
    found = []
    for (document,) in database.execute("SELECT document FROM verdict ORDER BY number"):
        try:
            verdict = Verdict(**json.loads(document))
        except (ValueError, TypeError):
            continue
        if verdict.kind in KINDS:
            found.append(verdict)
    return tuple(found)


def read_signed(database: sqlite3.Connection, stream: str, number: int) -> dict[str, Any] | None:
    """Return the signed statement of a verdict, None where it is not kept."""
    row = database.execute("SELECT signed FROM verdict WHERE stream = ? AND number = ?", (stream, number)).fetchone()
    return json.loads(row[0]) if row is not None and row[0] else None
