"""Events to listeners."""

import asyncio
from datetime import datetime

import pytest

from transcoder.control import events as module
from transcoder.control.events import MAX_WAITING, OF_READERS, PER_STREAM, Events


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


def sequences(events: Events, stream: str, since: float | None = None) -> list[int]:
    return [event.sequence for event in events.past(stream, since)]


def test_the_last_events_of_a_stream_are_kept_in_order() -> None:
    events = Events()
    events.publish("added", "a")
    events.publish("config_reloaded")
    events.publish("added", "b")
    events.publish("reader_connected", "a")
    events.publish("updated", "a")
    assert sequences(events, "a") == [1, 4, 5]
    assert sequences(events, "nobody") == []
    for _ in range(1000):
        events.publish("updated", "a")
    assert len(sequences(events, "a")) == PER_STREAM - OF_READERS + 1
    assert PER_STREAM - OF_READERS >= 50


def test_readers_push_no_camera_out() -> None:
    events = Events()
    events.publish("source_lost", "a", {"reason": "gone"})
    for _ in range(1000):
        events.publish("reader_gone", "a")
    kept = events.past("a")
    assert len(kept) == OF_READERS + 1
    assert kept[0].detail == {"reason": "gone"}


def test_events_from_a_time_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events = Events()
    for second in (10, 20, 30):
        monkeypatch.setattr(module, "now_text", lambda second=second: f"2026-11-28T21:32:{second}.000Z")
        events.publish("updated", "a")
    assert sequences(events, "a", datetime.fromisoformat("2026-11-28T22:32:20+01:00").timestamp()) == [2, 3]
    assert sequences(events, "a", 1e12) == []


def test_the_events_of_a_stream_go_with_it_and_streams_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    events = Events()
    events.publish("added", "a")
    events.publish("removed", "a")
    assert sequences(events, "a") == []
    monkeypatch.setattr(module, "MAX_STREAMS", 3)
    for name in "bcde":
        events.publish("added", name)
    assert [sequences(events, name) for name in "bcde"] == [[], [4], [5], [6]]
