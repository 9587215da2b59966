"""A slot remembers since when it has seen each record unchanged, and tells by it which shards are free."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from transcoder.fleet.lease_store import LeaseRecord
from transcoder.fleet.lease_times import LeaseTimes

CLOCKS = 1.002
"""Two clocks that are off by 0.1 % each part by this factor: a record is waited for that much longer."""


@dataclass(frozen=True, slots=True)
class _Sighting:
    record: LeaseRecord
    since: float


class Sightings:
    """Remembers the records of the last look.

    Args:
        slot: the name of this slot.
        times: the times of the lease rules.
    """

    def __init__(self, slot: str, times: LeaseTimes) -> None:
        self._slot = slot
        self._times = times
        self._seen: dict[str, _Sighting] = {}

    def look(self, records: Iterable[LeaseRecord], now: float) -> None:
        """Take the records of a look at the store.

        Args:
            records: all records; a shard that is not among them is forgotten.
            now: monotonic seconds, when they came.
        """
        before = self._seen
        self._seen = {}
        for record in records:
            earlier = before.get(record.shard)
            unchanged = earlier is not None and earlier.record.revision == record.revision
            self._seen[record.shard] = earlier if unchanged and earlier else _Sighting(record, now)

    def own(self) -> list[LeaseRecord]:
        """Return the records that name this slot."""
        return [sighting.record for sighting in self._seen.values() if sighting.record.holder == self._slot]

    def free(self, steady_for: float, now: float) -> list[LeaseRecord]:
        """Return the records that may be taken, in an order of this slot's own, so that not all slots want the same.

        Args:
            steady_for: for how many seconds the store has answered: what was not looked at can't have been seen
                unchanged, and after an outage its holders need time to renew.
            now: monotonic seconds.
        """
        found = [seen.record for seen in self._seen.values() if self._is_free(seen, steady_for, now)]
        return sorted(found, key=lambda record: _rank(self._slot, record.shard))

    def _is_free(self, seen: _Sighting, steady_for: float, now: float) -> bool:
        if seen.record.holder is None:
            return True
        if seen.record.expires_by_itself:
            return False
        return min(now - seen.since, steady_for) >= self._times.ttl_s * CLOCKS


def _rank(slot: str, shard: str) -> bytes:
    return hashlib.sha256(f"{slot}/{shard}".encode()).digest()
