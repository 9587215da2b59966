"""Simulate a year of a city's fleet in virtual time: faults at stated rates, and what the shards' readers see of them.

The lease cores are the product's; `benchmarks/fleet_world.py` has the rest. Only the time around faults is run: between
them, once every shard is held and every slot is well, nothing happens, and the time is booked as it is.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from benchmarks import report
from benchmarks.fleet_world import SlotModel, World
from transcoder.fleet.lease_times import DEFAULT_TTL_S, LeaseTimes

YEAR_S: Final = 365 * 86400.0
A_MACHINE: Final = 8
"""Slots on one machine, of 64 cores."""
SETTLE_S: Final = 8.0
"""Seconds after the last fault after which a fleet is expected to be well."""
LONGEST_S: Final = 3600.0
"""Seconds in which a fleet must be well again; more is a fault of the rules, and ends the simulation."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Attributes:
        name: its name in the table.
        a_year: how often it comes in a year, in the whole fleet.
        shortest_s: the shortest time that it lasts.
        longest_s: the longest.
    """

    name: str
    a_year: float
    shortest_s: float
    longest_s: float


KILL = Fault("machine killed", 12, 30, 120)
PULL = Fault("machine's cable pulled", 12, 1, 60)
CUT = Fault("machine cut from the store alone", 12, 1, 60)
AWAY = Fault("store away", 12, 1, 60)
SPLIT = Fault("network of the control in two parts", 4, 1, 60)
STOP = Fault("process stopped", 50, 0.5, 30)
CRASH = Fault("gateway crashed", 100, 0, 0)
DRAIN = Fault("slot drained by hand", 50, 10, 60)
UPGRADE = Fault("rolling upgrade", 4, 0, 0)
FAULTS: Final = (KILL, PULL, CUT, AWAY, SPLIT, STOP, CRASH, DRAIN, UPGRADE)


class Year:
    """Runs a year.

    Args:
        world: the fleet.
        seed: the beginning of the faults' chance.
        days: how long the year is.
    """

    def __init__(self, world: World, seed: int, days: float) -> None:
        self.world = world
        self.counted: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._length_s = days * 86400.0
        self._ends: list[float] = []

    def run(self) -> float:
        """Run the year and return how many of its seconds were run and not booked."""
        world = self.world
        world.run(2 * world.times.ttl_s)
        begin, booked = world.now, 0.0
        for when, fault in self._plan():
            quiet = when - (world.now - begin + booked)
            if quiet > 0:
                booked += quiet - self._settle(quiet)
            self._inflict(fault)
        self._settle(LONGEST_S)
        return world.now - begin

    def _plan(self) -> list[tuple[float, Fault]]:
        found = []
        for fault in FAULTS:
            number = round(fault.a_year * self._length_s / YEAR_S)
            found += [(self._random.uniform(0, self._length_s), fault) for _ in range(number)]
        return sorted(found, key=lambda item: item[0])

    def _settle(self, limit: float) -> float:
        """Run until all faults have ended and all shards are held, and return the seconds that it took."""
        begin = self.world.now
        while self.world.now - begin < limit:
            last = max(self._ends, default=0.0)
            if self.world.now >= last + SETTLE_S and not self.world.open_gaps():
                return self.world.now - begin
            if self.world.now > last + LONGEST_S:
                message = f"shards are not held: {self.world.open_gaps()}"
                raise RuntimeError(message)
            self.world.run(min(2.0, limit - (self.world.now - begin)))
        return limit

    def _inflict(self, fault: Fault) -> None:
        self.counted[fault.name] += 1
        lasts = self._random.uniform(fault.shortest_s, fault.longest_s)
        end = self.world.now + lasts
        self._ends = [when for when in self._ends if when > self.world.now] + [end]
        slot = self._random.choice(self.world.slots)
        number = self.world.slots.index(slot) // A_MACHINE
        machine = self.world.slots[number * A_MACHINE : (number + 1) * A_MACHINE]
        {
            KILL: self._kill,
            PULL: self._pull,
            CUT: self._cut,
            AWAY: self._away,
            SPLIT: self._split,
            STOP: self._stop,
            CRASH: self._crash,
            DRAIN: self._drain,
            UPGRADE: self._upgrade,
        }[fault](machine, slot, end)

    def _for_all(self, slots: list[SlotModel], when: float, action: Callable[[SlotModel], None]) -> None:
        for slot in slots:
            self.world.at(when, partial(action, slot))

    def _kill(self, machine: list[SlotModel], _: SlotModel, end: float) -> None:
        for slot in machine:
            slot.kill()
        self._for_all(machine, end, lambda slot: None if slot.alive else slot.start())

    def _pull(self, machine: list[SlotModel], _: SlotModel, end: float) -> None:
        """Cut a machine from everything: its readers and cameras, the store and the peers."""
        for slot in machine:
            self.world.set_network(slot, group=self._random.randrange(1, 1 << 30), store=False, readers=False)
        self._for_all(machine, end, self._whole)

    def _whole(self, slot: SlotModel) -> None:
        self.world.set_network(slot, group=0, store=True, readers=True)

    def _cut(self, machine: list[SlotModel], _: SlotModel, end: float) -> None:
        for slot in machine:
            self.world.set_network(slot, group=slot.group, store=False, readers=slot.readers)
        self._for_all(machine, end, self._whole)

    def _away(self, _: list[SlotModel], __: SlotModel, end: float) -> None:
        store, extends = self.world.store, self._random.random() < 1 / 2
        store.up = False
        self.world.at(end, lambda: store.come_back(extends=extends))

    def _split(self, _: list[SlotModel], __: SlotModel, end: float) -> None:
        """Split the network between the machines; the store is on either side."""
        machines = self.world.slot_count // A_MACHINE
        far = self._random.randrange(1, machines) * A_MACHINE
        with_store = self._random.random() < 1 / 2
        for number, slot in enumerate(self.world.slots):
            is_far = number < far
            self.world.set_network(slot, group=int(is_far), store=is_far == with_store, readers=slot.readers)
        self._for_all(self.world.slots, end, self._whole)

    def _stop(self, _: list[SlotModel], slot: SlotModel, end: float) -> None:
        slot.stop()
        self._for_all([slot], end, SlotModel.go_on)

    def _crash(self, _: list[SlotModel], slot: SlotModel, __: float) -> None:
        slot.crash_gateway()

    def _drain(self, _: list[SlotModel], slot: SlotModel, end: float) -> None:
        slot.drain()
        self._for_all([slot], end, lambda slot: slot.core.resume())

    def _upgrade(self, _: list[SlotModel], __: SlotModel, end: float) -> None:
        """Drain, end and start one slot after the other."""
        for number, slot in enumerate(self.world.slots):
            begin = end + number * 8.0
            self._for_all([slot], begin, SlotModel.drain)
            self._for_all([slot], begin + 4.0, lambda slot: slot.kill() if slot.alive else None)
            self._for_all([slot], begin + 5.0, lambda slot: None if slot.alive else slot.start())
        self._ends.append(end + len(self.world.slots) * 8.0)


def simulate(options: argparse.Namespace) -> dict[str, Any]:
    """Run a year and return its figures."""
    times = LeaseTimes(ttl_s=options.ttl)
    world = World(
        options.slots,
        options.shards,
        times=times,
        seed=options.seed,
        expires_by_itself=not options.kubernetes,
        peers_together=True,
    )
    world.run(3 * times.ttl_s)
    world.gaps.clear()
    taken = world.takes
    started = time.monotonic()
    year = Year(world, options.seed, options.days)
    ran_s = year.run()
    gaps = sorted(world.gaps)
    total = options.days * 86400.0 * options.shards
    return {
        "slots": options.slots,
        "shards": options.shards,
        "ttl_s": options.ttl,
        "store": "kubernetes" if options.kubernetes else "etcd",
        "days": options.days,
        "faults": dict(year.counted),
        "availability_percent": 100 * (1 - sum(gaps) / total),
        "moves": world.takes - taken,
        "gaps": len(gaps),
        "gap_median_s": gaps[len(gaps) // 2] if gaps else 0.0,
        "gap_p99_s": gaps[len(gaps) * 99 // 100] if gaps else 0.0,
        "gap_longest_s": max(gaps, default=0.0),
        "overlaps": len(world.overlaps),
        "overlap_longest_s": world.worst_overlap(),
        "overlap_bound_s": times.overlap_s,
        "address_overlaps": len(world.address_overlaps),
        "let_go": {str(reason): number for reason, number in world.reasons.items()},
        "virtual_s_run": ran_s,
        "real_s": time.monotonic() - started,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=80)
    parser.add_argument("--shards", type=int, default=65)
    parser.add_argument("--ttl", type=float, default=DEFAULT_TTL_S, help="time to live of a lease, in seconds")
    parser.add_argument("--days", type=float, default=365.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kubernetes", action="store_true", help="records are judged by their age")
    report.add_options(parser)
    arguments = parser.parse_args()
    result = simulate(arguments)
    table = report.Table("a year of faults", "figure", "value")
    for name, value in result.items():
        table.add(name, f"{value:.5f}" if isinstance(value, float) else value)
    report.finish(arguments, "fleet_simulation", result, [table])


if __name__ == "__main__":
    main()
