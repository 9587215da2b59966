"""What is kept of assets in the state's database: runtime changes, what was found out, and the history of states."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from transcoder.assets.findings import Finding
from transcoder.assets.history import MAX_CHANGES, StateChange
from transcoder.config.kept_changes import Overlay

MAX_ROWS: Final = 200_000
"""Changes of states that are kept, those of removed assets included: 100 of each of 2,000 assets; 40 MB."""
MAX_FINDINGS: Final = 100_000
"""Findings that are kept, those about streams and assets that are gone included: 6 of each of 16,384 assets."""
TABLES: Final = """
CREATE TABLE asset_overlay (asset TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE finding (
    number INTEGER PRIMARY KEY, subject TEXT NOT NULL, field TEXT NOT NULL, finder TEXT NOT NULL,
    document TEXT NOT NULL, UNIQUE (subject, field, finder)
);
CREATE TABLE asset_change (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL, because TEXT NOT NULL
);
CREATE INDEX asset_change_of_asset ON asset_change (asset, number);
"""
"""What version 3 of the schema added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAssets:
    """Holds everything that was kept of assets.

    Attributes:
        overlays: the runtime changes, by asset.
        findings: what was found out, by subject: `asset:<id>`, or `stream:<id>` for a stream without an asset.
        history: the changes of states, the oldest first, by asset.
    """

    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    history: Mapping[str, tuple[StateChange, ...]] = field(default_factory=dict)


def read_assets(database: sqlite3.Connection) -> KeptAssets:
    """Read everything that was kept; a finding or a change that can't be read is left out.

    Raises:
        ValueError: a runtime change can't be read.
        KeyError: a runtime change lacks a part.
    """
    rows = database.execute("SELECT asset, document FROM asset_overlay ORDER BY asset").fetchall()
    overlays = {asset: Overlay.from_json(document) for asset, document in rows}
    findings: dict[str, tuple[Finding, ...]] = {}
    for subject, document in database.execute("SELECT subject, document FROM finding ORDER BY number"):
        try:
            found = Finding.from_dict(json.loads(document))
        except (ValueError, TypeError):
            continue
        findings[subject] = (*findings.get(subject, ()), found)
    history: dict[str, list[StateChange]] = {}
    for asset, state, at, because in database.execute(
        "SELECT asset, state, at, because FROM asset_change ORDER BY number"
    ):
        try:
            change = StateChange.from_dict({"asset": asset, "state": state, "at": at, "because": because})
        except ValueError:
            continue
        history.setdefault(asset, []).append(change)
    return KeptAssets(
        overlays=overlays, findings=findings, history={name: tuple(changes) for name, changes in history.items()}
    )


def write_overlays(database: sqlite3.Connection, overlays: Mapping[str, Overlay | None]) -> None:
    """Keep the changes of assets; None takes an asset's changes out. The database is in a transaction."""
    for asset, overlay in overlays.items():
        if overlay is None:
            database.execute("DELETE FROM asset_overlay WHERE asset = ?", (asset,))
        else:
            database.execute("INSERT OR REPLACE INTO asset_overlay VALUES (?, ?)", (asset, overlay.to_json()))


def write_finding(database: sqlite3.Connection, subject: str, finding: Finding) -> None:
    """Keep a finding in the place of what the same finder said before. The database is in a transaction."""
    columns = "(subject, field, finder, document)"
    row = (subject, finding.field, finding.by, json.dumps(finding.to_dict()))
    database.execute(f"INSERT OR REPLACE INTO finding {columns} VALUES (?, ?, ?, ?)", row)  # noqa: S608  # a constant
    database.execute(
        "DELETE FROM finding WHERE number IN (SELECT number FROM finding ORDER BY number DESC LIMIT -1 OFFSET ?)",
        (MAX_FINDINGS,),
    )


def move_findings(database: sqlite3.Connection, old: str, new: str) -> None:
    """Give the findings about one subject to another one, "" for nobody. The database is in a transaction."""
    if new:
        database.execute("UPDATE OR REPLACE finding SET subject = ? WHERE subject = ?", (new, old))
    else:
        database.execute("DELETE FROM finding WHERE subject = ?", (old,))


def write_changes(database: sqlite3.Connection, changes: Iterable[StateChange]) -> None:
    """Keep changes of states; of an asset with too many the first one and the newest stay."""
    for change in changes:
        row = (change.asset, change.state, change.at, change.because)
        database.execute("INSERT INTO asset_change (asset, state, at, because) VALUES (?, ?, ?, ?)", row)
        database.execute(
            "DELETE FROM asset_change WHERE asset = :asset AND number > (SELECT MIN(number) FROM asset_change "
            "WHERE asset = :asset) AND number <= COALESCE((SELECT number FROM asset_change WHERE asset = :asset "
            "ORDER BY number DESC LIMIT 1 OFFSET :kept), 0)",
            {"asset": change.asset, "kept": MAX_CHANGES - 1},
        )
    database.execute(
        "DELETE FROM asset_change WHERE number <= (SELECT COALESCE(MAX(number), 0) FROM asset_change) - ?",
        (MAX_ROWS,),
    )
