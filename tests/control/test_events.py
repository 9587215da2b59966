"""Events to listeners."""

import asyncio

from transcoder.control.events import MAX_WAITING, Events


async def take(feed, count: int) -> list[int]:
    found = []
    async for event in feed:
        found.append(event.sequence)
        if len(found) == count:
            break
    return found


async def test_events_come_in_order_to_everybody() -> None:
    events = Events()
    feeds = [events.listen(), events.listen()]
    for name in ("added", "updated"):
        events.publish(name, "a", {"x": 1})
    for feed in feeds:
        assert await asyncio.wait_for(take(feed, 2), 1) == [1, 2]


async def test_what_was_missed() -> None:
    events = Events()
    for _ in range(5):
        events.publish("updated", "a")
    assert await asyncio.wait_for(take(events.listen(3), 2), 1) == [4, 5]
    assert await asyncio.wait_for(take(events.listen(0), 5), 1) == [1, 2, 3, 4, 5]
    feed = events.listen()
    events.publish("updated", "a")
    assert await asyncio.wait_for(take(feed, 1), 1) == [6]


async def test_a_slow_listener_loses_the_oldest_and_holds_nobody_up() -> None:
    events = Events()
    feed = events.listen()
    for _ in range(MAX_WAITING + 10):
        events.publish("updated", "a")
    assert (await asyncio.wait_for(take(feed, MAX_WAITING), 1))[0] == 11


async def test_a_closed_feed_ends() -> None:
    events = Events()
    feed = events.listen()
    events.publish("updated", "a")
    events.close()
    assert [event.sequence async for event in feed] == [1]
    events.publish("updated", "a")
    assert [event.sequence async for event in feed] == []
