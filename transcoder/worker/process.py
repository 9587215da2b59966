"""A worker process enters the sandbox, then serves the messages of the service until the service hangs up."""

import contextlib
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from transcoder.errors import MediaError, TranscoderError
from transcoder.ipc.messages import (
    MessageParser,
    MessageType,
    parse_access_unit,
    parse_audio,
    parse_output_number,
    parse_repeat,
    serialize_json,
    serialize_message,
)
from transcoder.media.encoders import needs_threads
from transcoder.worker import sandbox
from transcoder.worker.pipeline import Pipeline
from transcoder.worker_options import AudioFormat, WorkerOptions

HEARTBEAT_S = 0.5
"""Seconds between reports to the service, which prove that the worker lives."""
NICENESS = 2
OTHER_SANDBOX = 4
"""The exit status of a worker that was given settings which its sandbox does not allow; the next worker begins with
these settings."""
READ_SIZE = 256 << 10
"""Bytes of one read at most: most access units arrive whole."""


def main(connection: socket.socket) -> None:
    """Serve one stream until the service hangs up; the first message has to be CONFIGURE.

    Args:
        connection: a blocking stream socket to the service, the only descriptor that this process needs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the service, which hangs up
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parser = MessageParser()
    message = None
    while message is None:
        data = connection.recv(READ_SIZE)
        if not data:
            return
        parser.receive_data(data)
        message = parser.next_message()
    options = WorkerOptions.from_json(message[1])
    try:
        os.nice(NICENESS)  # under overload pictures wait, so that the service answers and sends
        sandbox.limit_memory(options.memory_limit_mb)
        threads = needs_threads(options.outputs)
        sandbox.enter(threads=threads)
    except (TranscoderError, OSError, ValueError) as error:
        _send(connection, serialize_json(MessageType.FAILED, {"reason": str(error), "fatal": True}))
        return
    _send(connection, serialize_message(MessageType.READY))
    _Loop(connection, parser, Pipeline(options), threads=threads).run()


def _send(connection: socket.socket, data: bytes) -> None:
    connection.sendall(data)


class _SandboxOutgrownError(Exception):
    """Other settings need an encoder that can't work in this process's sandbox; another process has to take them."""


class _Loop:
    def __init__(self, connection: socket.socket, parser: MessageParser, pipeline: Pipeline, *, threads: bool) -> None:
        self._threads = threads
        self._connection = connection
        self._parser = parser
        self._pipeline = pipeline
        self._next_report = 0.0
        self._buffer = bytearray(READ_SIZE)

    def run(self) -> None:
        # the socket stays blocking, because a change to non-blocking needs ioctl, which the sandbox does not allow
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        view = memoryview(self._buffer)
        while True:
            self._report_if_due()
            while (message := self._parser.next_message()) is not None:
                self._handle(*message)
                self._report_if_due()
            if not poll.poll(HEARTBEAT_S * 1000):
                continue
            size = self._connection.recv_into(view)
            if size == 0:
                return
            self._parser.receive_data(view[:size])

    def _handle(self, kind: MessageType, body: memoryview) -> None:
        try:
            self._write(self._results(kind, body))
        except MediaError as error:
            self._write([serialize_json(MessageType.FAILED, {"reason": str(error), "fatal": False})])

    def _results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        pipeline, encoding = self._pipeline, self._pipeline.encoding
        if kind is MessageType.ACCESS_UNIT:
            return pipeline.access_unit(parse_access_unit(body), time.monotonic())
        if kind is MessageType.REPEAT:
            return encoding.repeat(*parse_repeat(body), time.monotonic())
        if kind is MessageType.AUDIO:
            return pipeline.sound.unit(*parse_audio(body))
        if kind is MessageType.AUDIO_FORMAT:
            return pipeline.sound.use_format(AudioFormat.from_json(body))
        if kind is MessageType.SNAPSHOT:
            return encoding.snapshot(parse_output_number(body))
        if kind is MessageType.KEYFRAME:
            encoding.force_idr(parse_output_number(body))
        elif kind is MessageType.CONFIGURE:
            options = WorkerOptions.from_json(body)
            if needs_threads(options.outputs) and not self._threads:
                raise _SandboxOutgrownError
            encoding.configure(options)
        return ()

    def _write(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self._connection.sendall(message)

    def _report_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._next_report:
            self._next_report = now + HEARTBEAT_S
            report = self._pipeline.stats() | {"cpu_s": time.process_time()}
            self._write([serialize_json(MessageType.STATS, report)])


def run_and_exit(connection: socket.socket) -> None:
    """Run main and end this process without the interpreter's shutdown, because nothing is left to clean up."""
    status = 1
    try:
        main(connection)
        status = 0
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the service has hung up
    except MemoryError:
        status = 3
    except _SandboxOutgrownError:
        status = OTHER_SANDBOX
    except Exception as error:  # noqa: BLE001  # the process boundary: a bug here is one stream's restart, with its name
        _send_last_words(connection, error)
    finally:
        os._exit(status)


def _send_last_words(connection: socket.socket, error: Exception) -> None:
    frame = traceback.extract_tb(error.__traceback__, limit=-1)[-1]
    reason = f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
    with contextlib.suppress(OSError):
        connection.sendall(serialize_json(MessageType.FAILED, {"reason": reason[:1000], "fatal": False}))
