"""A worker process enters the sandbox, then serves the messages of the service until the service hangs up."""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from transcoder.errors import MediaError, TranscoderError
from transcoder.ipc.messages import MessageParser, MessageType, serialize_json, serialize_message
from transcoder.media.encoders import needs_threads
from transcoder.worker import sandbox
from transcoder.worker_options import Role, WorkerOptions

HEARTBEAT_S = 0.5
"""Seconds between reports to the service, which prove that the worker lives."""
NICENESS = 2
OTHER_SANDBOX = 4
"""The exit status of a worker that was given settings which its sandbox does not allow; the next worker begins with
these settings."""
READ_SIZE = 256 << 10
"""Bytes of one read at most: most access units arrive whole."""


class SandboxOutgrownError(Exception):
    """Other settings need an encoder that can't work in this process's sandbox; another process has to take them."""


class Work(Protocol):
    """The work of a process: all of a worker's, or one half of it."""

    link: socket.socket | None
    """The socket to the process that has the other half."""

    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        """Carry out a message of the service; return messages for it."""

    def link_results(self) -> Iterable[bytes]:
        """Take what came from the other process; return messages for the service."""

    def stats(self) -> dict[str, Any]:
        """Return the report that the service is sent twice a second."""


class ServiceConnection:
    """Holds the socket to the service: it is sent reports regularly, whatever this process waits for.

    Args:
        connection: a blocking stream socket to the service.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._parser = MessageParser()
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._next_report = 0.0
        self._waiting = select.poll()
        self._work: Work | None = None

    def first_message(self) -> tuple[MessageType, memoryview] | None:
        """Return the first message; None where the service hangs up before."""
        message = None
        while message is None:
            if not self._read():
                return None
            message = self._parser.next_message()
        return message

    def send(self, messages: Iterable[bytes]) -> None:
        """Send messages; wait where the service is slow to read."""
        for message in messages:
            self._socket.sendall(message)

    def serve(self, work: Work) -> None:
        """Serve until the service hangs up."""
        # the socket stays blocking, because a change to non-blocking needs ioctl, which the sandbox does not allow
        self._work = work
        if work.link is not None:
            # the service's end alone: its messages wait while this process waits for the other process
            self._waiting.register(self._socket, 0)
            self._waiting.register(work.link, select.POLLIN)
        self._carry_out_messages(work)  # that came in one read with the first; they may wait for the other process
        if work.link is None:
            self._serve_alone(work)
        else:
            self._serve_both(work, work.link)

    def _serve_alone(self, work: Work) -> None:
        poll = select.poll()  # recv would wake up whenever the service has read something, too
        poll.register(self._socket, select.POLLIN)
        while True:
            if not poll.poll(HEARTBEAT_S * 1000):
                self.report_if_due()
            elif not self._serve_messages(work):
                return

    def _serve_both(self, work: Work, link: socket.socket) -> None:
        poll, own = select.poll(), self._socket.fileno()
        poll.register(own, select.POLLIN)
        poll.register(link, select.POLLIN)
        while True:
            self.report_if_due()
            ready = {descriptor for descriptor, _ in poll.poll(HEARTBEAT_S * 1000)}
            # what the service says comes first: it announces what the other process hands over. The kernel may have
            # looked at the service's socket a moment before the service wrote
            if (own in ready or (ready and self._is_readable())) and not self._serve_messages(work):
                return
            if ready - {own}:
                self._carry_out(work.link_results)

    def await_link(self) -> bool:
        """Wait until the other process said something or a report was due; return False when the service hung up."""
        self.report_if_due()
        timeout_s = max(self._next_report - time.monotonic(), 0.0)
        return all(descriptor != self._socket.fileno() for descriptor, _ in self._waiting.poll(timeout_s * 1000 + 1))

    def report_if_due(self) -> None:
        """Report to the service, if it is time."""
        now = time.monotonic()
        if now >= self._next_report and self._work is not None:
            self._next_report = now + HEARTBEAT_S
            report = self._work.stats() | {"cpu_s": time.process_time()}
            self.send([serialize_json(MessageType.STATS, report)])

    def _serve_messages(self, work: Work) -> bool:
        if not self._read():
            return False
        self._carry_out_messages(work)
        return True

    def _carry_out_messages(self, work: Work) -> None:
        while (message := self._parser.next_message()) is not None:
            self._carry_out(work.results, *message)
            self.report_if_due()

    def _carry_out(self, task: Callable[..., Iterable[bytes]], *arguments: object) -> None:
        try:
            self.send(task(*arguments))
        except MediaError as error:
            self.send([serialize_json(MessageType.FAILED, {"reason": str(error), "fatal": False})])

    def _read(self) -> bool:
        size = self._socket.recv_into(self._buffer)
        self._parser.receive_data(self._buffer[:size])
        return size > 0

    def _is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))


MakeWork = Callable[[WorkerOptions, ServiceConnection], Work]


def main(connection: ServiceConnection, role: Role, make_work: MakeWork) -> None:
    """Serve one stream until the service hangs up; the first message has to be CONFIGURE.

    Args:
        connection: the socket to the service.
        role: the role of this process.
        make_work: makes the process's work, in the sandbox.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which hangs up
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    message = connection.first_message()
    if message is None:
        return
    options = WorkerOptions.from_json(message[1])
    try:
        os.nice(NICENESS)  # under overload pictures wait, so that the service answers and sends
        sandbox.limit_memory(options.memory_limit_mb)
        sandbox.enter(threads=needs_threads(options.outputs), role=role)
    except (TranscoderError, OSError, ValueError) as error:
        connection.send([serialize_json(MessageType.FAILED, {"reason": str(error), "fatal": True})])
        return
    connection.send([serialize_message(MessageType.READY)])
    connection.serve(make_work(options, connection))


def run_and_exit(connection: socket.socket, role: Role, make_work: MakeWork) -> None:
    """Run main and end this process without the interpreter's shutdown, because nothing is left to clean up.

    Args:
        connection: a blocking stream socket to the service.
        role: the role of this process.
        make_work: makes the process's work, in the sandbox.
    """
    status = 1
    service = ServiceConnection(connection)
    try:
        main(service, role, make_work)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the service has hung up
    except MemoryError:
        status = 3
    except SandboxOutgrownError:
        status = OTHER_SANDBOX
    except Exception as error:  # noqa: BLE001  # the process boundary: a bug here is one stream's restart, with its name
        _send_last_words(service, error)
    finally:
        os._exit(status)


def _send_last_words(service: ServiceConnection, error: Exception) -> None:
    # the module traceback would look for the lines of the source, which the sandbox may punish
    *_, (name, line) = _places(error)
    reason = f"{type(error).__name__}: {error} ({Path(name).name}:{line})"
    with contextlib.suppress(OSError):
        service.send([serialize_json(MessageType.FAILED, {"reason": reason[:1000], "fatal": False})])


def _places(error: Exception) -> Iterator[tuple[str, int]]:
    trace = error.__traceback__
    yield "", 0
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename, trace.tb_lineno
        trace = trace.tb_next
