"""Manners towards camera hosts: one connection attempt at a time, and not too many of them.

An NVR has many channels behind one address and a small connection table; after a power cut a whole district comes back
at once.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from transcoder import clock

ATTEMPTS_PER_MINUTE = 60
"""Connection attempts towards one host in any minute."""
MAX_CONNECTING = 32
"""Attempts under way in the whole service."""
MAX_HOSTS = 10_000
"""Hosts remembered; those that nobody waits for are forgotten first."""


class HostGate:
    """Who may try to connect now."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._attempts: dict[str, deque[float]] = {}
        self._all = asyncio.Semaphore(MAX_CONNECTING)

    @contextlib.asynccontextmanager
    async def attempt(self, host: str) -> AsyncIterator[None]:
        """Wait for one's turn; the turn ends with the context."""
        self._forget()
        lock = self._locks.setdefault(host, asyncio.Lock())
        async with lock:
            await self._budget(host)
            async with self._all:
                yield

    async def _budget(self, host: str) -> None:
        attempts = self._attempts.setdefault(host, deque(maxlen=ATTEMPTS_PER_MINUTE))
        if len(attempts) == ATTEMPTS_PER_MINUTE:
            wait = attempts[0] + 60.0 - clock.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
        attempts.append(clock.monotonic())

    def _forget(self) -> None:
        if len(self._locks) < MAX_HOSTS:
            return
        for host in [host for host, lock in self._locks.items() if not lock.locked()]:
            del self._locks[host]
            self._attempts.pop(host, None)
