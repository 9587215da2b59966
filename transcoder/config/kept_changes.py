"""A change made at runtime is kept as the keys that were given, per stream and per asset.

The file is a writer like the others: keys that changed in the file since it was last read win over values that were set
before, and nothing else is touched.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from transcoder.config.merge import changes, without

Section = Literal["streams", "assets"]
Origin = Literal["file", "runtime", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Holds the runtime changes of one stream, or of one asset.

    Attributes:
        keys: the keys over the file's keys; the whole stream or asset where the file has none of that id.
        removed: True where the file's doesn't count.
        before_swap: what a swap of the stream's camera replaced, for the way back (`config/swapping.py`); None where
            there was no swap.
    """

    keys: Mapping[str, Any] = field(default_factory=dict)
    removed: bool = False
    before_swap: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """Return the JSON for the store; it holds secrets."""
        swapped = {} if self.before_swap is None else {"before_swap": self.before_swap}
        return json.dumps({"keys": self.keys, "removed": self.removed, **swapped}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Overlay":
        """Read the JSON that `to_json` made."""
        data = json.loads(text)
        return cls(keys=data["keys"], removed=data["removed"], before_swap=data.get("before_swap"))


def rebase(
    overlays: Mapping[str, Overlay], old: Mapping[str, Any], new: Mapping[str, Any], section: Section = "streams"
) -> dict[str, Overlay]:
    """Return the runtime changes that are left after the file was edited.

    Args:
        overlays: the changes over the old file.
        old: the data of the old file, as written.
        new: the data of the new file, as written.
        section: the section of the file that the changes are of.
    """
    before, after = old.get(section) or {}, new.get(section) or {}
    result: dict[str, Overlay] = {}
    for name, overlay in overlays.items():
        was, is_now = before.get(name), after.get(name)
        if is_now is None:
            if was is None:
                result[name] = overlay
        elif was is not None:
            edited = changes(_as_mapping(was), _as_mapping(is_now))
            keys = without(overlay.keys, edited)
            before_swap = None if edited.keys() & {"source", "asset"} else overlay.before_swap
            if overlay.removed or keys or before_swap is not None:
                result[name] = Overlay(keys=keys, removed=overlay.removed, before_swap=before_swap)
    return result


def _as_mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
