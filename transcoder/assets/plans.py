"""A plan that is moved is kept beside the new one, with its reason: what was planned and what is are both told."""

from collections.abc import Mapping
from typing import Any

from transcoder.config.asset import MAX_SLIPS, AssetConfig


def with_slip(old: AssetConfig | None, keys: Mapping[str, Any], by: str, day: str) -> dict[str, Any]:
    """Return the keys of a change with the plan that it moves among the slips.

    Args:
        old: the asset before the change, None for a new one.
        keys: the keys of the change; `reason` is no key of an asset, and says why the plan is moved.
        by: who changes the asset.
        day: the day, as ISO 8601 writes it.
    """
    own = {key: value for key, value in keys.items() if key != "reason"}
    if old is None or old.planned is None or "planned" not in keys or "slips" in keys:
        return own
    if keys["planned"] == old.planned:
        return own
    slip = {"planned": old.planned, "reason": keys.get("reason"), "at": day, "by": by}
    before = [each.model_dump(mode="json") for each in old.slips]
    return {**own, "slips": [*before, slip][-MAX_SLIPS:]}
