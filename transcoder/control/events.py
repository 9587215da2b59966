"""Events are told to every listener; nobody is waited for."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from transcoder.control import EventDocument
from transcoder.service.store import now_text

REMEMBERED: Final = 512
"""The number of past events that a listener who was away can have again."""
PER_STREAM: Final = 80
"""The number of past events of each stream that can be read again: 80 kB a stream, beside a worker of 60 MB."""
OF_READERS: Final = 16
"""The number of events of readers among them that are kept apart: a VMS that comes and goes every second must not push
out why a camera was lost."""
MAX_STREAMS: Final = 4096
"""The number of streams whose events are kept, that of `config/overlay.py`; past it the oldest stream's go."""
MAX_WAITING: Final = 256
"""The number of events that may wait for one listener; past it the oldest go."""


class _Past:
    """Keeps the last events of one stream, those of its readers apart from the others."""

    __slots__ = ("_others", "_readers")

    def __init__(self) -> None:
        self._others: deque[EventDocument] = deque(maxlen=PER_STREAM - OF_READERS)
        self._readers: deque[EventDocument] = deque(maxlen=OF_READERS)

    def add(self, event: EventDocument) -> None:
        (self._readers if event.event_type.startswith("reader_") else self._others).append(event)

    def in_order(self) -> list[EventDocument]:
        return sorted([*self._others, *self._readers], key=lambda event: event.sequence)


class Events:
    """Holds the events of one gateway.

    Attributes:
        dropped: how many events a listener did not get because it was too slow.
    """

    def __init__(self) -> None:
        self._sequence = 0
        self._remembered: deque[EventDocument] = deque(maxlen=REMEMBERED)
        self._of_streams: dict[str, _Past] = {}
        self._feeds: set[Feed] = set()
        self.dropped = 0

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
        if stream is not None:
            self._keep(stream, event)
        for feed in self._feeds:
            feed.put(event)

    def _keep(self, stream: str, event: EventDocument) -> None:
        """Keep an event of a stream; those of a stream that is removed go with it."""
        if event.event_type == "removed":
            self._of_streams.pop(stream, None)
            return
        if stream not in self._of_streams and len(self._of_streams) >= MAX_STREAMS:
            del self._of_streams[next(iter(self._of_streams))]
        self._of_streams.setdefault(stream, _Past()).add(event)

    def past(self, stream: str, since: float | None = None) -> tuple[EventDocument, ...]:
        """Return the events of a stream that are kept, the oldest first.

        Args:
            stream: the stream's name.
            since: UTC seconds; earlier events are left out.
        """
        found = self._of_streams.get(stream)
        events = found.in_order() if found is not None else []
        return tuple(
            event for event in events if since is None or datetime.fromisoformat(event.ts).timestamp() >= since
        )

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
        """Add an event, in the place of the oldest one where too many wait."""
        self._events.dropped += len(self._waiting) == MAX_WAITING
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
