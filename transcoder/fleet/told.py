"""What a plan comes to is told in lines for people, and as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from transcoder.fleet.plan import Plan, Shard, Slot
from transcoder.fleet.shard_files import Place
from transcoder.text import counted

MAX_NAMED: Final = 20
"""Streams that are named one a line, at most; --json names all."""


def document(plan: Plan, slots: tuple[Slot, ...], where: Mapping[int, Place]) -> dict[str, Any]:
    """Return a plan as plain data.

    Args:
        plan: the plan.
        slots: the kinds of slots.
        where: the place of each shard by its number.
    """
    return {
        "valid": not plan.problems,
        "streams": sum(len(shard.items) for shard in plan.shards),
        "cores": round(_cores(plan), 3),
        "fill": round(_fill(plan, slots), 4),
        "shards": [_shard(shard, slots[shard.slot], where[shard.number]) for shard in plan.shards],
        "moves": [
            {
                "stream": move.stream,
                "from": _name(move.before, where),
                "to": _name(move.after, where),
                "reason": move.reason,
            }
            for move in plan.moves
        ],
        "added": list(plan.added),
        "removed": list(plan.removed),
        "apart": dict(plan.apart),
        "problems": list(plan.problems),
    }


def _shard(shard: Shard, slot: Slot, place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "address": place.address,
        "cpus": place.cpus,
        "labels": sorted(slot.labels),
        "cores": round(shard.cores, 3),
        "fill": round(shard.cores / slot.cores, 4),
        "streams": {
            item.name: {"cores": round(item.cost.cores, 4), "origin": item.cost.origin} for item in shard.items
        },
    }


def lines(
    plan: Plan, slots: tuple[Slot, ...], where: Mapping[int, Place], *, is_first: bool, afresh: int
) -> Iterator[str]:
    """Yield the lines about a plan.

    Args:
        plan: the plan.
        slots: the kinds of slots.
        where: the place of each shard by its number.
        is_first: whether there is no earlier plan to compare with.
        afresh: the number of shards that a plan without the earlier one would have.
    """
    width = max((len(place.name) for place in where.values()), default=5)
    wide = max((len(place.address) for place in where.values()), default=7)
    if plan.shards:
        yield f"{'shard':{width}}  {'address':{wide}}  streams   cores  fill  processors"
    for shard in plan.shards:
        place, slot = where[shard.number], slots[shard.slot]
        also = f"  {', '.join(sorted(slot.labels))}" if slot.labels else ""
        line = (
            f"{place.name:{width}}  {place.address:{wide}}  {len(shard.items):7}  {shard.cores:6.2f}  "
            f"{shard.cores / slot.cores:4.0%}  {place.cpus}{also}"
        )
        yield line.rstrip()
    yield from _shortened([f"{name} is new" for name in plan.added], "more are new") if not is_first else ()
    yield from _shortened([f"{name} is no more" for name in plan.removed], "more are no more")
    yield from _shortened(
        [
            f"{move.stream} moves from {_name(move.before, where)} to {_name(move.after, where)}: {move.reason}"
            for move in plan.moves
        ],
        "more move",
    )
    yield from _shortened(
        [f"{together} is divided among {number} shards" for together, number in plan.apart.items()], "more are divided"
    )
    yield _summary(plan, slots, is_first=is_first)
    if not is_first and afresh < len(plan.shards):
        yield f"a plan without the earlier one would have {counted(afresh, 'shard')}, and move streams for it"


def _summary(plan: Plan, slots: tuple[Slot, ...], *, is_first: bool) -> str:
    streams = sum(len(shard.items) for shard in plan.shards)
    origins: dict[str, int] = {}
    for shard in plan.shards:
        for item in shard.items:
            origins[item.cost.origin] = origins.get(item.cost.origin, 0) + 1
    by = ", ".join(f"{number} {origin}" for origin, number in sorted(origins.items()))
    spare = [
        slot.count - sum(shard.slot == index for shard in plan.shards) for index, slot in enumerate(slots) if slot.count
    ]
    left = f", {counted(sum(spare), 'slot')} to spare" if spare else ""
    moved = "" if is_first else f", {counted(len(plan.moves), 'stream')} to move"
    return (
        f"{counted(streams, 'stream')} in {counted(len(plan.shards), 'shard')}, {_cores(plan):.1f} cores, "
        f"fill {_fill(plan, slots):.0%}{left}{moved} (costs: {by or 'none'})"
    )


def _shortened(every: list[str], more: str) -> list[str]:
    return every if len(every) <= MAX_NAMED else [*every[: MAX_NAMED - 1], f"{len(every) - MAX_NAMED + 1} {more}"]


def _cores(plan: Plan) -> float:
    return sum(shard.cores for shard in plan.shards)


def _fill(plan: Plan, slots: tuple[Slot, ...]) -> float:
    """Return the share of all slots' cores that streams cost."""
    return _cores(plan) / sum(slots[shard.slot].cores for shard in plan.shards) if plan.shards else 0.0


def _name(number: int, where: Mapping[int, Place]) -> str:
    if number in where:
        return where[number].name
    return f"shard {number}, which is no more"
