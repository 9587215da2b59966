"""Home Assistant learns from this module's messages that a stream is a device with switches, numbers and sensors.

Source: Home Assistant, MQTT integration, device discovery.
"""

from collections.abc import Mapping
from typing import Any, Final, get_args

from transcoder.control import InfoDocument
from transcoder.control.documents import EventType
from transcoder.mqtt.properties import PROPERTIES, Property
from transcoder.mqtt.topics import Topics

_IS_THERE: Final = "{{ 'online' if value in ('online', 'degraded') else 'offline' }}"
_PLATFORMS: Final = {"switch": "switch", "number": "number", "choice": "select", "text": "text"}


def device(topics: Topics, stream: str, info: InfoDocument, keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the discovery message of one stream.

    Args:
        topics: the topic tree.
        stream: the stream's id.
        info: the gateway's identity.
        keys: the stream's keys; its title is the device's name, its site the area that is suggested.
    """
    name = f"{info.product}_{info.node}_{stream}"
    node = {"t": topics.topic("status")}
    there = {"t": topics.topic("stream_status", stream=stream), "val_tpl": _IS_THERE}
    components = {item.name: _property(topics, stream, item) for item in PROPERTIES.values() if item.kind in _PLATFORMS}
    components |= _buttons(topics, stream) | _sensors(topics, stream)
    for key, component in components.items():
        component["uniq_id"] = f"{name}_{key}"
        if key in {"enabled", "restart", "connectivity", "event"}:  # or a disabled stream could never be switched on
            component["avty"] = [node]
    document: dict[str, Any] = {
        "dev": {
            "ids": [name],
            "name": keys.get("title") or stream,
            "mf": info.product,
            "mdl": "stream",
            "sw": info.version,
        },
        "o": {"name": info.product, "sw": info.version},
        "cmps": components,
        "avty": [node, there],
        "avty_mode": "all",
        "qos": 1,
    }
    if keys.get("site"):
        document["dev"]["sa"] = keys["site"]
    if info.api_url is not None:
        document["dev"]["cu"] = info.api_url
    return document


def _property(topics: Topics, stream: str, item: Property) -> dict[str, Any]:
    component: dict[str, Any] = {
        "p": _PLATFORMS[item.kind],
        "name": item.name.replace("_kbps", "").replace("_s", "").replace("_", " ").capitalize(),
        "stat_t": topics.topic("property_state", stream=stream, property=item.name),
        "cmd_t": topics.topic("property_set", stream=stream, property=item.name),
        "ent_cat": "config",
    }
    if item.kind == "number":
        component |= {"min": item.low, "max": item.high, "step": item.step, "mode": "box", "unit_of_meas": item.unit}
        if item.nothing:
            component["pl_rst"] = item.nothing
    elif item.kind == "choice":
        component["ops"] = [*([item.nothing] if item.nothing else []), *item.choices]
    elif item.kind == "switch":
        del component["ent_cat"]
    return component


def _buttons(topics: Topics, stream: str) -> dict[str, dict[str, Any]]:
    return {
        "restart": {
            "p": "button",
            "name": "Restart",
            "cmd_t": topics.topic("stream_restart", stream=stream),
            "dev_cla": "restart",
        },
        "keyframe": {"p": "button", "name": "Keyframe", "cmd_t": topics.topic("stream_keyframe", stream=stream)},
        "take_snapshot": {
            "p": "button",
            "name": "Take snapshot",
            "cmd_t": topics.topic("stream_snapshot_get", stream=stream),
        },
    }


def _sensors(topics: Topics, stream: str) -> dict[str, dict[str, Any]]:
    state = topics.topic("stream_state", stream=stream)

    def sensor(name: str, template: str, **more: Any) -> dict[str, Any]:
        fixed = {"p": "sensor", "name": name, "stat_t": state, "val_tpl": f"{{{{ value_json.{template} }}}}"}
        return {**fixed, "stat_cla": "measurement", **more}

    return {
        "connectivity": {
            "p": "binary_sensor",
            "name": "Camera",
            "dev_cla": "connectivity",
            "stat_t": topics.topic("stream_status", stream=stream),
            "val_tpl": "{{ 'ON' if value in ('online', 'degraded') else 'OFF' }}",
        },
        "output_fps": sensor("Pictures a second", "output.fps", unit_of_meas="fps"),
        "output_kbps": sensor("Data rate", "output.kbps", unit_of_meas="kbit/s", dev_cla="data_rate"),
        "readers": sensor("Readers", "output.readers"),
        "sanitized": sensor("Not let through", "sanitized", stat_cla="total_increasing", ent_cat="diagnostic"),
        "event": {
            "p": "event",
            "name": "Event",
            "stat_t": topics.topic("stream_event", stream=stream),
            "evt_typ": list(get_args(EventType)),
        },
        "snapshot": {"p": "image", "name": "Snapshot", "img_t": topics.topic("stream_snapshot", stream=stream)},
    }
