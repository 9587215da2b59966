"""This module reads YAML text into plain data, with bounds.

The tree is built from parser events instead of by PyYAML's composer, which recurses without a limit, keeps the last of
two equal keys without a word, and expands merge keys as often as a file asks for. Scalars follow the YAML 1.2 core
schema (`no`, `on` and `12:30` stay text); keys are always text.

Source: YAML 1.2.2, 10.3 (core schema).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from transcoder.config.problems import Key, key_path
from transcoder.errors import ConfigError

MAX_DEPTH: Final = 32
"""The largest number of levels of nesting; the deepest key of the model is at level 7 (streams, id, masks, mask,
polygon, point, number)."""

MAX_NODES: Final = 500_000
"""The largest number of values in a configuration, with aliases counted in full: over a thousand streams with every key
and 32 small masks each."""

TEXT_PER_NODE: Final = 64
"""The characters of a scalar that count as one node more, so that an alias of a long text isn't free."""

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The reader of events: libyaml, where PyYAML was built with it, is 10 times faster."""
_UNPRINTABLE: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"})


@dataclass(slots=True)
class Budget:
    """Counts the values that the files of one configuration have together."""

    nodes: int = 0
    limit: int = MAX_NODES
    """The largest number of values."""


def read_document(text: str, name: str, problems: list[str], budget: Budget | None = None) -> object:
    """Read one YAML document.

    Args:
        text: the file's text.
        name: the name that a problem of the whole file starts with, mostly its path.
        problems: takes the keys that are given twice; reading goes on with the first of them.
        budget: counts the values of this text and of others; None where there are no others.

    Returns:
        A dict (text keys), list, str, int, float, bool or None.

    Raises:
        ConfigError: the text is no YAML, or passes a limit; one problem with file, line and column.
    """
    text = text.removeprefix("\ufeff")
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        column = bad.start() - text.rfind("\n", 0, bad.start())
        raise ConfigError([f"{name}: line {line}, column {column}: a character that YAML doesn't allow"])
    try:
        return _Builder(yaml.parse(text, Loader=LOADER), name, problems, budget or Budget()).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = " ".join(part for part in (error.context, error.problem) if part)
        at = "".join(text.splitlines()[mark.line : mark.line + 1]) if mark else ""
        hint = "; inside { } or [ ], ${NAME} must be in quotes" if "${" in at else ""
        if "\t" in at[: len(at) - len(at.lstrip())]:
            hint += "; the line is indented by a tab, and YAML takes blanks only"
        raise ConfigError([f"{name}: {where}no valid YAML: {reason}{hint}"]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # escapes such as "\UFFFFFFFF" end in chr()
        raise ConfigError([f"{name}: no valid YAML ({type(error).__name__})"]) from None


class _Builder:
    """Builds the values of one document from its events."""

    def __init__(self, events: Iterator[Any], name: str, problems: list[str], budget: Budget) -> None:
        self._events = events
        self._name = name
        self._problems = problems
        self._budget = budget
        self._anchors: dict[str, tuple[object, int]] = {}  # the value, and the number of nodes in it

    def document(self) -> object:
        value: object = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "a second document; a configuration is one")
                value = self._value(next(self._events), ())
        return value

    def _value(self, event: Any, path: tuple[Key, ...]) -> object:
        if len(path) > MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            anchor = str(event.anchor)
            if anchor not in self._anchors:
                raise self._refuse(event, f"alias *{anchor[:40]} of nothing that stands before it")
            value, nodes = self._anchors[anchor]
            self._count(event, nodes)
            return value
        if event.tag is not None and event.tag not in _TAGS:
            raise self._refuse(event, f"tag {event.tag[:40]} is not allowed")
        before = self._budget.nodes
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, 1 + len(event.value) // TEXT_PER_NODE)
            value = _scalar(event.value) if event.implicit[0] and event.tag is None else event.value
        elif isinstance(event, yaml.SequenceStartEvent):
            self._count(event, 1)
            value = self._sequence(path)
        else:
            self._count(event, 1)
            value = self._mapping(path)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._budget.nodes - before)
        return value

    def _sequence(self, path: tuple[Key, ...]) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: tuple[Key, ...]) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: dict[str, object] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if isinstance(event, yaml.AliasEvent):
                key: object = self._value(event, path)
            else:
                key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if not isinstance(key, str):
                raise self._refuse(event, "a key must be text")
            self._count(event, 1 + len(key) // TEXT_PER_NODE)
            is_merge = key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            value = self._value(next(self._events), (*path, key))
            if is_merge:
                for source in reversed(value) if isinstance(value, list) else [value]:
                    if not isinstance(source, dict):
                        raise self._refuse(event, "<< takes a mapping or a list of mappings")
                    merged.update(source)
                continue
            line = event.start_mark.line + 1
            if key in lines:
                self._problems.append(f"{key_path((*path, key))}: given twice, in lines {lines[key]} and {line}")
                continue
            lines[key] = line
            result[key] = value
        return {**merged, **result}

    def _count(self, event: Any, nodes: int) -> None:
        self._budget.nodes += nodes
        if self._budget.nodes > self._budget.limit:
            raise self._refuse(event, f"more than {self._budget.limit} values, aliases counted in full")

    def _refuse(self, event: Any, reason: str) -> ConfigError:
        mark = event.start_mark
        return ConfigError([f"{self._name}: line {mark.line + 1}, column {mark.column + 1}: {reason}"])


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[1:2] in {"x", "o"} else int(text)
    if len(text) <= TEXT_PER_NODE and _FLOAT.fullmatch(text):
        return float(
            text.replace(".inf", "inf")
            .replace(".Inf", "inf")
            .replace(".INF", "inf")
            .replace(".n", "n")
            .replace(".N", "n")
        )
    return text
