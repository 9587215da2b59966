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
from transcoder.worker_options import WHOLE, Place, Role

HEARTBEAT_S = 1.0
"""Seconds between looks at the fork server."""
STOPGAP_S = 0.1
"""Seconds between looks whether a stream that waits for kernels to be loaded gets a worker for a slate meanwhile."""
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
        launch_stopgap: starts one whose workers show slates, beside the first while it loads; None: there is none.
        sandbox_mode: what the configuration says about measures of the sandbox that are missing.

    Attributes:
        losses: how many fork servers ended without having been asked to, or hung.
    """

    def __init__(
        self,
        cache_dir: Path | None,
        launch: Launch = launch,
        sandbox_mode: SandboxMode = "best_effort",
        launch_stopgap: Launch | None = None,
    ) -> None:
        self.sandbox_mode: SandboxMode = sandbox_mode
        self._cache_dir = cache_dir
        self._launch, self._launch_stopgap = launch, launch_stopgap
        self._stopgap: ForkServerProcess | None = None
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
            # later kernels are compiled, and a slate would stand between two pictures of a camera that is there
            if self._stopgap is None and self._launch_stopgap is not None and not self.losses:
                self._stopgap = self._launch_stopgap(None, self._on_stopgap_lost)
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
        # all that wait for the fork server are put in order when it is there
        while place.role is not Role.DECODING and not await self._has_settled():
            stopgap = self._stopgap
            if stopgap is not None and stopgap.is_ready and urgency().owes_slate:
                worker = await stopgap.fork(name, on_exit, place)
                worker.is_stopgap = True
                return worker
        await self._ready()
        async with self._queue.turn(urgency):
            current = await self._ready()
            return await current.fork(name, on_exit, place)

    async def _has_settled(self) -> bool:
        """Wait a little, first of all for the stopgap, and return whether the fork server has loaded or failed."""
        current, stopgap = self.launch(), self._stopgap
        if stopgap is None or stopgap.is_settled:
            return await current.settle(STOPGAP_S)
        await stopgap.settle(STOPGAP_S)
        return current.is_settled

    @property
    def is_ready(self) -> bool:
        """Return whether workers with kernels are forked."""
        return self._current is not None and self._current.is_ready

    async def close(self) -> None:
        """End the fork server: it ends its workers, waits for them and follows."""
        self._closed = True
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            await asyncio.gather(self._heartbeat, return_exceptions=True)
        running = [*self._others, *(each for each in (self._current, self._stopgap) if each is not None)]
        self._current, self._stopgap, self._others = None, None, []
        await asyncio.gather(*(process.close() for process in running))

    # -- watch ---------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            current = self._current
            if self._stopgap is None or current is None or current.is_settled:
                await asyncio.sleep(HEARTBEAT_S)
            else:  # the stopgap goes as soon as it is not needed
                await current.settle(HEARTBEAT_S)
            self._check(clock.monotonic())

    def _check(self, now: float) -> None:
        current = self._current
        if current is not None and current.check(now):
            log.error("the fork server hangs; another one takes its place", pid=current.pid)
            self.losses += 1
            self._current = None
            self._others.append(current)
            current.retire()
        if self.is_ready and self._stopgap is not None:  # its workers are replaced by and by
            self._others.append(self._stopgap)
            self._stopgap = None
        for process in self._others:
            if not process.is_needed:
                process.end()
        self._others = [process for process in self._others if not process.has_ended()]

    def _on_stopgap_lost(self, process: ForkServerProcess) -> None:
        if process is self._stopgap:
            self._stopgap = None
        if process not in self._others:
            self._others.append(process)

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

    def options() -> SandboxOptions:
        return SandboxOptions(is_required=config.sandbox == "required", users=worker_users(config.worker.user))

    def start(cache_dir: Path | None, on_lost: OnLost) -> ForkServerProcess:
        return launch(cache_dir, on_lost, options(), is_stopgap=False)

    def start_stopgap(cache_dir: Path | None, on_lost: OnLost) -> ForkServerProcess:
        return launch(cache_dir, on_lost, options(), is_stopgap=True)

    cache_dir = config.state_dir / "numba" if config.state_dir is not None else None
    return ForkServer(cache_dir, start, config.sandbox, start_stopgap)
