"""An asset's keys stand in the cells of one row, and come out of them again as they were."""

import json
from collections.abc import Mapping
from typing import Any, Final

from transcoder.assets.importing.columns import ASSET_FIELDS, EXTRA

NO_SCOPE: Final = "none"
"""What the cell of `scope` says of an asset that falls under no rule by the operator's word."""
_EXEMPT: Final = "exempt_"


def cells_of(keys: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of an asset; keys that say nothing have none.

    Args:
        keys: the asset's keys as plain data.
    """
    found = {name: str(keys[name]) for name in ("title", *ASSET_FIELDS) if isinstance(keys.get(name), str)}
    found |= {_EXEMPT + name: str(value) for name, value in (keys.get("exempt") or {}).items()}
    if (scope := keys.get("scope")) is not None:
        found["scope"] = " ".join(scope) or NO_SCOPE
    if slips := keys.get("slips"):
        given = [{name: value for name, value in slip.items() if value is not None} for slip in slips]
        found["slips"] = json.dumps(given, ensure_ascii=False, sort_keys=True)
    found |= {EXTRA + name: value for name, value in (keys.get("extra") or {}).items() if value}
    return {name: value for name, value in found.items() if value}


def keys_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the keys that cells say; cells that are no key of an asset are left out.

    Raises:
        ValueError: the cell of slips is no JSON.
    """
    keys: dict[str, Any] = {}
    for name, cell in cells.items():
        if name.startswith(EXTRA):
            keys.setdefault("extra", {})[name[len(EXTRA) :]] = cell
        elif name.startswith(_EXEMPT):
            keys.setdefault("exempt", {})[name[len(_EXEMPT) :]] = cell
        elif name == "scope":
            keys[name] = [] if cell == NO_SCOPE else cell.split()
        elif name == "slips":
            keys[name] = _slips(cell)
        elif name == "title" or name in ASSET_FIELDS:
            keys[name] = cell
    return keys


def _slips(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError('slips: must be JSON, such as [{"planned": "2026-Q4", "reason": "..."}]') from None
