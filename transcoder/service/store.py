"""The store keeps the changes made at runtime and the audit log over a restart, with SQLite in a thread of its own.

Nothing here runs on the event loop, and a change is answered only after its transaction is on the disk.
"""

import asyncio
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from transcoder import clock
from transcoder.assets.findings import Finding
from transcoder.assets.history import StateChange
from transcoder.config.kept_changes import Overlay
from transcoder.errors import TranscoderError
from transcoder.regular_file import NotRegularError, check_regular
from transcoder.service.audit import Entry, Record
from transcoder.service.audit_records import append, latest_of
from transcoder.service.kept_assets import move_findings, write_changes, write_finding, write_overlays
from transcoder.service.kept_verdicts import insert, read_signed
from transcoder.service.state_copy import BUSY_TIMEOUT_S, read_unwritable
from transcoder.service.state_database import (
    FILE_NAME,
    FIRST_VERSION,
    SCHEMA,
    DamagedError,
    StoredState,
    bring_up_to_date,
    read_state,
    schema_version,
)
from transcoder.service.state_folder import RESTORING_NAME, database_files, folder_problem, lock_folder
from transcoder.service.state_marker import MARKER_NAME, Remembered, read_marker, write_marker
from transcoder.service.verdicts import Verdict

MAX_BACKLOG: Final = 1024
"""The number of records that may wait and that nobody waits for; past it they are dropped and counted."""

_UNWRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
_HELD: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

T = TypeVar("T")

log = structlog.get_logger()


