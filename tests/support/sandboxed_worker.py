"""Start a real worker and wait until it has entered its sandbox."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from transcoder.ipc.messages import MessageParser, MessageType, serialize_message
from transcoder.service.forkserver import ForkServer
from transcoder.worker_options import WorkerOptions


@asynccontextmanager
async def sandboxed_worker(folder: Path, options: WorkerOptions) -> AsyncIterator[int]:
    """Yield the process id of a worker that is ready for camera bytes.

    Args:
        folder: compiled kernels are kept here, where the tests share no folder for them.
        options: the worker's settings.
    """
    server = ForkServer(Path(os.environ.get("NUMBA_CACHE_DIR") or folder))
    try:
        forked = await server.fork("front", lambda _: None)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(forked.connection, serialize_message(MessageType.CONFIGURE, options.to_json()))
        parser, kinds = MessageParser(), list[MessageType]()
        async with asyncio.timeout(20):
            while MessageType.READY not in kinds:
                parser.receive_data(await loop.sock_recv(forked.connection, 1 << 16))
                while (message := parser.next_message()) is not None:
                    assert message[0] is not MessageType.FAILED, bytes(message[1])
                    kinds.append(message[0])
        yield forked.pid
        forked.kill()
        forked.connection.close()
    finally:
        await server.close()


def process_status(pid: int) -> dict[str, str]:
    """Return the lines of /proc/PID/status by name."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
