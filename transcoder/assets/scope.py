"""The scope of an asset: the rules that cover it, by its maker and the country of its maker.

A rule about a country covers makers that no list of names has: the Dutch and the British rule are of that kind. A rule
holds from a day on, so that a report on the past applies the rules of the past.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from transcoder.assets.tables import maker_named, scope_rules

OWN_POLICY: Final = "own-policy"
"""The label of an operator's own decision: it has no rule in the table, and the operator gives it with a reason."""
BY_OPERATOR: Final = "the operator's decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeLabel:
    """Holds a rule that covers an asset.

    Attributes:
        label: the name of the rule, such as "ndaa-889".
        since: the day from which the rule holds, None for a label that the operator gave.
        rule: the rule in words; of a label that the operator gave, the reason.
        because: that the maker or its country fits, or that the operator says so.
    """

    label: str
    since: date | None
    rule: str
    because: str


def country_of(maker: str) -> str:
    """Return the country of a maker's seat by the table, in ISO 3166-1; "" where it is not known."""
    found = maker_named(maker)
    return found.country if found is not None else ""


def labels_for(maker: str, country: str, on: date) -> tuple[ScopeLabel, ...]:
    """Return the rules that cover a maker's devices on a day.

    Args:
        maker: the maker's name, "" for unknown.
        country: the country of the maker that the operator gave, which goes before the table's; "" for none.
        on: the day.
    """
    found = maker_named(maker)
    name = found.name if found is not None else maker
    seat = (country or country_of(maker)).upper()
    labels = []
    for rule in scope_rules():
        if rule.since > on:
            continue
        if name in rule.makers:
            because = f"the maker is {name}"
        elif seat and seat in rule.countries:
            because = f"the maker's country is {seat}"
        else:
            continue
        labels.append(ScopeLabel(label=rule.label, since=rule.since, rule=rule.rule, because=because))
    return tuple(labels)


def with_operator(labels: tuple[ScopeLabel, ...], scope: Sequence[str] | None, reason: str) -> tuple[ScopeLabel, ...]:
    """Return the labels that count: those that the operator gave in place of the rules', else those of the rules.

    Args:
        labels: the labels of the rules.
        scope: the labels of the operator; None where the operator left it to the rules, empty where no rule is to hold.
        reason: why the operator gave them.
    """
    if scope is None:
        return labels
    since = {each.label: each.since for each in labels}
    return tuple(ScopeLabel(label=label, since=since.get(label), rule=reason, because=BY_OPERATOR) for label in scope)


def is_scope_known(maker: str, country: str) -> bool:
    """Return whether the rules can say that a device is out of scope: without maker and country nobody can."""
    return bool(maker) and bool(country or country_of(maker))


def label_names(maker: str, country: str, on: date) -> tuple[str, ...]:
    """Return the names of the rules that cover a maker's devices on a day, see labels_for."""
    return tuple(each.label for each in labels_for(maker, country, on))
