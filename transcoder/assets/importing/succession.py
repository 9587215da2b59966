"""Of a list that names successors, rows are refused that name nobody, or that lead back to themselves."""

from collections.abc import Iterable, Mapping
from typing import Any

from transcoder.assets.importing.table import Refused
from transcoder.config.asset_links import MAX_SUCCESSION


def refused_successors(
    planned: Mapping[str, tuple[int, Mapping[str, Any]]], known: Mapping[str, Mapping[str, Any]]
) -> Iterable[Refused]:
    """Return why rows can't be carried out because of their successors; none of a successor that stays.

    A row that is refused adds no asset, so that a row that names it is refused in its turn.

    Args:
        planned: the line and the keys of each asset that the list adds or changes.
        known: the keys of the assets as they are.
    """
    left, refused = dict(planned), list[Refused]()
    while found := list(_refused(left, known)):
        for asset, reason in found:
            refused.append(Refused(line=left.pop(asset)[0], reason=reason))
    return refused


def _refused(
    planned: Mapping[str, tuple[int, Mapping[str, Any]]], known: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[str, str]]:
    assets = {**known, **{asset: keys for asset, (_, keys) in planned.items()}}
    for asset, (_, keys) in planned.items():
        heir = keys.get("successor")
        if not heir or heir == (known.get(asset) or {}).get("successor"):
            continue
        way = [asset]
        while heir and heir not in way and len(way) <= MAX_SUCCESSION:
            way.append(heir)
            heir = (assets.get(heir) or {}).get("successor")
        if way[-1] not in assets and len(way) == 2:
            yield asset, f"successor: there is no asset {way[-1]!r}"
        elif heir == asset:
            yield asset, f"successor: the asset would follow upon itself: {' -> '.join([*way, asset])}"
        elif len(way) > MAX_SUCCESSION:
            yield asset, f"successor: more than {MAX_SUCCESSION} assets would follow upon each other"
