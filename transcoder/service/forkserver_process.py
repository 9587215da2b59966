"""The service sees one fork server process through its socket, its workers and its signs of life."""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import structlog

from transcoder import clock, kernel
from transcoder.errors import WorkerError
from transcoder.service.compilation import Compilation
from transcoder.service.process_watch import AnswerWatch, sample_process
from transcoder.service.sandbox import SandboxOptions, refusal
from transcoder.worker_options import WHOLE, Place

START_LIMIT_S = 120.0
"""Seconds for which a fork server that loads may compute, or wait for the compiler: tens of them, once."""
ANSWER_LIMIT_S = 5.0
"""Seconds for which a fork server may compute, or wait, without an answer; a fork takes it some hundredths."""
CLOSE_TIMEOUT_S = 2.0
MAX_ANSWER = 4096
"""Bytes of a message of the fork server."""

_ENVIRONMENT = frozenset(
    {"PATH", "LANG", "LC_ALL", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH"}
    | {"NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "TRANSCODER_CHECK_PICTURES"}
)
"""Variables that tell Python where it, its modules and the C libraries are, the processor of Numba's cache, and whether
workers decode what the profile motion sends (``media.encoders.sent_pictures``)."""

OnLost = Callable[["ForkServerProcess"], None]
"""A function that is called once when a fork server is gone without having been asked to go."""
OnExit = Callable[[int], None]
"""A function that is called with a worker's exit code, negative for a signal."""

log = structlog.get_logger()


class Process(Protocol):
    """This is the part of subprocess.Popen that is used here."""

    @property
    def pid(self) -> int:
        """Return the process id."""

    def kill(self) -> None:
        """Send SIGKILL."""

    def poll(self) -> int | None:
        """Reap the process if it has ended; return its exit status, or None."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, reap the process and return its exit status."""


class ForkedWorker:
    """Holds a worker process.

    Attributes:
        pid: the worker's process id.
        connection: our end of the worker's socket.
        peer: the process id of the living process that has the other half of the worker, 0 where there is none.
        is_killed: whether kill() was called.
        is_stopgap: whether the worker can show slates alone, and is replaced when there are kernels.
    """

    is_stopgap = False

    def __init__(self, pid: int, connection: socket.socket, peer: int = 0) -> None:
        self.pid = pid
        self.peer = peer
        self.connection = connection
        self.is_killed = False
        try:
            self._pidfd: int | None = os.pidfd_open(pid)
        except OSError:  # the worker is dead already; its socket will say so
            self._pidfd = None

    def kill(self) -> None:
        """End the worker at once. This is safe at any time: another process that got the same process id is not hit."""
        self.is_killed = True
        if self._pidfd is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = None


class _Request:
    def __init__(self, connection: socket.socket, on_exit: OnExit) -> None:
        self.connection = connection
        self.on_exit = on_exit
        self.worker: asyncio.Future[ForkedWorker] = asyncio.get_running_loop().create_future()


class ForkServerProcess:
    """Holds a fork server process, from its start until it is gone.

    Args:
        process: the process.
        connection: our end of its socket, not blocking.
        on_lost: is called once when the process is gone without having been asked to go.
        sandbox: says whether workers may run without some of the measures.
        is_stopgap: whether its workers show slates alone.

    Attributes:
        measures: the measures of the workers' sandbox by name, "" or the reason why one is missing; empty at first.
    """

    def __init__(
        self,
        process: Process,
        connection: socket.socket,
        on_lost: OnLost,
        sandbox: SandboxOptions = SandboxOptions(),  # noqa: B008  # immutable
        *,
        is_stopgap: bool = False,
    ) -> None:
        self._sandbox = sandbox
        self._is_stopgap = is_stopgap
        self._process = process
        self._connection: socket.socket | None = connection
        self._on_lost = on_lost
        self.measures: dict[str, str] = {}
        self._settled = asyncio.Event()
        self._problem = ""
        self._is_ready = False
        self._is_pinged = False
        self._watch = AnswerWatch(START_LIMIT_S)
        self._compilation = Compilation()
        self._requests: dict[int, _Request] = {}
        self._workers: dict[int, tuple[ForkedWorker, OnExit]] = {}
        self._next_id = 0
        asyncio.get_running_loop().add_reader(connection.fileno(), self._on_readable)

    @property
    def pid(self) -> int:
        """Return the process id of the fork server."""
        return self._process.pid

    @property
    def is_needed(self) -> bool:
        """Return whether a worker of this fork server lives: it would die with its parent."""
        return self._connection is not None and not all(worker.is_killed for worker, _ in self._workers.values())

    # -- requests ------------------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Return whether this fork server forks."""
        return self._is_ready and not self._problem

    @property
    def is_settled(self) -> bool:
        """Return whether this fork server forks, or never will."""
        return self._settled.is_set()

    async def settle(self, limit_s: float) -> bool:
        """Wait until this fork server forks, or never will, but not longer than `limit_s`; return whether it is so."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._settled.wait()
        return self._settled.is_set()

    async def ready(self) -> None:
        """Wait until the fork server can fork.

        Raises:
            WorkerError: the fork server is gone or hangs.
        """
        await self._settled.wait()
        if self._problem:
            raise WorkerError(self._problem)

    async def fork(self, name: str, on_exit: OnExit, place: Place = WHOLE) -> ForkedWorker:
        """Have a worker forked.

        Args:
            name: the worker's name, shown in ps.
            on_exit: is called when the worker has ended, maybe before this returns.
            place: says which process of a worker is asked for.

        Raises:
            WorkerError: the fork server can't fork, is gone, or hangs.
        """
        if self._connection is None or self._problem:
            raise WorkerError(self._problem)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._next_id += 1
        number, request = self._next_id, _Request(ours, on_exit)
        self._requests[number] = request
        try:
            asked = {"id": number, "name": name} | asdict(place) | {"role": place.role.value}
            socket.send_fds(self._connection, [json.dumps(asked).encode()], [theirs.fileno()])
            return await request.worker
        except OSError as error:
            ours.close()
            raise WorkerError(f"no worker could be started: {error}") from None
        except BaseException:  # or the caller was cancelled; a worker whose socket is closed ends
            if request.worker.done() and not request.worker.cancelled() and request.worker.exception() is None:
                request.worker.result().kill()
            ours.close()
            raise
        finally:
            theirs.close()
            self._requests.pop(number, None)

    # -- signs of life -------------------------------------------------------------------------------------------

    def check(self, now: float) -> bool:
        """Return whether the fork server hangs, and ask for the next sign of life; call this about once a second.

        The fork server has one thread, so it answers between forks only; /proc tells what the thread does meanwhile.
        """
        self._compilation.look(now)
        if self._connection is None or self._problem or self._has_unread(self._connection):
            return False  # or this process is behind, not the fork server
        if self._is_ready and not self._is_pinged:
            with contextlib.suppress(OSError):
                self._connection.send(b'{"ping": true}')
                self._is_pinged = True
        sample = sample_process(self.pid)
        return sample is not None and self._watch.look(now, sample)

    @staticmethod
    def _has_unread(connection: socket.socket) -> bool:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(0))

    def _on_readable(self) -> None:
        while self._connection is not None:
            try:
                data = self._connection.recv(MAX_ANSWER)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._lost()
                return
            self._watch.answered()
            self._answer(json.loads(data))

    def _answer(self, answer: dict[str, Any]) -> None:
        if "ready" in answer:
            self._compilation.give_up()
            event = "stopgap fork server ready" if self._is_stopgap else "fork server ready"
            log.debug(event, kernels_s=answer["kernels_s"], threads=answer["threads"])
            self.measures = answer.get("measures", {})
            if problem := refusal(self.measures, self._sandbox):
                self._give_up(problem)
            self._is_ready = True
            self._watch = AnswerWatch(ANSWER_LIMIT_S)
            self._settled.set()
        elif "compiling" in answer:
            self._compilation.note(answer["compiling"], answer["of"], clock.monotonic())
        elif "failed" in answer:
            self._give_up(answer["failed"])
        elif "pong" in answer:
            self._is_pinged = False
        elif "exited" in answer:
            _, on_exit = self._workers.pop(answer["exited"], (None, None))
            if on_exit is not None:
                on_exit(answer["status"])
        elif (request := self._requests.pop(answer["id"], None)) is not None and not request.worker.done():
            if "pid" in answer:
                worker = ForkedWorker(answer["pid"], request.connection, answer.get("peer", 0))
                self._workers[worker.pid] = worker, request.on_exit  # now: the next message may tell that it ended
                request.worker.set_result(worker)
            else:
                request.worker.set_exception(WorkerError(f"no worker could be started: {answer['error']}"))

    # -- end -----------------------------------------------------------------------------------------------------

    def retire(self) -> None:
        """Ask this fork server for nothing any more. It stays as long as it has workers, which would die with it."""
        self._give_up("the fork server does not answer" if self._is_ready else "the fork server does not start")

    def end(self) -> None:
        """Kill the fork server, and with it any workers that it has."""
        self._hang_up()
        with contextlib.suppress(OSError):
            self._process.kill()

    async def close(self) -> None:
        """End the fork server: it ends its workers, waits for them and follows."""
        if not self._is_ready:  # it has no workers yet, and while it compiles it doesn't notice that it should go
            self.end()
        self._hang_up()
        self._give_up("the service is shutting down")
        loop = asyncio.get_running_loop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await loop.run_in_executor(None, self._process.wait, CLOSE_TIMEOUT_S)
        self.end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await loop.run_in_executor(None, self._process.wait, CLOSE_TIMEOUT_S)

    def has_ended(self) -> bool:
        """Return whether the process is gone; a process that is gone is reaped."""
        return self._process.poll() is not None

    def _hang_up(self) -> None:
        if self._connection is not None:
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
            self._connection.close()
            self._connection = None

    def _give_up(self, problem: str) -> None:
        self._problem = self._problem or problem
        self._compilation.give_up()
        self._settled.set()
        for request in self._requests.values():
            if not request.worker.done():
                request.worker.set_exception(WorkerError(problem))
        self._requests.clear()

    def _lost(self) -> None:
        """Take note that the fork server is gone, and its workers with it."""
        self.end()
        self._give_up("the fork server is gone")
        self._on_lost(self)
        workers, self._workers = self._workers, {}
        for _, on_exit in workers.values():
            on_exit(-int(signal.SIGKILL))


def worker_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the fork server, which lies in every worker's memory: nothing that may be a secret.

    Args:
        own: the environment of this process.
    """
    kept = {name: value for name, value in own.items() if name in _ENVIRONMENT}
    return kept | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def launch(
    cache_dir: Path | None,
    on_lost: OnLost,
    sandbox: SandboxOptions = SandboxOptions(),  # noqa: B008  # immutable
    *,
    is_stopgap: bool = False,
) -> ForkServerProcess:
    """Start a fork server process.

    Args:
        cache_dir: the folder where compiled kernels are kept, or None.
        on_lost: is called once when the process is gone without having been asked to go.
        sandbox: what the configuration says about the workers' sandbox.
        is_stopgap: whether its workers show slates alone.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    arguments = [sys.executable, "-P", "-m", "transcoder.worker.forkserver"]
    arguments += [str(theirs.fileno()), str(cache_dir or ""), str(os.getpid())]
    if kernel.is_inspectable():  # a program that is started anew may be inspected, until it forbids it
        arguments.append("inspectable")
    if is_stopgap:
        arguments.append("stopgap")
    if sandbox.users is not None:
        arguments.append("users={}-{}".format(*sandbox.users))
    process = subprocess.Popen(
        arguments,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        env=worker_environment(os.environ),
        start_new_session=True,
    )
    theirs.close()
    return ForkServerProcess(process, ours, on_lost, sandbox, is_stopgap=is_stopgap)
