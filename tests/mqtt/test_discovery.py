"""What Home Assistant is told."""

from transcoder.control import InfoDocument
from transcoder.mqtt.discovery import device
from transcoder.mqtt.topics import Topics

INFO = InfoDocument(version="1.0", node="gw.1", rtsp_port=8554, api_url="http://127.0.0.1:8080", started="")
TOPICS = Topics("transcoder", "gw.1", "homeassistant")


def test_the_topic_has_only_what_home_assistant_allows() -> None:
    assert TOPICS.topic("discovery", stream="front") == "homeassistant/device/gw-1_front/config"


def test_a_device() -> None:
    document = device(TOPICS, "front", INFO, {})
    assert document["dev"]["ids"] == ["transcoder_gw.1_front"]
    assert document["o"]["name"] == "transcoder"  # required by Home Assistant
    platforms = {name: component["p"] for name, component in document["cmps"].items()}
    assert platforms["enabled"] == "switch"
    assert platforms["bitrate_kbps"] == platforms["fps"] == platforms["gop_s"] == "number"
    assert platforms["codec"] == platforms["preset"] == platforms["audio"] == "select"
    assert platforms["restart"] == platforms["keyframe"] == "button"
    assert platforms["connectivity"] == "binary_sensor"
    assert platforms["snapshot"] == "image"
    assert platforms["event"] == "event"
    identifiers = [component["uniq_id"] for component in document["cmps"].values()]
    assert len(set(identifiers)) == len(identifiers)


def test_a_disabled_stream_can_be_switched_on_again() -> None:
    document = device(TOPICS, "front", INFO, {})
    assert document["avty_mode"] == "all"
    assert [item["t"] for item in document["avty"]] == ["transcoder/gw.1/status", "transcoder/gw.1/stream/front/status"]
    for name in ("enabled", "restart"):
        assert [item["t"] for item in document["cmps"][name]["avty"]] == ["transcoder/gw.1/status"]


def test_commands_go_to_topics_that_are_taken_in() -> None:
    document = device(TOPICS, "front", INFO, {})
    for name, component in document["cmps"].items():
        if "cmd_t" in component:
            assert TOPICS.find(component["cmd_t"]) is not None, name


def test_a_title_names_the_device_and_a_site_is_its_area() -> None:
    """Source: Home Assistant, MQTT integration: `suggested_area`, abbreviated `sa`."""
    document = device(TOPICS, "front", INFO, {"title": "Front door", "site": "Harbour"})
    assert (document["dev"]["name"], document["dev"]["sa"]) == ("Front door", "Harbour")
