"""This module puts the tests of a run in the order in which several workers are done with them soonest.

A worker takes the next test of the order as soon as it is free, and with it all others of its group.

- Tests that take the machine alone come first: later, every worker would have to wait until those that run are over.
- Groups come next, since a group that is begun late is what all others wait for in the end.
- Tests without a process, which compute, are spread among those that start processes, which mostly wait. Where one
  worker is kept for them (`tests/support/scheduling.py`), they come last: the others take what it has left.
"""

from collections.abc import Iterable
from typing import Final

import pytest

_E2E_WEIGHT: Final = 5
"""The time that an end-to-end test takes, in those of a test that only starts a process."""


def is_quick(item: pytest.Item) -> bool:
    """Return whether a test starts no process, belongs to no group and shares the machine."""
    return not (item.get_closest_marker("alone") or item.get_closest_marker("xdist_group") or _weight(item))


def in_order(items: Iterable[pytest.Item], *, quick_last: bool = False) -> list[pytest.Item]:
    """Return the tests in the order for several workers; the quick ones at the end, or else among the others."""
    alone: list[pytest.Item] = []
    groups: dict[str, list[pytest.Item]] = {}
    single: list[pytest.Item] = []
    quick: list[pytest.Item] = []
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if item.get_closest_marker("alone"):
            alone.append(item)
        elif group:
            groups.setdefault(group.args[0], []).append(item)
        elif is_quick(item):
            quick.append(item)
        else:
            single.append(item)
    blocks = [alone, *sorted(groups.values(), key=len, reverse=True)]
    # stable: within a weight the order stays that of the files
    blocks += [[item] for item in sorted(single, key=_weight, reverse=True)]
    if quick_last:
        return [item for block in blocks for item in block] + quick
    return _spread(blocks, quick)


def _weight(item: pytest.Item) -> int:
    if item.get_closest_marker("e2e"):
        return _E2E_WEIGHT
    return 1 if item.get_closest_marker("process") else 0


def _spread(blocks: list[list[pytest.Item]], quick: list[pytest.Item]) -> list[pytest.Item]:
    """Return the blocks in their order, with the quick tests evenly among them by the blocks' weights."""
    whole = sum(_weight(item) for block in blocks for item in block)
    ordered: list[pytest.Item] = []
    passed = taken = 0
    for block in blocks:
        ordered += block
        passed += sum(map(_weight, block))
        upto = len(quick) * passed // whole if whole else 0
        ordered += quick[taken:upto]
        taken = upto
    return ordered + quick[taken:]
