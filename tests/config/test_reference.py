"""The configuration reference: complete, and its examples are valid."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from transcoder.config import Config, load
from transcoder.config.reference import reference_page

ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in reference_page().splitlines()
    if line.startswith("| `")
]


NEEDED_TOO = (
    ("mqtt.", "url", "mqtts://127.0.0.1"),
    ("mqtt.password", "username", "gw"),
    ("mqtt.cert_file", "key_file", "gateway.key"),
    ("mqtt.key_file", "cert_file", "gateway.pem"),
    ("http.cert_file", "key_file", "gateway.key"),
    ("rtsp.tls.certificate_file", "key_file", "gateway.key"),
    ("rtsp.tls.key_file", "certificate_file", "gateway.pem"),
    ("http.key_file", "cert_file", "gateway.pem"),
    ("streams.front.source.password", "username", "viewer"),
    ("streams.front.push.someone.password", "username", "gateway"),
    ("rtsp.users.someone.streams", "password", "s3cret-s3cret-s3cret"),
    ("assets.front.slips[].", "planned", "2026-Q4"),
    ("assets.front.exempt.", "reason", "no network"),
    ("assets.front.exempt.", "by", "CISO"),
    ("assets.front.exempt.", "until", "2027-12-31"),
    ("assets.front.scope", "scope_reason", "decision of the council"),
    ("http.tokens.someone.role", "token", "s3cret-s3cret-s3cret"),
)
"""Beginning of a key's path, and a key beside it that it can't be without."""


def _models() -> dict[str, Any]:
    from transcoder.config import asset, ledger, mqtt, onvif, server, source, stream, worker

    modules = (asset, ledger, mqtt, onvif, server, source, stream, worker)
    return {name: value for module in modules for name, value in vars(module).items() if name.endswith("Config")}


def test_every_key_of_every_section_is_there() -> None:
    told = {row[0].strip("`").rsplit(".", 1)[-1] for row in ROWS}
    models = [Config, *_models().values()]
    assert {name for model in models for name in model.model_fields} <= told


def test_every_key_has_a_meaning_and_an_example() -> None:
    for row in ROWS:
        key, _, _, default, example, meaning = row
        assert meaning, key
        assert example or default == "see there" or meaning.startswith("See “"), key


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("`"))
def test_the_example_of_a_key_is_a_valid_configuration(
    row: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, example = row[0].strip("`"), row[4].strip("`")
    if not example:
        pytest.skip("a mapping: its keys have examples")
    for name in ("VMS_PASSWORD", "OPS_TOKEN", "MQTT_PASSWORD", "FRONT_PASSWORD", "STREAM_KEY"):
        monkeypatch.setenv(name, "s3cret-s3cret-s3cret")
    for name in (
        "vms.secret",
        "ops.token",
        "mqtt.secret",
        "front.secret",
        "key.secret",
        "gateway.pem",
        "gateway.key",
        "ca.pem",
    ):
        (tmp_path / name).write_text("s3cret-s3cret-s3cret")
    (tmp_path / "conf.d").mkdir()
    try:
        value = json.loads(example)
    except ValueError:
        value = example
    document: dict[str, Any] = {"streams": {"front": {"source": {"url": "rtsp://192.168.10.21/"}}}}
    if key.startswith("streams.<id>.push.<name>."):
        target = "rtmp://192.168.10.9/live" if "stream_key" in key else "rtsps://192.168.10.9/in"
        document["streams"]["front"]["push"] = {"someone": {"url": target}}
    names = key.replace("<id>", "front").replace("<name>", "someone").split(".")
    at = document
    for name in names[:-1]:
        if name.endswith("[]"):
            item = {"polygon": [[0, 0], [1, 0], [1, 1]]} if name == "masks[]" else {}
            at = at.setdefault(name[:-2], [item])[0]
        else:
            at = at.setdefault(name, {})
    at[names[-1]] = value
    for section, other, given in NEEDED_TOO:
        if ".".join(names).startswith(section) and len(names) > section.count("."):
            at.setdefault(other, given)
    if key == "onvif.control":  # who may change something is a user
        document["rtsp"] = {"users": {name: {"password": "s3cret-s3cret-s3cret"} for name in value}}
    document["assets"] = {"pole-17": {}, "pole-17b": {}, **document.get("assets", {})}  # those that examples name
    path = tmp_path / "gateway.yaml"
    path.write_text(yaml.safe_dump(document))
    load(path)


def test_a_key_that_waits_for_the_next_start_says_so() -> None:
    """As `control/change_log.py` tells it when the file is read anew."""
    told = {row[0].strip("`") for row in ROWS if "taken up at the next start" in row[5]}
    assert told >= {
        "node",
        "state_dir",
        "http",
        "mqtt",
        "watch",
        "sandbox",
        "rtsp.listen",
        "http.cert_file",
        "mqtt.url",
    }
    assert {key.partition(".")[0] for key in told}.isdisjoint({"streams", "sources", "verify", "admission", "include"})
    assert "rtsp.users" not in told
    assert "rtsp.users.<name>.password" not in told
