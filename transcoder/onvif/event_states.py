"""The states of streams, as events of ONVIF tell them: our own findings in the clean picture, and the camera's absence.

Source: ONVIF Imaging Service Specification section 5.1 (topics of the video source), Analytics section A (tampering).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from transcoder.onvif.device import token_of
from transcoder.onvif.markup import Markup, element

MOTION: Final = 0.005
"""The share of the picture that moves, from which on there is motion: a person far away has about a hundredth."""
CALM_S: Final = 5.0
"""Seconds without motion after which it has ended: somebody who stands still for a moment is one event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Describes one kind of state.

    Attributes:
        name: the topic, with our prefixes.
        data: the name of the item that holds the state.
        sources: the items that say which source it is of: names, with "" for the video source's token.
    """

    name: str
    data: str = "State"
    sources: tuple[tuple[str, str], ...] = (("Source", ""),)


TOPICS: Final = {
    "motion": Topic(name="tns1:VideoSource/MotionAlarm"),
    "away": Topic(name="tns1:VideoSource/SignalLoss"),
    "dark": Topic(name="tns1:VideoSource/ImageTooDark/ImagingService"),
    "scene_changed": Topic(name="tns1:VideoSource/GlobalSceneChange/ImagingService"),
    "covered": Topic(
        name="tns1:RuleEngine/TamperDetector/Tamper",
        data="IsTamper",
        sources=(
            ("VideoSourceConfigurationToken", ""),
            ("VideoAnalyticsConfigurationToken", "gateway"),
            ("Rule", "covered"),
        ),
    ),
    "frozen": Topic(name="own:VideoSource/Frozen"),
}
"""The topics by our own names; the last one has no name with ONVIF. Home Assistant knows all others but SignalLoss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Holds what is known of a stream at a moment.

    Attributes:
        motion: the share of the picture that moves.
        is_away: whether its camera is away.
        conditions: the conditions of its picture, by our own names.
    """

    motion: float = 0.0
    is_away: bool = False
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMessage:
    """A message tells one state of one stream.

    Attributes:
        stream: the stream's id.
        topic: the topic, by our own name.
        value: the state.
        operation: "Initialized" or "Changed".
        at: UTC seconds.
    """

    stream: str
    topic: str
    value: bool
    operation: str
    at: float

    def markup(self) -> Markup:
        """Return the message as an answer holds it.

        Source: WS-BaseNotification 1.3 section 3, ONVIF Core Specification section 9.4.
        """
        topic = TOPICS[self.topic]
        items = [(name, value or token_of(self.stream)) for name, value in topic.sources]
        source = element("tt:Source", *(_item(name, value) for name, value in items))
        data = element("tt:Data", _item(topic.data, "true" if self.value else "false"))
        return element(
            "wsnt:NotificationMessage",
            element("wsnt:Topic", topic.name, attributes={"Dialect": CONCRETE}),
            element(
                "wsnt:Message",
                element(
                    "tt:Message",
                    source,
                    data,
                    attributes={"UtcTime": time_text(self.at), "PropertyOperation": self.operation},
                ),
            ),
        )


CONCRETE: Final = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


def _item(name: str, value: str) -> Markup:
    return element("tt:SimpleItem", attributes={"Name": name, "Value": value})


def time_text(wall: float) -> str:
    """Return a time as XML schema writes it."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class EventStates:
    """Holds the states of every stream, and tells those that change."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, bool]] = {}
        self._moved: dict[str, float] = {}

    def look(self, stream: str, found: Finding, now: float, wall: float) -> list[StateMessage]:
        """Take what is known of a stream now; return what changed.

        Args:
            stream: the stream's id.
            found: what is known of it.
            now: monotonic seconds.
            wall: UTC seconds.
        """
        if found.motion >= MOTION:
            self._moved[stream] = now
        is_moving = stream in self._moved and now - self._moved[stream] < CALM_S
        states = {topic: topic in found.conditions for topic in TOPICS} | {"motion": is_moving, "away": found.is_away}
        before = self._states.get(stream, {})
        self._states[stream] = states
        return [
            StateMessage(stream=stream, topic=topic, value=value, operation="Changed", at=wall)
            for topic, value in states.items()
            if before and before[topic] != value
        ]

    def initial(self, stream: str, wall: float) -> Iterator[StateMessage]:
        """Yield a message for every state of a stream as it is."""
        for topic in TOPICS:
            value = self._states.get(stream, {}).get(topic, False)
            yield StateMessage(stream=stream, topic=topic, value=value, operation="Initialized", at=wall)

    def forget(self, present: frozenset[str]) -> None:
        """Forget the streams that are gone."""
        for stream in self._states.keys() - present:
            del self._states[stream]
            self._moved.pop(stream, None)
