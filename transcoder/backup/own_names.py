"""An archive may hold the configuration, the files that the configuration names, and the state.

A restore writes no other file: an archive that somebody has changed must not bring a shell's `.bashrc` into the folder
of the configuration. Names that begin with a dot are never written, whatever names them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import translate
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Any, Final

from transcoder.backup.manifest import BackupError, Manifest
from transcoder.config.document import Budget, read_document
from transcoder.config.include import MAX_FILE_BYTES, MAX_PATTERNS
from transcoder.config.permissions import named_files
from transcoder.errors import ConfigError

_VARIABLE: Final = re.compile(r"\$\{[^}]*\}")
_ANYTHING: Final = "\x01"
"""Stands for a variable, whose value is another one on another machine. No name holds it."""

Read = Callable[[frozenset[str]], Mapping[str, bytes]]
"""Reads some files of the archive, by their names there."""


def is_hidden(name: str) -> bool:
    """Return whether a file, or a folder above it, has a name that begins with a dot."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def check_own_names(manifest: Manifest, read: Read) -> None:
    """Refuse an archive with a file that its own configuration does not name.

    Args:
        manifest: the manifest of the archive.
        read: reads files of the archive; it is asked for the configuration file and for those that it includes.

    Raises:
        BackupError: there is such a file; nothing was changed.
    """
    main = f"config/{manifest.configuration}"
    others = {path for member in manifest.files if (path := _path(member.name)) and member.name != main}
    budget = Budget()
    texts = [_read(main, read(frozenset({main}))[main], budget)]
    included = _including(texts[0])
    inside = {path for path in others if any(pattern.fullmatch(path) for pattern in included)}
    if sum(member.bytes for member in manifest.files if _path(member.name) in inside) > MAX_FILE_BYTES:
        raise BackupError(f"{main} includes more than {MAX_FILE_BYTES} bytes: nothing was changed")
    if inside:
        contents = read(frozenset(f"config/{path}" for path in inside))
        texts += [_read(name, content, budget) for name, content in sorted(contents.items())]
    named = _Named(name for text in texts for name, _ in named_files(text))
    for path in sorted(others):
        if is_hidden(path):
            raise BackupError(f"config/{path} is hidden, and no hidden file is restored: nothing was changed")
        if path not in inside and path not in named:
            raise BackupError(f"config/{path} is no file that {main} names: nothing was changed")


def _path(name: str) -> str:
    """Return the path of a file below the configuration's folder, "" for a file of the state."""
    return name.removeprefix("config/") if name.startswith("config/") else ""


def _read(name: str, content: bytes, budget: Budget) -> object:
    """Return what a file of the configuration says; keys that are given twice are found when it is loaded.

    Raises:
        BackupError: it is no configuration.
    """
    try:
        return read_document(content.decode("utf-8"), name, [], budget)
    except ConfigError as error:
        raise BackupError(f"{error.problems[0]}: nothing was changed") from None
    except UnicodeDecodeError:
        raise BackupError(f"{name} is not UTF-8 text: nothing was changed") from None


class _Named:
    """Holds the names of files as a configuration gives them; a folder and a variable may be others meanwhile."""

    def __init__(self, names: Iterator[str]) -> None:
        self._whole: set[str] = set()
        self._ends: set[str] = set()
        """What stands behind the last variable of a name."""
        for name in names:
            path = normpath(_VARIABLE.sub(_ANYTHING, name))
            end = path.rpartition(_ANYTHING)[2]
            self._whole.update(_suffixes(path) if end == path else [end.removeprefix("/")])
            if end != path:
                self._ends.add(end)

    def __contains__(self, path: str) -> bool:
        return path in self._whole or any(path[start:] in self._ends for start in range(len(path) + 1))


def _including(data: object) -> list[re.Pattern[str]]:
    """Return expressions of the names that a configuration includes."""
    value: Any = data.get("include") if isinstance(data, dict) else None
    patterns = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    paths = [
        normpath(_VARIABLE.sub(_ANYTHING, each)) for each in patterns[:MAX_PATTERNS] if isinstance(each, str) and each
    ]
    return [re.compile(_expression(each)) for path in paths for each in _suffixes(path)]


def _expression(pattern: str) -> str:
    folder, slash, name = pattern.rpartition("/")
    here = "" if _ANYTHING in name else r"(?=[^/]*\Z)"  # a wildcard stands for no folder, a variable may
    return f"{re.escape(folder)}{slash}{here}{translate(name)}".replace(re.escape(_ANYTHING), ".*")


def _suffixes(path: str) -> list[str]:
    """Return a relative path; of an absolute one each end, as the configuration's folder may be any above the file."""
    if not path.startswith(("/", _ANYTHING)):
        return [path]
    parts = path.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts)) if parts[start:] != [""]]
