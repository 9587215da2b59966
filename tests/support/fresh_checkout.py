"""This module has the workers of a run share what a new checkout makes each of them compile: tests and kernels.

Every worker imports every test. pytest compiles a test anew, so that a failed assertion explains itself, and keeps the
result; the kernels are kept as well. The workers therefore begin at different tests and find compiled what the others
have been at, and one of them compiles the kernels while the others are at tests that need none.
"""

import fcntl
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

_KERNELS: Final = "transcoder_native.kernels"


def share(root: Path, locks: Path, number: int, workers: int) -> None:
    """Import every test below `root`; `number` is this worker's among the workers, `locks` a folder of the run's."""
    with (locks / "kernels").open("a") as lock:
        if number == 0:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _compile_kernels()
            fcntl.flock(lock, fcntl.LOCK_UN)
        with _waiting_for_kernels(lock.fileno()):
            for test in in_turn(sorted(root.rglob("test_*.py")), number, workers):
                # one that can't be imported says so when it is collected
                with suppress(Exception, pytest.skip.Exception):
                    importlib.import_module(".".join(test.relative_to(root.parent).with_suffix("").parts))


def in_turn(tests: Sequence[Path], number: int, workers: int) -> list[Path]:
    """Return all tests, beginning where this worker begins."""
    first = len(tests) * number // workers
    return [*tests[first:], *tests[:first]]


def _compile_kernels() -> None:
    from transcoder_native import runtime

    runtime.configure(Path(os.environ["NUMBA_CACHE_DIR"]))
    if not runtime.is_compiled():
        runtime.warm()
        runtime.mark_compiled()


class _KernelsFinder:
    """Finds no module, but waits for the kernels when they are first looked for."""

    def __init__(self, lock: int) -> None:
        self._lock = lock

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if name == _KERNELS:
            fcntl.flock(self._lock, fcntl.LOCK_SH)


@contextmanager
def _waiting_for_kernels(lock: int) -> Iterator[None]:
    finder: Any = _KernelsFinder(lock)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
