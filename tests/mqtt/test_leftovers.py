"""What a broker kept of streams and renditions that were removed while the gateway was away is taken back."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from transcoder.config import StreamOptions
from transcoder.config.stream import RenditionConfig
from transcoder.control import InfoDocument
from transcoder.mqtt.announcer import Announcer
from transcoder.mqtt.leftovers import MARK, Leftovers
from transcoder.mqtt.outbox import Outgoing
from transcoder.mqtt.topics import Topics

INFO = InfoDocument(version="1.0", node="n", rtsp_port=8554, started="")
TOPICS = Topics("t", "n", "homeassistant")


class Broker:
    """A broker that keeps values over the starts of a gateway, and the present gateway."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def start(self, streams: dict[str, list[str]]) -> None:
        """Start a gateway with these streams and renditions; it announces them, and is told what is kept."""
        keys = {name: StreamOptions().model_dump() for name in streams}
        for name, renditions in streams.items():
            keys[name]["renditions"] = {each: RenditionConfig().model_dump() for each in renditions}
        document = SimpleNamespace(model_dump_json=lambda: "{}", status="online", asset_state=None)
        control: Any = SimpleNamespace(
            ids=lambda: list(keys),
            properties=lambda name: keys[name],
            state=lambda _: document,
            status=lambda _: "online",
            stats=lambda: document,
            info=lambda: INFO,
        )
        before = dict(self.kept)
        self.announcer = Announcer(control, TOPICS, self._publish)
        self.leftovers = Leftovers(cast(Any, control), TOPICS, self.announcer)
        self.controls: dict[str, list[Any]] = {}
        for name in streams:
            self.announcer.stream(name, 0.0)
        for topic, payload in before.items():
            self.leftovers.take(topic, payload, retain=True)
        for second in range(3):
            self.announcer.watch(1.0 + second)

    def _publish(self, message: Outgoing) -> None:
        self.kept.pop(message.topic, None)
        if message.payload:
            self.kept[message.topic] = message.payload
            if message.topic.endswith("/config"):
                self.controls.setdefault(message.topic.split("/")[2], []).append(json.loads(message.payload)["cmps"])

    def of(self, *levels: str) -> list[str]:
        prefix = "/".join(["t/n/stream", *levels, ""])
        return [topic for topic in self.kept if topic.startswith(prefix)]


def test_a_rendition_that_was_removed_meanwhile_is_forgotten_and_others_are_not() -> None:
    broker = Broker()
    broker.start({"front": ["sub", "tiny", "wall"], "back": ["sub"]})
    first = {topic for topic in broker.kept if "/front/sub/" not in topic and "/front/tiny/" not in topic}
    broker.start({"front": ["wall"], "back": ["sub"]})
    assert set(broker.kept) - {"t/n/stats"} == first - {"t/n/stats"}
    assert broker.of("front", "wall")
    taken_away = [
        name for controls in broker.controls["n_front"] for name in controls if controls[name] == {"p": "number"}
    ]
    assert {"rendition_sub_fps", "rendition_tiny_fps"} <= set(taken_away), "Home Assistant removes their controls"
    assert "rendition_wall_fps" not in taken_away


def test_a_stream_that_was_removed_meanwhile_leaves_nothing_nor_do_its_renditions() -> None:
    broker = Broker()
    broker.start({"front": ["sub"], "back": []})
    broker.start({"back": []})
    assert [topic for topic in broker.kept if "front" in topic] == []
    assert broker.of("back")


def test_junk_of_renditions_that_never_were_costs_a_device_once_a_second() -> None:
    broker = Broker()
    broker.start({"front": []})
    broker.controls.clear()
    for number in range(10_000):
        assert broker.leftovers.take(f"t/n/stream/front/junk{number}/{MARK}/state", b"1", retain=True)
    assert broker.controls == {}
    broker.announcer.watch(10.0)
    broker.announcer.watch(11.0)
    [controls] = broker.controls["n_front"]
    assert len(controls) < 1000


def test_nothing_is_published_for_what_is_there() -> None:
    broker = Broker()
    broker.start({"front": ["sub"]})
    broker.start({"front": ["sub"]})
    assert len(broker.controls["n_front"]) == 1


@pytest.mark.parametrize(
    ("topic", "payload", "retain"),
    [
        ("t/n/stream/gone/status", b"online", False),
        ("t/n/stream/gone/status", b"", True),
        ("t/n/stream/A/status", b"online", True),
        (f"t/n/stream/{'a' * 70}/status", b"online", True),
        (f"t/n/stream/front/Sub/{MARK}/state", b"1", True),
        (f"t/n/stream/front/gone/{MARK}/state", b"1", False),
    ],
)
def test_what_no_gateway_has_kept_is_left_alone(topic: str, payload: bytes, retain: bool) -> None:
    broker = Broker()
    broker.start({"front": []})
    before = dict(broker.kept)
    assert broker.leftovers.take(topic, payload, retain=retain)
    assert broker.kept == before


@pytest.mark.parametrize(
    "topic", ["t/n/stream/front/set", "t/n/stream/front/codec/state", "t/n/stream/a/b/status", "x"]
)
def test_other_topics_are_for_others(topic: str) -> None:
    broker = Broker()
    broker.start({})
    assert not broker.leftovers.take(topic, b"x", retain=True)
