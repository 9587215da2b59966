"""Streams and assets name assets by id; here is checked that those exist, and that nothing follows upon itself."""

from collections.abc import Iterator, Mapping

from transcoder.config.advice import close_to
from transcoder.config.asset import AssetConfig
from transcoder.config.model import Config


def asset_problems(config: Config) -> Iterator[str]:
    """Yield a problem for each asset that is named and does not exist, and for each circle of successors."""
    for stream, keys in config.streams.items():
        if keys.asset is not None and keys.asset not in config.assets:
            yield f"streams.{stream}.asset: {_unknown(keys.asset, config.assets)}"
    for asset, own in config.assets.items():
        if own.successor is None:
            continue
        if own.successor not in config.assets:
            yield f"assets.{asset}.successor: {_unknown(own.successor, config.assets)}"
        elif (circle := _circle(asset, config.assets)) is not None:
            yield f"assets.{asset}.successor: the asset would follow upon itself: {' -> '.join(circle)}"


def successors(asset: str, assets: Mapping[str, AssetConfig]) -> Iterator[str]:
    """Yield the asset that took an asset's stream over, the one that took over from that one, and so on.

    Each is yielded once, so that a circle ends.
    """
    seen = {asset}
    while (own := assets.get(asset)) is not None and own.successor is not None and own.successor not in seen:
        asset = own.successor
        seen.add(asset)
        yield asset


def _unknown(asset: str, assets: Mapping[str, AssetConfig]) -> str:
    meant = close_to(asset, list(assets))
    return f"there is no asset {asset!r}{f', did you mean {meant}?' if meant else ''}"


def _circle(asset: str, assets: Mapping[str, AssetConfig]) -> list[str] | None:
    """Return the assets of a circle that an asset is on, each once and the first again; None for no circle."""
    way = [asset, *successors(asset, assets)]
    last = assets.get(way[-1])
    if last is None or last.successor != asset:
        return None
    return [*way, asset]
