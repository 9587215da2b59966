"""The outcome of something that is waited for is told once."""

import asyncio


def settle(future: asyncio.Future[None], error: Exception | None = None) -> None:
    """Tell that something is done, or the error that ended it; a second outcome is of no interest."""
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
