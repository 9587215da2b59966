"""This module makes the page docs/configuration.md: every key with its values, unit, default and an example.

The page is made from the models. The description of a key is its docstring in the model. A key whose default says too
little as an example has an example of its own in the model (`Field(examples=[...])`).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from transcoder.config.load import json_schema
from transcoder.config.model import LIVE_KEYS

_SECTIONS: Final = (
    ("Config", "", "The file"),
    ("StreamConfig", "streams.<id>.", "A stream"),
    ("SourceConfig", "streams.<id>.source.", "A stream's camera"),
    ("TimeoutsConfig", "streams.<id>.source.timeouts.", "The patience with a stream's camera"),
    ("TlsConfig", "streams.<id>.source.tls.", "The proof of a camera over TLS"),
    ("VideoConfig", "streams.<id>.video.", "A stream's video"),
    ("RenditionConfig", "streams.<id>.renditions.<name>.", "A stream's renditions"),
    ("EncoderConfig", "streams.<id>.encoder.", "A stream's encoder"),
    ("PushConfig", "streams.<id>.push.<name>.", "A stream's pushes"),
    ("PushTlsConfig", "streams.<id>.push.<name>.tls.", "The proof of a target over TLS"),
    ("MaskConfig", "streams.<id>.masks[].", "A stream's masks"),
    ("StreamOnvifConfig", "streams.<id>.onvif.", "A stream's ONVIF device"),
    ("SlateConfig", "streams.<id>.slate.", "A stream's slate"),
    ("AssetConfig", "assets.<id>.", "An asset"),
    ("SlipConfig", "assets.<id>.slips[].", "An asset's moved plans"),
    ("ExemptConfig", "assets.<id>.exempt.", "An asset's exemption"),
    ("RtspConfig", "rtsp.", "The RTSP server"),
    ("RtspTlsConfig", "rtsp.tls.", "The RTSP server over TLS"),
    ("MulticastConfig", "rtsp.multicast.", "Multicast"),
    ("UserConfig", "rtsp.users.<name>.", "A reader's login"),
    ("HttpConfig", "http.", "The HTTP API"),
    ("TokenConfig", "http.tokens.<name>.", "A token of the API"),
    ("OnvifConfig", "onvif.", "The ONVIF devices"),
    ("MqttConfig", "mqtt.", "The MQTT broker"),
    ("VerifyConfig", "verify.", "Verification"),
    ("SourcesConfig", "sources.", "All sources"),
    ("PushesConfig", "push.", "All pushes"),
    ("WorkerConfig", "worker.", "Decoding and encoding"),
    ("LedgerConfig", "ledger.", "What was not let through"),
)
"""The model, the text in front of its keys, and the heading of each section, in the order of the page."""

_UNITS: Final = (("_kbps", "kbit/s"), ("_mb", "MiB"), ("_ms", "ms"), ("_s", "s"), ("fps", "pictures/s"))
"""The unit of a number stands at the end of its key."""

WAITS: Final = "A change is taken up at the next start."
"""The words for a key that is read when the gateway starts."""

_DEFAULTS: Final = {
    "node": "the host's name",
    "rtsp.users.<name>.password": "this or the file",
    "http.tokens.<name>.token": "this or the file",
}
"""The defaults that the schema can't tell."""

_HEAD: Final = """# Configuration

A configuration is a YAML file, and the files that it includes. Only `streams` is needed; every other key has a default.
An unknown key is an error, and a key that starts with `x-` is left alone: a place for anchors. `transcoder init FILE`
writes a file with every key, and `transcoder check FILE` names every problem with its line. `${NAME}` in a value stands
for an environment variable; a secret may stand in a file of its own that a `..._file` key names. `defaults` holds keys
for every stream that does not set them itself, `defaults.source` a login that cameras share. Changes at runtime, over
MQTT and HTTP, use the same keys.

This page is made from the models (`python -m transcoder.cli.generated docs`), and so is
[config.schema.json](config.schema.json), which editors complete and check with.
"""


def reference_page() -> str:
    """Return the text of docs/configuration.md."""
    schema = json_schema()
    models = {**schema["$defs"], "Config": schema}
    parts = [_HEAD]
    for name, prefix, heading in _SECTIONS:
        parts.append(f"\n## {heading}\n\n{_sentence(models[name]['description'])}\n\n")
        parts.append("| key | values | unit | default | example | meaning |\n|---|---|---|---|---|---|\n")
        parts += (f"| {' | '.join(row)} |\n" for row in _rows(models[name], prefix))
    return "".join(parts)


def _rows(model: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    required = set(model.get("required", ()))
    for key, field in sorted(
        model["properties"].items(), key=lambda item: item[0] not in required
    ):  # needed ones first
        default = "needed" if key in required or "default" not in field else _default(field)
        default = _DEFAULTS.get(prefix + key, default)
        meaning = _sentence(field.get("description") or _part(field))
        if waits_for_start(prefix + key) and "$ref" not in field:
            meaning += f" {WAITS}"
        yield (f"`{prefix}{key}`", values_of(field), unit_of(key), default, _example(field), _cell(meaning))


def waits_for_start(path: str) -> bool:
    """Return whether a change of a key is taken up at the next start only.

    Args:
        path: the key with the keys that it is under, such as `rtsp.listen`.
    """
    section, _, key = path.partition(".")
    live = LIVE_KEYS.get(section, frozenset())
    return live is not None and key.partition(".")[0] not in live


def _default(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return "see there"
    return _code(field["default"])


def _part(field: Mapping[str, Any]) -> str:
    """Return the text that names the section of the page where a key's own section is described."""
    for name, _, heading in _SECTIONS:
        if f"'#/$defs/{name}'" in repr(field):
            return f"See “{heading}”."
    raise ValueError(f"a configuration key has no docstring: {field}")


def values_of(field: Mapping[str, Any]) -> str:
    """Return the values that a key takes, in words."""
    if "enum" in field:
        return ", ".join(_code(value) for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(values_of(choice) for choice in field["anyOf"]))
    if "$ref" in field or "patternProperties" in field:
        return "mapping"
    kind = {"string": "text", "integer": "whole number", "boolean": "`true`, `false`", "array": "list"}.get(
        field["type"], field["type"]
    )
    low, high = field.get("minimum"), field.get("maximum")
    return f"{kind}, {low:g} to {high:g}" if low is not None and high is not None else kind


def unit_of(key: str) -> str:
    """Return the unit of a number, which its key ends with; nothing for other keys."""
    return next((unit for end, unit in _UNITS if key.endswith(end)), "")


def _example(field: Mapping[str, Any]) -> str:
    """Return the example that the model gives, or else the default."""
    if field.get("examples"):
        return _code(field["examples"][0])
    default = field.get("default")
    return "" if "$ref" in field or default in (None, {}, []) else _code(default)


def _code(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return _sentence(text).replace("|", "\\|")


def _sentence(text: str) -> str:
    return " ".join(text.split())
