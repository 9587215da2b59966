"""This module starts a process of the laboratory and talks to it: JSON lines in, JSON lines out."""

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Self

from transcoder.errors import TransportError

READY_S = 120.0
"""Seconds until a child is ready: compiling kernels and encoding the cameras' pictures takes tens of seconds, once."""
ANSWER_S = 30.0
"""Seconds until a child answers: an overloaded machine takes its time."""
QUIT_S = 4.0
"""Seconds for an orderly end, once the child's standard input has ended."""
TERMINATE_S = 1.0
MAX_LINE = 16 << 20
"""Bytes of the longest event: the result of the demo's reader."""
MAX_LAST_WORDS = 20
"""Lines of standard error that are kept to tell why a child ended."""


class Child:
    """Runs `python -m MODULE ARGUMENTS` with pipes.

    The child quits when its standard input ends, in whatever way we end, so that no child outlives the process that
    started it. The child is in a session of its own, so a terminal's Ctrl-C reaches us alone, and we end the child.

    Args:
        module: the module to run.
        arguments: arguments of its command line.
        is_quiet: whether standard error is not shown, only kept to tell why the child ended.

    Attributes:
        module: the module that runs.
        ready: the event that said that the child was ready, after `async with`.
        announced: other events, which came before the event that was awaited.
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
        """Return the process's number, once it is started."""
        return self._started.pid

    @property
    def _started(self) -> asyncio.subprocess.Process:
        assert self._process is not None  # noqa: S101  # start() comes first
        return self._process

    # -- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the child."""
        pipe = asyncio.subprocess.PIPE
        # no file of the user takes the place of a module; the benchmarks are in no package, but in the current folder
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
        """Start the child and wait until it is ready.

        Raises:
            TransportError: the child did not come up.
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
        """End the child."""
        await self.stop()

    async def stop(self) -> None:
        """End the child: by the end of its input, then by a signal, then by force."""
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
        """Return the reason why the child ended, once its output has ended too."""
        status = await self._started.wait()
        if self._listening is not None:
            await self._listening
        return TransportError(self._last_words[-1] if self._last_words else f"{self.module} ended, status {status}")

    # -- talk ----------------------------------------------------------------------------------------------------

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of the child until it ends."""
        output = self._started.stdout
        assert output is not None  # noqa: S101  # a pipe
        while line := await output.readline():
            yield json.loads(line)

    def send(self, command: dict[str, Any] | None) -> None:
        """Send a command to the child; do nothing if the child is gone.

        Args:
            command: the object to send; None: an empty line.
        """
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            line = json.dumps(command) if command is not None else ""
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(line.encode() + b"\n")

    async def report(self) -> dict[str, Any]:
        """Ask the child for a report (`json_lines.answer_until_end`).

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
