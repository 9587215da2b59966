"""Bare payloads of properties."""

import pytest
from pydantic import ValidationError

from transcoder.config import StreamOptions
from transcoder.config.stream import RenditionConfig
from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES
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


def test_each_is_a_key_of_the_configuration() -> None:
    keys = StreamOptions().model_dump()
    for item in PROPERTIES.values():
        item.of(keys)


@pytest.mark.parametrize("name", [name for name, item in PROPERTIES.items() if item.kind == "number"])
def test_a_range_is_that_of_the_configuration(name: str) -> None:
    item = PROPERTIES[name]
    for valid in (item.low, item.high):
        assert item.of(StreamOptions.model_validate(item.keys(valid)).model_dump()) == valid
    for invalid in (item.low - item.step, item.high + item.step):
        with pytest.raises(ValidationError):
            StreamOptions.model_validate(item.keys(invalid))


@pytest.mark.parametrize("name", [name for name, item in PROPERTIES.items() if item.kind == "choice"])
def test_choices_are_those_of_the_configuration(name: str) -> None:
    item = PROPERTIES[name]
    assert len(item.choices) > 1
    for choice in item.choices:
        assert item.of(StreamOptions.model_validate(item.keys(choice)).model_dump()) == choice
    with pytest.raises(ValidationError, match=", ".join(f"'{choice}'" for choice in item.choices[:-1])):
        StreamOptions.model_validate(item.keys("none of them"))


KINDS = {
    "enabled": "switch",
    "bitrate_kbps": "number",
    "fps": "number",
    "gop_s": "number",
    "size": "text",
    "codec": "choice",
    "preset": "choice",
    "audio": "choice",
    "masks": "json",
}


def test_they_are_those_of_the_design() -> None:
    assert {name: item.kind for name, item in PROPERTIES.items()} == KINDS


def test_a_rendition_has_those_of_the_picture_and_its_own() -> None:
    keys = RenditionConfig().model_dump()
    assert {name: (item.kind, item.of(keys)) for name, item in RENDITION_PROPERTIES.items()} == {
        "bitrate_kbps": ("number", 4000),
        "fps": ("number", None),
        "gop_s": ("number", 1),
        "size": ("text", None),
        "codec": ("choice", "h264"),
        "preset": ("choice", None),
        "audio": ("choice", "inherit"),
        "on_demand": ("switch", False),
    }
    assert RENDITION_PROPERTIES["on_demand"].keys(value=True) == {"on_demand": True}
