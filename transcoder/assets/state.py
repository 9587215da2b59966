"""The state of an asset is derived from facts: what is configured, what the gateway verified, and which day it is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final, Literal, get_args

from transcoder.config.asset import AssetConfig

State = Literal["legacy", "cleaned", "replaced", "retired", "exempt"]
STATES: Final[Sequence[State]] = get_args(State)
AHEAD_S: Final = 86_400.0
"""Seconds by which a verdict may be dated after now: a clock that was a day wrong. One from farther ahead would count
for as much longer than `verify.clean_days`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFacts:
    """Holds the facts of a stream that an asset feeds.

    Attributes:
        name: the stream's id.
        is_served: whether the stream is enabled, and so served by the gateway.
        is_recoded: whether its pictures are decoded and encoded anew; False where they only pass (`video.mode: relay`).
        clean_at: the time of the latest clean verdict, UTC seconds; None where there is none.
        unclean_at: the time of the latest unclean verdict, UTC seconds; None where there is none.
    """

    name: str
    is_served: bool = True
    is_recoded: bool = True
    clean_at: float | None = None
    unclean_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Holds everything that the state of an asset follows from.

    Attributes:
        config: what the operator says of the asset.
        streams: the streams that the asset feeds.
        maker: who made the asset, "" where nobody knows, or knows whether rules cover that maker.
        scope: the rules that the asset falls under.
        took_over_from: the assets that name this one as their successor.
        successor: the asset that feeds the streams of this one now, "" for none.
        successor_maker: who made that one, "" as above.
        successor_scope: the rules that that one falls under.
        successor_feeds: whether that one feeds a stream that is served.
    """

    config: AssetConfig
    streams: tuple[StreamFacts, ...] = ()
    maker: str = ""
    scope: tuple[str, ...] = ()
    took_over_from: tuple[str, ...] = ()
    successor: str = ""
    successor_maker: str = ""
    successor_scope: tuple[str, ...] = ()
    successor_feeds: bool = False

    @property
    def is_out_of_scope(self) -> bool:
        """Return whether it is known that the asset falls under no rule; an unknown maker is no such knowledge."""
        return not self.scope and (bool(self.maker) or self.config.scope is not None)

    @property
    def served(self) -> tuple[StreamFacts, ...]:
        """Return the streams of the asset that the gateway serves."""
        return tuple(stream for stream in self.streams if stream.is_served)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Says how far an asset's phase-out is.

    Attributes:
        state: the state.
        because: the facts that it follows from, in one line; no secrets and no addresses.
        clean_at: for `cleaned`, the time of the oldest of the verdicts that it stands on, UTC seconds.
    """

    state: State
    because: str
    clean_at: float | None = None


def derive(facts: Facts, now: float, today: date, clean_days: float) -> Derived:
    """Return the state of an asset.

    What somebody typed is a plan until a fact bears it out: an asset that is said to be retired and still feeds a
    stream is in use.

    Args:
        facts: everything that the state follows from.
        now: UTC seconds.
        today: the day.
        clean_days: the days for which a clean verdict counts.
    """
    found = _gone(facts, today) or _new(facts)
    if found is not None:
        return found
    exempt = facts.config.exempt
    if exempt is not None and today <= date.fromisoformat(exempt.until):
        return Derived(state="exempt", because=f"exempt until {exempt.until}: {exempt.reason}, by {exempt.by}")
    over = f"the exemption ended on {exempt.until}; " if exempt is not None else ""
    clean = _clean(facts, now, clean_days)
    if isinstance(clean, Derived):
        return replace(clean, because=_typed(facts, today) + clean.because)
    return Derived(state="legacy", because=f"{over}{_typed(facts, today)}{clean}")


def _gone(facts: Facts, today: date) -> Derived | None:
    """Return the state of an asset that feeds no stream any more."""
    if facts.streams:
        return None
    if facts.successor and facts.successor_feeds:
        if facts.successor_maker and not facts.successor_scope:
            because = f"{facts.successor} took its stream over; {facts.successor_maker} is in no scope"
            return Derived(state="replaced", because=because)
        if day := _past(facts, today):
            return Derived(state="retired", because=f"{day}; {facts.successor} feeds its stream")
        return None
    if day := _past(facts, today):
        return Derived(state="retired", because=f"{day}; no stream names it")
    return None


def _past(facts: Facts, today: date) -> str:
    """Return the day on which the asset was taken down or disposed of, in words; "" where that was not yet."""
    for name, day in (("retired", facts.config.retired), ("disposed", facts.config.disposed)):
        if day is not None and date.fromisoformat(day) <= today:
            return f"{name} on {day}"
    return ""


def _new(facts: Facts) -> Derived | None:
    """Return the state of an asset in no scope that took over from another one."""
    if not (facts.is_out_of_scope and facts.took_over_from and facts.served):
        return None
    names = ", ".join(facts.took_over_from)
    return Derived(state="replaced", because=f"took over from {names}; {facts.maker or 'it'} is in no scope")


def _clean(facts: Facts, now: float, clean_days: float) -> Derived | str:
    """Return `cleaned`, or the reason why the asset is not."""
    if not facts.streams:
        return "no stream names it"
    dates = []
    for stream in facts.streams:
        if not stream.is_served:
            return f"{stream.name} is not served"
        if not stream.is_recoded:
            return f"{stream.name} passes without being encoded anew"
        if stream.unclean_at is not None and stream.unclean_at > (stream.clean_at or 0.0):
            return f"{stream.name} was found unclean on {_day(stream.unclean_at)}"
        if stream.clean_at is None:
            return f"{stream.name} was not verified yet"
        if stream.clean_at - now > AHEAD_S:
            return f"{stream.name} was found clean on {_day(stream.clean_at)}, which has not come: a clock was wrong"
        if now - stream.clean_at > clean_days * 86_400:
            return f"{stream.name} was last found clean on {_day(stream.clean_at)}, over {clean_days:g} days ago"
        dates.append(stream.clean_at)
    names = ", ".join(stream.name for stream in facts.streams)
    oldest = min(dates)
    return Derived(state="cleaned", because=f"{names}: found clean, oldest verdict {_day(oldest)}", clean_at=oldest)


def _typed(facts: Facts, today: date) -> str:
    """Return what was typed and is contradicted by facts, as the beginning of a reason."""
    if facts.streams and (day := _past(facts, today)):
        return f"said to be {day}, yet in use; "
    if facts.streams and facts.config.replaced is not None:
        return f"said to be replaced on {facts.config.replaced}, yet in use; "
    if facts.successor and facts.successor_feeds:
        scope = ", ".join(facts.successor_scope)
        why = f"is in scope ({scope})" if scope else "has no maker that is known"
        return f"its successor {facts.successor} {why}; "
    return ""


def _day(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).date().isoformat()
