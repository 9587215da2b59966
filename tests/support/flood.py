"""Floods: bytes sent as fast as the other side takes them, and the longest turn of the loop while they come."""

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator


class Turns:
    """The turns of the loop, in processor time of its thread: other work on the machine does not count."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self.count = 0


@contextlib.asynccontextmanager
async def turns() -> AsyncIterator[Turns]:
    """Watch the turns of the loop in a block. The garbage collector rests: it walks over every object of the tests."""
    found = Turns()
    gc.collect()
    gc.disable()

    async def watch() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            found.longest_s = max(found.longest_s, now - last)
            found.count += 1
            last = now

    watcher = asyncio.create_task(watch())
    try:
        yield found
    finally:
        gc.enable()
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


def send_all(host: str, port: int, data: bytes, first: bytes = b"", timeout_s: float = 20.0) -> int:
    """Connect, send `first`, wait for an answer to it, send `data`; how many bytes of it went before the end.

    It blocks, so it runs in a thread.
    """
    sent = 0
    with socket.create_connection((host, port), timeout=timeout_s) as sock:
        if first:
            sock.sendall(first)
            sock.recv(65536)
        with contextlib.suppress(OSError):
            while sent < len(data):
                sent += sock.send(data[sent : sent + 262_144])
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
    return sent
