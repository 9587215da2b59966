"""`python -m tests.attacks`: run every attack test, say of each whether its measure held, and count.

A line is an area, what is attacked, the attack, and `held` or `BROKEN`; `control` stands for a test that shows the
attack where its measure is off. A test that can't be run here (no root, no program) is `not tried`, and says so below.
Further arguments go to pytest.
"""

import sys
import time
from collections import defaultdict
from typing import Any

import pytest

from tests.attacks.rows import CONTROLS, ROWS, Row, outside, row_of

HELD, BROKEN, NOT_TRIED = "held", "BROKEN", "not tried"


class Outcomes:
    """Collects what became of each test."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = defaultdict(list)
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure of any phase, and a success of the test itself."""
        test = report.nodeid.removeprefix("tests/").partition("[")[0]
        if str(report.outcome) == "rerun":
            return
        if report.failed:
            self.found[test].append(BROKEN)
        elif report.skipped:
            self.found[test].append(NOT_TRIED)
            if isinstance(report.longrepr, tuple):
                self.reasons[test] = str(report.longrepr[2]).removeprefix("Skipped: ")
        elif report.when == "call":
            self.found[test].append(HELD)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that can't even be read."""
        if report.failed:
            self.found[f"{report.nodeid}::"].append(BROKEN)


def verdict(outcomes: list[str]) -> str:
    """Return what the outcomes of a test with all its parameters are together."""
    return BROKEN if BROKEN in outcomes else HELD if HELD in outcomes else NOT_TRIED


def _lines(outcomes: Outcomes) -> list[tuple[Row | None, str, str]]:
    order: dict[Any, int] = {row: index for index, row in enumerate(ROWS)}
    lines = [(row_of(test), test, verdict(found)) for test, found in outcomes.found.items()]
    return sorted(lines, key=lambda line: (order.get(line[0], len(ROWS)), line[1]))


def _told(test: str, outcome: str) -> str:
    name = test.partition("::")[2].removeprefix("test_").replace("_", " ")
    is_control = name.startswith(CONTROLS)
    return f"{name}: {outcome}{' (control)' if is_control else ''}"


def main() -> int:
    """Run; 0 where every measure held."""
    started, outcomes = time.monotonic(), Outcomes()
    workers = ["--numprocesses", "2", "--dist", "loadgroup"]
    chosen = ["tests/attacks", *(f"tests/{test.removesuffix('*')}" for test in outside())]
    # the ten thousand mutated streams have minutes of their own: make test-long
    arguments = ["-q", "--no-header", "-m", "", *workers]
    code = pytest.main([*arguments, "-k", "not 2500", *chosen, *sys.argv[1:]], plugins=[outcomes])
    lines, counts = _lines(outcomes), dict.fromkeys((HELD, BROKEN, NOT_TRIED), 0)
    sys.stdout.write("\n")
    for row, test, outcome in lines:
        counts[outcome] += 1
        where = f"{row.area} / {row.attack}" if row is not None else "others"
        sys.stdout.write(f"{where} / {_told(test, outcome)}\n")
    for test, reason in outcomes.reasons.items():
        sys.stdout.write(f"not tried: {test}: {reason}\n")
    took = time.monotonic() - started
    sys.stdout.write(
        f"\n{counts[HELD]} held, {counts[BROKEN]} broken, {counts[NOT_TRIED]} not tried, in {took:.0f} s\n"
    )
    return int(bool(counts[BROKEN]) or code not in {0, 1})


if __name__ == "__main__":
    sys.exit(main())
