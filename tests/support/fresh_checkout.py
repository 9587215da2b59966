"""This module has the workers of a run share what a new checkout makes each of them compile: tests and kernels.

Every worker imports every test. pytest compiles a test anew, so that a failed assertion explains itself, and keeps the
result; the kernels are kept as well. The workers therefore begin at different tests and find compiled what the others
have been at, and each package of kernels is compiled by one of them while the others are at tests that need none.
"""

import fcntl
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

_KERNELS: Final = ("transcoder_native.h264", "transcoder_native.kernels")
"""The packages of kernels, the one that takes longest first."""


_shared: list[Path] = []
"""The folder of kernels that the workers of this run have compiled together."""


def has_compiled(folder: Path) -> bool:
    """Return whether this run has compiled all kernels into the folder before its first test."""
    return folder in _shared


def share(root: Path, locks: Path, number: int, workers: int) -> None:
    """Import every test below `root`; `number` is this worker's among the workers, `locks` a folder of the run's."""
    with ExitStack() as stack:
        opened = {package: stack.enter_context((locks / package).open("a")).fileno() for package in _KERNELS}
        for package, lock in list(opened.items())[number % workers :: workers]:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _compile(package)
            fcntl.flock(lock, fcntl.LOCK_UN)
        with _waiting_for_kernels(opened):
            for test in in_turn(sorted(root.rglob("test_*.py")), number, workers):
                # one that can't be imported says so when it is collected
                with suppress(Exception, pytest.skip.Exception):
                    importlib.import_module(".".join(test.relative_to(root.parent).with_suffix("").parts))
        for lock in opened.values():
            _wait(lock)
    _shared.append(Path(os.environ["NUMBA_CACHE_DIR"]))


def in_turn(tests: Sequence[Path], number: int, workers: int) -> list[Path]:
    """Return all tests, beginning where this worker begins."""
    first = len(tests) * number // workers
    return [*tests[first:], *tests[:first]]


def _compile(package: str) -> None:
    from transcoder_native import runtime

    runtime.configure(Path(os.environ["NUMBA_CACHE_DIR"]))
    # whatever the mark says: Numba compiles anew, too, where a source has another time and the same text
    if package == "transcoder_native.kernels":
        runtime.warm()
        runtime.mark_compiled()
    else:
        runtime.warm_h264()
        importlib.import_module("transcoder_native.macroblock_registry")  # tests call some that no encoder does
        runtime.mark_h264_compiled()


def _wait(lock: int) -> None:
    fcntl.flock(lock, fcntl.LOCK_SH)
    fcntl.flock(lock, fcntl.LOCK_UN)


class _KernelsFinder:
    """Finds no module, but waits for a package of kernels when a module of it is first looked for."""

    def __init__(self, locks: dict[str, int]) -> None:
        self._locks = locks

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        lock = self._locks.get(name.rpartition(".")[0])
        if lock is not None:
            _wait(lock)


@contextmanager
def _waiting_for_kernels(locks: dict[str, int]) -> Iterator[None]:
    finder: Any = _KernelsFinder(locks)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
