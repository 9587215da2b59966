"""The history of an asset is the list of its states, each with its time and the facts that it followed from."""

from dataclasses import asdict, dataclass
from typing import Any, Final

from transcoder.assets.state import STATES, State

MAX_CHANGES: Final = 128
"""The changes of one asset that are kept: one a fortnight for five years. The first one and the newest stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """Holds one change of an asset's state.

    Attributes:
        asset: the asset's id.
        state: the state from then on.
        at: the time, UTC, RFC 3339 with milliseconds.
        because: the facts that the state followed from.
    """

    asset: str
    state: State
    at: str
    because: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StateChange":
        """Read what `to_dict` made.

        Raises:
            ValueError: the data is no change of a state.
        """
        if data.get("state") not in STATES or not isinstance(data.get("asset"), str):
            raise ValueError("no change of a state")
        return cls(
            asset=data["asset"], state=data["state"], at=str(data.get("at", "")), because=str(data.get("because", ""))
        )
