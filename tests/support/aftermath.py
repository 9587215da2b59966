"""After an attack everything is as it was before: connections, sessions, readers, tasks, descriptors."""

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Self

from transcoder.net.rtsp_server import RtspServer

SETTLED_S = 10.0
"""Seconds in which the server has to notice that an attacker is gone."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held for peers at one moment."""

    connections: int
    sessions: int
    readers: int
    tasks: int
    descriptors: int

    @classmethod
    def now(cls, server: RtspServer | None = None) -> Self:
        return cls(
            connections=server.connections if server is not None else 0,
            sessions=len(server.context.sessions) if server is not None else 0,
            readers=len(server.sessions) if server is not None else 0,
            tasks=len(asyncio.all_tasks()),
            descriptors=len(os.listdir("/proc/self/fd")),
        )


@contextlib.asynccontextmanager
async def nothing_is_left(server: RtspServer | None = None, *also: Callable[[], object]) -> AsyncIterator[None]:
    """The block may leave nothing behind; `also` are further counts that have to be back at their start."""
    gc.collect()  # what a test before left to the collector would be missed at the end
    before, others = Held.now(server), [count() for count in also]
    yield
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_S):
            while Held.now(server) != before or [count() for count in also] != others:
                await asyncio.sleep(0.02)
    after = Held.now(server)
    assert after == before, f"{before} before, {after} after"
    assert [count() for count in also] == others
