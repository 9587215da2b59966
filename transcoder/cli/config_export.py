"""A configuration file is written anew with other values in it, and keeps its comments.

The text is trusted only if it says exactly what it is to say, by the same reader that the gateway has; where it does
not, the file is written without its comments.
"""

import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from transcoder.config.document import LOADER, read_document
from transcoder.config.writing import write_document
from transcoder.errors import ConfigError

MAX_COMMENTED: Final = 512 * 1024
"""Characters of a file whose comments are kept: ruamel.yaml takes seconds for so many, and people write fewer."""
WIDTH: Final = 120


def export_text(text: str, whole: Mapping[str, Any]) -> str:
    """Return the text of a file that says something else, with its comments as far as that is possible.

    Args:
        text: the text of the present file, which is valid.
        whole: what the new file is to say.
    """
    if len(text) <= MAX_COMMENTED:
        commented = _commented(text, whole)
        if commented is not None:
            return commented
    return "# Written anew: the comments of the file before are left out.\n" + plain_text(whole)


def plain_text(value: object) -> str:
    """Return YAML without comments."""
    return write_document(value)


def _commented(text: str, whole: Mapping[str, Any]) -> str | None:
    """Return the new text with the comments of the old one; None where it would say something else."""
    try:
        from ruamel.yaml import YAML  # noqa: PLC0415  # needed here alone
        from ruamel.yaml.error import YAMLError  # noqa: PLC0415
    except ImportError:  # a package of a distribution may go without
        return None
    round_trip = YAML()
    round_trip.preserve_quotes = True
    round_trip.width = WIDTH
    out = io.StringIO()
    try:
        streams: Mapping[str, Any] = whole.get("streams") or {}
        left = _without_streams(text, streams)
        there = {name for name, *_ in _spans(left)}
        added = {name: keys for name, keys in streams.items() if there and name not in there}
        document = round_trip.load(left)
        _update(document, {**whole, "streams": {name: keys for name, keys in streams.items() if name not in added}})
        round_trip.dump(document, out)
        new = _with_streams(out.getvalue(), added)
        said = read_document(new, "export", [])
    except (yaml.YAMLError, YAMLError, ConfigError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return new if said == whole else None


def _update(node: Any, new: Mapping[str, Any]) -> None:
    """Change a mapping of ruamel.yaml, in place, where it differs from another one."""
    keys = {str(key): key for key in node}
    for name in keys.keys() - new.keys():
        del node[keys[name]]
    for name, value in new.items():
        key = keys.get(name, name)
        old = node.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping) and value and old.anchor.value is None:  # type: ignore[attr-defined]  # a CommentedMap
            _update(old, value)
        elif name not in keys:
            node.insert(0, key, value)  # a comment behind the last key is mostly about what comes next
        elif old != value:
            node[key] = value


def _without_streams(text: str, kept: Iterable[str]) -> str:
    """Cut the lines of streams that are not kept, each with the comment above it.

    ruamel.yaml would leave a stream's comment to the stream after it.
    """
    lines = text.splitlines(keepends=True)
    names = set(kept)
    for name, first, last, column in reversed(_spans(text)):
        if name in names or lines[first][:column].strip():  # several streams in one line
            continue
        begin = first
        while begin and lines[begin - 1].startswith(" " * column + "#"):
            begin -= 1
        del lines[begin : last + 1]
    return "".join(lines)


def _with_streams(text: str, added: Mapping[str, Any]) -> str:
    """Write streams below the last one, above the comment that follows it."""
    if not added:
        return text
    lines = text.splitlines(keepends=True)
    _, _, last, column = _spans(text)[-1]
    lines[last] = lines[last].rstrip("\n") + "\n"
    lines[last + 1 : last + 1] = [f"{' ' * column}{line}\n" for line in plain_text(added).splitlines()]
    return "".join(lines)


def _spans(text: str) -> list[tuple[str, int, int, int]]:
    """Return the name, the first and the last line, and the column of each stream in a block of `streams`."""
    root = yaml.compose(text, Loader=LOADER)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    sections = [value for key, value in pairs if key.value == "streams"]
    if not sections or not isinstance(sections[0], yaml.MappingNode) or sections[0].flow_style:
        return []
    return [
        (str(key.value), key.start_mark.line, max(_last_line(key), _last_line(value)), key.start_mark.column)
        for key, value in sections[0].value
        if isinstance(key, yaml.ScalarNode)
    ]


def _last_line(node: Any) -> int:
    """Return the number of the last line with something of a node; of an alias, a line of what it stands for."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        inner = [each for pair in node.value for each in (pair if isinstance(pair, tuple) else (pair,))]
        return max(map(_last_line, inner), default=node.start_mark.line)
    mark = node.end_mark  # a block of text ends at the start of the line after it
    return int(mark.line - (1 if mark.column == 0 and mark.line > node.start_mark.line else 0))
