"""This module compiles the pixel kernels in the first demo on a machine."""

from pathlib import Path

from transcoder.service.forkserver import ForkServer


async def compile_kernels(state: Path) -> None:
    """Compile the kernels that aren't cached; the cameras' pictures can be prepared at the same time.

    Args:
        state: the gateway's state folder.

    Raises:
        WorkerError: the fork server did not come up.
    """
    folder = state / "numba"
    if folder.is_dir() and any(folder.iterdir()):
        return
    fork_server = ForkServer(folder)
    try:
        await fork_server.start()
    finally:
        await fork_server.close()
