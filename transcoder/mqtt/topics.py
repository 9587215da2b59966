"""The topic tree is one table, from which the code, the subscriptions and the AsyncAPI document are made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES
from transcoder.text import CONTROL_CHARACTER

VERBS: Final = (
    "list",
    "get",
    "add",
    "update",
    "remove",
    "restart",
    "keyframe",
    "snapshot",
    "probe",
    "sessions",
    "end_session",
    "accept_key",
    "swap",
    "swap_rollback",
    "asset_list",
    "asset_get",
    "asset_add",
    "asset_update",
    "asset_remove",
)

MAX_TOPIC: Final = 1024
"""Bytes of a response topic at most; MQTT allows 65,535, and no client's own topic needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Describes one kind of topic.

    Attributes:
        name: the name of the kind.
        address: the topic, with `{base}`, `{node}` and the parameters of the kind.
        direction: "out": the gateway publishes the topic; "in": the gateway subscribes to it.
        retain: whether the broker keeps the last message.
        qos: 0, 1.
        payload: the name of the payload's schema in the AsyncAPI document.
        text: the purpose of the topic.
    """

    name: str
    address: str
    direction: Literal["in", "out"]
    retain: bool = False
    qos: int = 1
    payload: str
    text: str


_NODE: Final = "{base}/{node}"
_STREAM: Final = "{base}/{node}/stream/{stream}"

CHANNELS: Final = {
    item.name: item
    for item in (
        Channel(
            name="status",
            address=f"{_NODE}/status",
            direction="out",
            retain=True,
            payload="NodeStatus",
            text="Whether the gateway is there; also its last will",
        ),
        Channel(
            name="info",
            address=f"{_NODE}/info",
            direction="out",
            retain=True,
            payload="Info",
            text="Facts about the gateway",
        ),
        Channel(
            name="stats", address=f"{_NODE}/stats", direction="out", qos=0, payload="Stats", text="Totals, every 30 s"
        ),
        Channel(
            name="event",
            address=f"{_NODE}/event",
            direction="out",
            payload="Event",
            text="An event that concerns no stream in particular",
        ),
        Channel(
            name="stream_status",
            address=f"{_STREAM}/status",
            direction="out",
            retain=True,
            payload="StreamStatus",
            text="What readers of the stream can expect",
        ),
        Channel(
            name="stream_state",
            address=f"{_STREAM}/state",
            direction="out",
            retain=True,
            payload="StreamState",
            text="The state of the stream, sent when its status changes and every 10 s",
        ),
        Channel(
            name="stream_asset_state",
            address=f"{_STREAM}/asset_state",
            direction="out",
            retain=True,
            payload="AssetState",
            text="How far the phase-out of the asset is that feeds the stream; none where the stream names no asset",
        ),
        Channel(
            name="stream_event",
            address=f"{_STREAM}/event",
            direction="out",
            payload="Event",
            text="An event of the stream",
        ),
        Channel(
            name="stream_snapshot",
            address=f"{_STREAM}/snapshot",
            direction="out",
            retain=True,
            qos=0,
            payload="Jpeg",
            text="The last picture that was asked for, masked",
        ),
        Channel(
            name="property_state",
            address=f"{_STREAM}/{{property}}/state",
            direction="out",
            retain=True,
            payload="Property",
            text="The value of a property as a bare payload",
        ),
        Channel(
            name="property_set",
            address=f"{_STREAM}/{{property}}/set",
            direction="in",
            payload="Property",
            text="Give a property a value by a bare payload",
        ),
        Channel(
            name="rendition_state",
            address=f"{_STREAM}/{{rendition}}/{{rendition_property}}/state",
            direction="out",
            retain=True,
            payload="RenditionProperty",
            text="The value of a property of one of the stream's renditions as a bare payload",
        ),
        Channel(
            name="rendition_set",
            address=f"{_STREAM}/{{rendition}}/{{rendition_property}}/set",
            direction="in",
            payload="RenditionProperty",
            text="Give a property of one of the stream's renditions a value by a bare payload",
        ),
        Channel(
            name="stream_set",
            address=f"{_STREAM}/set",
            direction="in",
            payload="Properties",
            text="Give several properties values, all of them or none",
        ),
        Channel(
            name="stream_restart",
            address=f"{_STREAM}/restart",
            direction="in",
            payload="Anything",
            text="Connect to the camera anew and replace the worker",
        ),
        Channel(
            name="stream_keyframe",
            address=f"{_STREAM}/keyframe",
            direction="in",
            payload="Anything",
            text="Ask for an IDR picture soon",
        ),
        Channel(
            name="stream_snapshot_get",
            address=f"{_STREAM}/snapshot/get",
            direction="in",
            payload="Anything",
            text="Ask for a snapshot to be published",
        ),
        Channel(
            name="command", address=f"{_NODE}/cmd/{{verb}}", direction="in", payload="Command", text="Carry out a verb"
        ),
        Channel(
            name="reply",
            address=f"{_NODE}/reply",
            direction="out",
            payload="Reply",
            text="Answers to commands that named no response topic",
        ),
        Channel(
            name="discovery",
            address="{discovery_prefix}/device/{node}_{stream}/config",
            direction="out",
            retain=True,
            payload="Discovery",
            text="A device of Home Assistant for each stream",
        ),
        Channel(
            name="discovery_status",
            address="{discovery_prefix}/status",
            direction="in",
            qos=0,
            payload="NodeStatus",
            text="Home Assistant's own status; when it starts, devices are announced again",
        ),
    )
}

PARAMETERS: Final = {
    "stream": ("[a-z0-9][a-z0-9_-]{0,62}", "A stream's id"),
    "property": ("|".join(PROPERTIES), "A property"),
    "rendition": ("[a-z0-9][a-z0-9_-]{0,30}", "The name of one of the stream's renditions"),
    "rendition_property": ("|".join(RENDITION_PROPERTIES), "A property of a rendition"),
    "verb": ("|".join(VERBS), "A verb"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Holds the kind of a topic and its parameters.

    Attributes:
        channel: the kind.
        stream, property, rendition, rendition_property, verb: the parameters, as they are in the topic, "" where the
            kind has none.
    """

    channel: Channel
    stream: str = ""
    property: str = ""
    rendition: str = ""
    rendition_property: str = ""
    verb: str = ""


