"""This module hands the tests of a run out to its workers: quick ones several at a time, others one by one.

pytest-xdist hands out a test when a worker has one left beside the one that runs, and looks over all that the worker
has done. With thousands of tests that take a millisecond each, workers would wait for the controller.
"""

from typing import Any, Final

import pytest
from typing_extensions import override
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

AHEAD_S: Final = 0.25
"""Seconds of work that a worker is to have: the controller answers sooner even where every core is busy."""
MAX_AHEAD: Final = 16
"""The most tests that a worker has ahead, since the next one may take long, and no other worker takes it then."""
_LEAST: Final = 2
"""The tests that pytest-xdist leaves with a worker before it hands out more: one runs, one is known to come next."""
_LATEST: Final = 0.2
"""The weight of the latest test in the mean of a worker's durations."""


class Scheduling(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Keeps work of `AHEAD_S` with each worker, but never less than pytest-xdist does."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self._durations: dict[WorkerController, float] = {}

    @override
    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        mean = self._durations.get(node, AHEAD_S)
        self._durations[node] = mean + _LATEST * (duration - mean)
        nodeid = self.registered_collections[node][item_index]
        work, scope = self.assigned_work[node], self._split_scope(nodeid)
        work[scope][nodeid] = True
        if all(work[scope].values()):
            del work[scope]
        self._reschedule(node)

    @override
    def _reschedule(self, node: WorkerController) -> None:
        if node.shutting_down:
            return
        if not self.workqueue:
            node.shutdown()
            return
        work = self.assigned_work[node]
        pending = self._pending_of(work)
        ahead = min(AHEAD_S / max(self._durations.get(node, AHEAD_S), 0.001), MAX_AHEAD)
        if pending > max(_LEAST, ahead / 2):  # one message brings several tests
            return
        indices: list[int] = []
        while self.workqueue and (not indices or pending < ahead):
            scope, unit = self.workqueue.popitem(last=False)
            work[scope] = unit
            tests = [nodeid for nodeid, is_done in unit.items() if not is_done]
            indices += map(self.registered_collections[node].index, tests)
            pending += len(tests)
        node.send_runtest_some(indices)
