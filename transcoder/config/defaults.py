"""`defaults` is put under the keys of each stream here; a camera's credentials follow rules of their own."""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.config.merge import merge
from transcoder.config.source import SOURCE_PORTS
from transcoder.config.vms import with_preset
from transcoder.url import split_url

_PASSWORD: Final = frozenset({"password", "password_file"})
_OF_RELAY: Final = frozenset({"mode", "codec", "relay_reason"})
"""The keys of `video` that a relayed stream takes from `defaults` and from a preset."""
_LOGIN: Final = _PASSWORD | {"username"}


def with_defaults(defaults: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream's keys with the keys of `defaults` that the stream does not set itself.

    A user and the user's password belong together: a stream with a user of its own, in a key or in its URL, does not
    get the password of the user in `defaults`.

    A preset (`vms`) lies under the keys beside which it is named: that of `defaults` under everything, that of a stream
    between `defaults` and the stream's own keys, in the place of the other.

    Args:
        defaults: the keys of `defaults`.
        keys: the keys of the stream.
    """
    shared, source = defaults.get("source"), keys.get("source")
    others = {key: value for key, value in defaults.items() if key != "source"}
    merged = merge(others if "vms" in keys else with_preset(others), with_preset(keys))
    if isinstance(video := merged.get("video"), Mapping) and video.get("mode") == "relay":
        merged = _relayed(merged, keys)
    if not isinstance(shared, Mapping) or not shared:
        return merged
    own = {"url": source} if isinstance(source, str) else source
    if isinstance(own, Mapping):
        merged["source"] = merge(_fitting(shared, own), own)
    return merged


def _relayed(merged: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a stream that is relayed, without what others said of encoding; masks stay, as an error."""
    own = keys.get("video")
    given = own if isinstance(own, Mapping) else {}
    video = {key: value for key, value in merged["video"].items() if key in given or key in _OF_RELAY}
    dropped = {"encoder", "renditions", "audio"} - keys.keys()
    return {key: value for key, value in merged.items() if key not in dropped} | {"video": video}


def without_login(defaults: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the keys of `defaults` without the shared login, for a camera that the file does not name."""
    shared = defaults.get("source")
    if not isinstance(shared, Mapping):
        return defaults
    return {**defaults, "source": {key: value for key, value in shared.items() if key not in _LOGIN}}


def _fitting(shared: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the shared keys without the parts of the login that the stream replaces."""
    dropped: frozenset[str] = frozenset()
    no_user = "username" in own and own["username"] is None
    if no_user or _has_login(own.get("url")) or {"username"} <= own.keys() & shared.keys():
        dropped = _LOGIN
    elif _PASSWORD & own.keys():
        dropped = _PASSWORD
    return {key: value for key, value in shared.items() if key not in dropped}


def _has_login(url: object) -> bool:
    try:
        return isinstance(url, str) and split_url(url, SOURCE_PORTS).username is not None
    except ValueError:  # the check of the URL reports it
        return False
