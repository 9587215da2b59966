"""`python -m tests.attacks`: run every attack test, say of each whether its measure held, and count.

A line is an area, what is attacked, the attack, and `held` or `BROKEN`; `control` stands for a test that shows the
attack where its measure is off. A test that can't be run here (no root, no program) is `not tried`, and says so below.
Further arguments go to pytest.

Beside the attacks a gateway serves a clean stream all the time. An attack beside which its reader lost a picture, and
loses one again when it is tried alone, is BROKEN; so is one after which that gateway holds more than at its start.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.attacks.outcomes import BROKEN, HELD, NOT_TRIED, Outcomes
from tests.attacks.rows import outside
from tests.conftest import KERNELS
from tests.support.neighbour import STREAM, StandingNeighbour, standing_neighbour

TRIED_AGAIN = 24
"""The most tests that are tried again, alone. Where the neighbour lost pictures beside more, that is no accident."""
NOTICED_S = 3.0
"""Seconds within which it is seen that the clean stream lost its worker."""
CONTROL = "attacks/control::test_without_its_worker_the_clean_stream_loses_pictures"


def main() -> int:
    """Run; 0 where every measure held."""
    started, outcomes = time.monotonic(), Outcomes()
    chosen = ["tests/attacks", *(f"tests/{test.removesuffix('*')}" for test in outside()), *sys.argv[1:]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attacks-")))
        neighbour = stack.enter_context(standing_neighbour(folder, _state(folder)))
        losses = neighbour.reader.losses
        outcomes.look = neighbour.complaints
        # the ten thousand mutated streams have minutes of their own: make test-long
        code = _run(outcomes, chosen, "--numprocesses", "2", "--dist", "loadgroup", "-k", "not 2500")
        again = outcomes.beside(losses)
        if 0 < len(again) <= TRIED_AGAIN:
            outcomes.try_again(again, len(losses))
            _run(outcomes, again, "--numprocesses", "1")
        outcomes.judge(losses)
        growth = ", ".join(f"{name} {size / (1 << 20):+.1f} MiB" for name, size in neighbour.growth().items())
        outcomes.found[CONTROL].append(HELD if _is_noticed(neighbour) else BROKEN)
        neighbour.reader.read()
    counts = outcomes.tell(sys.stdout.write)
    sys.stdout.write(
        f"\nthe clean stream: {growth}; {len(again)} attacks tried again alone\n"
        f"{counts[HELD]} held, {counts[BROKEN]} broken, {counts[NOT_TRIED]} not tried,"
        f" in {time.monotonic() - started:.0f} s\n"
    )
    return int(bool(counts[BROKEN]) or code not in {0, 1})


def _state(folder: Path) -> Path:
    """Make a folder for the gateway's state, where the compiled kernels are those of the tests."""
    state = folder / "state"
    state.mkdir()
    KERNELS.mkdir(parents=True, exist_ok=True)
    (state / "numba").symlink_to(KERNELS)
    return state


def _run(outcomes: Outcomes, tests: Iterable[str], *arguments: str) -> int:
    # this process has imported the plugin of the tests, whose assertions the workers' processes explain
    quiet = ["-q", "--no-header", "-m", "", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*quiet, *arguments, *tests], plugins=[outcomes]))


def _is_noticed(neighbour: StandingNeighbour) -> bool:
    """Return whether the reader tells of pictures that are lost with its worker."""
    known, pid = len(neighbour.reader.losses), neighbour.gateway.worker(STREAM)
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    time.sleep(NOTICED_S)
    return len(neighbour.reader.losses) > known


if __name__ == "__main__":
    sys.exit(main())
