"""The process that verifies a stream is started here, asked once, and ended at the latest when its time is over."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

from transcoder.service.forkserver_process import worker_environment
from transcoder.service.verdicts import read_measures

SPARE_S: Final = 50.0
"""Seconds beyond the reading after which the process is killed; it ends itself ten seconds before."""
TRIAL_S: Final = 20.0
"""Seconds in which a process has to enter its sandbox, also on a machine that is busy."""
QUESTION: Final = b"served?\n"
"""The line by which the process asks, after the reading, which pictures were the camera's."""
MAX_ANSWER: Final = 1 << 20
"""Bytes of an answer at most; a statement's lists are bounded, and hold about 20 kB for a stream of ours."""


async def read_served(
    request: Mapping[str, Any], served: Callable[[], Mapping[str, Any]], *, is_required: bool = False
) -> dict[str, Any] | None:
    """Have a stream verified by a process, and return its answer; None where it gave none.

    Args:
        request: as `transcoder.verify.served` takes it.
        served: tells which pictures were the camera's; called after the reading.
        is_required: whether the process may read nothing where a measure of its sandbox is missing.

    Raises:
        OSError: no process can be started.
    """
    async with _running("transcoder.verify.served", stdin=asyncio.subprocess.PIPE, start_new_session=True) as process:
        try:
            async with asyncio.timeout(float(request["seconds"]) + SPARE_S):
                sandbox = "required" if is_required else "best_effort"
                whole = {"sandbox": sandbox, "asks_served": True, **request}
                return await _exchange(process, json.dumps(whole).encode(), served)
        except (TimeoutError, ConnectionError, ValueError):
            return None


async def try_sandbox() -> dict[str, str]:
    """Return every measure of a checker's sandbox: "" or the reason why it is missing.

    Raises:
        OSError: no process can be started.
        TimeoutError: the process gives no answer.
    """
    async with _running("transcoder.verify.confinement", stdin=asyncio.subprocess.DEVNULL) as process:
        async with asyncio.timeout(TRIAL_S):
            output, _ = await process.communicate()
    try:
        return read_measures(json.loads(output))
    except ValueError:
        return {}


@contextlib.asynccontextmanager
async def _running(module: str, **options: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module as a process whose output is read; the process is killed at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=worker_environment(os.environ),
        **options,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await asyncio.shield(process.wait())


async def _exchange(
    process: asyncio.subprocess.Process, request: bytes, served: Callable[[], Mapping[str, Any]]
) -> dict[str, Any] | None:
    if process.stdin is None or process.stdout is None:  # a pipe each was asked for
        return None
    process.stdin.write(request + b"\n")
    await process.stdin.drain()
    parts: list[bytes] = []
    while data := await process.stdout.read(1 << 16):
        parts.append(data)
        if sum(map(len, parts)) > MAX_ANSWER:
            return None
        if b"".join(parts) == QUESTION:
            parts = []
            process.stdin.write(json.dumps(served()).encode() + b"\n")
            process.stdin.close()  # one question is answered
    answer = json.loads(b"".join(parts))
    return answer if isinstance(answer, dict) else None
