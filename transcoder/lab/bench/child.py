"""A process of ours that is under measurement or helps to measure: JSON lines out, a line in asks for a report.

Its standard input is its life: at its end it quits, so that none outlives who started it.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any, Self

from transcoder.errors import TransportError

READY_S = 120.0
"""Compiling kernels and encoding what cameras show takes tens of seconds, once."""
REPORT_S = 30.0
"""An overloaded machine takes its time to answer."""
QUIT_S = 5.0
MAX_LINE = 4 << 20


class Child:
    """A Python module run as a process.

    Args:
        module: name, run with -m.
        arguments: of its command line.

    Attributes:
        ready: what it said when it was ready.
        announced: what it said before.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._process: asyncio.subprocess.Process | None = None
        self.ready: dict[str, Any] = {}
        self.announced: list[dict[str, Any]] = []

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            TransportError: it did not come up.
        """
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE,
            start_new_session=True,  # a terminal's Ctrl-C is for who started it, who then ends it in order
        )
        try:
            async with asyncio.timeout(READY_S):
                self.ready = await self._event("ready")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None  # noqa: S101  # entered
        return self._process.pid

    async def report(self) -> dict[str, Any]:
        """Ask for a report.

        Raises:
            TransportError: it is gone.
        """
        return await self._ask("", "report")

    async def command(self, verb: str, **values: object) -> dict[str, Any]:
        """Have the simulator do something (`transcoder.lab.cameras.commands`).

        Raises:
            TransportError: it is gone.
        """
        return await self._ask(json.dumps({"command": verb, **values}), verb)

    async def _ask(self, line: str, answer: str) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101  # entered
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        self._process.stdin.write(line.encode() + b"\n")
        async with asyncio.timeout(REPORT_S):
            return await self._event(answer)

    async def _event(self, kind: str) -> dict[str, Any]:
        assert self._process is not None  # noqa: S101  # entered
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        while line := await self._process.stdout.readline():
            event: dict[str, Any] = json.loads(line)
            if event.get("event") == kind:
                return event
            self.announced.append(event)
        raise TransportError(f"{' '.join(self._command[1:4])} ended")

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        try:
            async with asyncio.timeout(QUIT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def emit(event: str, values: dict[str, Any]) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


async def answer_until_end(report: Callable[[], dict[str, Any]]) -> None:
    """Answer each line of standard input with a report, until its end."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while await lines.readline():
        emit("report", report())
