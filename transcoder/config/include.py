"""A configuration file may include others; this module reads them all and puts their keys together.

An included file adds streams, users, tokens and other keys that no other file has. It includes no more files, so that
nothing can go in a circle.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, Final

from transcoder.config.document import Budget, read_document
from transcoder.config.problems import Key, key_path
from transcoder.config.substitution import expand
from transcoder.errors import ConfigError
from transcoder.regular_file import NOT_REGULAR, NotRegularError, open_regular

MAX_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a configuration at most, all its files together: ten thousand streams of 400 bytes each."""

MAX_FILES: Final = 4096
"""The largest number of included files: one for each of the streams that a gateway may have."""

MAX_ENTRIES: Final = 16_384
"""The largest number of entries of a folder that are compared with a pattern: four times as many as may be included."""

MAX_PATTERNS: Final = 64
"""The largest number of patterns in `include`."""

_WILDCARDS: Final = frozenset("*?[")
_NAMED: Final = frozenset({("rtsp", "users"), ("http", "tokens")})
"""The mappings below a section that several files may add names to; `streams` is one itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    """Holds the text of one file of a configuration, and what it says."""

    name: str
    """The file's path as problems show it."""
    text: str = field(repr=False)
    data: object = field(repr=False)


def read_included(
    main: TextFile,
    folder: Path,
    environ: Mapping[str, str],
    budget: Budget,
    problems: list[str],
    path: Path | None,
    *,
    limit: int = MAX_FILE_BYTES,
) -> list[TextFile]:
    """Read the files that a configuration file includes.

    Args:
        main: the file with the key `include`.
        folder: the folder that patterns are relative to.
        environ: the variables for `${NAME}` in patterns.
        budget: the number of values that may still be read.
        problems: takes everything that keeps a file from being used.
        path: the path of the main file, None where it is none.
        limit: the largest number of bytes of all files together.
    """
    if not isinstance(main.data, dict) or main.data.get("include") is None:
        return []
    found: list[TextFile] = []
    seen = {_identity(path): path} if path is not None else {}
    room = limit - len(main.text.encode("utf-8", "surrogatepass"))
    for each in included_paths(main.data["include"], folder, environ, problems):
        try:
            content = _read_regular(each, room, limit)
            identity = _identity(each)
            if identity in seen:
                again = "the file that includes it" if seen[identity] == path else f"{seen[identity]} once more"
                problems.append(f"include: {each} is {again}")
                continue
            text = content.decode("utf-8")
            file = TextFile(name=str(each), text=text, data=read_document(text, str(each), problems, budget))
        except ConfigError as error:
            problems += error.problems
            continue
        except OSError as error:
            problems.append(f"include: {each} can't be read: {error.strerror or type(error).__name__}")
            continue
        except UnicodeDecodeError:
            problems.append(f"include: {each} is not UTF-8 text")
            continue
        except ValueError as error:
            problems.append(f"include: {each} {error}")
            continue
        seen[identity] = each
        room -= len(content)
        found.append(file)
    return found


def included_paths(value: object, folder: Path, environ: Mapping[str, str], problems: list[str]) -> list[Path]:
    """Return the paths that `include` names, each pattern's in the order of their names.

    Args:
        value: the value of `include`: a pattern, or a list of patterns.
        folder: the folder that patterns are relative to.
        environ: the variables for `${NAME}`.
        problems: takes what is wrong with a pattern; a value that is no text is reported with the other keys.
    """
    patterns = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    paths: dict[Path, None] = {}
    for pattern in patterns[:MAX_PATTERNS]:
        if not isinstance(pattern, str) or not pattern:
            continue
        try:
            paths |= dict.fromkeys(_matching(folder / expand(pattern, ("include",), environ, problems)))
        except OSError as error:
            problems.append(f"include: {pattern}: {error.strerror or type(error).__name__}")
        except ValueError as error:
            problems.append(f"include: {pattern}: {error}")
    if len(paths) > MAX_FILES:
        problems.append(f"include: names {len(paths)} files; at most {MAX_FILES} may be included")
    return list(paths)[:MAX_FILES]


def put_together(files: list[TextFile], problems: list[str]) -> dict[str, Any]:
    """Return the keys of all files in one mapping; a key that two files give is a problem that names both.

    Args:
        files: the main file, whose text is a mapping, and the included ones.
        problems: takes the keys that are given twice, and files that hold no mapping.
    """
    whole: dict[str, Any] = {}
    owners: dict[tuple[Key, ...], str] = {}
    for index, file in enumerate(files):
        data = {} if file.data is None else file.data
        if not isinstance(data, dict):
            problems.append(f"{file.name}: must be a mapping of keys at its top level")
        elif index and "include" in data:
            problems.append(f"{file.name}: include: an included file includes no more; name all in {files[0].name}")
        else:
            _add(whole, data, (), file.name, owners, problems)
    return whole


def _add(
    whole: dict[str, Any],
    data: Mapping[str, Any],
    path: tuple[str, ...],
    name: str,
    owners: dict[tuple[Key, ...], str],
    problems: list[str],
) -> None:
    for key, value in data.items():
        at = (*path, key)
        if key not in whole:
            owners[at] = name
            whole[key] = value
            if isinstance(value, dict) and _is_shared(at):
                whole[key] = {}  # others may add to it
                _add(whole[key], value, at, name, owners, problems)
        elif _is_shared(at) and isinstance(value, dict) and isinstance(whole[key], dict):
            _add(whole[key], value, at, name, owners, problems)
        elif not key.startswith("x-"):
            problems.append(f"{key_path(at)}: given twice, in {_owner(at, owners)} and in {name}")


def _is_shared(path: tuple[str, ...]) -> bool:
    """Return whether several files may each give some of the keys at a path."""
    return len(path) == 1 or path in _NAMED


def _owner(path: tuple[str, ...], owners: Mapping[tuple[Key, ...], str]) -> str:
    return next(owners[path[:end]] for end in range(len(path), 0, -1) if path[:end] in owners)


def _matching(pattern: Path) -> list[Path]:
    """Return the files that a pattern names, in the order of their names.

    Raises:
        ValueError: the pattern is none that can be followed, or its folder is too large.
        OSError: the pattern's folder can't be read, or there is no such file.
    """
    if _WILDCARDS & set(str(pattern.parent)):
        raise ValueError("* ? [ may stand in the last part of a pattern only")
    if not _WILDCARDS & set(pattern.name):
        return [pattern]
    with os.scandir(pattern.parent) as entries:
        names = [entry.name for entry in islice(entries, MAX_ENTRIES + 1)]
    if len(names) > MAX_ENTRIES:
        raise ValueError(f"its folder has more than {MAX_ENTRIES} entries")
    hidden = pattern.name.startswith(".")  # editors leave hidden files beside the one that they write
    return [
        pattern.parent / name
        for name in sorted(names)
        if fnmatchcase(name, pattern.name) and name.startswith(".") == hidden
    ]


def _read_regular(path: Path, room: int, limit: int) -> bytes:
    """Read a file, as far as there is room for it.

    Raises:
        ValueError: the file is not regular, or all files together are too large.
        OSError: the file can't be read.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            content = file.read(room + 1)
    except NotRegularError:
        raise ValueError(f"is {NOT_REGULAR}") from None
    if len(content) > room:
        raise ValueError(f"makes the configuration larger than {limit} bytes")
    return content


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
