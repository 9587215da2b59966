"""The folder of the state belongs to one gateway at a time, and is looked at before anything is written to it."""

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from transcoder.regular_file import NotRegularError, check_regular, open_regular
from transcoder.service.state_marker import MARKER_NAME

LOCK_NAME: Final = "lock"
"""The file that a running gateway holds locked (flock(2))."""
RESTORING_NAME: Final = "restore.unfinished"
"""The file that is there while a backup takes the place of the state: what lies beside it may be half of each."""
SMALLEST_BYTES: Final = 8 << 20
"""Bytes that have to be free: a write-ahead log grows to 4 MB before it is written back (SQLite: 1,000 pages of 4,096
bytes), and as much has to fit beside it when it is."""
USUAL_BYTES: Final = 256 << 20
"""Bytes that should be free: compiled kernels take 3 MB, a year of 1,000 audit records a day 150 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Says how much room a file system has.

    Attributes:
        free_bytes: the bytes that this user may still write.
        free_files: the files that may still be made; None where the file system has no limit.
    """

    free_bytes: int
    free_files: int | None


def folder_problem(folder: Path) -> str:
    """Return why a gateway of this user can't keep its state in a folder; "" where it can.

    Nothing is written to find out; a file system that says yes and refuses all the same is met when the gateway starts.
    """
    nearest = folder
    try:
        while not nearest.exists():  # it is made by the gateway, where the folder above allows it
            nearest = nearest.parent
    except OSError as error:
        return f"{nearest} can't be looked at: {error.strerror}"
    if not nearest.is_dir():
        return f"{nearest} is a file and no folder"
    space = space_of(nearest)
    if os.statvfs(nearest).f_flag & os.ST_RDONLY:
        return f"{nearest} is on a file system that is mounted read-only"
    if not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        return f"{nearest} can't be written by user {os.geteuid()}"
    try:
        check_regular(*database_files(nearest / "state.sqlite"), nearest / MARKER_NAME, nearest / LOCK_NAME)
    except NotRegularError as error:
        return str(error)
    for name in ("state.sqlite", LOCK_NAME):
        if (nearest / name).exists() and not os.access(nearest / name, os.R_OK | os.W_OK, effective_ids=True):
            return f"{nearest / name} can't be written by user {os.geteuid()}"
    if space.free_bytes < SMALLEST_BYTES:
        return f"{nearest} is on a file system that is full: {space.free_bytes >> 10} KiB are free"
    if space.free_files == 0:
        return f"{nearest} is on a file system that has no room for another file"
    return ""


def database_files(path: Path) -> tuple[Path, ...]:
    """Return the paths of a database and of the files that SQLite keeps beside it and opens by their names.

    Source: https://www.sqlite.org/tempfiles.html.
    """
    return (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm", "-journal")))


def space_of(folder: Path) -> Space:
    """Return how much room the file system of a folder has.

    Raises:
        OSError: the folder is not there.
    """
    found = os.statvfs(folder)
    return Space(free_bytes=found.f_bavail * found.f_frsize, free_files=found.f_favail if found.f_files else None)


def is_locked(folder: Path) -> bool:
    """Return whether a gateway runs that keeps its state in a folder.

    Raises:
        OSError: the lock can't be looked at.
    """
    try:
        held = open_regular(folder / LOCK_NAME)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(held)
    return False


def lock_folder(folder: Path) -> tuple[int | None, OSError | None]:
    """Lock the folder of the state for this process.

    Returns:
        The descriptor that holds the lock, and None; or, where nothing can be written there, the reason, with a
        descriptor if the lock is there and could be had.

    Raises:
        ValueError: another gateway has the folder.
        NotRegularError: the lock is no file.
    """
    path, held, blocked = folder / LOCK_NAME, None, None
    try:
        held = open_regular(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        blocked = error
        with suppress(FileNotFoundError):
            held = open_regular(path)
    try:
        if held is not None:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        assert held is not None  # noqa: S101  # for the type checker
        os.close(held)
        raise ValueError("another gateway runs with it") from None
    return held, blocked
