"""Streams and assets name assets by id; here is checked that those exist, and that nothing follows upon itself."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final

from transcoder.config.advice import close_to
from transcoder.config.asset import AssetConfig
from transcoder.config.model import Config

MAX_SUCCESSION: Final = 32
"""The largest number of assets that follow upon each other at one place: one every three years for a century."""
MAX_ADVISED: Final = 8
"""Problems for which the asset that was meant is looked for: each is compared with every asset."""


def asset_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each asset that is named and does not exist, and for each circle of successors."""
    unknown = count()
    for stream, keys in config.streams.items():
        if keys.asset is not None and keys.asset not in config.assets:
            yield f"streams.{stream}.asset: {_unknown(keys.asset, config.assets, next(unknown))}"
    for asset, own in config.assets.items():
        if own.successor is None:
            continue
        key = f"assets.{asset}.successor"
        if own.successor not in config.assets:
            yield f"{key}: {_unknown(own.successor, config.assets, next(unknown))}"
            continue
        way = [asset, *successors(asset, config.assets)]
        last = config.assets.get(way[-1])
        if last is not None and last.successor == asset:
            yield f"{key}: the asset would follow upon itself: {' -> '.join([*way, asset])}"
        elif len(way) > MAX_SUCCESSION:
            yield f"{key}: more than {MAX_SUCCESSION} assets would follow upon each other"


def successors(asset: str, assets: Mapping[str, AssetConfig]) -> Iterator[str]:
    """Yield the asset that took an asset's stream over, the one that took over from that one, and so on.

    Each is yielded once, so that a circle ends, and there are MAX_SUCCESSION at most.
    """
    seen = {asset}
    while (own := assets.get(asset)) is not None and own.successor is not None and own.successor not in seen:
        if len(seen) > MAX_SUCCESSION:
            return
        asset = own.successor
        seen.add(asset)
        yield asset


def _unknown(asset: str, assets: Mapping[str, AssetConfig], number: int) -> str:
    meant = close_to(asset, list(assets)) if number < MAX_ADVISED else None
    return f"there is no asset {asset!r}{f', did you mean {meant}?' if meant else ''}"