class Topics:
    """Knows the topic tree of one gateway.

    Args:
        base: the base topic.
        node: the gateway's name.
        discovery_prefix: the prefix of Home Assistant, None for no discovery.
    """

    def __init__(self, base: str, node: str, discovery_prefix: str | None) -> None:
        self._fixed = {"base": base, "node": node, "discovery_prefix": discovery_prefix or ""}
        self.discovers = discovery_prefix is not None
        self.root = f"{base}/{node}/"
        self._incoming = [
            (channel, re.compile(self._pattern(channel))) for channel in self._channels() if channel.direction == "in"
        ]

    def _channels(self) -> Iterator[Channel]:
        for channel in CHANNELS.values():
            if self.discovers or "{discovery_prefix}" not in channel.address:
                yield channel

    def topic(self, name: str, **parameters: str) -> str:
        """Return the topic of a kind."""
        values = {**self._fixed, **parameters}
        if name == "discovery":  # Home Assistant allows fewer characters than MQTT
            values["node"] = re.sub(r"[^A-Za-z0-9_-]", "-", values["node"])
        return CHANNELS[name].address.format(**values)

    def subscriptions(self) -> list[tuple[str, int]]:
        """Return filter and QoS of every topic that the gateway subscribes to."""
        wild = dict.fromkeys(PARAMETERS, "+")
        return [(self.topic(channel.name, **wild), channel.qos) for channel, _ in self._incoming]

    def _pattern(self, channel: Channel) -> str:
        parts = re.split(r"(\{[a-z_]+\})", channel.address)
        return "".join(
            re.escape(part)
            if not part.startswith("{")
            else re.escape(self._fixed[part[1:-1]])
            if part[1:-1] in self._fixed
            else f"(?P<{part[1:-1]}>[^/]+)"
            for part in parts
        )

    def find(self, topic: str) -> Found | None:
        """Return the kind and the parameters of a topic that came in, or None where the topic is none of ours."""
        for channel, pattern in self._incoming:
            if match := pattern.fullmatch(topic):
                return Found(channel=channel, **match.groupdict())
        return None

    def retained(self, stream: str) -> list[str]:
        """Return every topic of a stream whose last message the broker keeps."""
        names = [
            "stream_state",
            "stream_snapshot",
            "stream_status",
            "stream_asset_state",
            *(["discovery"] if self.discovers else []),
        ]
        states = [self.topic("property_state", stream=stream, property=name) for name in PROPERTIES]
        return [*states, *(self.topic(name, stream=stream) for name in names)]

    def retained_of_rendition(self, stream: str, rendition: str) -> list[str]:
        """Return every topic of a stream's rendition whose last message the broker keeps."""
        return [
            self.topic("rendition_state", stream=stream, rendition=rendition, rendition_property=name)
            for name in RENDITION_PROPERTIES
        ]

    def may_answer(self, topic: str) -> bool:
        """Return whether a response topic is one that a client may choose.

        An answer must not pass for a gateway's command, for a gateway's state or for a device of Home Assistant.
        Under the base topic an answer goes to this gateway's own replies only; elsewhere a client has its own topics.
        """
        if not topic or len(topic.encode("utf-8", "replace")) > MAX_TOPIC or topic.startswith("$"):
            return False
        if CONTROL_CHARACTER.search(topic) or "+" in topic or "#" in topic:
            return False
        reply = self.topic("reply")
        base = self._fixed["base"]
        if topic == base or topic.startswith(f"{base}/"):
            return topic == reply or topic.startswith(f"{reply}/")
        prefix = self._fixed["discovery_prefix"]
        return not (self.discovers and topic.startswith(f"{prefix}/"))
