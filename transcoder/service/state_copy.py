"""A state that can't be written, on a full or read-only disk, is read from here.

Source: https://www.sqlite.org/wal.html#read_only_databases (a write-ahead log can't be read without a file beside it),
https://www.sqlite.org/uri.html (immutable).
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

MEMORY: Final = Path("/dev/shm")  # noqa: S108  # the folder that is made in it is for its owner alone
"""The folder for the copy: it needs no disk, and passwords in the copy never reach one."""

BUSY_TIMEOUT_S: Final = 5.0
"""Seconds for which another process, such as `transcoder config show`, may hold the database."""
_UNWRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}

T = TypeVar("T")


def read_beside(path: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    """Read a database that a gateway may be using; it may lie on a disk that can't be written.

    Args:
        path: the path of the database.
        read: reads the database; it is asked again where a first try met such a disk.

    Raises:
        OSError: there is no room for a copy, or the database can't be read.
        sqlite3.Error: the database is damaged.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)) as database:
            return read(database)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _UNWRITABLE:
            raise
    return read_unwritable(path, read)


def read_unwritable(path: Path, read: Callable[[sqlite3.Connection], T]) -> T:
    """Read a database beside which no file can be made.

    Its write-ahead log holds changes that were answered: a database with a log is read from a copy of both, because it
    would be read without the log where it is.

    Args:
        path: the path of the database.
        read: reads the database.

    Raises:
        OSError: there is no room for a copy, or the database can't be read.
        sqlite3.Error: the database is damaged.
    """
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as database:
            return read(database)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(path, copy)
        shutil.copyfile(log, copy.with_name(log.name))
        with closing(sqlite3.connect(copy)) as database:
            return read(database)
