"""The first demo on a machine compiles the pixel kernels."""

from pathlib import Path

from transcoder.service.forkserver import ForkServer


async def compile_kernels(state: Path) -> None:
    """Compile them where they aren't cached, so that it can be done while the cameras' pictures are prepared.

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
