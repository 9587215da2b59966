"""What Home Assistant is told."""

import pytest

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


def test_entities_have_names_for_people() -> None:
    components = device(TOPICS, "front", INFO, {"renditions": {"sub": {}}})["cmps"]
    names = {name: components[name]["name"] for name in ("bitrate_kbps", "fps", "gop_s", "rendition_sub_fps")}
    assert names == {
        "bitrate_kbps": "Bitrate",
        "fps": "Frame rate",
        "gop_s": "Key frame interval",
        "rendition_sub_fps": "Sub frame rate",
    }


@pytest.mark.parametrize("name", ["fps", "rendition_sub_fps"])
def test_no_cap_of_the_frame_rate_shows_as_0(name: str) -> None:
    """A number of Home Assistant knows numbers alone: any other state shows as unknown."""
    component = device(TOPICS, "front", INFO, {"renditions": {"sub": {}}})["cmps"][name]
    assert component["val_tpl"] == "{{ 0 if value == 'none' else value }}"
    assert component["cmd_tpl"] == "{{ 'none' if value | float == 0 else value }}"
    assert component["min"] == 0


def test_a_rendition_has_controls_of_its_own_until_it_is_gone() -> None:
    two = device(TOPICS, "front", INFO, {"renditions": {"sub": {}, "wide": {}}})["cmps"]
    of_sub = {name for name in two if name.startswith("rendition_sub_")}
    assert of_sub == {f"rendition_sub_{name}" for name in ("bitrate_kbps", "fps", "size", "codec", "on_demand")}
    assert two["rendition_sub_on_demand"]["p"] == "switch"
    for name in of_sub:
        assert TOPICS.find(two[name]["cmd_t"]) is not None
    one = device(TOPICS, "front", INFO, {"renditions": {"wide": {}}}, {"sub"})["cmps"]
    assert {name: one[name] for name in of_sub} == {name: {"p": two[name]["p"]} for name in of_sub}
    identifiers = [component["uniq_id"] for component in two.values()]
    assert len(set(identifiers)) == len(identifiers)
