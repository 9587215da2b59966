"""This module starts `transcoder` in a fork of a process that has imported it already, which spares two thirds of a
second of a processor a start. Simulated cameras start in the same way.

What a start imports, and that the console script does it, is shown by tests which name the command to run. A gateway
that is started here is a child of the server (`tests/support/warm_server.py`), not of the test.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

GATEWAY: Final = "transcoder.__main__"
"""The module of the console script."""
CAMERAS: Final = "transcoder.lab.cameras.__main__"
"""The module of `python -m transcoder.lab.cameras`."""
_MAX_ANSWER: Final = 4096
_GLANCE_S: Final = 0.05
"""Seconds after which a thread looks whether another one has read the answer that it waits for."""


class WarmProcess:
    """Stands for a forked process, with those methods of `subprocess.Popen` that tests use."""

    def __init__(self, server: "_Server", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._server.status_of(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("transcoder", timeout or 0)
            self._server.wait(_GLANCE_S)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # the server has reaped it and tells so only now
                signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        os.close(self._handle)


class _Server:
    """Holds the process that forks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[int, int] = {}
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, str(Path(__file__).with_name("warm_server.py")), str(theirs.fileno())]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
        theirs.close()
        atexit.register(self.close)

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)

    def start(self, request: Mapping[str, Any], outputs: tuple[IO[bytes], IO[bytes]]) -> WarmProcess:
        sys.audit("subprocess.Popen", "transcoder", request["arguments"], None, None)
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [output.fileno() for output in outputs])
            while "pid" not in (answer := self._receive()):
                self._note(answer)
        return WarmProcess(self, answer["pid"])

    def status_of(self, pid: int) -> int | None:
        with self._lock:
            while select.select([self._socket], [], [], 0)[0]:
                self._note(self._receive())
            return self._statuses.get(pid)

    def wait(self, timeout_s: float) -> None:
        select.select([self._socket], [], [], timeout_s)

    def _receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._socket.recv(_MAX_ANSWER))
        return answer

    def _note(self, answer: dict[str, Any]) -> None:
        self._statuses[answer["exited"]] = answer["status"]


_servers: list[_Server] = []
"""The server of this process, once there is one."""


def start(
    arguments: Sequence[str],
    output: IO[bytes],
    environment: Mapping[str, str] | None = None,
    *,
    errors: IO[bytes] | None = None,
    program: str = GATEWAY,
    limits: Mapping[str, float] | None = None,
) -> WarmProcess:
    """Start `transcoder`, or the program of another module, with these arguments.

    Args:
        arguments: the command line without the program's name.
        output: the file for standard output.
        environment: the variables, by default those of this process.
        errors: the file for standard error, by default that for standard output.
        program: the module whose function `main` is called.
        limits: the values that constants of the product have in that process, by module and name.
    """
    if not _servers:
        _servers.append(_Server())
    variables = dict(os.environ if environment is None else environment)
    request = {"program": program, "arguments": list(arguments), "environment": variables, "folder": str(Path.cwd())}
    request["limits"] = dict(limits or {})
    return _servers[0].start(request, (output, errors or output))


def run(arguments: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run a command of `transcoder` to its end.

    Raises:
        subprocess.TimeoutExpired: the command had not ended in time, and was killed.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = start(arguments, output, errors=errors)
        try:
            status = process.wait(timeout_s)
        finally:
            process.kill()
        told = []
        for file in (output, errors):
            file.seek(0)
            told.append(file.read().decode())
    return subprocess.CompletedProcess(["transcoder", *arguments], status, *told)
