"""The gate keeps attempts to connect to camera hosts few: one at a time towards one host, and not too many in all.

An NVR has many channels behind one address and a small connection table; after a power cut a whole district comes back
at once.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator

from transcoder import clock

ATTEMPTS_PER_MINUTE = 60
"""Connection attempts towards one host in any minute, at most."""
MAX_CONNECTING = 32
"""Attempts under way in the whole service, at most."""
MAX_HOSTS = 10_000
"""The largest number of hosts that are remembered; hosts that nobody waits for are forgotten first."""


class _Host:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.attempts: deque[float] = deque(maxlen=ATTEMPTS_PER_MINUTE)
        self.users = 0
        """The number of attempts that have or want the lock; between two of them it is free and yet wanted."""

    async def budget(self) -> None:
        if len(self.attempts) == ATTEMPTS_PER_MINUTE:
            wait = self.attempts[0] + 60.0 - clock.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
        self.attempts.append(clock.monotonic())


class HostGate:
    """Decides who may try to connect now."""

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._all = asyncio.Semaphore(MAX_CONNECTING)

    @contextlib.asynccontextmanager
    async def attempt(self, name: str) -> AsyncIterator[None]:
        """Wait for one's turn; the turn ends with the context.

        Args:
            name: the name of the host.
        """
        self._forget()
        host = self._hosts.setdefault(name, _Host())
        host.users += 1
        try:
            async with host.lock:
                await host.budget()
                async with self._all:
                    yield
        finally:
            host.users -= 1

    def _forget(self) -> None:
        if len(self._hosts) < MAX_HOSTS:
            return
        for name in [name for name, host in self._hosts.items() if not host.users]:
            del self._hosts[name]
