"""What happened, and which known vulnerabilities the cameras have that are still in use: most of it for few eyes."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from transcoder.assets.inventory import Incident
from transcoder.assets.vulnerabilities import build_day, exposures
from transcoder.report.figures import Cell, Section, table
from transcoder.report.timeline import Life

ANSWERS: Final = ("yes", "no", "unknown")
"""The answers to whether a firmware is older than the fixed one, "unknown" counted as one of its own."""
_IN_USE: Final = "assets where state not in (replaced, retired) or streams is not empty"


def risks(all_lives: Sequence[Life], incidents: Iterable[Incident], since: str, until: str) -> Section:
    """Return incidents, vulnerabilities and the age of firmware.

    Args:
        all_lives: the assets.
        incidents: what happened.
        since: the first day that the report is about, ISO 8601.
        until: the last day.
    """
    told = [each for each in incidents if since <= each.at[:10] <= until]
    kinds = Counter(each.kind for each in told)
    cells: list[list[Cell]] = []
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    built: Counter[str] = Counter()
    for life in all_lives:
        if not life.is_in_use:
            continue
        asset = life.asset
        day = build_day(asset.firmware.value)
        built[str(day.year) if day else ""] += 1
        for found in exposures(asset.maker.value, asset.brand.value, asset.model.value, asset.firmware.value):
            known = found.vulnerability
            answers[known.id][found.older_than_fix] += 1
            exploited = known.kev_added.isoformat() if known.kev_added else None
            cells.append([asset.id, asset.config.title, known.id, known.reached_by, exploited, found.older_than_fix])
    return Section(
        name="risks",
        figures=(
            table("incidents", "count(incidents) by kind", ("incident", "times"), sorted(kinds.items())),
            table(
                "incident_list",
                "incidents",
                ("time", "incident", "id", "stream", "detail"),
                [[each.at, each.kind, each.asset or None, each.stream or None, each.detail] for each in told],
                is_public=False,
            ),
            table(
                "vulnerability_counts",
                f"count({_IN_USE}) by vulnerability of its maker, brand and model, and by whether its firmware is old",
                ("vulnerability", *ANSWERS),
                [[name, *(found[answer] for answer in ANSWERS)] for name, found in sorted(answers.items())],
                is_public=False,
            ),
            table(
                "vulnerabilities",
                f"vulnerabilities of {_IN_USE}",
                ("id", "title", "vulnerability", "reached_by", "exploited_since", "older_than_fix"),
                cells,
                is_public=False,
            ),
            table(
                "firmware",
                f"count({_IN_USE}) by the year in which the firmware was built",
                ("built", "count"),
                sorted(([year or None, number] for year, number in built.items()), key=lambda row: str(row[0] or "~")),
                is_public=False,
            ),
        ),
    )
