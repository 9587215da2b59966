"""The marker remembers, beside the state, that a state was kept, and the streams that had changes in it.

A file system that was full or lost power can leave an empty state file behind. Without the marker it would be taken for
a new one, and masks that were set at runtime would be gone without a word.
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
    "it from a backup, or remove this file to go on without the changes. Masks among them are gone then."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """Says which streams had changes when the state was last written.

    Attributes:
        streams: at least the names of these streams; None where the marker itself can't be read.
    """

    streams: frozenset[str] | None


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
        names = json.loads(content)["streams"]
        if not all(isinstance(name, str) for name in names):
            return Remembered(streams=None)
        return Remembered(streams=frozenset(names))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Remembered(streams=None)


def write_marker(folder: Path, streams: frozenset[str]) -> None:
    """Write the marker anew: the old one stays until the new one is on the disk.

    Raises:
        OSError: the marker can't be written.
    """
    new = folder / f"{MARKER_NAME}.new"
    text = json.dumps({"about": _ABOUT, "streams": sorted(streams)})
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
