"""This module makes the file that `transcoder init` writes: every key with its meaning, values, unit and default.

It is made from the same models as docs/configuration.md. Every key but a first stream is commented out, so that a
file shows what its operator chose; the `#` of keys stands in the first column, so that a key keeps its indentation.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from transcoder.config.load import json_schema
from transcoder.config.reference import WAITS, unit_of, values_of, waits_for_start

WIDTH: Final = 110
"""Columns of a line of prose, its indentation included."""

_HEAD: Final = """\
# The configuration of transcoder, with every key. `transcoder check FILE` tells every mistake with its line, and
# docs/configuration.md has the same in tables.
#
# To set a key, take away the # in the first column of its line, and of the section that it is indented under.
# The value that stands there is the default, which holds without the line; where a key has none, an example.
# ${NAME} in a value stands for an environment variable; secrets are better kept in files of their own (`..._file`).

# The streams by id; each is served at rtsp://<rtsp.listen>/<id>. All keys of `defaults` may stand
# under a stream, too, and those of `defaults.source` beside the url of its source.
streams:
  front:
    source: rtsp://192.168.10.21/Streaming/Channels/101  # the camera; write its login as in the next lines
    # source: {url: rtsp://192.168.10.21/Streaming/Channels/101, username: viewer, password_file: front.secret}
"""
_EXAMPLES: Final = {"node": "gw1"}
"""The values of keys whose default is another one on each machine."""
_NAMED: Final = {
    "rtsp.users": "UserConfig",
    "http.tokens": "TokenConfig",
    "assets": "AssetConfig",
    "defaults.masks": "MaskConfig",
    "defaults.renditions": "RenditionConfig",
}
"""The sections that stand any number of times below a key."""


def template() -> str:
    """Return the text of a configuration file with every key."""
    schema = json_schema()
    models = schema["$defs"]
    lines = [_HEAD.rstrip()]
    title = models["StreamConfig"]["properties"]["title"]
    lines += (f"    # {line}" for line in _prose("streams.front.title", title, WIDTH - 6))
    lines += [f"#    title: {_yaml(title['examples'][0])}", ""]
    for key, field in schema["properties"].items():
        if key != "streams":
            lines += [*_key(key, key, field, models, 0, is_needed=False), ""]
    return "\n".join(lines).rstrip() + "\n"


def _key(
    path: str, key: str, field: Mapping[str, Any], models: Mapping[str, Any], depth: int, *, is_needed: bool
) -> Iterator[str]:
    """Yield the lines of a key: its meaning, then itself, commented out, and what is below it."""
    indent = "  " * depth
    section = _section(field)
    start = f"#{indent}# " if depth else "# "
    yield from (start + line for line in _prose(path, field, WIDTH - len(start), models.get(section or "")))
    if path in _NAMED:
        yield from (start + line for line in _named(models[_NAMED[path]], WIDTH - len(start)))
    if section is None:
        yield f"#{indent}{key}: {_yaml(_value(path, field, is_needed=is_needed))}"
        return
    yield f"#{indent}{key}:"
    model = models[section]
    needed = set(model.get("required", ()))
    for name, inner in sorted(model["properties"].items(), key=lambda item: item[0] not in needed):
        yield from _key(f"{path}.{name}", name, inner, models, depth + 1, is_needed=name in needed)


def _prose(path: str, field: Mapping[str, Any], width: int, model: Mapping[str, Any] | None = None) -> list[str]:
    """Return what a key means, its values, its unit, an example, and whether a change waits for the next start."""
    about = field.get("description") or (model or {}).get("description", "")
    parts = [" ".join(about.split())]
    if model is None:
        unit = unit_of(path)
        parts.append(f"Values: {values_of(field).replace('`', '')}{f'; unit: {unit}' if unit else ''}.")
        if field.get("examples") and field.get("default") in (None, [], {}):
            parts.append(f"Example: {_yaml(field['examples'][0])}.")
    if waits_for_start(path) and "$ref" not in field:
        parts.append(WAITS)
    return textwrap.wrap(" ".join(filter(None, parts)), width, break_long_words=False, break_on_hyphens=False)


def _named(model: Mapping[str, Any], width: int) -> Iterator[str]:
    """Yield the keys below a name or of an item, as prose: there may be any number of them."""
    for key, field in model["properties"].items():
        about = " ".join(field.get("description", "").split())
        default = f" Default: {_yaml(field['default'])}." if field.get("default") is not None else ""
        text = f"{key}: {about} Values: {values_of(field).replace('`', '')}.{default}"
        wrapped = textwrap.wrap(text, width - 4, break_long_words=False, break_on_hyphens=False)
        yield from (("  - " if index == 0 else "    ") + line for index, line in enumerate(wrapped))


def _section(field: Mapping[str, Any]) -> str | None:
    """Return the name of the model of a key that is a section."""
    for choice in (field, *field.get("anyOf", ())):
        if "$ref" in choice:
            return str(choice["$ref"]).rpartition("/")[2]
    return None


def _value(path: str, field: Mapping[str, Any], *, is_needed: bool) -> object:
    if path in _EXAMPLES:
        return _EXAMPLES[path]
    if is_needed or "default" not in field:
        return field["examples"][0]
    return field["default"]


def _yaml(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("\n...\n").strip()
