"""An outcome is told once."""

import asyncio

import pytest

from transcoder.net.outcome import settle


async def test_the_first_outcome_counts() -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    settle(done)
    settle(done, ValueError("late"))
    await done
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    settle(failed, ValueError("first"))
    settle(failed)
    with pytest.raises(ValueError, match="first"):
        await failed
