"""Configurations and changes are shown and recorded without secrets; this module takes the secrets out."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from transcoder.config import HIDDEN, StreamConfig, stream_keys
from transcoder.config.overlay import Difference
from transcoder.config.source import SOURCE_PORTS
from transcoder.logs import redact
from transcoder.text import printable
from transcoder.url import split_url

_OF_MODEL: Final = str(SecretStr("x"))
"""The text that pydantic writes for a secret."""
MAX_DETAIL: Final = 300
"""Characters of a text in an event's detail, at most."""


def shown(stream: StreamConfig) -> dict[str, Any]:
    """Return a stream's keys without secrets, also without those that stand in a URL's path."""
    keys = stream_keys(stream, secrets=False)
    keys["source"] = {**keys["source"], "url": shown_url(keys["source"]["url"])}
    return keys


def shown_url(text: str) -> str:
    """Return the URL of a source, which has no login, without the secrets that may stand in its path.

    Its parts are told apart as everywhere, so that a host is shown as it is connected to, whatever follows it.
    """
    rest = split_url(text, SOURCE_PORTS).rest
    return text[: len(text) - len(rest)] + redact(rest)


def without_secret_values(value: Any) -> Any:
    """Return JSON data of a model with HIDDEN in place of what the model hides."""
    if isinstance(value, Mapping):
        return {key: without_secret_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_secret_values(item) for item in value]
    return HIDDEN if value == _OF_MODEL else value


def restore_source(keys: object, known: StreamConfig | None) -> object:
    """Return a writer's keys; a source that equals the one shown of the known stream gets its secrets back."""
    if known is not None and isinstance(keys, Mapping) and keys.get("source") == shown(known)["source"]:
        return {**keys, "source": stream_keys(known, secrets=True)["source"]}
    return keys


def without_secrets(value: object) -> object:
    """Return a value of an event's detail: text is redacted and bounded, anything else is left as it is."""
    return printable(redact(value), MAX_DETAIL) if isinstance(value, str) else value


def hide(value: object) -> Any:
    """Return a value that a writer gave, without the secrets that may be in it."""
    if isinstance(value, Mapping):
        return {
            printable(str(key), 64): "***" if key in {"password", "username"} and item is not None else hide(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide(item) for item in value]
    return redact(value) if isinstance(value, str) else value


def difference_detail(difference: Difference) -> dict[str, Any]:
    """Return a difference by kind; kinds that are empty are left out."""
    parts = {
        "added": list(difference.added),
        "removed": list(difference.removed),
        "changed": {name: list(paths) for name, paths in difference.changed.items()},
        "sections": list(difference.sections),
    }
    return {key: value for key, value in parts.items() if value}