class StoreError(TranscoderError):
    """The store can't be read or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    entries: Sequence[Entry]
    overlays: Mapping[str, Overlay | None]
    file: Mapping[str, Any] | None
    assets: Mapping[str, Overlay | None]


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

    Attributes:
        dropped: the number of records that nobody waited for and that were not kept.
        refusal: why nothing can be kept until the next start, "" where changes are kept.
        trouble: why the latest change could not be kept, or the next one may not be; "" where all is well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._database: sqlite3.Connection | None = None
        self._lock_fd: int | None = None
        self._backlog = 0
        self._changed: frozenset[str] = frozenset()
        self._changed_assets: frozenset[str] = frozenset()
        self._marked = Remembered(streams=frozenset())
        """The streams that the marker names: the streams of `_changed`, and perhaps more; the same of assets."""
        self._owed: _Owed | None = None
        self.dropped = 0
        self.refusal = ""
        self.trouble = ""

    async def open(self) -> StoredState:
        """Open the database; make it where there is none.

        A database that can't be written is read all the same, and one that was lost is never taken for a new one:
        `refusal` says why, and no change is kept.

        Raises:
            StoreError: the database can't be read, is damaged and nothing remembers whose changes were in it, or
                another gateway has it.
        """
        return await self._run(self._open)

    def owe(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None],
        file: Mapping[str, Any] | None,
        assets: Mapping[str, Overlay | None] | None = None,
    ) -> None:
        """Keep these together with the next change, because they could not be kept for now.

        Changes that are kept belong to a version of the file; without it the next start would compare the file with
        an older version, and take a runtime change for one that the file has changed since.
        """
        self._owed = _Owed(entries=entries, overlays=overlays, file=file, assets=assets or {})

    async def commit(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None] | None = None,
        file: Mapping[str, Any] | None = None,
        assets: Mapping[str, Overlay | None] | None = None,
    ) -> None:
        """Keep changes and their records: all of them, on the disk, or nothing.

        Args:
            entries: the entries for the audit log.
            overlays: the changes by stream; None takes a stream's changes out.
            file: the configuration file as written, where it is another one than before.
            assets: the changes by asset, likewise.

        Raises:
            StoreError: nothing was kept.
        """
        try:
            await self._run(self._commit, entries, overlays or {}, file, assets or {})
        except StoreError as error:
            self.trouble = str(error)
            raise

    async def look(self) -> None:
        """Find out whether the next change could be kept, and say so in `trouble`."""
        try:
            self.trouble = await self._run(self._look)
        except StoreError as error:
            self.trouble = str(error)

    def note_channel(self, stream: str, layer: str, kind: str) -> None:
        """Record a channel, if it was never seen before on this stream. Nobody waits for it."""
        self._submit(self._in_transaction, _write_channel, stream, layer, kind)

    def note_verdict(self, verdict: Verdict, signed: Mapping[str, Any]) -> None:
        """Keep a verdict with its signed statement, which is empty where there is none. Nobody waits for it."""
        self._submit(self._in_transaction, insert, verdict, json.dumps(signed) if signed else "")

    def note_learned(self, learned: Mapping[str, Any]) -> None:
        """Keep what was learned of cameras, in place of what was kept before. Nobody waits for it."""
        self._submit(self._note_learned, json.dumps(learned))

    def note_finding(self, subject: str, finding: Finding) -> None:
        """Keep what was found out about a subject (`asset:<id>`, `stream:<id>`). Nobody waits for it."""
        self._submit(self._in_transaction, write_finding, subject, finding)

    def move_findings(self, old: str, new: str) -> None:
        """Give the findings about one subject to another one, "" for nobody. Nobody waits for it."""
        self._submit(self._in_transaction, move_findings, old, new)

    def note_states(self, changes: Sequence[StateChange]) -> None:
        """Keep changes of the states of assets. Nobody waits for it."""
        self._submit(self._in_transaction, write_changes, changes)

    def _submit(self, work: Callable[..., None], *arguments: Any) -> None:
        if self._backlog >= MAX_BACKLOG or self.refusal:
            self.dropped += 1
            return
        self._backlog += 1
        self._thread.submit(work, *arguments).add_done_callback(self._noted)

    async def signed_verdict(self, stream: str, number: int) -> dict[str, Any] | None:
        """Return the signed statement of a verdict, None where it is not kept.

        Raises:
            StoreError: the store can't be read.
        """
        return await self._run(lambda: read_signed(self._usable(), stream, number))

    async def audit_of(self, stream: str, limit: int) -> list[Record]:
        """Return the last records of the audit log that concern a stream, the newest first.

        Raises:
            StoreError: the store can't be read.
        """
        return await self._run(lambda: latest_of(self._usable(), stream, limit))

    async def close(self) -> None:
        """Finish the work that was begun, and close."""
        with suppress(StoreError, RuntimeError):  # RuntimeError: the thread was closed before
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except (sqlite3.Error, OSError, ValueError, DamagedError) as error:
            has_reason = isinstance(error, OSError) and not isinstance(error, NotRegularError)
            reason = getattr(error, "strerror", None) if has_reason else None
            raise StoreError(f"the state in {self._folder} can't be used: {reason or error}") from error

    # -- in the thread -------------------------------------------------------------------------------------------

    def _open(self) -> StoredState:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (self._folder / RESTORING_NAME).exists():
            raise ValueError("a backup was being restored there: make the restore again, see docs/runbook.md")
        self._lock_fd, blocked = lock_folder(self._folder)
        remembered = read_marker(self._folder)
        try:
            return self._open_or_read(remembered, blocked)
        except (sqlite3.DatabaseError, DamagedError, NotRegularError) as error:
            if remembered is None or remembered.is_empty or _code(error) in _HELD:
                raise
            self._close_database()
            self.refusal = f"the changes made before are lost ({error}); restore {FILE_NAME} or remove {MARKER_NAME}"
            return StoredState(lost=str(error), unknown=remembered.streams)

    def _open_or_read(self, remembered: Remembered | None, blocked: OSError | None) -> StoredState:
        path = self._folder / FILE_NAME
        check_regular(*database_files(path))
        is_there = path.exists() and path.stat().st_size > 0
        if not is_there and remembered is not None:
            if not remembered.is_empty:
                raise DamagedError(f"{FILE_NAME} is empty or gone")
            log.warning("the state that was kept before is empty or gone; nothing had changes in it", path=str(path))
        try:
            if blocked is not None:
                raise blocked
            state = self._open_database(remembered)
        except (sqlite3.Error, OSError) as error:
            if not is_there or not (isinstance(error, OSError) or _code(error) in _UNWRITABLE):
                raise
            self._close_database()
            state = read_unwritable(path, read_state)
            self.refusal = f"it can't be written: {getattr(error, 'strerror', None) or error}"
            return state
        self._changed, self._changed_assets = frozenset(state.overlays), frozenset(state.assets.overlays)
        if remembered is not None and remembered.streams is not None:
            self._marked = remembered
        wanted = Remembered(streams=self._changed, has_assets=bool(self._changed_assets))
        if remembered != wanted:
            try:
                self._mark(wanted)
            except OSError as error:  # the next change is refused, or marks it
                log.warning("the state can't be remembered", path=str(path), reason=error.strerror)
        return state

    def _mark(self, wanted: Remembered) -> None:
        write_marker(self._folder, wanted.streams or frozenset(), has_assets=wanted.has_assets)
        self._marked = wanted

    def _open_database(self, remembered: Remembered | None) -> StoredState:
        path = self._folder / FILE_NAME
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # sqlite would make the file by umask
        database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._database = database
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if schema_version(database) == 0:
            if remembered is not None and not remembered.is_empty:
                raise DamagedError(f"{FILE_NAME} is empty")
            key = secrets.token_hex(32)
            database.executescript(
                f"BEGIN IMMEDIATE; {SCHEMA} INSERT INTO meta VALUES ('etag_key', '{key}');"  # noqa: S608  # our own hex digits
                f"PRAGMA user_version = {FIRST_VERSION}; COMMIT;"
            )
        bring_up_to_date(database, schema_version(database))
        return read_state(database)

    def _commit(
        self,
        entries: Sequence[Entry],
        overlays: Mapping[str, Overlay | None],
        file: Mapping[str, Any] | None,
        assets: Mapping[str, Overlay | None],
    ) -> None:
        self._usable()
        if self._owed is not None:
            entries, overlays = [*self._owed.entries, *entries], {**self._owed.overlays, **overlays}
            file, assets = self._owed.file if file is None else file, {**self._owed.assets, **assets}
        changed, changed_assets = _with_changes(self._changed, overlays), _with_changes(self._changed_assets, assets)
        wanted = Remembered(streams=changed, has_assets=bool(changed_assets))
        both = self._marked.and_also(wanted)
        if both != self._marked:  # remembered before it is kept: the marker may name too many, never too few
            self._mark(both)
        self._in_transaction(_write_changes, entries, overlays, file, assets)
        self._changed, self._changed_assets, self._owed = changed, changed_assets, None
        if self._marked != wanted:
            with suppress(OSError):
                self._mark(wanted)

    def _in_transaction(self, write: Callable[..., None], *arguments: Any) -> None:
        database = self._usable()
        database.execute("BEGIN IMMEDIATE")
        try:
            write(database, *arguments)
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise

    def _look(self) -> str:
        """Look at the folder; where something was amiss, write to the database as well."""
        if self.refusal:
            return self.trouble
        problem = folder_problem(self._folder)
        if self.trouble and not problem:
            self._usable().execute("INSERT OR REPLACE INTO meta VALUES ('looked', ?)", (now_text(),))
        return problem

    def _note_learned(self, document: str) -> None:
        self._usable().execute("INSERT OR REPLACE INTO meta VALUES ('learned', ?)", (document,))

    def _noted(self, future: Any) -> None:
        self._backlog -= 1
        if not future.cancelled() and (error := future.exception()) is not None:
            self.dropped += 1
            self.trouble = str(error)
            log.error("a record could not be kept", reason=str(error))

    def _usable(self) -> sqlite3.Connection:
        if self.refusal:
            raise ValueError(self.refusal)
        if self._database is None:
            raise ValueError("it is closed")
        return self._database

    def _close_database(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _close(self) -> None:
        self._close_database()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _with_changes(names: frozenset[str], overlays: Mapping[str, Overlay | None]) -> frozenset[str]:
    """Return the names that have changes from now on."""
    return (names | overlays.keys()) - {name for name, overlay in overlays.items() if overlay is None}


def _code(error: BaseException) -> int:
    """Return the primary result code of SQLite, 0 for other errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _write_changes(
    database: sqlite3.Connection,
    entries: Sequence[Entry],
    overlays: Mapping[str, Overlay | None],
    file: Mapping[str, Any] | None,
    assets: Mapping[str, Overlay | None],
) -> None:
    for stream, overlay in overlays.items():
        if overlay is None:
            database.execute("DELETE FROM overlay WHERE stream = ?", (stream,))
        else:
            database.execute("INSERT OR REPLACE INTO overlay VALUES (?, ?)", (stream, overlay.to_json()))
    write_overlays(database, assets)
    if file is not None:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('file', ?)", (json.dumps(file),))
    append(database, entries, now_text)


def _write_channel(database: sqlite3.Connection, stream: str, layer: str, kind: str) -> None:
    row = (stream, layer, kind, now_text())
    if database.execute("INSERT OR IGNORE INTO channel VALUES (?, ?, ?, ?)", row).rowcount:
        detail = {"layer": layer, "kind": kind}
        append(database, [Entry(who="gateway", what="channel_seen", stream=stream, detail=detail)], now_text)
