"""The gate paces attempts to connect: one at a time towards one host, so many a minute, and not too many in all.

An NVR has many channels behind one address and a small connection table; after a power cut a whole district comes back
at once. A turn is for sending, not for waiting: it ends when SETUP has been sent, or after a second, so that a channel
which does not answer holds up no other.
"""

import asyncio
import bisect
import contextlib
import itertools
from collections import deque
from collections.abc import AsyncIterator

from transcoder import clock
from transcoder.service.camera_memory import CameraMemory

ATTEMPTS_PER_MINUTE = 60
"""Connection attempts towards one host in any minute, at most."""
RESERVED = 12
"""Further attempts in a minute for streams that have played before: however many channels of a recorder are dead, a
living one that was dropped comes back."""
TURN_S = 1.0
"""The longest turn in seconds; who has not sent SETUP by then waits for its answers without a turn."""
MAX_CONNECTING = 32
"""Turns in the whole service at once, at most."""
MAX_HOSTS = 10_000
"""The largest number of hosts that are remembered; hosts that nobody waits for are forgotten first."""

_NUMBERS = itertools.count()


class Turn:
    """A turn is the right to connect to a host; it is waited for first.

    Args:
        is_first: whether the stream waits before those that never played.
    """

    def __init__(self, *, is_first: bool = False) -> None:
        self.order = (not is_first, next(_NUMBERS))
        self._host: _Host | None = None
        self._all: asyncio.Semaphore | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.may_begin = asyncio.Event()

    @property
    def place(self) -> int:
        """Return the place in the queue of the host, 1 for the next, 0 for a turn that is not waited for."""
        return self._host.waiting.index(self) + 1 if self._host is not None and self in self._host.waiting else 0

    def wait(self, host: "_Host") -> None:
        """Stand in the queue of a host."""
        self._host = host
        bisect.insort(host.waiting, self, key=lambda turn: turn.order)

    def begin(self, everybody: asyncio.Semaphore) -> None:
        """Begin the turn, which ends by itself after TURN_S."""
        self._all = everybody
        self._timer = asyncio.get_running_loop().call_later(TURN_S, self.end)

    def end(self) -> None:
        """End the turn, or the wait for it; nothing happens the second time."""
        host, self._host = self._host, None
        everybody, self._all = self._all, None
        if self._timer is not None:
            self._timer.cancel()
        if everybody is not None:
            everybody.release()
        if host is None:
            return
        if self in host.waiting:
            host.waiting.remove(self)
        if host.busy is self:
            host.busy = None
        host.call_next()


class _Host:
    def __init__(self) -> None:
        self.waiting: list[Turn] = []
        self.busy: Turn | None = None
        self.attempts: deque[float] = deque(maxlen=ATTEMPTS_PER_MINUTE + RESERVED)

    @property
    def is_used(self) -> bool:
        return self.busy is not None or bool(self.waiting)

    def call_next(self) -> None:
        if self.waiting and self.busy is None:
            self.waiting[0].may_begin.set()

    def wait_s(self, turn: Turn) -> float:
        """Return the seconds until the minute has room for another attempt."""
        room = ATTEMPTS_PER_MINUTE + (0 if turn.order[0] else RESERVED)
        recent = [at for at in self.attempts if at > clock.monotonic() - 60.0]
        return recent[-room] + 60.0 - clock.monotonic() if len(recent) >= room else 0.0

    async def reach(self, turn: Turn) -> None:
        """Wait until it is this turn's time."""
        while True:
            if self.busy is None and self.waiting[0] is turn:
                wait_s = self.wait_s(turn)
                if wait_s <= 0:
                    break
                await asyncio.sleep(wait_s)  # one that may begin before it is not held up
            else:
                turn.may_begin.clear()
                await turn.may_begin.wait()
        self.waiting.remove(turn)
        self.busy = turn
        self.attempts.append(clock.monotonic())


class HostGate:
    """Decides who may try to connect now.

    Attributes:
        memory: what was learned of the cameras, which all sources share as they share the gate.
    """

    def __init__(self) -> None:
        self.memory = CameraMemory()
        self._hosts: dict[str, _Host] = {}
        self._all = asyncio.Semaphore(MAX_CONNECTING)

    @contextlib.asynccontextmanager
    async def attempt(self, name: str, turn: Turn | None = None) -> AsyncIterator[Turn]:
        """Wait for one's turn; it ends with the context at the latest.

        Args:
            name: the name of the host.
            turn: the turn, for a caller that wants to know its place or to end it.
        """
        self._forget()
        host = self._hosts.setdefault(name, _Host())
        turn = turn or Turn()
        turn.wait(host)
        try:
            await host.reach(turn)
            await self._all.acquire()
            turn.begin(self._all)
            yield turn
        finally:
            turn.end()

    def _forget(self) -> None:
        if len(self._hosts) < MAX_HOSTS:
            return
        for name in [name for name, host in self._hosts.items() if not host.is_used]:
            del self._hosts[name]
