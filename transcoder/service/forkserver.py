"""Workers come from a fork server that is asked for one after another, and replaced when it is gone or hangs."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import structlog

from transcoder import clock
from transcoder.config import Config
from transcoder.errors import WorkerError
from transcoder.service.fork_queue import ForkQueue, Urgency
from transcoder.service.forkserver_process import ForkedWorker, ForkServerProcess, OnExit, OnLost, launch
from transcoder.service.recurrence import RepeatedLine
from transcoder.service.sandbox import SandboxOptions, worker_users
from transcoder.worker_options import WHOLE, Place

HEARTBEAT_S = 1.0
"""Seconds between looks at the fork server."""
TOLD_AT_ONCE = 3
"""Fork servers that end within a while and are told a line each."""

SandboxMode = Literal["required", "best_effort"]
Launch = Callable[[Path | None, OnLost], ForkServerProcess]

log = structlog.get_logger()


class ForkServer:
    """Keeps a fork server running always.

    A fork server that is slow, because the machine is busy, is waited for. A fork server that hangs is replaced, but
    left alone as long as it has workers, because they would die with it.

    Args:
        cache_dir: the folder where compiled kernels are kept, or None.
        launch: starts a fork server process.
        sandbox_mode: what the configuration says about measures of the sandbox that are missing.

    Attributes:
        losses: how many fork servers ended without having been asked to, or hung.
    """

    def __init__(
        self, cache_dir: Path | None, launch: Launch = launch, sandbox_mode: SandboxMode = "best_effort"
    ) -> None:
        self.sandbox_mode: SandboxMode = sandbox_mode
        self._cache_dir = cache_dir
        self._launch = launch
        self._current: ForkServerProcess | None = None
        self._others: list[ForkServerProcess] = []
        """Processes that are not asked for workers any more: they have workers, or wait to be reaped."""
        self._queue = ForkQueue()
        self._heartbeat: asyncio.Task[None] | None = None
        self._closed = False
        self._gone = RepeatedLine(log, "error", at_once=TOLD_AT_ONCE)
        self.losses = 0

    @property
    def pid(self) -> int | None:
        """Return the process id of the fork server that is asked for workers."""
        return self._current.pid if self._current is not None else None

    @property
    def measures(self) -> dict[str, str]:
        """Return the measures of the workers' sandbox by name: "" or the reason why one is missing."""
        return self._current.measures if self._current is not None else {}

    async def start(self) -> None:
        """Start the fork server if it is not running, and wait until it can fork.

        Raises:
            WorkerError: the fork server did not come up.
        """
        await self._ready()

    async def _ready(self) -> ForkServerProcess:
        current = self.launch()
        await current.ready()
        return current

    def launch(self) -> ForkServerProcess:
        """Start a fork server if none is asked for workers, and return the one that is, which may still load.

        Raises:
            WorkerError: the service is shutting down, or a user of workers is unknown.
        """
        if self._closed:
            raise WorkerError("the service is shutting down")
        if self._current is None:
            self._current = self._launch(self._cache_dir, self._on_lost)
        if self._heartbeat is None:
            self._heartbeat = asyncio.get_running_loop().create_task(self._watch())
        return self._current

    async def fork(
        self, name: str, on_exit: OnExit, urgency: Callable[[], Urgency] = Urgency, place: Place = WHOLE
    ) -> ForkedWorker:
        """Have a worker forked, as soon as it is this stream's turn.

        Args:
            name: the worker's name, shown in ps.
            on_exit: is called with the worker's exit code, negative for a signal, maybe before this returns.
            urgency: is asked whenever a turn begins.
            place: says which process of a worker is asked for.

        Raises:
            WorkerError: there is no fork server, or it can't fork.
        """
        await self._ready()  # all that wait for the fork server are put in order when it is there
        async with self._queue.turn(urgency):
            current = await self._ready()
            return await current.fork(name, on_exit, place)

    async def close(self) -> None:
        """End the fork server: it ends its workers, waits for them and follows."""
        self._closed = True
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        running = [*self._others, *([self._current] if self._current is not None else [])]
        self._current, self._others = None, []
        await asyncio.gather(*(process.close() for process in running))

    # -- watch ---------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._check(clock.monotonic())

    def _check(self, now: float) -> None:
        current = self._current
        if current is not None and current.check(now):
            log.error("the fork server hangs; another one takes its place", pid=current.pid)
            self.losses += 1
            self._current = None
            self._others.append(current)
            current.retire()
        for process in self._others:
            if not process.is_needed:
                process.end()
        self._others = [process for process in self._others if not process.has_ended()]

    def _on_lost(self, process: ForkServerProcess) -> None:
        if process is self._current:
            self._current = None
            self._others.append(process)
            self.losses += 1
            self._gone.tell("the fork server is gone; it is started again", pid=process.pid)
        else:
            log.error("a fork server that hung is gone", pid=process.pid)


def fork_server(config: Config) -> ForkServer:
    """Make the fork server that a configuration describes; it does not run yet."""

    def start(cache_dir: Path | None, on_lost: OnLost) -> ForkServerProcess:
        users = worker_users(config.worker.user)
        return launch(cache_dir, on_lost, SandboxOptions(is_required=config.sandbox == "required", users=users))

    cache_dir = config.state_dir / "numba" if config.state_dir is not None else None
    return ForkServer(cache_dir, start, config.sandbox)
