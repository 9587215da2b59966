"""A start is recorded with what the file changed meanwhile, and what is left of the runtime changes is kept."""

from collections.abc import Mapping
from typing import Any

import structlog

from transcoder.config.overlay import EffectiveConfig
from transcoder.control.shown import raw_asset_values
from transcoder.service.audit import Entry
from transcoder.service.state_database import StoredState
from transcoder.service.store import Store, StoreError

log = structlog.get_logger()


async def record_start(store: Store, kept: StoredState, effective: EffectiveConfig) -> None:
    """Keep the changes that are in force, and the file that they were made over.

    Args:
        store: the store; where it can't keep them for now, they are kept with the next change.
        kept: what was kept before.
        effective: the configuration in force.
    """
    overlays = {name: effective.overlays.get(name) for name in {*kept.overlays, *effective.overlays}}
    assets = {name: effective.asset_overlays.get(name) for name in {*kept.assets.overlays, *effective.asset_overlays}}
    start = Entry(who="gateway", what="start", detail={"streams": len(effective.config.streams)})
    file = effective.file.raw
    entries = [start, *entries_of_file(kept.file, file)]
    try:
        await store.commit(entries, overlays, file, assets)
    except StoreError as error:  # what was read is in force, and each change says whether it could be kept
        store.owe(entries, overlays, file, assets)
        log.error("changes can't be kept for now; streams go on with those that were", reason=str(error))


def entries_of_file(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[Entry]:
    """Return a record for each asset that the file changed while the gateway did not run.

    Args:
        old: the data of the file when it was last read, as written; None for never.
        new: the data of the file, as written.
    """
    if old is None:
        return []
    before, after = old.get("assets") or {}, new.get("assets") or {}
    entries = []
    for name in {**after, **before}:
        values = raw_asset_values(before.get(name) or {}, after.get(name) or {})
        if values or (name in before) != (name in after):
            what = "asset_add" if name not in before else "asset_remove" if name not in after else "asset_update"
            entries.append(Entry(who="file", what=what, detail={"asset": name, "changed": values}))
    return entries
