"""The assets in effect are those of the file with the runtime changes laid over them, as streams are."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from transcoder.config.asset import MAX_ASSETS, AssetConfig, AssetId
from transcoder.config.kept_changes import Origin, Overlay
from transcoder.config.merge import merge
from transcoder.config.model import Config
from transcoder.config.problems import describe
from transcoder.config.remote import MAX_PROBLEMS, check_remote
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected, unknown_asset

if TYPE_CHECKING:
    from transcoder.config.load import ConfigFile
    from transcoder.config.overlay import EffectiveConfig

_ASSETS: Final = TypeAdapter(dict[AssetId, AssetConfig])


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveAssets:
    """Holds the assets in effect.

    Attributes:
        assets: the assets by id.
        kept: the changes that still change something.
        unusable: the assets whose changes are not valid any more, each with the reason; the file's are in effect.
    """

    assets: Mapping[str, AssetConfig]
    kept: Mapping[str, Overlay]
    unusable: Mapping[str, tuple[str, ...]]


def lay_assets(file: "ConfigFile", overlays: Mapping[str, Overlay]) -> EffectiveAssets:
    """Return the assets of a file with kept changes laid over them."""
    assets = dict(file.config.assets)
    kept: dict[str, Overlay] = {}
    unusable: dict[str, tuple[str, ...]] = {}
    for name, overlay in overlays.items():
        if overlay.removed:
            if assets.pop(name, None) is not None:
                kept[name] = overlay
            continue
        try:
            asset = validate_assets({name: _over(file, name, overlay)})[name]
        except ConfigError as error:
            unusable[name] = tuple(error.problems)
            kept[name] = overlay
            continue
        if asset != assets.get(name):
            kept[name] = overlay
            assets[name] = asset
    return EffectiveAssets(assets=assets, kept=kept, unusable=unusable)


def validate_assets(keys: Mapping[str, Mapping[str, Any]]) -> dict[str, AssetConfig]:
    """Validate assets.

    Raises:
        ConfigError: the problems, at most MAX_PROBLEMS, with their key paths `assets.<id>...`.
    """
    try:
        return _ASSETS.validate_python(keys)
    except ValidationError:  # once more, as a part of the whole: problems are described by their place in that
        pass
    data = {"node": "n", "streams": {}, "assets": keys}
    try:
        return Config.model_validate(data).assets
    except ValidationError as error:
        raise ConfigError(describe(error, Config, data, limit=MAX_PROBLEMS)) from None


def asset_keys(asset: AssetConfig) -> dict[str, Any]:
    """Return all of an asset's keys as plain JSON data."""
    return asset.model_dump(mode="json")


# -- changes ---------------------------------------------------------------------------------------------------------


def origin(effective: "EffectiveConfig", asset: str) -> Origin:
    """Return where an asset's configuration comes from."""
    if asset not in effective.asset_overlays:
        return "file"
    return "changed" if asset in effective.file.config.assets else "runtime"


def etag(effective: "EffectiveConfig", asset: str, key: bytes) -> str:
    """Return a tag that differs whenever the asset's configuration differs.

    Args:
        effective: the configuration.
        asset: the asset's id.
        key: random bytes, so that a value can't be tried against the tag.
    """
    text = json.dumps(asset_keys(known(effective, asset)), sort_keys=True)
    return hashlib.blake2b(text.encode(), key=key, digest_size=12).hexdigest()


def known(effective: "EffectiveConfig", asset: str) -> AssetConfig:
    """Return an asset.

    Raises:
        Rejected: there is no such asset.
    """
    if asset not in effective.config.assets:
        raise unknown_asset(asset)
    return effective.config.assets[asset]


def add(effective: "EffectiveConfig", asset: str, keys: object) -> "EffectiveConfig":
    """Return the configuration with a new asset.

    Raises:
        Rejected: the asset exists, or its keys are not valid.
    """
    if asset in effective.config.assets:
        raise Rejected(Code.EXISTS, f"there is an asset {asset!r} already")
    if len(effective.config.assets) >= MAX_ASSETS:
        raise Rejected(Code.INVALID, f"there are {MAX_ASSETS} assets, the most there may be")
    return replace(effective, asset, keys)


def update(effective: "EffectiveConfig", asset: str, keys: object) -> "EffectiveConfig":
    """Return the configuration with some keys of an asset changed.

    Raises:
        Rejected: there is no such asset, or the keys are not valid.
    """
    known(effective, asset)
    return effective.with_changes({}, {asset: updated(effective, asset, keys)})


def updated(effective: "EffectiveConfig", asset: str, keys: object) -> Overlay:
    """Return the changes of an asset with other keys laid over them.

    Raises:
        Rejected: the keys hold what may not come from elsewhere.
    """
    before = effective.asset_overlays.get(asset, Overlay())
    below = {} if before.removed else before.keys
    return Overlay(keys=merge(below, _checked(asset, keys)))


def replace(effective: "EffectiveConfig", asset: str, keys: object) -> "EffectiveConfig":
    """Return the configuration with an asset that has the given keys and no others.

    Raises:
        Rejected: the keys are not valid.
    """
    checked = _checked(asset, keys)
    own = (effective.file.data.get("assets") or {}).get(asset) or {}
    fields = AssetConfig.model_fields
    reset = {key: fields[key].get_default() for key in own if key in fields and key != "extra"}
    if "extra" in own:
        reset["extra"] = dict.fromkeys(own["extra"])
    return effective.with_changes({}, {asset: Overlay(keys=merge(reset, checked))})


def remove(effective: "EffectiveConfig", asset: str, keys: object = None) -> "EffectiveConfig":
    """Return the configuration without an asset.

    Raises:
        Rejected: there is no such asset, or something names it.
    """
    del keys
    known(effective, asset)
    return effective.with_changes({}, {asset: Overlay(removed=True)})


def lay_changed(
    file: "ConfigFile", assets: Mapping[str, AssetConfig], overlays: Mapping[str, Overlay]
) -> dict[str, AssetConfig]:
    """Return assets with those changed, added or taken out that changes are of.

    Raises:
        ConfigError: a change is not valid.
    """
    changed = validate_assets({name: _over(file, name, each) for name, each in overlays.items() if not each.removed})
    kept = {name: asset for name, asset in assets.items() if name not in overlays or not overlays[name].removed}
    return {**kept, **changed}


def _over(file: "ConfigFile", asset: str, overlay: Overlay) -> dict[str, Any]:
    return merge((file.data.get("assets") or {}).get(asset) or {}, overlay.keys)


def _checked(asset: str, keys: object) -> dict[str, Any]:
    try:
        return check_remote(asset, keys, "assets")
    except ConfigError as error:
        raise Rejected(Code.INVALID, error.problems[0], tuple(error.problems)) from None
