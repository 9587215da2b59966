"""SIGTERM and SIGINT end a program twice: the first signal in order, the second one at once."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Final

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def stop_signals(on_stop: Callable[[], object], numbers: tuple[signal.Signals, ...] = STOP_SIGNALS) -> Iterator[None]:
    """Have the first signal call a function in the running event loop, and leave the second one to the kernel.

    The kernel's default for these signals is to kill the process. So the second signal works whatever the program does
    just then, be it in an import or in a library that does not return; child processes end with their parent.

    The handlers are Python's and not the loop's, because a loop that does not turn would not even notice the first.

    Args:
        on_stop: is called once.
        numbers: the signals.
    """
    loop = asyncio.get_running_loop()

    def first(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nothing left to stop
            loop.call_soon_threadsafe(on_stop)

    before = {number: signal.signal(number, first) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
