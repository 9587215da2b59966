"""Bare payloads of properties."""

import pytest

from transcoder.config import StreamOptions, VideoConfig
from transcoder.mqtt.properties import PRESETS, PROPERTIES
from transcoder.rejection import Rejected

# property, payload, value, payload of the state
CASES = [
    ("enabled", "ON", True, "ON"),
    ("enabled", "off", False, "OFF"),
    ("enabled", "true", True, "ON"),
    ("enabled", "0", False, "OFF"),
    ("bitrate_kbps", "2500", 2500, "2500"),
    ("bitrate_kbps", "2500.0", 2500, "2500"),  # as Home Assistant sends numbers
    ("fps", "12.5", 12.5, "12.5"),
    ("fps", " 10 ", 10, "10"),
    ("fps", "none", None, "none"),
    ("fps", "None", None, "none"),
    ("gop_s", "0.5", 0.5, "0.5"),
    ("size", "1280x720", "1280x720", "1280x720"),
    ("size", "source", None, "source"),
    ("codec", "H265", "h265", "h265"),
    ("preset", "auto", None, "auto"),
    ("preset", "superfast", "superfast", "superfast"),
    ("audio", "reencode", "reencode", "reencode"),
    ("masks", '[{"polygon": [[0, 0]]}]', [{"polygon": [[0, 0]]}], '[{"polygon":[[0,0]]}]'),
]


@pytest.mark.parametrize(("name", "payload", "value", "state"), CASES)
def test_there_and_back(name: str, payload: str, value: object, state: str) -> None:
    item = PROPERTIES[name]
    parsed = item.parse(payload)
    assert parsed == value
    assert type(parsed) is type(value)
    assert item.render(parsed) == state
    assert item.of({"video": {}, **item.keys(parsed)}) == value


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("enabled", ""),
        ("enabled", "yes"),
        ("bitrate_kbps", "fast"),
        ("bitrate_kbps", "1e3"),
        ("bitrate_kbps", "nan"),
        ("bitrate_kbps", "0x10"),
        ("bitrate_kbps", "none"),
        ("bitrate_kbps", "9" * 5000),
        ("codec", "vp9"),
        ("preset", "placebo"),
        ("size", ""),
        ("masks", "[NaN]"),
        ("masks", "[" * 100_000),
    ],
)
def test_other_forms_are_refused(name: str, payload: str) -> None:
    with pytest.raises(Rejected):
        PROPERTIES[name].parse(payload)


def test_they_are_those_of_the_design() -> None:
    names = {"enabled", "bitrate_kbps", "fps", "gop_s", "size", "codec", "preset", "audio", "masks"}
    assert set(PROPERTIES) == names


def test_each_is_a_key_of_the_configuration() -> None:
    keys = StreamOptions().model_dump()
    for item in PROPERTIES.values():
        item.of(keys)
    schema = VideoConfig.model_json_schema()["properties"]["preset"]
    assert tuple(schema["anyOf"][0]["enum"]) == PRESETS
