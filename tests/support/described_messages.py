"""This module holds the messages that a broker passed on against the AsyncAPI document."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from tests.support.control_world import BASE, Listener

ASYNCAPI = Path(__file__).parents[2] / "docs" / "asyncapi.yaml"
SECRET = "s3cret-of-the-camera"
"""The password of the camera; no message may have it."""


class Described:
    """Reads the AsyncAPI document as a stranger would."""

    def __init__(self) -> None:
        document = yaml.safe_load(ASYNCAPI.read_text())
        self._rules = []
        for name, channel in document["channels"].items():
            values = {"base": "transcoder", "node": "gw1", "discovery_prefix": "homeassistant"}
            pattern = ""
            for part in re.split(r"(\{\w+\})", channel["address"]):
                key = part[1:-1]
                if not part.startswith("{"):
                    pattern += re.escape(part)
                elif key in values:
                    pattern += re.escape(values[key])
                else:
                    choices = channel["parameters"][key].get("enum")
                    pattern += f"({'|'.join(choices)})" if choices else r"[^/]+"
            binding = next(
                item for item in document["operations"].values() if item["channel"]["$ref"].endswith("/" + name)
            )
            message = next(iter(channel["messages"].values()))
            root = {"$ref": message["payload"]["$ref"], "components": document["components"]}
            self._rules.append(
                (re.compile(pattern), message["contentType"], jsonschema_rs.validator_for(root), binding)
            )

    def problem(self, topic: str, payload: bytes, retain: bool, *, reply: str) -> str | None:
        """Return why the document doesn't have this message, None where it does."""
        if topic.startswith(reply + "/"):  # a client's response topic
            topic = reply
        for pattern, content_type, validator, operation in self._rules:
            if not pattern.fullmatch(topic):
                continue
            if retain and not operation["bindings"]["mqtt"]["retain"]:
                return f"{topic} is retained"
            if not payload and operation["bindings"]["mqtt"]["retain"]:
                return None  # taken back
            if content_type == "image/jpeg":
                return None if payload.startswith(b"\xff\xd8") else f"{topic} is no JPEG"
            value: Any = json.loads(payload) if content_type == "application/json" else payload.decode()
            errors = [error.message for error in validator.iter_errors(value)]
            return f"{topic}: {errors[0]}" if errors else None
        return f"{topic} is not described"


def assert_described(listener: Listener) -> None:
    """Assert that the document has every message that came, and that none but a command has the password."""
    described = Described()
    problems = {described.problem(*message, reply=f"{BASE}/reply") for message in listener.messages}
    assert problems == {None}
    for topic, payload, _ in listener.messages:
        if "/cmd/" not in topic:
            assert SECRET.encode() not in payload, topic
