"""This module hands the tests of a run out to its workers: quick ones several at a time, others one by one.

pytest-xdist hands out a test when a worker has one left beside the one that runs, and looks over all that the worker
has done. With thousands of tests that take a millisecond each, workers would wait for the controller.

Of many workers the last one takes none but quick tests: those of processes mostly wait, and it computes meanwhile. No
more of these run at a time than there are other workers.
"""

import json
from collections import deque
from pathlib import Path
from typing import Any, Final

import pytest
from typing_extensions import override
from xdist.scheduler import LoadGroupScheduling
from xdist.workermanage import WorkerController

AHEAD_S: Final = 0.25
"""Seconds of work that a worker is to have: the controller answers sooner even where every core is busy."""
MAX_AHEAD: Final = 16
"""The most tests that a worker has ahead, since the next one may take long, and no other worker takes it then."""
MANY: Final = 5
"""The fewest workers of which one is kept for quick tests: the others are two a core at least."""
_QUICK: Final = "quick tests"
_LEAST: Final = 2
"""The tests that pytest-xdist leaves with a worker before it hands out more: one runs, one is known to come next."""
_LATEST: Final = 0.2
"""The weight of the latest test in the mean of a worker's durations."""


def tell_quick(folder: Path, nodeids: list[str]) -> None:
    """Tell the controller, as a worker, which tests are quick; `folder` is one of the run."""
    (folder / _QUICK).write_text(json.dumps(nodeids), encoding="utf-8")


class Scheduling(LoadGroupScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Keeps work of `AHEAD_S` with each worker, but never less than pytest-xdist does.

    Args:
        config: pytest's.
        log: pytest-xdist's.
        folder: the folder of the run in which a worker tells which tests are quick.
    """

    def __init__(self, config: pytest.Config, log: Any, folder: Path) -> None:
        super().__init__(config, log)
        self._durations: dict[WorkerController, float] = {}
        self._folder = folder
        self._quick: deque[str] = deque()
        self._kept: str | None = None

    @override
    def schedule(self) -> None:
        told = self._folder / _QUICK
        if self.collection is None and len(self.nodes) >= MANY and told.is_file():
            self._quick.extend(json.loads(told.read_text(encoding="utf-8")))
            if self._quick:  # else there is nothing to keep a worker for
                self._kept = f"gw{len(self.nodes) - 1}"
        super().schedule()

    @override
    def _assign_work_unit(self, node: WorkerController) -> None:
        self._hand_out(node, 1)

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
        pending = self._pending_of(self.assigned_work[node])
        ahead = min(AHEAD_S / max(self._durations.get(node, AHEAD_S), 0.001), MAX_AHEAD)
        if pending > max(_LEAST, ahead / 2):  # one message brings several tests
            return
        self._hand_out(node, ahead)

    def _hand_out(self, node: WorkerController, ahead: float) -> None:
        """Hand out a unit of work, and more until the worker has so many tests; without any left, let it end."""
        indices: list[int] = []
        work = self.assigned_work[node]
        pending = self._pending_of(work)
        while (not indices or pending < ahead) and (taken := self._take(node)) is not None:
            scope, unit = taken
            work[scope] = unit
            tests = [nodeid for nodeid, is_done in unit.items() if not is_done]
            indices += map(self.registered_collections[node].index, tests)
            pending += len(tests)
        if indices:
            node.send_runtest_some(indices)
        else:
            node.shutdown()

    def _take(self, node: WorkerController) -> tuple[str, dict[str, bool]] | None:
        """Take the next unit for a worker out of those that are left."""
        if not self.workqueue:
            return None
        if node.gateway.id != self._kept:
            taken: tuple[str, dict[str, bool]] = self.workqueue.popitem(last=False)
            return taken
        while self._quick:
            scope = self._quick.popleft()
            if scope in self.workqueue:
                return scope, self.workqueue.pop(scope)
        return None
