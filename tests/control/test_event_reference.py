"""The page of events knows every event."""

from transcoder.control import EVENT_TYPES
from transcoder.control.event_reference import EVENTS, events_page


def test_every_event_has_a_meaning() -> None:
    assert EVENTS.keys() >= EVENT_TYPES


def test_every_event_stands_once_on_the_page() -> None:
    page = events_page()
    assert all(page.count(f"| `{kind}` |") == 1 for kind in EVENT_TYPES)
