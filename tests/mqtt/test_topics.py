"""The topic tree, as contracted."""

import pytest

from transcoder.mqtt.topics import CHANNELS, Topics

TOPICS = Topics("city/cams", "gw1", "homeassistant")

# kind, parameters, topic, retain, QoS
OUT = [
    ("status", {}, "city/cams/gw1/status", True, 1),
    ("info", {}, "city/cams/gw1/info", True, 1),
    ("stats", {}, "city/cams/gw1/stats", False, 0),
    ("stream_status", {"stream": "a"}, "city/cams/gw1/stream/a/status", True, 1),
    ("stream_state", {"stream": "a"}, "city/cams/gw1/stream/a/state", True, 1),
    ("stream_asset_state", {"stream": "a"}, "city/cams/gw1/stream/a/asset_state", True, 1),
    ("stream_event", {"stream": "a"}, "city/cams/gw1/stream/a/event", False, 1),
    ("stream_snapshot", {"stream": "a"}, "city/cams/gw1/stream/a/snapshot", True, 0),
    ("property_state", {"stream": "a", "property": "fps"}, "city/cams/gw1/stream/a/fps/state", True, 1),
    (
        "rendition_state",
        {"stream": "a", "rendition": "sub", "rendition_property": "fps"},
        "city/cams/gw1/stream/a/sub/fps/state",
        True,
        1,
    ),
    ("reply", {}, "city/cams/gw1/reply", False, 1),
    ("discovery", {"stream": "a"}, "homeassistant/device/gw1_a/config", True, 1),
]
IN = [
    ("city/cams/gw1/stream/a/fps/set", "property_set", {"stream": "a", "property": "fps"}),
    ("city/cams/gw1/stream/a/sub/fps/set", "rendition_set", {"rendition": "sub", "rendition_property": "fps"}),
    ("city/cams/gw1/stream/a/set", "stream_set", {"stream": "a"}),
    ("city/cams/gw1/stream/a/restart", "stream_restart", {"stream": "a"}),
    ("city/cams/gw1/stream/a/keyframe", "stream_keyframe", {"stream": "a"}),
    ("city/cams/gw1/stream/a/snapshot/get", "stream_snapshot_get", {"stream": "a"}),
    ("city/cams/gw1/cmd/add", "command", {"verb": "add"}),
    ("homeassistant/status", "discovery_status", {}),
]


@pytest.mark.parametrize(("kind", "parameters", "topic", "retain", "qos"), OUT)
def test_published(kind: str, parameters: dict[str, str], topic: str, retain: bool, qos: int) -> None:
    assert TOPICS.topic(kind, **parameters) == topic
    assert (CHANNELS[kind].retain, CHANNELS[kind].qos, CHANNELS[kind].direction) == (retain, qos, "out")
    assert TOPICS.find(topic) is None


@pytest.mark.parametrize(("topic", "kind", "parameters"), IN)
def test_taken_in(topic: str, kind: str, parameters: dict[str, str]) -> None:
    found = TOPICS.find(topic)
    assert found is not None
    assert found.channel.name == kind
    for name, value in parameters.items():
        assert getattr(found, name) == value
    assert not CHANNELS[kind].retain


def test_every_topic_that_is_taken_in_is_subscribed_to() -> None:
    def matches(pattern: str, topic: str) -> bool:
        parts, levels = pattern.split("/"), topic.split("/")
        return len(parts) == len(levels) and all(
            part in {"+", level} for part, level in zip(parts, levels, strict=True)
        )

    filters = [pattern for pattern, _ in TOPICS.subscriptions()]
    for topic, _, _ in IN:
        assert any(matches(pattern, topic) for pattern in filters), topic
    for *_, topic, _, _ in OUT:
        assert not any(matches(pattern, topic) for pattern in filters), topic


@pytest.mark.parametrize(
    "topic",
    ["city/cams/gw2/cmd/add", "city/cams/gw1/cmd/a/b", "city/cams/gw1/stream//set/x", "x", "city/cams/gw1/status"],
)
def test_not_ours(topic: str) -> None:
    assert TOPICS.find(topic) is None


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        ("city/cams/gw1/reply", True),
        ("city/cams/gw1/reply/cli1", True),
        ("app/answers/7", True),
        ("city/cams/gw2/reply", False),
        ("city/cams/gw1/status", False),
        ("city/cams/gw1/replyx", False),
        ("city/cams/gw1/stream/a/status", False),
        ("homeassistant/device/gw1_a/config", False),
        ("$SYS/x", False),
        ("a/+/b", False),
        ("a/#", False),
        ("a\nb", False),
        ("a\0b", False),
        ("", False),
        ("x" * 2000, False),
    ],
)
def test_response_topics_that_a_client_may_choose(topic: str, allowed: bool) -> None:
    assert TOPICS.may_answer(topic) is allowed


def test_without_discovery() -> None:
    topics = Topics("transcoder", "gw1", None)
    assert all(not pattern.startswith("homeassistant") for pattern, _ in topics.subscriptions())
    assert all(topic.startswith("transcoder/gw1/") for topic in topics.retained("a"))


def test_all_that_is_retained_of_a_stream() -> None:
    expected = {topic for kind, parameters, topic, retain, _ in OUT if retain and "stream" in parameters}
    assert expected <= {*TOPICS.retained("a"), *TOPICS.retained_of_rendition("a", "sub")}
    assert len(TOPICS.retained("a")) == 5 + 9
