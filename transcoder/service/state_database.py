"""This module holds the schema of the state's database, and reads the state from it."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from transcoder.config.kept_changes import Overlay
from transcoder.regular_file import check_regular
from transcoder.service.kept_assets import TABLES, KeptAssets, read_assets
from transcoder.service.kept_verdicts import TABLE, read_verdicts
from transcoder.service.state_folder import RESTORING_NAME
from transcoder.service.state_marker import MARKER_NAME
from transcoder.service.verdicts import Verdict

_WITH_VERDICTS: Final = 2
_WITH_ASSETS: Final = 3
FILE_NAME: Final = "state.sqlite"
FIRST_VERSION: Final = 1
SCHEMA_VERSION: Final = 3
SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE overlay (stream TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE channel (
    stream TEXT NOT NULL, layer TEXT NOT NULL, kind TEXT NOT NULL, first_seen TEXT NOT NULL,
    PRIMARY KEY (stream, layer, kind)
) WITHOUT ROWID;
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, stream TEXT NOT NULL,
    detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
    WHEN NEW.sequence <= (SELECT COALESCE(MAX(sequence), 0) FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
MIGRATIONS: Final = {2: TABLE, 3: TABLES}
"""What each version of the schema added to the version before; the first version is SCHEMA."""


class DamagedError(Exception):
    """The database doesn't hold the state that it held before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """Holds everything that the store kept.

    Attributes:
        overlays: the changes of each stream.
        file: the configuration file as it was written when last read, None before the first time.
        learned: what was learned of cameras, by the camera memory's keys.
        etag_key: a random key for tags of configurations.
        verdicts: what the gateway found in its own streams, the oldest verdict first.
        assets: what was kept of assets.
        lost: why the changes that were kept can't be known any more, "" where they are known.
        unknown: the streams whose changes can't be known; None where that may be any stream.
    """

    overlays: Mapping[str, Overlay] = field(default_factory=dict)
    file: Mapping[str, Any] | None = None
    learned: Mapping[str, Any] = field(default_factory=dict)
    etag_key: bytes = b"\0" * 32
    verdicts: tuple[Verdict, ...] = ()
    assets: KeptAssets = field(default_factory=KeptAssets)
    lost: str = ""
    unknown: frozenset[str] | None = frozenset()


def schema_version(database: sqlite3.Connection) -> int:
    """Return the version of the schema, 0 for a database without one.

    Raises:
        ValueError: a newer version wrote the database.
    """
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise ValueError(
            f"it was written by a newer version (schema {version}, this version knows {SCHEMA_VERSION}): install that "
            "version, or restore a backup of before"
        )
    return version


def read_state(database: sqlite3.Connection) -> StoredState:
    """Read everything that was kept.

    Raises:
        DamagedError: the database doesn't hold a state.
        sqlite3.Error: the database can't be read.
        ValueError: a newer version wrote the database.
    """
    version = schema_version(database)
    meta = dict(database.execute("SELECT key, value FROM meta"))
    rows = database.execute("SELECT stream, document FROM overlay ORDER BY stream").fetchall()
    try:
        overlays = {stream: Overlay.from_json(document) for stream, document in rows}
        file = json.loads(meta["file"]) if "file" in meta else None
        etag_key = bytes.fromhex(meta["etag_key"])
        assets = read_assets(database) if version >= _WITH_ASSETS else KeptAssets()
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{FILE_NAME} is damaged ({type(error).__name__})") from None
    verdicts = read_verdicts(database) if version >= _WITH_VERDICTS else ()
    learned = _learned(meta.get("learned", "{}"))
    return StoredState(
        overlays=overlays, file=file, learned=learned, etag_key=etag_key, verdicts=verdicts, assets=assets
    )


def _learned(text: str) -> Mapping[str, Any]:
    """Read what was learned of cameras; it is a help and nothing else, so damage to it costs only itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def bring_up_to_date(database: sqlite3.Connection, version: int) -> None:
    """Change a database of an older version into one of this version, step by step, each whole or not at all.

    Args:
        database: the database, which can be written.
        version: the version that the database has, 1 or more.

    Raises:
        sqlite3.Error: the database can't be written.
    """
    for step in range(version + 1, SCHEMA_VERSION + 1):
        try:
            database.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[step]} PRAGMA user_version = {step}; COMMIT;")
        except sqlite3.Error:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise


def was_kept(folder: Path) -> bool:
    """Return whether there is a state that can't be read; one that can't even be looked at counts."""
    try:
        if (folder / RESTORING_NAME).exists():
            return True
        check_regular(folder / FILE_NAME, folder / MARKER_NAME)
        return (folder / FILE_NAME).stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
