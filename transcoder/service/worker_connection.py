"""The service sees one worker process through its messages, its signs of life and its memory."""

import asyncio
import select
from collections.abc import Callable
from dataclasses import replace
from typing import cast

from typing_extensions import override

from transcoder import clock
from transcoder.errors import RemoteProtocolError, WorkerError
from transcoder.ipc.messages import MessageParser, MessageType, serialize_message
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.forkserver_process import ForkedWorker  # noqa: TC001  # one block of imports
from transcoder.service.process_watch import CpuWatch, ProcessSample, is_hanging, sample_process
from transcoder.worker_options import WHOLE, Place, Role, WorkerOptions

HANG_S = 1.2
"""Seconds without a message after which a worker that also shows no reason hangs; it reports every 0.5 s."""
STARVED_S = 10.0
"""Seconds without a message after which a worker hangs, whatever the reason."""
START_S = 5.0
"""Seconds in which a new worker has to send its first message."""
MAX_CORES = 1.2
"""Processors that a worker with one thread may take: one, and the error of the clock ticks of /proc."""
NOUNS = {Role.WHOLE: "worker", Role.DECODING: "decoding process", Role.ENCODING: "encoding process"}
"""The words for a process in the reasons why it is gone."""
MAX_BACKLOG = 6 << 20
"""Bytes that may wait for a worker; past them access units are shed."""


