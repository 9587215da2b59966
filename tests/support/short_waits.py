"""This module has tests wait a fifth of the time: while an event loop has nothing to do, the clocks run faster.

Sockets stay real, and so does the time that work takes: only what a loop sleeps through is shortened, and the clocks of
the process (those of `time` and of `transcoder.clock`) are put forward by what was left out. A test that measures a
wait therefore sees what it would have taken.

A loop that waits for one of its threads sleeps as long as that takes, since the thread works meanwhile.
"""

import asyncio
import selectors
import time
from typing import Any, Final

import pytest

from transcoder import clock

FASTER: Final = 5
"""How many times faster the clocks run.

The shortest waits of tests, of 10 ms, stay over the 1 ms that epoll_wait counts in; what the kernel and other threads
do within a wait has a fifth of the time for it.
"""

_monotonic = time.monotonic
_wall_clock = time.time


class ShortWaits:
    """Stands for the selector of a loop, whose waits it shortens.

    Args:
        selector: the loop's own.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._left_out_s = 0.0
        self._threads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def monotonic(self) -> float:
        return _monotonic() + self._left_out_s

    def wall_clock(self) -> float:
        return _wall_clock() + self._left_out_s

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout <= 0 or self._threads:
            return self._selector.select(timeout)
        began = _monotonic()
        events = self._selector.select(timeout / FASTER)
        passed = _monotonic() - began
        # a busy machine wakes up the loop late; that time is real
        self._left_out_s += max(0.0, min(passed * FASTER, timeout) - passed)
        return events

    def count(self, running: "asyncio.Future[Any]") -> None:
        """Sleep as long as it takes until a thread is done."""
        self._threads += 1
        running.add_done_callback(self._is_done)

    def _is_done(self, _running: "asyncio.Future[Any]") -> None:
        self._threads -= 1


@pytest.fixture
async def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop of the test waits a fifth of the time."""
    loop: Any = asyncio.get_running_loop()
    waits = ShortWaits(loop._selector)
    run_in_executor = loop.run_in_executor

    def counted(*arguments: Any) -> "asyncio.Future[Any]":
        running: asyncio.Future[Any] = run_in_executor(*arguments)
        waits.count(running)
        return running

    # not in a context of their own: what a test replaces after them has to be put back before them
    monkeypatch.setattr(loop, "_selector", waits)
    monkeypatch.setattr(loop, "run_in_executor", counted)
    for module, name in ((time, "monotonic"), (clock, "monotonic")):
        monkeypatch.setattr(module, name, waits.monotonic)
    for module, name in ((time, "time"), (clock, "wall_clock")):
        monkeypatch.setattr(module, name, waits.wall_clock)
