"""This module says which tests of several workers may run beside each other.

- Tests share the machine; a test with the marker alone has it for itself.
- A test that is tried again has the machine for itself, too: what failed beside other tests shows then whether other
  tests were the reason.
- Each try has the whole time that pytest-timeout allows a test, and the wait for the machine is no part of it.
"""

import fcntl
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, Final

import pytest

_GATE: Final = "gate"
_ROOM: Final = "room"


class Machine:
    """Holds the machine while a test of one worker runs, with others or alone.

    Args:
        locks: the folder of the locks that the workers of a run share; None where there are no workers.
    """

    def __init__(self, locks: Path | None) -> None:
        self._locks = locks
        self._room: IO[str] | None = None
        self._item: pytest.Item | None = None
        self._tries = 0
        self._timeout: Any = None

    @pytest.hookimpl(wrapper=True, tryfirst=True)  # before pytest-timeout begins to count
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self._item, self._tries, self._timeout = item, 0, None
        self._take(alone=item.get_closest_marker("alone") is not None)
        try:
            return (yield)
        finally:
            self._item = None
            self._leave()

    def pytest_runtest_logstart(self) -> None:
        """Begin a try of a test: pytest-rerunfailures makes all of them in one protocol."""
        self._tries += 1
        if self._tries == 1 or self._item is None:
            return
        hooks = self._item.config.hook
        if self._timeout is not None:
            hooks.pytest_timeout_cancel_timer(item=self._item)
        self._leave()  # two that waited for each other's share would wait for ever
        self._take(alone=True)
        if self._timeout is not None:
            hooks.pytest_timeout_set_timer(item=self._item, settings=self._timeout)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> None:
        if item is self._item and not settings.func_only:  # else the timer is set with each call of the function
            self._timeout = settings

    def _take(self, *, alone: bool) -> None:
        if self._locks is None:
            return
        with (self._locks / _GATE).open("a") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)  # a test that waits for the room keeps later ones from going in before it
            self._room = (self._locks / _ROOM).open("a")
            fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)

    def _leave(self) -> None:
        if self._room is not None:
            self._room.close()
            self._room = None
