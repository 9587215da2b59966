"""The camera of a stream is swapped for another one here, and back; everything else of the stream stays as it is.

A swap keeps what it replaced beside the other changes of the stream, as it was written: a login of the file stays in
the file, and one that was set at runtime is kept where it was.
"""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.config.asset_overlay import updated
from transcoder.config.kept_changes import Overlay
from transcoder.config.overlay import EffectiveConfig
from transcoder.config.remote import check_remote
from transcoder.errors import ConfigError
from transcoder.rejection import Code, Rejected, unknown_stream

SWAPPED: Final = ("source", "asset")
"""The keys of a stream that a swap replaces."""
DATED: Final = ("replaced", "successor")
"""The keys of an asset that a swap writes."""


def swap(effective: EffectiveConfig, stream: str, keys: object, today: str) -> EffectiveConfig:
    """Return the configuration in which a stream has another camera.

    The old asset is replaced from this day on, unless another stream still names it; the new one is in use.

    Args:
        effective: the present configuration.
        stream: the stream's id.
        keys: `source`, the new camera, with its URL, and `asset`, the id of the new asset.
        today: the day as ISO 8601 writes it.

    Raises:
        Rejected: there is no such stream, or the keys are not valid.
    """
    new = _checked(effective, stream, keys)
    before = effective.overlays.get(stream, Overlay())
    replaced = {key: before.keys[key] for key in SWAPPED if key in before.keys}
    others = {key: value for key, value in before.keys.items() if key not in SWAPPED}
    dates = _dates(effective, stream, new.get("asset"), today)
    written = {asset: {key: getattr(effective.config.assets[asset], key) for key in DATED} for asset in dates}
    overlay = Overlay(keys={**others, **new}, before_swap={"keys": replaced, "assets": written})
    return effective.with_changes({stream: overlay}, _overlays(effective, dates))


def roll_back(effective: EffectiveConfig, stream: str, keys: object = None) -> EffectiveConfig:
    """Return the configuration in which a stream has the camera again that the last swap replaced.

    The dates that the swap wrote go, unless somebody has written others since.

    Raises:
        Rejected: there is no such stream, or nothing to go back to.
    """
    del keys
    _known(effective, stream)
    overlay = effective.overlays.get(stream, Overlay())
    if overlay.before_swap is None:
        raise Rejected(Code.UNAVAILABLE, f"stream {stream} has no swap that could be rolled back")
    others = {key: value for key, value in overlay.keys.items() if key not in SWAPPED}
    back = {stream: Overlay(keys={**others, **overlay.before_swap["keys"]})}
    returning = effective.with_changes(back, {}).config.streams[stream].asset
    dates = _former_dates(effective, stream, returning, overlay.before_swap["assets"])
    return effective.with_changes(back, _overlays(effective, dates))


def can_roll_back(effective: EffectiveConfig, stream: str) -> bool:
    """Return whether the last swap of a stream can be rolled back."""
    return effective.overlays.get(stream, Overlay()).before_swap is not None


def _dates(effective: EffectiveConfig, stream: str, new: object, today: str) -> dict[str, dict[str, Any]]:
    """Return what a swap writes into the two assets."""
    streams, assets = effective.config.streams, effective.config.assets
    old, dates = streams[stream].asset, {}
    if old is not None and not any(each.asset == old for name, each in streams.items() if name != stream):
        dates[old] = {"replaced": assets[old].replaced or today, "successor": new}
    if isinstance(new, str) and new in assets and (assets[new].replaced or assets[new].successor):
        dates[new] = dict.fromkeys(DATED)  # it is in use again
    return dates


def _former_dates(
    effective: EffectiveConfig, stream: str, returning: str | None, written: Mapping[str, Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return what a roll-back writes: the assets as they were, as far as they are still as the swap left them."""
    leaving, assets = effective.config.streams[stream].asset, effective.config.assets
    dates: dict[str, Mapping[str, Any]] = {}
    if returning is not None and returning in assets and leaving is not None:
        if assets[returning].successor == leaving:
            dates[returning] = written.get(returning, dict.fromkeys(DATED))
        if leaving in written and assets[leaving].successor is None and assets[leaving].replaced is None:
            dates[leaving] = written[leaving]
    return dates


def _overlays(effective: EffectiveConfig, dates: Mapping[str, Mapping[str, Any]]) -> dict[str, Overlay]:
    return {asset: updated(effective, asset, keys) for asset, keys in dates.items()}


def _known(effective: EffectiveConfig, stream: str) -> None:
    if stream not in effective.config.streams:
        raise unknown_stream(stream)


def _checked(effective: EffectiveConfig, stream: str, keys: object) -> dict[str, Any]:
    """Return the keys of a swap, none of which is missing or unknown."""
    _known(effective, stream)
    try:
        checked = check_remote(stream, keys)
    except ConfigError as error:
        raise Rejected(Code.INVALID, error.problems[0], tuple(error.problems)) from None
    problems = [f"{key}: is no key of a swap" for key in checked if key not in SWAPPED]
    source, asset = checked.get("source"), checked.get("asset")
    if not isinstance(source, str) and not (isinstance(source, Mapping) and "url" in source):
        problems.append("source: must be given, as the URL of the new camera or a mapping with its url")
    old = effective.config.streams[stream].asset
    if asset is None and old is not None:
        problems.append(f"asset: must be given: the stream names the asset {old}, which the new camera is not")
    if asset is not None and asset == old:
        problems.append(f"asset: {old} is the asset of the old camera; the new one is another")
    if problems:
        raise Rejected(Code.INVALID, problems[0], tuple(problems))
    return checked
