"""What became of each attack test, and of the clean stream beside it; `python -m tests.attacks` prints it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.attacks.rows import CONTROLS, OVERLOADING, ROWS, Row, row_of
from tests.support.neighbour_reader import Loss

HELD, BROKEN, NOT_TRIED = "held", "BROKEN", "not tried"


def function_of(test: str) -> str:
    """Return the test function, such as attacks/test_x.py::test_y, of a node of pytest."""
    return node_of(test).removeprefix("tests/").partition("[")[0]


def node_of(test: str) -> str:
    """Return a test without the name of its group, which pytest-xdist writes behind it."""
    name, at, group = test.rpartition("@")
    return name if at and group.isidentifier() else test


class Outcomes:
    """Collects what became of each test.

    Attributes:
        found: the outcomes by test function, with all its parameters.
        reasons: why a test function was not tried, or is broken.
        look: says what is wrong with the gateway of the clean stream.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = defaultdict(list)
        self.reasons: dict[str, list[str]] = defaultdict(list)
        self.look: Callable[[], list[str]] = list
        self._times: dict[str, tuple[float, float]] = {}
        self._alone_from: int | None = None
        self._unread: list[str] = []

    # -- hooks of pytest -----------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure of any phase, and a success of the test itself; then look at the clean stream's gateway."""
        function, node = function_of(report.nodeid), node_of(report.nodeid)
        started = self._times.get(node, (report.start, 0.0))[0]
        self._times[node] = started, report.stop
        if str(report.outcome) == "rerun":
            return
        if report.failed:
            self.found[function].append(BROKEN)
        elif report.skipped:
            self.found[function].append(NOT_TRIED)
            if isinstance(report.longrepr, tuple):
                self._reason(function, str(report.longrepr[2]).removeprefix("Skipped: "))
        elif report.when == "call":
            self.found[function].append(HELD)
        if report.when == "teardown":
            self._look(function)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that can't even be read."""
        if report.failed:
            self.found[f"{report.nodeid}::"].append(BROKEN)

    # -- the clean stream ----------------------------------------------------------------------------------------------

    def _look(self, function: str) -> None:
        complaints = self.look()
        if complaints:
            self.found[function].append(BROKEN)
            self._reason(function, f"afterwards the clean stream's gateway has more: {'; '.join(complaints)}")

    def _reason(self, function: str, reason: str) -> None:
        if reason not in self.reasons[function]:
            self.reasons[function].append(reason)

    def beside(self, losses: Sequence[Loss]) -> list[str]:
        """Return the tests that ran while the reader of the clean stream lost something."""
        return [
            test
            for test, (started, ended) in self._times.items()
            if any(loss.is_beside(started, ended) for loss in losses)
            and not any(fnmatchcase(function_of(test), pattern) for pattern in OVERLOADING)
        ]

    def try_again(self, tests: Iterable[str], losses: int) -> None:
        """Say that these tests run again, each alone; losses before this number count no more."""
        self._alone_from = losses
        for test in tests:
            self._times.pop(test)

    def judge(self, losses: Sequence[Loss]) -> None:
        """Call every test broken beside which the reader of the clean stream lost something, alone where it was."""
        for test in self.beside(losses[self._alone_from or 0 :]):
            function = function_of(test)
            self.found[function].append(BROKEN)
            self._reason(function, f"the clean stream lost {_words(losses, *self._times[test])}")

    # -- the page ------------------------------------------------------------------------------------------------------

    def tell(self, write: Callable[[str], Any]) -> dict[str, int]:
        """Write a line for each test function; return how many held, are broken, were not tried."""
        lines, counts = self._lines(), dict.fromkeys((HELD, BROKEN, NOT_TRIED), 0)
        write("\n")
        for row, test, outcome in lines:
            counts[outcome] += 1
            where = f"{row.area} / {row.attack}" if row is not None else "others"
            write(f"{where} / {_told(test, self.found[test])}\n")
        for test, reasons in self.reasons.items():
            write("".join(f"{verdict(self.found[test])}: {test}: {reason}\n" for reason in reasons))
        return counts

    def _lines(self) -> list[tuple[Row | None, str, str]]:
        order: dict[Any, int] = {row: index for index, row in enumerate(ROWS)}
        lines = [(row_of(test), test, verdict(found)) for test, found in self.found.items()]
        return sorted(lines, key=lambda line: (order.get(line[0], len(ROWS)), line[1]))


def verdict(outcomes: list[str]) -> str:
    """Return what the outcomes of a test with all its parameters are together."""
    return BROKEN if BROKEN in outcomes else HELD if HELD in outcomes else NOT_TRIED


def _told(test: str, found: list[str]) -> str:
    name = test.partition("::")[2].removeprefix("test_").replace("_", " ")
    left_out = found.count(NOT_TRIED) if HELD in found else 0
    notes = ["control"] if name.startswith(CONTROLS) else []
    notes += [f"{left_out} of {len(found)} not tried"] if left_out else []
    return f"{name}: {verdict(found)}" + (f" ({', '.join(notes)})" if notes else "")


def _words(losses: Iterable[Loss], started: float, ended: float) -> str:
    beside = [loss for loss in losses if loss.is_beside(started, ended)]
    packets = ", and packets" if any(loss.packets for loss in beside) else ""
    return f"{sum(loss.pictures for loss in beside)} pictures{packets}"
