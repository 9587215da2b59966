"""The timing of the running loop."""

import asyncio

from transcoder import clock
from transcoder.output.timing import LoopTiming


async def test_waiting_ends_when_the_event_is_set_or_at_the_limit() -> None:
    timing, event = LoopTiming(), asyncio.Event()
    assert not await timing.wait(event, 0.01)
    begin = timing.now()
    timing.call_later(0.01, event.set)
    assert await timing.wait(event, 60.0)
    assert 0.005 < timing.now() - begin < 30.0
    assert await timing.wait(event, 0.0)


async def test_a_timer_that_is_cancelled_calls_nobody() -> None:
    called: list[int] = []
    timing = LoopTiming()
    timing.call_later(0.001, lambda: called.append(1)).cancel()
    timing.call_later(0.002, lambda: called.append(2))
    await asyncio.sleep(0.02)
    assert called == [2]


def test_the_clock_is_the_services() -> None:
    assert abs(LoopTiming().now() - clock.monotonic()) < 1.0
