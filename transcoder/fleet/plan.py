"""A plan says which shard has each stream: no stream moves without need, and the cameras of one host stay together.

Streams that no shard has yet are put into the first one with room for them, the costliest first (first fit decreasing).
The same fleet always gives the same plan.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transcoder.fleet.cost import Cost
from transcoder.text import counted

SERVICE_CORES: Final = 0.95
"""Cores that the service of one gateway may need: it is one thread, and 45 streams of 1080p25 take so much."""
MAX_SHARDS: Final = 9999
"""The largest number of shards: a hundred times a city's, and names of at most four digits."""
_TOLERANCE: Final = 1e-9
"""Cores that sums of floating-point numbers may be wrong by."""
_NUMBER: Final = re.compile(r"(.*?)-?([0-9]{2,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Describes equal places for gateways, each of which holds at most one shard.

    Attributes:
        cores: the cores of one slot.
        fill: the share of them that a plan uses.
        labels: what the slots have, such as gpu.
        count: how many slots there are; None where that is left open.
    """

    cores: float
    fill: float
    labels: frozenset[str] = frozenset()
    count: int | None = None

    @property
    def room(self) -> float:
        """Return the cores that the streams of one shard may cost together."""
        return self.cores * self.fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Describes a stream that is to be placed.

    Attributes:
        name: the id of the stream.
        cost: what it costs.
        together: the recorder or camera whose streams stay in one shard if they fit.
        needs: the labels that its slot must have.
        aliases: paths of which no other stream of its shard may have one.
    """

    name: str
    cost: Cost
    together: str
    needs: frozenset[str] = frozenset()
    aliases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Holds the streams of one gateway.

    Attributes:
        number: the number in the shard's name, which it keeps from plan to plan.
        slot: the index of the kind of slot that it needs.
        items: its streams, by name.
    """

    number: int
    slot: int
    items: tuple[Item, ...]

    @property
    def cores(self) -> float:
        """Return the cores that the streams cost together."""
        return sum(item.cost.cores for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Says that a stream leaves the shard that an earlier plan gave it, and why."""

    stream: str
    before: int
    after: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Holds shards, and what is different from an earlier plan.

    Attributes:
        shards: the shards, by number.
        moves: the streams that change their shard.
        added: the streams that the earlier plan did not have.
        removed: the streams that it had and that are no more.
        apart: the recorders whose streams don't fit into one shard, each with the number of its shards.
        problems: what keeps the plan from being used; each line begins with its key path.
    """

    shards: tuple[Shard, ...]
    moves: tuple[Move, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    apart: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def number_of(name: str, prefix: str) -> int | None:
    """Return the number in a shard's name, None where the name is no shard's of that prefix."""
    found = _NUMBER.fullmatch(name)
    if found is None or found[1] != prefix or shard_name(prefix, int(found[2])) != name:
        return None
    return int(found[2])


def shard_name(prefix: str, number: int) -> str:
    """Return the name of a shard."""
    return f"{prefix}-{number:02}"


def make_plan(items: Iterable[Item], slots: Sequence[Slot], earlier: Mapping[int, Sequence[str]]) -> Plan:
    """Place streams in shards.

    Args:
        items: the streams.
        slots: the kinds of slots; a stream takes the first of those with the fewest labels that has all it needs.
        earlier: the streams of each shard by an earlier plan, by the shard's number.
    """
    known = {item.name: item for item in sorted(items, key=lambda item: item.name)}
    problems: list[str] = []
    kinds: dict[str, int] = {}
    for name, item in known.items():
        kind = _kind(item, slots)
        if kind is None:
            problems.append(f"streams.{name}.needs: no slot has {', '.join(sorted(item.needs))} together")
        else:
            kinds[name] = kind
            problems += _too_large(item, slots[kind])
    placing = _Placing(known, kinds, slots)
    moved = placing.keep(earlier)
    placing.place_others()
    shards = placing.shards()
    problems += _too_many(shards, slots)
    before = {name: number for number in sorted(earlier, reverse=True) for name in earlier[number]}
    after = {item.name: shard.number for shard in shards for item in shard.items}
    return Plan(
        shards=shards,
        moves=tuple(
            Move(stream=name, before=before[name], after=after[name], reason=moved.get(name, ""))
            for name in after
            if name in before and before[name] != after[name]
        ),
        added=tuple(name for name in known if name not in before),
        removed=tuple(sorted(before.keys() - known.keys())),
        apart=_apart(shards),
        problems=tuple(problems),
    )


def _kind(item: Item, slots: Sequence[Slot]) -> int | None:
    fitting = [index for index, slot in enumerate(slots) if item.needs <= slot.labels]
    return min(fitting, key=lambda index: len(slots[index].labels), default=None)


def _too_large(item: Item, slot: Slot) -> Iterator[str]:
    if item.cost.cores > slot.room + _TOLERANCE:
        yield (
            f"streams.{item.name}: needs {item.cost.cores:.2f} cores ({item.cost.origin}), and a slot has "
            f"{slot.room:.2f} for its streams: a smaller size or rate, or a larger slot"
        )


def _too_many(shards: Sequence[Shard], slots: Sequence[Slot]) -> Iterator[str]:
    for index, slot in enumerate(slots):
        used = sum(shard.slot == index for shard in shards)
        if slot.count is not None and used > slot.count:
            yield f"slots[{index}].count: {counted(used, 'shard')} for {counted(slot.count, 'slot')}"
    if len(shards) > MAX_SHARDS:
        yield f"slots: {len(shards)} shards; at most {MAX_SHARDS} are planned"


def _apart(shards: Sequence[Shard]) -> dict[str, int]:
    """Return each camera or recorder whose streams are in several shards with the number of these.

    What needs another kind of slot was not to be together.
    """
    found: dict[tuple[str, int], int] = defaultdict(int)
    for shard in shards:
        for together in {item.together for item in shard.items}:
            found[together, shard.slot] += 1
    return {together: number for (together, _), number in sorted(found.items()) if number > 1}


@dataclass(slots=True)
class _Open:
    """Holds a shard that is being filled."""

    number: int
    slot: int
    items: dict[str, Item] = field(default_factory=dict)
    cores: float = 0.0
    service: float = 0.0
    aliases: set[str] = field(default_factory=set)

    def add(self, unit: "_Unit") -> None:
        self.items |= {item.name: item for item in unit.items}
        self.cores += unit.cores
        self.service += unit.service
        self.aliases |= unit.aliases

    def remove(self, unit: "_Unit") -> None:
        for item in unit.items:
            del self.items[item.name]
        self.cores = sum(item.cost.cores for item in self.items.values())
        self.service = sum(item.cost.service for item in self.items.values())
        self.aliases = {alias for item in self.items.values() for alias in item.aliases}

    def takes(self, unit: "_Unit", room: float) -> bool:
        return (
            self.cores + unit.cores <= room + _TOLERANCE
            and self.service + unit.service <= SERVICE_CORES + _TOLERANCE
            and self.aliases.isdisjoint(unit.aliases)
        )


class _Unit:
    """Holds streams that are placed together."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = tuple(items)
        self.cores = sum(item.cost.cores for item in self.items)
        self.service = sum(item.cost.service for item in self.items)
        self.aliases = {alias for item in self.items for alias in item.aliases}

    @property
    def first(self) -> str:
        return self.items[0].name


class _Placing:
    def __init__(self, known: Mapping[str, Item], kinds: Mapping[str, int], slots: Sequence[Slot]) -> None:
        self._known = known
        self._kinds = kinds
        self._slots = slots
        self._open: dict[int, _Open] = {}
        self._placed: set[str] = set()
        self._next = 1

    def shards(self) -> tuple[Shard, ...]:
        """Return what has streams by now."""
        return tuple(
            Shard(number=number, slot=shard.slot, items=tuple(item for _, item in sorted(shard.items.items())))
            for number, shard in sorted(self._open.items())
            if shard.items
        )

    def keep(self, earlier: Mapping[int, Sequence[str]]) -> dict[str, str]:
        """Leave streams where an earlier plan has them; return why others can't stay, by name."""
        why: dict[str, str] = {}
        for number in sorted(earlier):
            names = [name for name in sorted(earlier[number]) if name in self._kinds and name not in self._placed]
            if not names:
                continue
            kinds = [self._kinds[name] for name in names]
            kind = max(set(kinds), key=lambda kind: (kinds.count(kind), -kind))  # the fewest move
            shard = _Open(number, kind)
            for name in names:
                if self._kinds[name] != kind:
                    why[name] = "its slot must have other labels"
                    continue
                unit = _Unit([self._known[name]])
                if not shard.aliases.isdisjoint(unit.aliases):
                    why[name] = "another stream there has the same alias"
                    continue
                shard.add(unit)
            why |= self._relieve(shard)
            self._open[number] = shard
            self._placed |= shard.items.keys()
        return why

    def _relieve(self, shard: _Open) -> dict[str, str]:
        """Take streams out of a shard that has grown too large; return why, by name."""
        why: dict[str, str] = {}
        room = self._slots[shard.slot].room
        while (parts := self._units(shard.items.values(), room)) and len(parts) > 1:
            excess = max(shard.cores - room, 0.0)
            service = max(shard.service - SERVICE_CORES, 0.0)
            if excess <= _TOLERANCE and service <= _TOLERANCE:
                break
            enough = [part for part in parts if part.cores >= excess and part.service >= service]
            leaving = (
                min(enough, key=lambda part: (len(part.items), part.cores, part.first))
                if enough
                else max(parts, key=lambda part: (part.cores / len(part.items), part.first))
            )
            cores = self._slots[shard.slot].cores
            reason = (
                f"the shard would be at {shard.cores / cores:.0%} of its cores"
                if excess > _TOLERANCE
                else f"the shard's service would need {shard.service:.2f} cores of one thread"
            )
            why |= {item.name: reason for item in leaving.items}
            shard.remove(leaving)
        return why

    def place_others(self) -> None:
        """Place every stream that no shard has, the costliest first."""
        waiting: dict[int, list[Item]] = defaultdict(list)
        for name, kind in self._kinds.items():
            if name not in self._placed:
                waiting[kind].append(self._known[name])
        for kind in sorted(waiting):
            self._fill(kind, waiting[kind])

    def _fill(self, kind: int, items: Sequence[Item]) -> None:
        room = self._slots[kind].room
        homes: dict[str, list[_Open]] = defaultdict(list)
        for shard in self._open.values():
            if shard.slot == kind:
                for together in {item.together for item in shard.items.values()}:
                    homes[together].append(shard)
        units = sorted(self._units(items, room), key=lambda unit: (-unit.cores, unit.first))
        least = min(unit.cores for unit in units)
        open_ = [shard for _, shard in sorted(self._open.items()) if shard.slot == kind]
        for unit in units:
            known = homes[unit.items[0].together]
            found = next((each for each in (*known, *open_) if each.takes(unit, room)), None)
            shard = found or _Open(self._free_number(), kind)
            if found is None:
                self._open[shard.number] = shard
                open_.append(shard)
                open_.sort(key=lambda each: each.number)
            shard.add(unit)
            if shard not in known:
                known.append(shard)
            if shard.cores + least > room + _TOLERANCE:  # nothing else fits, and a long list costs time
                open_ = [each for each in open_ if each is not shard]

    def _free_number(self) -> int:
        number = self._next
        while number in self._open:
            number += 1
        self._next = number + 1
        return number

    def _units(self, items: Iterable[Item], room: float) -> list[_Unit]:
        """Return streams by their camera or recorder; one that is too large for a shard is taken in parts."""
        groups: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            groups[item.together].append(item)
        return [_Unit(part) for _, group in sorted(groups.items()) for part in _parts(group, room)]


def _parts(group: Sequence[Item], room: float) -> Iterator[list[Item]]:
    """Yield the streams of one recorder in parts that fit into a shard, in the order of their names."""
    part: list[Item] = []
    unit = _Open(0, 0)
    for item in sorted(group, key=lambda item: item.name):
        one = _Unit([item])
        if part and not unit.takes(one, room):
            yield part
            part, unit = [], _Open(0, 0)
        part.append(item)
        unit.add(one)
    yield part
