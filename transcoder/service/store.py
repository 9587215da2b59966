"""The store keeps the changes made at runtime and the audit log over a restart, with SQLite in a thread of its own.

Nothing here runs on the event loop, and a change is answered only after its transaction is on the disk.
"""

import asyncio
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from transcoder import clock
from transcoder.config.overlay import Overlay
from transcoder.errors import TranscoderError
from transcoder.service.audit import GENESIS, Entry, Record, link

FILE_NAME: Final = "state.sqlite"
SCHEMA_VERSION: Final = 1
BUSY_TIMEOUT_S: Final = 5.0
"""Seconds for which another process, such as `transcoder config show`, may hold the database."""
MAX_BACKLOG: Final = 1024
"""The number of records that may wait and that nobody waits for; past it they are dropped and counted."""

_SCHEMA: Final = """
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
_AUDIT_COLUMNS: Final = "sequence, at, who, what, stream, detail, previous, hash"

T = TypeVar("T")

log = structlog.get_logger()


class StoreError(TranscoderError):
    """The store can't be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """Holds everything that the store kept.

    Attributes:
        overlays: the changes of each stream.
        file: the configuration file as it was written when last read, None before the first time.
        etag_key: a random key for tags of configurations.
    """

    overlays: Mapping[str, Overlay]
    file: Mapping[str, Any] | None
    etag_key: bytes


def now_text() -> str:
    """Return the time, UTC, RFC 3339 with milliseconds."""
    return time_text(clock.wall_clock())


def time_text(unix_s: float) -> str:
    """Write a time in UTC seconds as RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """Holds the database of one running gateway.

    Args:
        folder: the folder of the state; it is made where it is missing, for its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._database: sqlite3.Connection | None = None
        self._lock_fd: int | None = None
        self._backlog = 0
        self.dropped = 0

    async def open(self) -> StoredState:
        """Open the database; make it where there is none.

        Raises:
            StoreError: the database can't be opened, is damaged, or another gateway has it.
        """
        return await self._run(self._open)

    async def commit(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None] | None = None,
        file: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep changes and their records: all of them, on the disk, or nothing.

        Args:
            entries: the entries for the audit log.
            overlays: the changes by stream; None takes a stream's changes out.
            file: the configuration file as written, where it is another one than before.

        Raises:
            StoreError: nothing was kept.
        """
        await self._run(self._commit, entries, overlays or {}, file)

    def note_channel(self, stream: str, layer: str, kind: str) -> None:
        """Record a channel, if it was never seen before on this stream. Nobody waits for it."""
        if self._backlog >= MAX_BACKLOG:
            self.dropped += 1
            return
        self._backlog += 1
        self._thread.submit(self._note_channel, stream, layer, kind).add_done_callback(self._noted)

    async def close(self) -> None:
        """Finish the work that was begun, and close."""
        with suppress(StoreError, RuntimeError):  # RuntimeError: the thread was closed before
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except (sqlite3.Error, OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise StoreError(f"the state in {self._folder} can't be used: {reason}") from error

    # -- in the thread -------------------------------------------------------------------------------------------

    def _open(self) -> StoredState:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock_fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError("another gateway runs with it") from None
        path = self._folder / FILE_NAME
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # sqlite would make the file by umask
        database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._database = database
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise ValueError(f"it was written by a newer version (schema {version})")
        if version == 0:
            key = secrets.token_hex(32)
            database.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} INSERT INTO meta VALUES ('etag_key', '{key}');"  # noqa: S608  # our own hex digits
                f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        return _read_kept(database)

    def _commit(
        self, entries: Sequence[Entry], overlays: Mapping[str, Overlay | None], file: Mapping[str, Any] | None
    ) -> None:
        database = self._usable()
        database.execute("BEGIN IMMEDIATE")
        try:
            for stream, overlay in overlays.items():
                if overlay is None:
                    database.execute("DELETE FROM overlay WHERE stream = ?", (stream,))
                else:
                    database.execute("INSERT OR REPLACE INTO overlay VALUES (?, ?)", (stream, overlay.to_json()))
            if file is not None:
                database.execute("INSERT OR REPLACE INTO meta VALUES ('file', ?)", (json.dumps(file),))
            _append(database, entries)
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise

    def _note_channel(self, stream: str, layer: str, kind: str) -> None:
        database = self._usable()
        database.execute("BEGIN IMMEDIATE")
        try:
            row = (stream, layer, kind, now_text())
            if database.execute("INSERT OR IGNORE INTO channel VALUES (?, ?, ?, ?)", row).rowcount:
                detail = {"layer": layer, "kind": kind}
                _append(database, [Entry(who="gateway", what="channel_seen", stream=stream, detail=detail)])
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise

    def _noted(self, future: Any) -> None:
        self._backlog -= 1
        if not future.cancelled() and (error := future.exception()) is not None:
            self.dropped += 1
            log.error("a channel could not be recorded", reason=str(error))

    def _usable(self) -> sqlite3.Connection:
        if self._database is None:
            raise ValueError("it is closed")
        return self._database

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _append(database: sqlite3.Connection, entries: Sequence[Entry]) -> None:
    last = database.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    sequence, previous = last or (0, GENESIS)
    for entry in entries:
        sequence += 1
        record = link(entry, sequence=sequence, at=now_text(), previous=previous)
        values = (sequence, record.at, record.who, record.what, record.stream, record.detail, previous, record.hash)
        database.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        previous = record.hash


def _read_kept(database: sqlite3.Connection) -> StoredState:
    meta = dict(database.execute("SELECT key, value FROM meta"))
    overlays = {
        stream: Overlay.from_json(document)
        for stream, document in database.execute("SELECT stream, document FROM overlay ORDER BY stream")
    }
    file = json.loads(meta["file"]) if "file" in meta else None
    return StoredState(overlays=overlays, file=file, etag_key=bytes.fromhex(meta["etag_key"]))


# -- for commands beside a running gateway -------------------------------------------------------------------------


def read_kept(folder: Path) -> StoredState | None:
    """Read the state that a gateway keeps, also while it runs; return None where nothing was ever kept.

    Raises:
        StoreError: the store can't be read.
    """
    return _reading(folder, _read_kept)


def read_audit(folder: Path) -> list[Record] | None:
    """Read the audit log, oldest first; return None where there is none.

    Raises:
        StoreError: the store can't be read.
    """
    return _reading(folder, lambda database: list(_records(database)))


def _records(database: sqlite3.Connection) -> Iterator[Record]:
    names = [name.strip() for name in _AUDIT_COLUMNS.split(",")]
    for row in database.execute(f"SELECT {_AUDIT_COLUMNS} FROM audit ORDER BY sequence"):  # noqa: S608  # a constant
        yield Record(**dict(zip(names, row, strict=True)))


def _reading(folder: Path, read: Callable[[sqlite3.Connection], T]) -> T | None:
    path = folder / FILE_NAME
    if not path.exists():
        return None
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S)
        ) as database:
            return read(database)
    except (sqlite3.Error, ValueError, KeyError) as error:
        raise StoreError(f"{path} can't be read: {error}") from None
