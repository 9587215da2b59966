"""Waits are shorter than the clocks say; what a thread or the processor does takes as long as it takes."""

import asyncio
import socket
import time

import pytest

from tests.support.short_waits import FASTER
from transcoder import clock


async def test_a_wait_is_shorter_than_the_clocks_say() -> None:
    started, real = time.monotonic(), time.perf_counter()
    await asyncio.sleep(1.0)
    assert 1.0 <= time.monotonic() - started < 1.5
    assert 1.0 / FASTER <= time.perf_counter() - real < 0.7


async def test_all_clocks_are_put_forward_alike() -> None:
    clocks = (time.monotonic, clock.monotonic, asyncio.get_running_loop().time, time.time, clock.wall_clock)
    before = [read() for read in clocks]
    await asyncio.sleep(0.5)
    passed = [read() - earlier for read, earlier in zip(clocks, before, strict=True)]
    assert passed == pytest.approx([passed[0]] * len(clocks), abs=0.1)
    assert passed[0] >= 0.5


async def test_what_comes_ends_the_wait() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        reader, writer = await asyncio.open_connection(sock=ours)
        started = time.monotonic()
        asyncio.get_running_loop().call_later(0.3, theirs.send, b"\n")
        async with asyncio.timeout(30):
            assert await reader.readline() == b"\n"
        assert 0.3 <= time.monotonic() - started < 1.0
        writer.close()
        await writer.wait_closed()


async def test_a_thread_has_its_time() -> None:
    started, real = time.monotonic(), time.perf_counter()
    async with asyncio.timeout(0.9):
        await asyncio.to_thread(time.sleep, 0.3)
    assert time.monotonic() - started == pytest.approx(time.perf_counter() - real, abs=0.05)


async def test_work_takes_as_long_as_it_takes() -> None:
    started, real = time.monotonic(), time.perf_counter()
    while time.perf_counter() - real < 0.05:
        await asyncio.sleep(0)
    assert time.monotonic() - started == pytest.approx(time.perf_counter() - real, abs=0.02)


@pytest.mark.real_time
async def test_with_the_marker_waits_are_real() -> None:
    real = time.perf_counter()
    await asyncio.sleep(0.1)
    assert time.perf_counter() - real >= 0.09


async def test_a_clock_can_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: 5.0)
    monkeypatch.setattr(time, "time", lambda: 6.0)
    assert (clock.monotonic(), time.time()) == (5.0, 6.0)


def test_the_clocks_are_real_again() -> None:
    assert time.monotonic() == pytest.approx(time.clock_gettime(time.CLOCK_MONOTONIC), abs=0.1)
    assert clock.monotonic is time.monotonic
    assert clock.wall_clock is time.time
