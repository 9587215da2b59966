"""What is told of a stream."""

from transcoder.control import EVENT_TYPES
from transcoder.control.stream_documents import printable
from transcoder.service.observer import SCENE_EVENTS


def test_every_event_of_a_stream_is_in_the_documents() -> None:
    told = {"source_lost", "source_encrypted", "source_recovered", "worker_restarted", "channel_seen", "overload"}
    told |= {"format_changed"}
    assert told | set(SCENE_EVENTS.values()) <= EVENT_TYPES


def test_what_a_camera_called_something_is_shown_as_text() -> None:
    assert printable("ok", 10) == "ok"
    assert printable("a\x1b[31m\nb\ud800", 20) == "a?[31m?b?"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
