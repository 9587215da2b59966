"""The marker remembers, beside the state, that a state was kept, and what had changes in it.

A file system that was full or lost power can leave an empty state file behind. Without the marker it would be taken for
a new one, and masks and assets that were set at runtime would be gone without a word.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from transcoder.regular_file import open_regular

MARKER_NAME: Final = "state.remembered"
MAX_MARKER_BYTES: Final = 1 << 20
"""Bytes of a marker at most: 4,096 names of 63 characters take 280 kB."""

_ABOUT: Final = (
    "Streams with changes made at runtime in state.sqlite. If that file is lost, these streams are not served: restore "
    "it from a backup, or remove this file to go on without the changes. Masks among them are gone then, and assets."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Says which streams had changes when the state was last written, and whether assets had.

    Attributes:
        streams: at least the names of these streams; None where the marker itself can't be read.
        has_assets: whether assets had changes; where they are lost, the list of cameras is.
    """

    streams: frozenset[str] | None
    has_assets: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether nothing had changes, so that nothing is lost with the state."""
        return self.streams == frozenset() and not self.has_assets

    def and_also(self, other: "Remembered") -> "Remembered":
        """Return the marker of both; one that can't be read is one of any stream."""
        is_known = self.streams is not None and other.streams is not None
        streams = (self.streams or frozenset()) | (other.streams or frozenset()) if is_known else None
        return Remembered(streams=streams, has_assets=self.has_assets or other.has_assets)


def read_marker(folder: Path) -> Remembered | None:
    """Return the facts that the marker remembers; None if no state was ever kept.

    Raises:
        OSError: the marker is there and can't be read.
    """
    try:
        with os.fdopen(open_regular(folder / MARKER_NAME), "rb") as file:
            content = file.read(MAX_MARKER_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = json.loads(content)
        names, has_assets = found["streams"], found.get("assets", False)  # markers of earlier versions have no assets
        if not all(isinstance(name, str) for name in names):
            return Remembered(streams=None)
        return Remembered(streams=frozenset(names), has_assets=has_assets is not False)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Remembered(streams=None)


def write_marker(folder: Path, streams: frozenset[str], *, has_assets: bool = False) -> None:
    """Write the marker anew: the old one stays until the new one is on the disk.

    Raises:
        OSError: the marker can't be written.
    """
    new = folder / f"{MARKER_NAME}.new"
    text = json.dumps({"about": _ABOUT, "streams": sorted(streams), "assets": has_assets})
    new.unlink(missing_ok=True)  # whatever it is
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / MARKER_NAME)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