class WorkerConnection(asyncio.Protocol):
    """Holds a worker and the socket to it.

    Args:
        on_message: gets every message.
        on_gone: is called once with the reason in one line.
        memory_limit_mb: the limit of private memory, MiB.
        role: the role of the process.
    """

    def __init__(
        self,
        on_message: Callable[[MessageType, memoryview], None],
        on_gone: Callable[[str], None],
        memory_limit_mb: int,
        role: Role = Role.WHOLE,
    ) -> None:
        self._noun = NOUNS[role]
        self._counts_shared = role is not Role.ENCODING
        self._on_message = on_message
        self._on_gone = on_gone
        self._memory_limit = memory_limit_mb << 20
        self._parser = MessageParser()
        self._transport: asyncio.WriteTransport | None = None
        self._forked: ForkedWorker | None = None
        self._gone = False
        self._reason = ""
        self._last_message = clock.monotonic()
        self._heard: tuple[float, float] = (0.0, 0.0)
        """The time at which the worker was last heard of, and its processor time then."""
        self.private_bytes = 0
        self._encoder_threads = 0
        self._cpu = CpuWatch()

    @classmethod
    async def start(
        cls,
        fork_server: ForkServer,
        name: str,
        options: WorkerOptions,
        on_message: Callable[[MessageType, memoryview], None],
        on_gone: Callable[[str], None],
        urgency: Callable[[], Urgency] = Urgency,
        place: Place = WHOLE,
    ) -> "WorkerConnection":
        """Start a worker and configure it. The worker may die meanwhile: then on_gone was called before this returns.

        Args:
            fork_server: forks the worker.
            name: the worker's name, shown in ps.
            options: the options of the worker.
            on_message: gets every message.
            on_gone: is called once with the reason in one line.
            urgency: says how much this worker is needed; it is asked while others wait as well.
            place: says which process of a worker is started.

        Raises:
            WorkerError: the worker could not be started; on_gone is not called any more.
        """
        link = cls(on_message, on_gone, options.memory_limit_mb, place.role)
        loop = asyncio.get_running_loop()
        try:
            link._forked = forked = await fork_server.fork(
                name, link._on_exit, urgency, replace(place, memory_limit_mb=options.memory_limit_mb)
            )
            await loop.create_unix_connection(lambda: link, sock=forked.connection)
        except OSError as error:
            link.stop()
            raise WorkerError(f"a worker could not be reached: {error}") from None
        except BaseException:  # or the caller was cancelled
            link.stop()
            raise
        link._last_message = clock.monotonic() + START_S - HANG_S
        link.configure(options)
        return link

    @property
    def pid(self) -> int | None:
        """Return the process id of the worker."""
        return self._forked.pid if self._forked is not None else None

    @property
    def peer(self) -> int:
        """Return the process id of the process that had the other half of the worker when this one started, or 0."""
        return self._forked.peer if self._forked is not None else 0

    @property
    def is_stopgap(self) -> bool:
        """Return whether the worker shows slates alone, and is replaced when there are kernels."""
        return self._forked is not None and self._forked.is_stopgap

    def configure(self, options: WorkerOptions) -> None:
        """Send settings."""
        # the most that it ever was: an encoder that is not wanted any more ends when the worker comes to it
        self._encoder_threads = max(self._encoder_threads, options.encoder_threads)
        self.send(serialize_message(MessageType.CONFIGURE, options.to_json()))

    def send(self, data: bytes) -> None:
        """Send a message; drop it when the worker is gone."""
        if self._transport is not None and not self._gone:
            self._transport.write(data)

    def backlog(self) -> int:
        """Return how many bytes wait for the worker."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    # -- asyncio -------------------------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none by inheritance

    @override
    def data_received(self, data: bytes) -> None:
        parser = self._parser
        parser.receive_data(data)
        self._last_message = clock.monotonic()
        try:
            while not self._gone and (message := parser.next_message()) is not None:
                self._on_message(*message)
        except RemoteProtocolError as error:
            self.kill(f"{self._noun} broke the protocol: {error}")

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        self._finish(self._reason or f"{self._noun} ended")

    def _on_exit(self, status: int) -> None:
        if not self._reason:
            self._reason = (
                f"{self._noun} was killed by signal {-status}" if status < 0 else f"{self._noun} exited with {status}"
            )
        self._finish(self._reason)

    def _finish(self, reason: str) -> None:
        if self._gone:
            return
        self._gone = True
        if self._transport is not None:
            self._transport.abort()
        if self._forked is not None:
            self._forked.kill()
        self._on_gone(reason)

    def kill(self, reason: str) -> None:
        """End the worker at once; on_gone is called."""
        self._reason = reason
        self._finish(reason)

    def stop(self) -> None:
        """End the worker because it is not needed any more; on_gone is not called."""
        self._gone = True
        if self._transport is not None:
            self._transport.abort()
        if self._forked is not None:
            self._forked.kill()

    # -- watch ---------------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Look at memory and signs of life; kill a worker that has too much memory or gives no sign."""
        if self._gone or self._forked is None:
            return
        sample = sample_process(self._forked.pid)
        if sample is None:
            return
        if not self._counts_shared:  # the planes are counted for the process that writes them
            sample = replace(sample, private_bytes=sample.private_bytes - sample.shared_bytes)
        self.private_bytes = sample.private_bytes
        if excess := self._excess(sample, now):
            self.kill(f"{self._noun} took {excess}")
            return
        silent = now - self._last_message
        if silent < HANG_S:
            self._heard = (now, sample.cpu_s)
            return
        if self._has_unread():
            return  # this process is behind, not the worker
        heard, cpu_s = self._heard
        if is_hanging(sample, cpu_s, now - heard) or silent > STARVED_S:
            self.kill(f"{self._noun} gave no sign of life for {silent:.1f} s")

    def _excess(self, sample: ProcessSample, now: float) -> str:
        """Return in words the use of the worker that exceeds its limit; "" where it kept within all limits."""
        if sample.private_bytes > self._memory_limit:
            return f"{sample.private_bytes >> 20} MiB, over its limit of {self._memory_limit >> 20} MiB"
        # an encoder closes while its successor opens; without threads of an encoder the sandbox lets none start
        threads = 1 + 2 * self._encoder_threads
        if self._encoder_threads and sample.threads > threads:
            return f"{sample.threads} threads, over its limit of {threads}"
        cores = MAX_CORES + self._encoder_threads
        if self._cpu.look(now, sample.cpu_s, cores):
            return f"more processor time than its limit of {cores:g} cores"
        return ""

    def _has_unread(self) -> bool:
        poll = select.poll()
        if self._forked is not None:
            poll.register(self._forked.connection, select.POLLIN)
        return bool(poll.poll(0))
