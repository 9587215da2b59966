"""How many assets are out of use, how many are behind the gateway, how many are neither, and when the last one goes."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from transcoder.config.asset import last_day
from transcoder.report.figures import Cell, Figure, Section, table
from transcoder.report.timeline import OUT, Life, in_scope, years

_SCOPE: Final = "assets where scope is not empty"


def totals(all_lives: Sequence[Life]) -> Section:
    """Return the figures of the sentence that a report begins with.

    Args:
        all_lives: the assets.
    """
    covered = in_scope(all_lives)
    states = [life.state for life in covered]
    open_plans = [life.plans[-1] for life in covered if life.state not in OUT and life.plans]
    unplanned = sum(life.state not in OUT and not life.plans for life in covered)
    unknown = sum(life.covered == "unknown" for life in all_lives)
    last = max(open_plans, key=last_day, default=None)
    neither = "count(assets where scope is not empty and state = legacy)"
    return Section(
        name="totals",
        figures=(
            Figure(name="in_scope", query=f"count({_SCOPE})", value=len(covered)),
            Figure(name="out", query=f"count({_SCOPE} and state in (replaced, retired))", value=_count(states, *OUT)),
            Figure(name="behind", query=f"count({_SCOPE} and state = cleaned)", value=_count(states, "cleaned")),
            Figure(name="exempt", query=f"count({_SCOPE} and state = exempt)", value=_count(states, "exempt")),
            Figure(name="neither", query=neither, value=_count(states, "legacy")),
            Figure(name="last", query=f"max(planned of {_SCOPE} and state not in (replaced, retired))", value=last),
            Figure(
                name="unplanned",
                query=f"count({_SCOPE} and state not in (replaced, retired) and planned is empty)",
                value=unplanned,
            ),
            Figure(name="unknown", query="count(assets where maker is unknown and scope is not set)", value=unknown),
            Figure(name="all", query="count(assets)", value=len(all_lives)),
        ),
    )


def by_year(all_lives: Sequence[Life], until: date) -> Section:
    """Return the figures of the plan and of what became of it.

    Args:
        all_lives: the assets.
        until: the last day that the report is about.
    """
    covered = in_scope(all_lives)
    return Section(name="progress", figures=(_years(covered, until), _slips(covered), _overdue(covered, until)))


def _years(covered: Sequence[Life], until: date) -> Figure:
    rows: list[list[Cell]] = []
    for year in years(covered, until):
        end = min(date(year, 12, 31), until) if year <= until.year else date(year, 12, 31)
        first = sum(bool(life.plans) and last_day(life.plans[0]).year <= year for life in covered)
        plan = sum(bool(life.plans) and last_day(life.plans[-1]).year <= year for life in covered)
        if year > until.year:
            rows.append([str(year), first, plan, None, None, None])
            continue
        states = [life.state if end == until else life.state_on(end.isoformat()) for life in covered]
        done = (_count(states, *OUT), _count(states, "cleaned"), _count(states, "legacy"))
        rows.append([str(year), first, plan, *done])
    return table(
        "years",
        f"for each year, over {_SCOPE}: count(first plan before the end of the year), count(planned before it), and "
        "count(state in (replaced, retired)), count(state = cleaned), count(state = legacy) on its last day",
        ("year", "first_plan", "plan", "out", "cleaned", "legacy"),
        rows,
    )


def _slips(covered: Sequence[Life]) -> Figure:
    rows: list[list[Cell]] = []
    for life in covered:
        config, plans = life.asset.config, life.plans
        for number, slip in enumerate(config.slips):
            after = plans[number + 1] if number + 1 < len(plans) else None
            rows.append([life.asset.id, config.title, config.site, slip.planned, after, slip.reason, slip.at, slip.by])
    return table(
        "slips",
        f"slips of {_SCOPE}",
        ("id", "title", "site", "planned_before", "planned_after", "reason", "moved", "moved_by"),
        rows,
        private=("moved_by",),
        free=("id", "title", "site", "reason"),
    )


def _overdue(covered: Sequence[Life], until: date) -> Figure:
    late = [life for life in covered if life.state not in OUT and life.plans and last_day(life.plans[-1]) < until]
    return table(
        "overdue",
        f"{_SCOPE} and state not in (replaced, retired) and planned before the day of the report",
        ("id", "title", "site", "planned", "state"),
        [[life.asset.id, life.asset.config.title, life.asset.config.site, life.plans[-1], life.state] for life in late],
        free=("id", "title", "site"),
    )


def _count(states: Sequence[str], *wanted: str) -> int:
    return sum(state in wanted for state in states)
