"""A plan is told in lines for people, without passwords."""

from collections.abc import Iterator, Mapping
from typing import Final

from transcoder.assets.importing.plan import Plan, PlannedAsset
from transcoder.assets.importing.streams import PORT_NEEDED
from transcoder.text import printable

_MAX_SHOWN: Final = 60
"""Characters of a cell that are shown."""
_SIGNS: Final[Mapping[str, str]] = {"added": "+", "changed": "~"}


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan: what is added, what changes, what is doubtful, and the counts.

    Args:
        plan: the plan.
    """
    for row in (*plan.of("added"), *plan.of("changed")):
        yield from _row_lines(row)
    doubtful = [row for row in plan.rows if not row.is_maker_known]
    if doubtful:
        yield f"unknown maker, {len(doubtful)} of {len(plan.rows)}: give a column `maker` or `brand`"
        yield from (f"? line {row.line}: {row.asset}{_without_stream(row)}" for row in doubtful)
    for row in plan.rows:
        if not row.is_port_known:
            yield f"? line {row.line}: {row.asset}, no stream: several cameras have its host: {PORT_NEEDED}"
    for line, other in plan.duplicates.items():
        yield f"= line {line}: its address is that of {other}"
    for refused in plan.refused:
        if refused.line not in plan.duplicates:
            yield f"! line {refused.line}: {printable(refused.reason, 300)}"
    counts = {kind: len(plan.of(kind)) for kind in ("added", "changed", "unchanged")}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    doubts = f"{len(doubtful)} of unknown maker, {len(plan.duplicates)} with a duplicate address"
    yield f"{told}, {doubts}, {len(plan.refused)} refused"


def _row_lines(row: PlannedAsset) -> Iterator[str]:
    streams = ", ".join(each.stream for each in row.streams)
    title = printable(str(row.keys.get("title") or ""), _MAX_SHOWN)
    yield f"{_SIGNS[row.kind]} {row.asset}{f' ({title})' if title else ''}" + (f": stream {streams}" if streams else "")
    if row.kind == "changed":
        for name, (old, new) in row.changes.items():
            yield f"    {name}: {_cell(old)} -> {_cell(new)}"


def _without_stream(row: PlannedAsset) -> str:
    is_of_path = not row.streams and row.kind == "added" and row.is_port_known
    return ", no stream: nothing tells the path of its URL" if is_of_path else ""


def _cell(text: str) -> str:
    return printable(text, _MAX_SHOWN) or "nothing"
