"""Two configurations are compared here, and nowhere else: what differs is what is taken up, told and recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from transcoder.config import Config, changes, stream_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Lists the differences between two configurations.

    Attributes:
        added: the new streams.
        removed: the streams that are gone.
        changed: the changed streams, each with the paths of the keys that differ.
        assets: the assets that were added, removed or changed, each with the paths of the keys that differ.
        sections: the top-level keys that differ, other than streams, assets and defaults.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sections: tuple[str, ...] = ()

    @property
    def streams(self) -> tuple[str, ...]:
        """Return all streams that differ in any way."""
        return (*self.added, *self.removed, *self.changed)


def difference(old: Config, new: Config) -> Difference:
    """Return the differences between two configurations.

    No other place decides what a new configuration changes.
    """
    changed = {
        name: tuple(_paths(changes(stream_keys(old.streams[name], secrets=True), stream_keys(stream, secrets=True))))
        for name, stream in new.streams.items()
        if name in old.streams and stream is not old.streams[name] and stream != old.streams[name]
    }
    names = [name for name in Config.model_fields if name not in {"streams", "assets", "defaults"}]
    return Difference(
        added=tuple(name for name in new.streams if name not in old.streams),
        removed=tuple(name for name in old.streams if name not in new.streams),
        changed=changed,
        assets=_assets(old, new),
        sections=tuple(name for name in names if getattr(old, name) != getattr(new, name)),
    )


def _assets(old: Config, new: Config) -> dict[str, tuple[str, ...]]:
    """Return the assets that differ, the removed ones last."""
    if old.assets is new.assets:
        return {}
    found = {}
    for name in {**new.assets, **old.assets}:
        before, after = old.assets.get(name), new.assets.get(name)
        if before is not after and before != after:
            keys = [{} if each is None else each.model_dump(exclude_defaults=True) for each in (before, after)]
            found[name] = tuple(_paths(changes(*keys)))
    return found


def _paths(keys: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for key, value in keys.items():
        if isinstance(value, Mapping) and value:
            yield from _paths(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
