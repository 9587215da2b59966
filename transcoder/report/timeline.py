"""What was true of an asset on a day in the past follows from the history of its states, and from typed dates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal

from transcoder.assets.inventory import AssetView, Inventory
from transcoder.config.asset import last_day

Covered = Literal["in scope", "unknown", "out of scope"]
"""Whether an asset falls under a rule: where nobody knows its maker, nobody knows that."""
OUT: Final = ("replaced", "retired")
"""The states of an asset that is out of use."""
STATES: Final = ("replaced", "retired", "cleaned", "exempt", "legacy")
"""The states in the order in which reports tell them."""


@dataclass(frozen=True)
class Life:
    """Tells an asset's past.

    Attributes:
        asset: the asset.
        day: the last day that the report is about, ISO 8601.
        is_now: whether the data are of that day.
    """

    asset: AssetView
    day: str
    is_now: bool

    @cached_property
    def covered(self) -> Covered:
        """Return whether the asset falls under a rule."""
        if self.asset.scope:
            return "in scope"
        return "unknown" if self.asset.config.scope is None and not self.asset.maker.value else "out of scope"

    @cached_property
    def state(self) -> str:
        """Return the asset's state on the last day of the report."""
        return self.asset.state if self.is_now else self.state_on(self.day)

    @cached_property
    def out_on(self) -> str:
        """Return the day on which the asset went out of use, "" where it is in use.

        A day that was typed counts where the gateway finds the asset out of use, and knows of it only since later.
        """
        if self.asset.state not in OUT:
            return ""
        config = self.asset.config
        run: list[str] = []
        for change in reversed(self.asset.history):
            if change.state not in OUT:
                break
            run.append(change.at[:10])
        typed = config.replaced if self.asset.state == "replaced" else config.retired or config.disposed
        days = [*run[-1:], *([typed] if typed else [])]
        return min(days) if days else self.day

    def state_on(self, day: str) -> str:
        """Return the asset's state at the end of a day; before anything was recorded it was in use.

        Args:
            day: the day, ISO 8601.
        """
        if self.out_on and self.out_on <= day:
            return self.asset.state
        found = "legacy"
        for change in self.asset.history:
            if change.at[:10] > day:
                break
            found = change.state
        return found

    @property
    def is_in_use(self) -> bool:
        """Return whether the asset feeds a stream, or may: one that took over from another is not gone."""
        return self.state not in OUT or bool(self.asset.streams)

    @property
    def plans(self) -> tuple[str, ...]:
        """Return the plans of the asset, the first one first and the present one last."""
        config = self.asset.config
        return tuple(plan for plan in (*(slip.planned for slip in config.slips), config.planned) if plan)


def lives(inventory: Inventory, until: date) -> tuple[Life, ...]:
    """Return the past of every asset.

    Args:
        inventory: the assets.
        until: the last day that the report is about.
    """
    day = until.isoformat()
    is_now = not inventory.at or inventory.at[:10] <= day
    return tuple(Life(asset=asset, day=day, is_now=is_now) for asset in inventory.assets)


def in_scope(all_lives: Sequence[Life]) -> list[Life]:
    """Return the assets that fall under a rule."""
    return [life for life in all_lives if life.covered == "in scope"]


def years(all_lives: Sequence[Life], until: date) -> Iterator[int]:
    """Yield the years that anything happened or is planned in, and all between.

    Args:
        all_lives: the assets.
        until: the last day that the report is about.
    """
    seen = {until.year}
    for life in all_lives:
        seen |= {last_day(plan).year for plan in life.plans}
        if life.out_on:
            seen.add(int(life.out_on[:4]))
        if life.asset.history:
            seen.add(int(life.asset.history[0].at[:4]))
    yield from range(min(seen), max(seen) + 1)
