"""A child process of the demo that speaks JSON lines."""

import asyncio
import contextlib
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from transcoder.errors import TransportError

MAX_LINE = 16 << 20
"""Bytes of one event; the reader's result is the longest."""
MAX_LAST_WORDS = 20
"""Lines of standard error that are kept to tell why a child ended."""
END_S = 3.0


class Child:
    """`python -m MODULE ARGUMENTS`, with pipes for all three standard streams.

    It is in a session of its own, so Ctrl-C is not for it, and it ends when its standard input does: that is when we
    end, whatever way.

    Args:
        module: to run.
        arguments: of it.
    """

    def __init__(self, module: str, arguments: list[str]) -> None:
        self.module = module
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._last_words: deque[str] = deque(maxlen=MAX_LAST_WORDS)
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Start it."""
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-P", "-m", self.module, *self._arguments]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=pipe, limit=MAX_LINE, start_new_session=True
        )
        self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process is not None  # noqa: S101  # started
        assert self._process.stderr is not None  # noqa: S101  # a pipe
        while line := await self._process.stderr.readline():
            self._last_words.append(line.decode(errors="replace").rstrip())

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What it says, until it ends."""
        assert self._process is not None  # noqa: S101  # started
        assert self._process.stdout is not None  # noqa: S101  # a pipe
        while line := await self._process.stdout.readline():
            yield json.loads(line)

    def send(self, command: dict[str, Any]) -> None:
        """Say something to it; to a child that is gone, nothing."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            with contextlib.suppress(OSError, RuntimeError):
                self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def failure(self) -> TransportError:
        """Why it ended, once its output has."""
        assert self._process is not None  # noqa: S101  # started
        status = await self._process.wait()
        if self._listening is not None:
            await self._listening
        return TransportError(self._last_words[-1] if self._last_words else f"{self.module} ended, status {status}")

    async def stop(self) -> None:
        """End it: ask, then kill."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()  # it may be too busy to notice that we hung up
        try:
            async with asyncio.timeout(END_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._listening is not None:
            self._listening.cancel()
