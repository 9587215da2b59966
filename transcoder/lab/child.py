"""A process of the laboratory, from the side that started it: JSON lines in, JSON lines out."""

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Self

from transcoder.errors import TransportError

READY_S = 120.0
"""Compiling kernels and encoding what cameras show takes tens of seconds, once."""
ANSWER_S = 30.0
"""An overloaded machine takes its time to answer."""
QUIT_S = 4.0
"""For an orderly end, once its standard input has ended."""
TERMINATE_S = 1.0
MAX_LINE = 16 << 20
"""Bytes of one event; the result of the demo's reader is the longest."""
MAX_LAST_WORDS = 20
"""Lines of standard error that are kept to tell why a child ended."""


class Child:
    """`python -m MODULE ARGUMENTS` with pipes.

    Its standard input is its life: at its end it quits, whatever way we ended, so that none outlives who started it. It
    is in a session of its own, so a terminal's Ctrl-C is for us alone, who then end it in order.

    Args:
        module: to run.
        arguments: arguments of its command line.
        is_quiet: its standard error is kept to tell why it ended, instead of being shown.

    Attributes:
        module: that runs.
        ready: the event that said that it was ready, after `async with`.
        announced: other events that came while one was waited for.
    """

    def __init__(self, module: str, *arguments: str, is_quiet: bool = False) -> None:
        self.module = module
        self.ready: dict[str, Any] = {}
        self.announced: list[dict[str, Any]] = []
        self._arguments = arguments
        self._is_quiet = is_quiet
        self._process: asyncio.subprocess.Process | None = None
        self._last_words: deque[str] = deque(maxlen=MAX_LAST_WORDS)
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process's number, once it is started."""
        return self._started.pid

    @property
    def _started(self) -> asyncio.subprocess.Process:
        assert self._process is not None  # noqa: S101  # start() comes first
        return self._process

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start it."""
        pipe = asyncio.subprocess.PIPE
        # nothing in the user's folder takes the place of a module; the benchmarks are in no package, but in that folder
        options = ["-P"] if self.module.startswith("transcoder.") else []
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, *options, "-m", self.module, *self._arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=pipe if self._is_quiet else None,
            limit=MAX_LINE,
            start_new_session=True,
        )
        if self._process.stderr is not None:
            self._listening = asyncio.get_running_loop().create_task(self._listen(self._process.stderr))

    async def _listen(self, errors: asyncio.StreamReader) -> None:
        while line := await errors.readline():
            self._last_words.append(line.decode(errors="replace").rstrip())

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            TransportError: it did not come up.
        """
        await self.start()
        try:
            async with asyncio.timeout(READY_S):
                self.ready = await self._event("ready")
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it."""
        await self.stop()

    async def stop(self) -> None:
        """End it: by the end of its input, then by a signal, then by force."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        for seconds, end in ((QUIT_S, process.terminate), (TERMINATE_S, process.kill)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await process.wait()
                break
            with contextlib.suppress(ProcessLookupError):
                end()
        await process.wait()
        if self._listening is not None:
            self._listening.cancel()

    async def failure(self) -> TransportError:
        """Say why it ended, once its output has."""
        status = await self._started.wait()
        if self._listening is not None:
            await self._listening
        return TransportError(self._last_words[-1] if self._last_words else f"{self.module} ended, status {status}")

    # -- talk ----------------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield what it says, until it ends."""
        output = self._started.stdout
        assert output is not None  # noqa: S101  # a pipe
        while line := await output.readline():
            yield json.loads(line)

    def send(self, command: dict[str, Any] | None) -> None:
        """Say something to it; to a child that is gone, nothing.

        Args:
            command: an object; None: an empty line.
        """
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            line = json.dumps(command) if command is not None else ""
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(line.encode() + b"\n")

    async def report(self) -> dict[str, Any]:
        """Ask for a report (`json_lines.answer_until_end`).

        Raises:
            TransportError: it is gone.
        """
        return await self._ask(None, "report")

    async def command(self, verb: str, **values: object) -> dict[str, Any]:
        """Have the simulator do something (`cameras.commands`).

        Raises:
            TransportError: it is gone.
        """
        return await self._ask({"command": verb, **values}, verb)

    async def _ask(self, command: dict[str, Any] | None, answer: str) -> dict[str, Any]:
        self.send(command)
        async with asyncio.timeout(ANSWER_S):
            return await self._event(answer)

    async def _event(self, kind: str) -> dict[str, Any]:
        async for event in self.events():
            if event.get("event") == kind:
                return event
            self.announced.append(event)
        raise TransportError(f"{self.module} ended")
