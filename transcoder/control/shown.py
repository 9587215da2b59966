"""Configurations and changes as they are shown and recorded: without secrets."""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.config import StreamConfig, stream_keys
from transcoder.config.overlay import Difference
from transcoder.logs import redact
from transcoder.text import printable

MAX_DETAIL: Final = 300
"""Characters of a text in an event's detail."""


def shown(stream: StreamConfig) -> dict[str, Any]:
    """A stream's keys without secrets, also those that stand in a URL's path."""
    keys = stream_keys(stream, secrets=False)
    keys["source"] = {**keys["source"], "url": redact(keys["source"]["url"])}
    return keys


def unhidden(keys: object, known: StreamConfig | None) -> object:
    """The keys that a writer gave; a source just as the known stream shows it means that one, password and all."""
    if known is not None and isinstance(keys, Mapping) and keys.get("source") == shown(known)["source"]:
        return {**keys, "source": stream_keys(known, secrets=True)["source"]}
    return keys


def without_secrets(value: object) -> object:
    """A value of an event's detail: text is redacted and bounded, anything else is left as it is."""
    return printable(redact(value), MAX_DETAIL) if isinstance(value, str) else value


def hide(value: object) -> Any:
    """What a writer gave, without the secrets that may be in it."""
    if isinstance(value, Mapping):
        return {
            printable(str(key), 64): "***" if key in {"password", "username"} and item is not None else hide(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide(item) for item in value]
    return redact(value) if isinstance(value, str) else value


def described(found: Difference) -> dict[str, Any]:
    """What a change changed, by kind; kinds of which there is nothing are left out."""
    parts = {
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": {name: list(paths) for name, paths in found.changed.items()},
        "sections": list(found.sections),
    }
    return {key: value for key, value in parts.items() if value}
