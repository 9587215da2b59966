"""This module makes the AsyncAPI document from the tables that the code runs on.

Source: AsyncAPI 3.0.0; MQTT bindings 0.2.0.
"""

from typing import Any, Final

from pydantic import BaseModel

from transcoder.assets.state import STATES
from transcoder.config import config_schemas
from transcoder.config.patterns import STREAM_ID_PATTERN
from transcoder.control import (
    EventDocument,
    InfoDocument,
    StatsDocument,
    StreamStateDocument,
)
from transcoder.mqtt.commands import ReplyDocument
from transcoder.mqtt.discovery import NO_ASSET
from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES
from transcoder.mqtt.topics import CHANNELS, PARAMETERS, Channel

_DOCUMENTS: Final[dict[str, type[BaseModel]]] = {
    "Info": InfoDocument,
    "Stats": StatsDocument,
    "Event": EventDocument,
    "StreamState": StreamStateDocument,
    "Reply": ReplyDocument,
}
_JSON: Final = "application/json"
_TEXT: Final = "text/plain"
_FIXED: Final = {
    "base": "mqtt.base_topic of the configuration",
    "node": "The gateway's name",
    "discovery_prefix": "mqtt.discovery_prefix of the configuration",
}


def schemas() -> dict[str, Any]:
    """Return the schemas of all payloads by their name in the table, and the schemas that they refer to."""
    found: dict[str, Any] = {
        "NodeStatus": {"type": "string", "enum": ["online", "offline"]},
        "StreamStatus": {"type": "string", "enum": ["online", "degraded", "offline", "disabled"]},
        "AssetState": {"type": "string", "enum": [*STATES, NO_ASSET]},
        "Property": {"anyOf": [{"$ref": f"#/components/schemas/Property_{name}"} for name in PROPERTIES]},
        "RenditionProperty": {
            "anyOf": [{"$ref": f"#/components/schemas/RenditionProperty_{name}"} for name in RENDITION_PROPERTIES]
        },
        "Properties": {
            "type": "object",
            "additionalProperties": False,
            "description": "Values as in the configuration file, or as the bare payload of the property's own topic",
            "properties": {name: {} for name in PROPERTIES},
        },
        "Anything": {"description": "A payload that is not looked at"},
        "Jpeg": {"type": "string", "contentEncoding": "binary", "contentMediaType": "image/jpeg"},
        "Discovery": {"type": "object", "required": ["dev", "o", "cmps"], "description": "See Home Assistant"},
    }
    found |= {f"Property_{name}": item.schema() for name, item in PROPERTIES.items()}
    found |= {f"RenditionProperty_{name}": item.schema() for name, item in RENDITION_PROPERTIES.items()}
    template = "#/components/schemas/{model}"
    for name, model in _DOCUMENTS.items():
        schema = model.model_json_schema(mode="serialization", ref_template=template)
        found |= schema.pop("$defs", {})
        found[name] = schema
    found["Command"] = _command()
    for part in ("StreamConfig", "AssetConfig"):
        found |= {name: _rebased(schema) for name, schema in config_schemas(part).items()}
    return dict(sorted(found.items()))


def _command() -> dict[str, Any]:
    return {
        "type": "object",
        "description": (
            "add and update take a stream's keys as in the configuration file (StreamConfig) beside id, asset_add and "
            "asset_update those of an asset (AssetConfig)"
        ),
        "properties": {
            "id": {"type": "string", "pattern": STREAM_ID_PATTERN},
            "request": {"type": ["string", "integer", "null"], "description": "A mark that is sent back in the reply"},
            "if_match": {"type": ["string", "null"], "description": "An etag: change only the version with this tag"},
            "session": {"type": "string", "description": "For end_session: the id that sessions tells"},
            "source": {"description": "For add, update and probe: a URL or an object, see SourceConfig"},
        },
    }


def _rebased(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(value, str)
            else _rebased(value)
            for key, value in schema.items()
        }
    return [_rebased(item) for item in schema] if isinstance(schema, list) else schema


def document(version: str) -> dict[str, Any]:
    """Return the whole document.

    Args:
        version: the version of the product.
    """
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "transcoder over MQTT",
            "version": version,
            "description": (
                "Commands are answered on the Response Topic of MQTT 5 with their Correlation Data, or on the reply "
                "channel. A response topic under the base topic must be the gateway's own reply channel or below it. "
                "Retained messages are never taken for commands. Time that a command waits counts against its "
                "Message Expiry."
            ),
        },
        "defaultContentType": _JSON,
        "channels": {name: _channel(channel) for name, channel in CHANNELS.items()},
        "operations": {name: _operation(channel) for name, channel in CHANNELS.items()},
        "components": {"schemas": schemas()},
    }


def _channel(channel: Channel) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, text in _FIXED.items():
        if f"{{{name}}}" in channel.address:
            parameters[name] = {"description": text}
    for name, (pattern, text) in PARAMETERS.items():
        if f"{{{name}}}" not in channel.address:
            continue
        parameters[name] = {"description": text}
        if "[" not in pattern:
            parameters[name]["enum"] = pattern.split("|")
    content = _content_type(channel)
    message = {"payload": {"$ref": f"#/components/schemas/{channel.payload}"}, "contentType": content}
    return {
        "address": channel.address,
        "description": channel.text,
        "parameters": parameters,
        "messages": {channel.payload: message},
    }


def _content_type(channel: Channel) -> str:
    if channel.payload == "Jpeg":
        return "image/jpeg"
    bare = channel.payload in {"NodeStatus", "StreamStatus", "AssetState", "Property", "RenditionProperty", "Anything"}
    return _TEXT if bare else _JSON


def _operation(channel: Channel) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "action": "send" if channel.direction == "out" else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.text,
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": "0.2.0"}},
    }
    if channel.direction == "in" and channel.name != "discovery_status":
        operation["reply"] = {
            "address": {"location": "$message.header#/responseTopic"},
            "channel": {"$ref": "#/channels/reply"},
        }
    return operation
