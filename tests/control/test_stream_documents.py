"""What is told of a stream."""

from transcoder.control import EVENT_TYPES
from transcoder.service.observer import SCENE_EVENTS


def test_every_event_of_a_stream_is_in_the_documents() -> None:
    told = {"source_lost", "source_encrypted", "source_recovered", "worker_restarted", "channel_seen", "overload"}
    told |= {"format_changed", "source_unreadable"}
    assert told | set(SCENE_EVENTS.values()) <= EVENT_TYPES
