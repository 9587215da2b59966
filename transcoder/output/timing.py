"""The timing is the part of clock and event loop that outputs need; a test passes its own and waits for nothing."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from typing_extensions import override

from transcoder import clock


class Timer(Protocol):
    """A timer is a call that is due later."""

    def cancel(self) -> None:
        """Cancel the call: it is not made."""


class Timing(Protocol):
    """Gives the time, timers and waiting."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call a function after so many seconds."""

    async def wait(self, event: asyncio.Event, limit_s: float) -> bool:
        """Wait until an event is set, and not longer than `limit_s`; return whether it is set."""


class LoopTiming(Timing):
    """Gives the timing of the running event loop."""

    @override
    def now(self) -> float:
        return clock.monotonic()

    @override
    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        return asyncio.get_running_loop().call_later(delay_s, callback)

    @override
    async def wait(self, event: asyncio.Event, limit_s: float) -> bool:
        try:
            async with asyncio.timeout(limit_s):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True
