"""Many assets and streams are changed at once here, all of them or none; and a plan that is moved leaves a slip."""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.assets.plans import with_slip
from transcoder.config import asset_overlay, check_remote, lay_over
from transcoder.config.asset import MAX_ASSETS
from transcoder.config.kept_changes import Overlay
from transcoder.config.overlay import MAX_STREAMS, EffectiveConfig
from transcoder.control.asset_documents import AssetImportDocument
from transcoder.control.writer import Writer
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected

_MAX_PROBLEMS: Final = 32
"""The problems that are told of a document at most: nobody reads more."""


def slipped(effective: EffectiveConfig, asset: str, keys: object, by: Writer, day: str) -> object:
    """Return the keys of a change of an asset, with the slip where they move its plan.

    Args:
        effective: the present configuration.
        asset: the asset's id.
        keys: the keys of the change.
        by: the writer.
        day: the day as ISO 8601 writes it.
    """
    if not isinstance(keys, Mapping):
        return keys
    return with_slip(effective.config.assets.get(asset), keys, str(by), day)


def change_many(by: Writer, day: str, effective: EffectiveConfig, name: str, document: object) -> EffectiveConfig:
    """Return the configuration with many assets and streams added or changed.

    Raises:
        Rejected: the document is none of the right form, or something in it is not valid.
    """
    del name
    parts = _parts(document)
    config = effective.config
    problems: list[str] = []
    streams: dict[str, Overlay] = {}
    assets: dict[str, Overlay] = {}
    for stream, keys in parts["streams"].items():
        try:
            checked = check_remote(stream, keys)
        except ConfigError as error:
            problems += error.problems
            continue
        before = effective.overlays.get(stream, Overlay()) if stream in config.streams else Overlay()
        streams[stream] = Overlay(keys=lay_over(before.keys, checked), before_swap=before.before_swap)
    for asset, keys in parts["assets"].items():
        try:
            assets[asset] = asset_overlay.updated(effective, asset, slipped(effective, asset, keys, by, day))
        except Rejected as error:
            problems += error.problems
    if problems:
        raise Rejected(Code.INVALID, problems[0], tuple(problems[:_MAX_PROBLEMS]))
    if len(config.streams.keys() | streams.keys()) > MAX_STREAMS or len(config.assets.keys() | assets) > MAX_ASSETS:
        raise Rejected(Code.INVALID, f"there may be {MAX_STREAMS} streams and {MAX_ASSETS} assets at most")
    changed = effective.with_changes(streams, assets)
    ended = {  # another camera is none to go back from
        name: Overlay(keys=overlay.keys)
        for name, overlay in streams.items()
        if overlay.before_swap is not None and changed.config.streams[name].source != config.streams[name].source
    }
    return changed.with_changes(ended, {}) if ended else changed


def _parts(document: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(document, Mapping) or not document.keys() <= {"assets", "streams"}:
        raise Rejected(Code.INVALID, "there must be a mapping with assets and streams, and nothing else")
    parts = {name: document.get(name) or {} for name in ("assets", "streams")}
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise Rejected(Code.INVALID, f"{name}: must be a mapping of ids to keys")
    return parts


def import_document(document: object, old: EffectiveConfig, new: EffectiveConfig) -> AssetImportDocument:
    """Say what a change of many assets and streams changed.

    Args:
        document: the change.
        old: the configuration before.
        new: the configuration afterwards.
    """
    parts = _parts(document)
    assets, streams = sorted(parts["assets"]), sorted(parts["streams"])
    added = [name for name in assets if name not in old.config.assets]
    changed = [name for name in assets if name not in added and old.config.assets[name] != new.config.assets.get(name)]
    new_streams = [name for name in streams if name not in old.config.streams]
    others = [name for name in streams if name not in new_streams]
    differing = [name for name in others if old.config.streams[name] != new.config.streams.get(name)]
    told = len(added) + len(changed) + len(new_streams) + len(differing)
    return AssetImportDocument(
        assets_added=tuple(added),
        assets_changed=tuple(changed),
        streams_added=tuple(new_streams),
        streams_changed=tuple(differing),
        unchanged=len(assets) + len(streams) - told,
    )
