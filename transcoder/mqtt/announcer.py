"""The announcer decides which retained values the gateway publishes, and when it publishes them again."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from transcoder.control import Control, EventDocument
from transcoder.mqtt.discovery import NO_ASSET, device
from transcoder.mqtt.outbox import Outgoing
from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES
from transcoder.mqtt.topics import CHANNELS, Topics
from transcoder.rejection import Rejected
from transcoder.worker_options import MAX_OUTPUTS

STATE_S: Final = 10.0
"""The seconds after which a stream's state is published again at the latest."""
STATS_S: Final = 30.0

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class Announcer:
    """Turns changes into messages.

    Args:
        control: the verbs that tell what there is to publish.
        topics: the topic tree.
        publish: takes the messages.
    """

    def __init__(self, control: Control, topics: Topics, publish: Callable[[Outgoing], None]) -> None:
        self._control = control
        self._topics = topics
        self._publish = publish
        self._status: dict[str, str] = {}
        self._due: dict[str, float] = {}
        self._renditions: dict[str, frozenset[str]] = {}
        """The renditions of each stream of which values were published."""
        self._gone: dict[str, set[str]] = {}
        """The renditions of each stream whose controls are to be taken away."""
        self._stats_due = 0.0

    def _say(self, name: str, payload: bytes, **parameters: str) -> None:
        channel = CHANNELS[name]
        topic = self._topics.topic(name, **parameters)
        self._publish(Outgoing(topic=topic, payload=payload, qos=channel.qos, retain=channel.retain))

    def announce(self, now: float) -> None:
        """Publish everything after a connection was made, and the gateway's presence as the last value."""
        self._say("info", self._control.info().model_dump_json().encode())
        for stream in self._control.ids():
            self.stream(stream, now)
        self._say("status", ONLINE)

    def stream(self, stream: str, now: float) -> None:
        """Publish everything of one stream."""
        try:
            keys = self._control.properties(stream)
            for item in PROPERTIES.values():
                self._say("property_state", item.render(item.of(keys)).encode(), stream=stream, property=item.name)
            gone = self._announce_renditions(stream, keys.get("renditions", {}))
            self._state(stream, now)
        except Rejected:  # the stream is about to be started or ended: its event comes
            return
        if self._topics.discovers:
            gone |= self._gone.pop(stream, set()) - keys.get("renditions", {}).keys()
            document = device(self._topics, stream, self._control.info(), keys, gone)
            self._say("discovery", _json(document), stream=stream)

    def _announce_renditions(self, stream: str, renditions: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
        """Publish the values of a stream's renditions; return those that are gone, which the broker forgets."""
        gone = self._renditions.get(stream, frozenset()) - renditions.keys()
        for rendition in gone:
            for topic in self._topics.retained_of_rendition(stream, rendition):
                self._publish(Outgoing(topic=topic, payload=b"", qos=1, retain=True))
        for rendition, keys in renditions.items():
            for item in RENDITION_PROPERTIES.values():
                names = {"stream": stream, "rendition": rendition, "rendition_property": item.name}
                self._say("rendition_state", item.render(item.of(keys)).encode(), **names)
        self._renditions[stream] = frozenset(renditions)
        return gone

    def forget_rendition(self, stream: str, rendition: str) -> None:
        """Have the broker forget a rendition that is no more, of which it has kept values from before this start.

        Its controls go soon, with those of other such renditions of the stream: anybody's junk may be many.
        """
        for topic in self._topics.retained_of_rendition(stream, rendition):
            self._publish(Outgoing(topic=topic, payload=b"", qos=1, retain=True))
        if stream in self._control.ids() and len(gone := self._gone.setdefault(stream, set())) < MAX_OUTPUTS:
            gone.add(rendition)

    def _state(self, stream: str, now: float) -> None:
        state = self._control.state(stream)
        self._say("stream_state", state.model_dump_json().encode(), stream=stream)
        self._say("stream_asset_state", (state.asset_state or NO_ASSET).encode(), stream=stream)
        self._say("stream_status", state.status.encode(), stream=stream)
        self._status[stream] = state.status
        self._due[stream] = now + STATE_S

    def watch(self, now: float) -> None:
        """Publish changes that had no event, and values that are due. Call this method about once a second."""
        for stream in list(self._gone):
            self.stream(stream, now)
        self._gone.clear()
        for stream in self._control.ids():
            try:
                if self._control.status(stream) != self._status.get(stream) or now >= self._due.get(stream, 0.0):
                    self._state(stream, now)
            except Rejected:
                continue
        if now >= self._stats_due:
            self._stats_due = now + STATS_S
            self._say("stats", self._control.stats().model_dump_json().encode())

    def event(self, event: EventDocument, now: float) -> None:
        """Publish an event, and the values that it changed."""
        payload = event.model_dump_json().encode()
        if event.stream is None:
            self._say("event", payload)
            return
        if event.event_type == "removed":
            self._say("stream_event", payload, stream=event.stream)
            if event.stream not in self._control.ids():
                self.remove(event.stream)
            return
        self._say("stream_event", payload, stream=event.stream)
        if event.event_type in {"added", "updated"}:
            self.stream(event.stream, now)
        elif event.stream in self._status:
            self._due[event.stream] = 0.0

    def remove(self, stream: str) -> None:
        """Have the broker forget a stream that is no more."""
        self._status.pop(stream, None)
        self._due.pop(stream, None)
        self._announce_renditions(stream, {})
        del self._renditions[stream]
        for topic in self._topics.retained(stream):
            self._publish(Outgoing(topic=topic, payload=b"", qos=1, retain=True))

    def leave(self) -> None:
        """Publish that the gateway goes."""
        self._say("status", OFFLINE)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
