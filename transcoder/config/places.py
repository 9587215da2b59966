"""The line of each key in a YAML text is found here, for problems that are known by their key path."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import yaml

from transcoder.config.document import LOADER
from transcoder.config.include import TextFile
from transcoder.config.problems import path_with
from transcoder.errors import ConfigError, Place

MAX_LEVELS: Final = 64
"""The levels of nesting that are followed: twice as many as a configuration may have."""


@dataclass(slots=True)
class _Level:
    """Holds the place in a mapping or a list that is being read."""

    path: str
    count: int | None
    """The number of entries of a list so far, None in a mapping."""
    key: str | None = None
    """The path of the key whose value comes next, None where a key comes next."""


def located(problems: list[str], files: Iterable[TextFile]) -> ConfigError:
    """Return the error of some problems, each with the file and the line where that is known.

    Args:
        problems: lines that start with a key path.
        files: the files of the configuration, the main file first.
    """
    texts = list(files)
    return ConfigError(list(dict.fromkeys(problems)), file=texts[0].name, places=places(problems, texts))


def places(problems: Iterable[str], files: Iterable[TextFile]) -> dict[str, Place]:
    """Return the place of each problem that has one.

    Args:
        problems: lines that start with a key path.
        files: the files of the configuration, the main file first.
    """
    lines: dict[str, Place] = {}
    for file in files:
        for path, line in key_lines(file.text).items():
            lines.setdefault(path, Place(file=file.name, line=line))
    return {problem: place for problem in problems if (place := _place(problem.partition(": ")[0], lines))}


def key_lines(text: str) -> Mapping[str, int]:
    """Return the line of each key by its key path; of a text that is no YAML, the keys before the mistake."""
    lines: dict[str, int] = {}
    with suppress(yaml.YAMLError, ValueError, OverflowError):  # whoever reads the text reports it
        _walk(yaml.parse(text.removeprefix("\ufeff"), Loader=LOADER), lines)
    return lines


def _place(path: str, lines: Mapping[str, Place]) -> Place | None:
    """Return the place of a path, or of the nearest one above it: a missing key has no line, its mapping has one."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)


def _walk(events: Iterable[Any], lines: dict[str, int]) -> None:
    levels: list[_Level] = []
    for event in events:
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            levels.pop()
            continue
        opens = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        if not opens and not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            continue
        path = _next_path(event, levels, lines)
        if opens:
            if len(levels) >= MAX_LEVELS:
                return
            levels.append(_Level(path or "", 0 if isinstance(event, yaml.SequenceStartEvent) else None))


def _next_path(event: Any, levels: list[_Level], lines: dict[str, int]) -> str | None:
    """Return the path of the value that an event begins, None where it is a key."""
    if not levels:
        return ""
    level, line = levels[-1], event.start_mark.line + 1
    if level.count is not None:
        path = path_with(level.path, level.count)
        level.count += 1
        lines.setdefault(path, line)
        return path
    if level.key is None:
        level.key = path_with(level.path, str(getattr(event, "value", "")))
        lines.setdefault(level.key, line)
        return None
    path, level.key = level.key, None
    return path
