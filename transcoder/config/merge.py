"""Mappings are laid over each other here: a stream's keys over `defaults`, runtime changes over the file's keys."""

from collections.abc import Mapping
from typing import Any


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping in which `above` wins; mappings in both are merged, lists and values are replaced.

    A null is a value like any other: `fps: null` over `fps: 10` means that there is no cap.
    """
    result = {**below, **above}
    for key, value in below.items():
        other = above.get(key)
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            result[key] = merge(value, other)
    return result


def without(keys: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return `keys` without those that stand in `changed` too, at any depth; mappings that lose all their keys go."""
    result: dict[str, Any] = {}
    for key, value in keys.items():
        if key not in changed:
            result[key] = value
            continue
        other = changed[key]
        if isinstance(value, Mapping) and isinstance(other, Mapping):
            rest = without(value, other)
            if rest:
                result[key] = rest
    return result


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that differ, at any depth, with their new value; a key that is gone has the value None."""
    result: dict[str, Any] = {}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            inner = changes(before, after)
            if inner:
                result[key] = inner
        elif (key in old) != (key in new) or before != after:
            result[key] = after
    return result
