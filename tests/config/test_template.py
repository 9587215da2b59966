"""The file that `transcoder init` writes is complete, valid, and says what the models say."""

import re
import types
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from transcoder.config import (
    Config,
    HttpConfig,
    MqttConfig,
    MulticastConfig,
    OnvifConfig,
    RtspConfig,
    RtspTlsConfig,
    parse,
)
from transcoder.config.template import WIDTH, template

NOWHERE = Path("/nonexistent")
KEY = re.compile(r"#((?:  )*[a-z_]+:(?: .*)?)")
"""A key that is commented out: prose has a blank behind its #, or one # more."""


def _without_hashes(text: str) -> str:
    """The file as it is when the # of every key was taken away."""
    return "\n".join(found[1] if (found := KEY.fullmatch(line)) else line for line in text.splitlines())


def test_as_written_it_is_the_smallest_file_with_one_stream() -> None:
    smallest = parse("streams: {front: {source: rtsp://192.168.10.21/Streaming/Channels/101}}", NOWHERE, {})
    assert parse(template(), NOWHERE, {}) == smallest
    assert load_raw(template()).keys() == {"streams"}


def test_with_every_key_in_force_it_has_the_defaults_of_the_models() -> None:
    whole = parse(_without_hashes(template()), NOWHERE, {})
    smallest = parse("node: gw1\nstreams: {front: {source: rtsp://192.168.10.21/Streaming/Channels/101}}", NOWHERE, {})
    changed = {
        "http": HttpConfig(),
        "mqtt": MqttConfig(url="mqtts://broker.example.org"),
        "onvif": OnvifConfig(),
        "rtsp": RtspConfig(tls=RtspTlsConfig(), multicast=MulticastConfig()),
        "streams": whole.streams,
    }
    assert whole == smallest.model_copy(update=changed)
    front = whole.streams["front"]
    assert front == smallest.streams["front"].model_copy(update={"title": "Front door"})


def test_every_key_of_every_model_is_there() -> None:
    keys = set(_paths(load_raw(_without_hashes(template()))))
    wanted = {path for path in _model_paths(Config) if not path.startswith("streams")}
    assert wanted - keys == set()
    told = template()
    for key in ("token", "token_file", "role", "password", "polygon", "style"):  # below names, any number of them
        assert f"#   - {key}: " in told


def test_units_and_what_waits_for_a_start_are_told() -> None:
    told = " ".join(line.strip("# ") for line in template().splitlines())
    assert "64 to 100000; unit: kbit/s." in told
    assert "unit: MiB." in told
    listen = "port 0 stands for any free port, which is printed at start. `[::]` serves IPv4 too."
    assert f"{listen} Values: text or list. A change is taken up at the next start." in told


def test_no_line_is_too_long_to_read() -> None:
    assert [line for line in template().splitlines() if line.startswith("# ") and len(line) > WIDTH + 10] == []


def load_raw(text: str) -> Any:
    return yaml.safe_load(text)


def _paths(data: Any, prefix: str = "") -> list[str]:
    found = []
    for key, value in data.items():
        found.append(prefix + key)
        if isinstance(value, dict):
            found += _paths(value, f"{prefix}{key}.")
    return found


def _model_paths(model: type[BaseModel], prefix: str = "") -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        found.append(prefix + name)
        for part in _members(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += _model_paths(part, f"{prefix}{name}.")
    return found


def _members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return [member for each in get_args(annotation) for member in _members(each)]
    return [annotation]
