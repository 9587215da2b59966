"""One process of a stream's worker is kept running here: it is started, and replaced whenever it is lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from transcoder import clock
from transcoder.errors import WorkerError
from transcoder.service.worker_connection import WorkerConnection
from transcoder.service.worker_life import LifeAction, WorkerLife


class WorkerProcess:
    """Keeps one process running.

    Args:
        start: starts a process; is given the function to call when the process is gone.
        brief: tells a new process the facts that its predecessor knew.
        on_gone: is called with the reason why the process is gone, before another one is started.
        on_not_started: is called with the reason why there is no process.
    """

    def __init__(
        self,
        start: Callable[[Callable[[str], None]], Awaitable[WorkerConnection]],
        brief: Callable[[WorkerConnection], None],
        on_gone: Callable[[str], None],
        on_not_started: Callable[[str], None],
    ) -> None:
        self._start_process = start
        self._brief = brief
        self._on_gone = on_gone
        self._on_not_started = on_not_started
        self._life = WorkerLife()
        self._changed = asyncio.Event()
        self.connection: WorkerConnection | None = None

    async def run(self) -> None:
        """Keep a process running."""
        life = self._life
        life.want(clock.monotonic())
        while True:
            self._changed.clear()  # later changes are seen below, or end the waiting
            life.handle_timeout(clock.monotonic())
            action = life.next_action()
            if action is LifeAction.START:
                await self._start()
            elif action is LifeAction.BRIEF:
                if self.connection is not None:
                    self._brief(self.connection)
            elif action is LifeAction.DISCARD:
                self._end()
            else:
                await self._wait(life.next_timeout())

    async def _wait(self, due: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(due - clock.monotonic(), 0.0)):
                await self._changed.wait()

    async def _start(self) -> None:
        try:
            self.connection = await self._start_process(self._lost)
        except WorkerError as error:
            self._on_not_started(str(error))
            self._life.start_failed(clock.monotonic())
        else:
            self._life.started(clock.monotonic())

    def _lost(self, reason: str) -> None:
        self._on_gone(reason)
        self.connection = None
        self._life.died(clock.monotonic())
        self._changed.set()

    def _end(self) -> None:
        if self.connection is not None:
            self.connection.stop()
            self.connection = None

    def stop(self) -> None:
        """End the process for good."""
        self._life.stop()
        self._end()

    def send(self, message: bytes) -> None:
        """Send a message; drop it when there is no process."""
        if self.connection is not None:
            self.connection.send(message)

    def kill(self, reason: str) -> None:
        """End the process at once; run() starts another one in its place."""
        if self.connection is not None:
            self.connection.kill(reason)

    def check(self, now: float) -> None:
        """Look after the process's memory and signs of life."""
        if self.connection is not None:
            self.connection.check(now)
