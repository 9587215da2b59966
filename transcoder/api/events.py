"""Events are sent to HTTP clients as server-sent events.

Source: WHATWG HTML, 9.2 (server-sent events).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from transcoder.control import Control, EventDocument

KEEP_ALIVE_S: Final = 15.0
"""The seconds between comments while nothing happens, so that proxies keep the connection."""
MAX_LISTENERS: Final = 96
MAX_OF_ADDRESS: Final = 64
"""Listeners of one address: as many open pages, and never the places of all."""


def after(last_event_id: str | None, run: str) -> int | None:
    """Return the number of the event that a listener had last.

    The number is 0, which is before all events, where the event was of an earlier run.

    Args:
        last_event_id: the id as the listener sent it back.
        run: the text that tells this run of the gateway from others.
    """
    if not last_event_id:
        return None
    number, _, of = last_event_id.partition("@")
    return int(number) if of == run and number.isascii() and number.isdigit() and len(number) < 19 else 0


def frame(event: EventDocument, run: str) -> str:
    """Return one event as a server-sent event."""
    return f"id: {event.sequence}@{run}\nevent: {event.event_type}\ndata: {event.model_dump_json()}\n\n"


async def stream(control: Control, after_sequence: int | None, run: str, only: str | None) -> AsyncIterator[str]:
    """Yield the events of all streams or of one stream, for as long as the listener stays."""
    feed = control.events(after_sequence)
    events = aiter(feed)
    waiting: asyncio.Future[EventDocument] | None = None
    try:
        yield ": events\n\n"
        while True:
            waiting = waiting or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({waiting}, timeout=KEEP_ALIVE_S)
            if not done:
                yield ": still here\n\n"
                continue
            try:
                event = waiting.result()
            except StopAsyncIteration:
                return
            waiting = None
            if only is None or event.stream == only:
                yield frame(event, run)
    finally:
        if waiting is not None:
            waiting.cancel()
        feed.close()
