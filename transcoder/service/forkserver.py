"""The service's side of the fork server: start it, ask it for workers, hear when one ends."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from transcoder.errors import WorkerError

START_TIMEOUT_S = 120.0
"""Compiling the kernels on a slow machine takes tens of seconds, once."""
FORK_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 2.0

log = structlog.get_logger()


class ForkedWorker:
    """A worker process.

    Attributes:
        pid: of the process.
        connection: our end of its socket.
    """

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self.connection = connection
        try:
            self._pidfd: int | None = os.pidfd_open(pid)
        except OSError:  # it is dead already; its socket will say so
            self._pidfd = None

    def kill(self) -> None:
        """End it at once. Safe at any time: a process id that is used again is not hit."""
        if self._pidfd is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = None


class ForkServer:
    """A fork server process, started again when it is gone.

    Args:
        cache_dir: where compiled kernels are kept, or None.
    """

    def __init__(self, cache_dir: Path | None) -> None:
        self._cache_dir = cache_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready: asyncio.Future[None] | None = None
        self._requests: dict[int, tuple[asyncio.Future[int], Callable[[int], None]]] = {}
        self._exits: dict[int, Callable[[int], None]] = {}
        self._next_id = 0
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the fork server process."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it if it is not running, and wait until it can fork.

        Raises:
            WorkerError: it did not come up.
        """
        async with self._starting:
            if self._control is not None:
                return
            if self._closed:
                raise WorkerError("the service is shutting down")
            await self._launch()

    async def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        cache = str(self._cache_dir) if self._cache_dir is not None else ""
        arguments = [sys.executable, "-P", "-m", "transcoder.worker.forkserver"]
        arguments += [str(theirs.fileno()), cache, str(os.getpid())]
        self._process = subprocess.Popen(  # noqa: ASYNC220  # milliseconds, once
            arguments,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        theirs.close()
        loop = asyncio.get_running_loop()
        self._control = ours
        self._ready = loop.create_future()
        loop.add_reader(ours.fileno(), self._on_readable)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await self._ready
        except TimeoutError:
            self._lost()
            raise WorkerError(f"the fork server did not start in {START_TIMEOUT_S:g} s") from None

    def _on_readable(self) -> None:
        control = self._control
        while control is not None:
            try:
                data = control.recv(65_536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._lost()
                return
            self._answer(json.loads(data))
            control = self._control

    def _answer(self, answer: dict[str, int]) -> None:
        if "ready" in answer:
            log.debug("fork server ready", kernels_s=answer["kernels_s"], threads=answer["threads"])
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(None)
        elif "exited" in answer:
            callback = self._exits.pop(answer["exited"], None)
            if callback is not None:
                callback(answer["status"])
        else:
            request, on_exit = self._requests.pop(answer["id"], (None, None))
            if request is not None and on_exit is not None and not request.done():
                self._exits[answer["pid"]] = on_exit  # now: the next message may tell that it ended
                request.set_result(answer["pid"])

    def _lost(self) -> None:
        """It is gone, and its children with it."""
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
            if not self._closed:
                log.error("the fork server is gone; it is started again", status=self._process.returncode)
        error = WorkerError("the fork server is gone")
        for future in (self._ready, *(future for future, _ in self._requests.values())):
            if future is not None and not future.done():
                future.set_exception(error)
        self._requests.clear()
        exits, self._exits = self._exits, {}
        for callback in exits.values():
            callback(-int(signal.SIGKILL))

    async def fork(self, name: str, on_exit: Callable[[int], None]) -> ForkedWorker:
        """A new worker.

        Args:
            name: shown in ps.
            on_exit: called with its exit code, negative for a signal.

        Raises:
            WorkerError: there is no fork server or it does not answer.
        """
        await self.start()
        control = self._control
        if control is None:
            raise WorkerError("the fork server is gone")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._next_id += 1
        request = self._next_id
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests[request] = future, on_exit
        try:
            socket.send_fds(control, [json.dumps({"id": request, "name": name}).encode()], [theirs.fileno()])
            async with asyncio.timeout(FORK_TIMEOUT_S):
                pid = await future
        except (OSError, TimeoutError, WorkerError) as error:
            ours.close()
            self._requests.pop(request, None)
            if isinstance(error, TimeoutError):
                self._lost()  # it hangs: nothing comes of it any more
            raise WorkerError(f"no worker could be started: {error or 'the fork server does not answer'}") from None
        finally:
            theirs.close()
        return ForkedWorker(pid, ours)

    async def close(self) -> None:
        """End it: it ends its workers, waits for them and follows."""
        self._closed = True
        control, process = self._control, self._process
        if control is None or process is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(control.fileno())
        control.close()
        self._control = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            await loop.run_in_executor(None, process.wait, CLOSE_TIMEOUT_S)
        self._lost()
