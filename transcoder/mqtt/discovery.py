"""Home Assistant learns from this module's messages that a stream is a device with switches, numbers and sensors.

Source: Home Assistant, MQTT integration, device discovery.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_args

from transcoder.assets.state import STATES
from transcoder.control import InfoDocument
from transcoder.control.documents import EventType
from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES, Property
from transcoder.mqtt.topics import Topics

_IS_THERE: Final = "{{ 'online' if value in ('online', 'degraded') else 'offline' }}"
NO_ASSET: Final = "none"
"""The state of the asset of a stream that names none."""
_PLATFORMS: Final = {"switch": "switch", "number": "number", "choice": "select", "text": "text"}


_OF_RENDITIONS: Final = ("bitrate_kbps", "fps", "size", "codec", "on_demand")
"""The properties of a rendition that have a control; with all of them a stream of three renditions would have sixty."""


def device(
    topics: Topics, stream: str, info: InfoDocument, keys: Mapping[str, Any], gone: Collection[str] = ()
) -> dict[str, Any]:
    """Return the discovery message of one stream.

    Args:
        topics: the topic tree.
        stream: the stream's id.
        info: the gateway's identity.
        keys: the stream's keys; its title is the device's name, its site the area that is suggested.
        gone: the renditions that had controls and are no more.
    """
    name = f"{info.product}_{info.node}_{stream}"
    node = {"t": topics.topic("status")}
    there = {"t": topics.topic("stream_status", stream=stream), "val_tpl": _IS_THERE}
    components = {
        item.name: _property(item, item.title, _topics_of(topics, "property", stream=stream, property=item.name))
        for item in PROPERTIES.values()
        if item.kind in _PLATFORMS
    }
    components |= dict(_of_renditions(topics, stream, keys.get("renditions", {})))
    components |= _buttons(topics, stream) | _sensors(topics, stream)
    for key, component in components.items():
        component["uniq_id"] = f"{name}_{key}"
        if key in {"enabled", "restart", "connectivity", "event"}:  # or a disabled stream could never be switched on
            component["avty"] = [node]
    for rendition in gone:  # one that stands there with its platform alone is removed
        components |= {_name(rendition, item): {"p": _PLATFORMS[item.kind]} for item in _rendition_properties()}
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


def _topics_of(topics: Topics, kind: str, **parameters: str) -> dict[str, str]:
    return {"stat_t": topics.topic(f"{kind}_state", **parameters), "cmd_t": topics.topic(f"{kind}_set", **parameters)}


def _rendition_properties() -> Iterator[Property]:
    return (RENDITION_PROPERTIES[name] for name in _OF_RENDITIONS)


def _name(rendition: str, item: Property) -> str:
    return f"rendition_{rendition}_{item.name}"


def _of_renditions(topics: Topics, stream: str, renditions: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for rendition in renditions:
        for item in _rendition_properties():
            parameters = {"stream": stream, "rendition": rendition, "rendition_property": item.name}
            title = f"{rendition.capitalize()} {item.title[0].lower()}{item.title[1:]}"
            component = _property(item, title, _topics_of(topics, "rendition", **parameters))
            yield _name(rendition, item), component | {"ent_cat": "config"}


def _property(item: Property, title: str, own_topics: Mapping[str, str]) -> dict[str, Any]:
    component: dict[str, Any] = {"p": _PLATFORMS[item.kind], "name": title, **own_topics, "ent_cat": "config"}
    if item.kind == "number":
        component |= {"min": item.low, "max": item.high, "step": item.step, "mode": "box", "unit_of_meas": item.unit}
        if item.nothing:  # a number has no word for null: 0 stands for it, or it would show as unknown
            component |= {
                "min": 0,
                "val_tpl": f"{{{{ 0 if value == '{item.nothing}' else value }}}}",
                "cmd_tpl": f"{{{{ '{item.nothing}' if value | float == 0 else value }}}}",
            }
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
        "asset_state": {
            "p": "sensor",
            "name": "Phase-out",
            "dev_cla": "enum",
            "ops": [*STATES, NO_ASSET],
            "stat_t": topics.topic("stream_asset_state", stream=stream),
            "ent_cat": "diagnostic",
        },
        "event": {
            "p": "event",
            "name": "Event",
            "stat_t": topics.topic("stream_event", stream=stream),
            "evt_typ": list(get_args(EventType)),
        },
        "snapshot": {"p": "image", "name": "Snapshot", "img_t": topics.topic("stream_snapshot", stream=stream)},
    }
