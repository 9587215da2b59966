"""Commands read the state beside a running gateway; nothing is written."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from transcoder.regular_file import check_regular
from transcoder.service.audit import Record
from transcoder.service.audit_records import records_of
from transcoder.service.state_copy import read_beside
from transcoder.service.state_database import FILE_NAME, DamagedError, StoredState, read_state, schema_version
from transcoder.service.state_folder import database_files
from transcoder.service.state_marker import MARKER_NAME, read_marker
from transcoder.service.store import StoreError

T = TypeVar("T")


def read_kept(folder: Path | None) -> StoredState | None:
    """Read the state that a gateway keeps, also while it runs; return None where nothing was ever kept.

    Raises:
        StoreError: the store can't be read.
    """
    return _reading(folder, read_state)


def read_audit(folder: Path | None) -> list[Record] | None:
    """Read the audit log, oldest first; return None where there is none.

    Raises:
        StoreError: the store can't be read.
    """
    return _reading(folder, lambda database: list(records_of(database)))


def _reading(folder: Path | None, read: Callable[[sqlite3.Connection], T]) -> T | None:
    if folder is None:
        return None
    path = folder / FILE_NAME
    try:
        check_regular(*database_files(path))
        if path.exists() and path.stat().st_size:
            found = read_beside(path, lambda database: (read(database),) if schema_version(database) else ())
            if found:
                return found[0]
        remembered = read_marker(folder)
    except (sqlite3.Error, OSError, ValueError, KeyError, DamagedError) as error:
        raise StoreError(f"{path} can't be read: {error}") from None
    if remembered is not None and not remembered.is_empty:
        raise StoreError(f"{path} is empty or gone, and changes were in it: restore it, or remove {MARKER_NAME}")
    return None
