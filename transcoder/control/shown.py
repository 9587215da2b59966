"""Configurations and changes are shown and recorded without secrets; this module takes the secrets out."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import SecretStr

from transcoder.config import HIDDEN, StreamConfig, stream_keys
from transcoder.config.asset import CONFIDENTIAL, AssetConfig
from transcoder.config.asset_overlay import asset_keys
from transcoder.config.difference import Difference
from transcoder.config.push import PUSH_PORTS
from transcoder.config.source import SOURCE_PORTS
from transcoder.logs import redact
from transcoder.text import printable
from transcoder.url import split_url

_OF_MODEL: Final = str(SecretStr("x"))
"""The text that pydantic writes for a secret."""
_NOTHING: Final[tuple[Any, ...]] = (None, [], {})
MAX_DETAIL: Final = 300
"""Characters of a text in an event's detail, at most."""


def shown(stream: StreamConfig) -> dict[str, Any]:
    """Return a stream's keys without secrets, also without those that stand in a URL's path."""
    keys = stream_keys(stream, secrets=False)
    keys["source"] = {**keys["source"], "url": shown_url(keys["source"]["url"])}
    keys["push"] = {name: {**push, "url": shown_target(push["url"])} for name, push in keys["push"].items()}
    return keys


def shown_asset(asset: AssetConfig, *, confidential: bool = False) -> dict[str, Any]:
    """Return an asset's keys; those that help an attacker only where `confidential` says so."""
    keys = asset_keys(asset)
    return keys if confidential else {key: value for key, value in keys.items() if key not in CONFIDENTIAL}


def asset_values(before: AssetConfig | None, after: AssetConfig | None) -> dict[str, list[Any]]:
    """Return the old and the new value of each key that differs; of a key that helps an attacker neither is told."""
    return raw_asset_values(*({} if each is None else asset_keys(each) for each in (before, after)))


def raw_asset_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the same of an asset's keys as a file has them."""
    found = {key: [old.get(key), new.get(key)] for key in AssetConfig.model_fields if old.get(key) != new.get(key)}
    given = {key: pair for key, pair in found.items() if any(each not in _NOTHING for each in pair)}
    return {key: [HIDDEN, HIDDEN] if key in CONFIDENTIAL else pair for key, pair in given.items()}


def shown_target(text: str) -> str:
    """Return the URL of a target without its path, in which a stream's key may stand."""
    rest = split_url(text, PUSH_PORTS).rest
    return text[: len(text) - len(rest)] + (f"/{HIDDEN}" if rest.strip("/") else rest)


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


def restore_secrets(keys: object, known: StreamConfig | None) -> object:
    """Return a writer's keys; a source or a target that equals the one shown of the stream gets its secrets back."""
    if known is None or not isinstance(keys, Mapping):
        return keys
    told, held = shown(known), stream_keys(known, secrets=True)
    restored = dict(keys)
    if keys.get("source") == told["source"]:
        restored["source"] = held["source"]
    if isinstance(push := keys.get("push"), Mapping):
        same = {name for name, target in push.items() if target == told["push"].get(name, ...)}
        restored["push"] = {name: held["push"][name] if name in same else target for name, target in push.items()}
    return restored


def without_secrets(value: object) -> object:
    """Return a value of an event's detail: text is redacted and bounded, anything else is left as it is."""
    return printable(redact(value), MAX_DETAIL) if isinstance(value, str) else value


def hide(value: object) -> Any:
    """Return a value that a writer gave, without the secrets that may be in it."""
    if isinstance(value, Mapping):
        return {
            printable(str(key), 64): "***"
            if key in {"password", "username", "stream_key"} and item is not None
            else hide(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide(item) for item in value]
    return redact(_without_key(value)) if isinstance(value, str) else value


def _without_key(text: str) -> str:
    """Return a text; of the URL of an RTMP target, whose path is a secret, its scheme alone."""
    scheme, mark, _ = text.partition("://")
    return f"{scheme}://{HIDDEN}" if mark and scheme.lower() == "rtmp" else text


def difference_detail(difference: Difference) -> dict[str, Any]:
    """Return a difference by kind; kinds that are empty are left out."""
    parts = {
        "added": list(difference.added),
        "removed": list(difference.removed),
        "changed": {name: list(paths) for name, paths in difference.changed.items()},
        "assets": list(difference.assets),
        "sections": list(difference.sections),
    }
    return {key: value for key, value in parts.items() if value}
