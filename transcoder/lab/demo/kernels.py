"""This module has a fork server try what workers need on this machine: compiled pixel kernels, and a sandbox."""

from pathlib import Path

from transcoder.service.forkserver import ForkServer


async def try_workers(state: Path) -> dict[str, str]:
    """Compile the kernels that aren't cached and try the sandbox, while the cameras' pictures are prepared.

    Args:
        state: the gateway's state folder.

    Returns:
        The measures of the sandbox by name, "" or the reason why one is missing.

    Raises:
        WorkerError: the fork server did not come up.
    """
    fork_server = ForkServer(state / "numba")
    try:
        await fork_server.start()
        return fork_server.measures
    finally:
        await fork_server.close()
