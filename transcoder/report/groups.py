"""The assets are counted by maker, by rule and by site; the money that they are bound to by contract and quarter."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from transcoder.report.figures import Cell, Figure, Section, counts, table
from transcoder.report.timeline import OUT, STATES, Life, in_scope

NO_SITE = ""
"""The name of the group of assets without a site; texts say it in words."""


def by_maker_and_rule(all_lives: Sequence[Life]) -> Section:
    """Return the assets by maker and by rule.

    Args:
        all_lives: the assets.
    """
    makers, rules = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for life in all_lives:
        if life.covered != "out of scope":
            makers[life.asset.maker_name].append(life.state)
        for label in life.asset.scope:
            rules[label].append(life.state)
    outside = Counter(life.asset.maker_name for life in all_lives if life.covered == "out of scope")
    return Section(
        name="makers",
        figures=(
            table(
                "makers",
                "count(assets where scope is not empty or maker is unknown) by maker and by state",
                ("maker", "count", *STATES),
                _sorted(counts(makers, STATES)),
                free=("maker",),
            ),
            table(
                "rules",
                "count(assets) by label of scope and by state; an asset counts under each of its labels",
                ("rule", "count", *STATES),
                _sorted(counts(rules, STATES)),
                free=("rule",),
            ),
            table(
                "outside",
                "count(assets where scope is empty and maker is known) by maker",
                ("maker", "count"),
                _sorted([[name, number] for name, number in outside.items()]),
                free=("maker",),
            ),
        ),
    )


def by_site(all_lives: Sequence[Life]) -> Section:
    """Return the assets in scope by site.

    Args:
        all_lives: the assets.
    """
    sites = defaultdict[str, list[str]](list)
    for life in in_scope(all_lives):
        sites[life.asset.config.site or NO_SITE].append(life.state)
    figure = table(
        "sites",
        "count(assets where scope is not empty) by site and by state",
        ("site", "count", *STATES),
        _sorted(counts(sites, STATES)),
        free=("site",),
    )
    return Section(name="sites", figures=(figure,))


def money(all_lives: Sequence[Life], since: date, until: date) -> Section:
    """Return the contracts that end, and what went out of use in each quarter.

    Args:
        all_lives: the assets.
        since: the first day that the report is about.
        until: the last day.
    """
    contracts = defaultdict[tuple[str, str | None], list[str]](list)
    for life in in_scope(all_lives):
        config = life.asset.config
        if config.contract or config.contract_ends:
            contracts[config.contract or "", config.contract_ends].append(life.state)
    rows: list[list[Cell]] = [
        [name or None, ends, len(states), sum(state not in OUT for state in states)]
        for (name, ends), states in sorted(contracts.items(), key=lambda item: (item[0][1] or "9999", item[0][0]))
    ]
    return Section(
        name="money",
        figures=(
            table(
                "contracts",
                "count(assets where scope is not empty) by contract and its end, and of them those in use",
                ("contract", "contract_ends", "count", "in_use"),
                rows,
                free=("contract",),
            ),
            _quarters(in_scope(all_lives), since, until),
        ),
    )


def _quarters(covered: Iterable[Life], since: date, until: date) -> Figure:
    found: dict[str, Counter[str]] = {}
    for life in covered:
        if life.out_on and since.isoformat() <= life.out_on <= until.isoformat():
            found.setdefault(_quarter(life.out_on), Counter())[life.asset.state] += 1
    return table(
        "quarters",
        "count(assets where scope is not empty) by the quarter in which they went out of use, by state",
        ("quarter", *OUT),
        [[quarter, *(found[quarter][state] for state in OUT)] for quarter in sorted(found)],
    )


def _quarter(day: str) -> str:
    return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"


def _sorted(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Return rows with the largest group first."""
    return sorted(rows, key=lambda row: (-int(row[1] or 0), str(row[0]).casefold()))
