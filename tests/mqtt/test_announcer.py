"""What is published of a stream's renditions, and forgotten with them."""

import json
from types import SimpleNamespace
from typing import Any, cast

from transcoder.config import StreamOptions
from transcoder.config.stream import RenditionConfig
from transcoder.control import InfoDocument
from transcoder.mqtt.announcer import Announcer
from transcoder.mqtt.outbox import Outgoing  # a test needs no such care
from transcoder.mqtt.topics import Topics

INFO = InfoDocument(version="1.0", node="n", rtsp_port=8554, started="")


class Announced:
    """An announcer of one stream, and the last message of each topic."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = StreamOptions().model_dump()
        self.state = SimpleNamespace(model_dump_json=lambda: "{}", status="online", asset_state=None)
        control = SimpleNamespace(properties=lambda _: self.keys, state=lambda _: self.state, info=lambda: INFO)
        self.kept: dict[str, bytes] = {}
        self.announcer = Announcer(cast(Any, control), Topics("t", "n", "homeassistant"), self._publish)

    def _publish(self, message: Outgoing) -> None:
        assert message.retain
        self.kept.pop(message.topic, None)
        if message.payload:
            self.kept[message.topic] = message.payload

    def announce(self, **renditions: RenditionConfig) -> None:
        self.keys["renditions"] = {name: rendition.model_dump() for name, rendition in renditions.items()}
        self.announcer.stream("front", 0.0)

    def controls(self) -> dict[str, Any]:
        return dict(json.loads(self.kept["homeassistant/device/n_front/config"])["cmps"])


def test_the_values_of_a_rendition_are_kept_as_long_as_it_is_there() -> None:
    announced = Announced()
    announced.announce(sub=RenditionConfig(size="640x360", fps=7, on_demand=True))
    topic = "t/n/stream/front/sub"
    assert announced.kept[f"{topic}/fps/state"] == b"7"
    assert announced.kept[f"{topic}/size/state"] == b"640x360"
    assert announced.kept[f"{topic}/on_demand/state"] == b"ON"
    assert "uniq_id" in announced.controls()["rendition_sub_fps"]
    announced.announce()
    assert [name for name in announced.kept if name.startswith(topic)] == []
    assert announced.controls()["rendition_sub_fps"] == {"p": "number"}
    announced.announce()
    assert "rendition_sub_fps" not in announced.controls()


def test_nothing_of_a_stream_is_kept_that_is_removed() -> None:
    announced = Announced()
    announced.announce(sub=RenditionConfig())
    announced.announcer.remove("front")
    assert announced.kept == {}


def test_the_state_of_the_asset_is_kept_and_home_assistant_reads_it() -> None:
    announced = Announced()
    announced.announce()
    sensor = announced.controls()["asset_state"]
    assert announced.kept[sensor["stat_t"]] == b"none"
    assert (sensor["stat_t"], sensor["ent_cat"]) == ("t/n/stream/front/asset_state", "diagnostic")
    assert set(sensor["ops"]) == {"legacy", "cleaned", "replaced", "retired", "exempt", "none"}
    announced.state.asset_state = "cleaned"
    announced.announce()
    assert announced.kept[sensor["stat_t"]] == b"cleaned"
