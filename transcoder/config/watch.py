"""Changes of a configuration file, and of the files that it includes, are noticed here."""

import os
from pathlib import Path
from typing import Final, TypeAlias

from transcoder.config.document import Budget, read_document
from transcoder.config.include import MAX_FILE_BYTES, included_paths
from transcoder.config.substitution import read_bounded
from transcoder.errors import ConfigError

FileStamp: TypeAlias = tuple[int, int, int]
Stamp: TypeAlias = tuple[tuple[Path, FileStamp | None], ...]

SETTLE_S: Final = 1.0
"""Seconds for which files have to stay as they are before a change is taken up: they may be half written."""


class WatchedFiles:
    """Knows which files make up a configuration, also while it is not valid.

    Args:
        path: the configuration file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: FileStamp | None = None
        self._include: object = None
        self._taken: Stamp | None = None
        """The files as they were when a change was last taken up; None before they were looked at."""
        self._latest: Stamp | None = None
        self._since = 0.0

    def look(self, now: float) -> bool:
        """Return whether there is a change to take up, and the files have been left alone since.

        The call reads folders and files: it does not belong on an event loop.

        Args:
            now: monotonic seconds.
        """
        stamp = self.stamp()
        if self._taken is None:
            self._taken = stamp
        if stamp != self._latest:
            self._latest, self._since = stamp, now
        if stamp is None or stamp == self._taken or now - self._since < SETTLE_S:
            return False
        self._taken = stamp
        return True

    def stamp(self) -> Stamp | None:
        """Return what differs whenever a file was changed, added or removed; None where the file itself is away.

        The call reads folders and files: it does not belong on an event loop.
        """
        main = _stamp(self._path)
        if main is None:
            return None
        if main != self._read:
            self._read, self._include = main, self._included()
        paths = included_paths(self._include, self._path.parent, os.environ, [])
        return ((self._path, main), *((path, _stamp(path)) for path in paths))

    def _included(self) -> object:
        """Return the value of `include`; of a file that can't be read, the value that it had before."""
        try:
            text = read_bounded(self._path, MAX_FILE_BYTES).decode("utf-8")
            data = read_document(text, str(self._path), [], Budget())
        except (OSError, ValueError, ConfigError):  # whoever loads the file reports it
            return self._include
        return data.get("include") if isinstance(data, dict) else None


def _stamp(path: Path) -> FileStamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
