"""Events are told to every listener; nobody is waited for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final

from transcoder.control import EventDocument
from transcoder.service.store import now_text

REMEMBERED: Final = 512
"""The number of past events that a listener who was away can have again."""
MAX_WAITING: Final = 256
"""The number of events that may wait for one listener; past it the oldest go."""


class Events:
    """Holds the events of one gateway."""

    def __init__(self) -> None:
        self._sequence = 0
        self._remembered: deque[EventDocument] = deque(maxlen=REMEMBERED)
        self._feeds: set[Feed] = set()

    def publish(self, event_type: str, stream: str | None = None, detail: dict[str, Any] | None = None) -> None:
        """Tell of something that happened just now."""
        self._sequence += 1
        event = EventDocument.model_validate(
            {
                "sequence": self._sequence,
                "event_type": event_type,
                "stream": stream,
                "ts": now_text(),
                "detail": detail or {},
            }
        )
        self._remembered.append(event)
        for feed in self._feeds:
            feed.put(event)

    def listen(self, after: int | None = None) -> "Feed":
        """Make a feed of the events from now on, and of remembered ones after the event with that number."""
        feed = Feed(self)
        if after is not None and after <= self._sequence:  # a larger number is of an earlier run
            for event in self._remembered:
                if event.sequence > after:
                    feed.put(event)
        self._feeds.add(feed)
        return feed

    def forget(self, feed: "Feed") -> None:
        """Forget a feed that was closed."""
        self._feeds.discard(feed)

    def close(self) -> None:
        """End all feeds."""
        for feed in list(self._feeds):
            feed.close()


class Feed:
    """A feed gives one listener the events.

    Args:
        events: the events that the feed takes from.
    """

    def __init__(self, events: Events) -> None:
        self._events = events
        self._waiting: deque[EventDocument] = deque(maxlen=MAX_WAITING)
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, event: EventDocument) -> None:
        """Add an event."""
        self._waiting.append(event)
        self._changed.set()

    def close(self) -> None:
        """End the feed."""
        self._closed = True
        self._changed.set()
        self._events.forget(self)

    async def __aiter__(self) -> AsyncIterator[EventDocument]:
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._closed:
                return
            self._changed.clear()
            await self._changed.wait()
