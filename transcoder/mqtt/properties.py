"""Some properties of a stream have topics of their own; the table says how each reads as a bare payload."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from transcoder.config import StreamOptions
from transcoder.config.stream import RenditionConfig
from transcoder.rejection import Code, Rejected

_NUMBER: Final = re.compile(r"[-+]?[0-9]{1,12}(\.[0-9]{1,12})?")
_ON: Final = frozenset({"on", "true", "1"})
_OFF: Final = frozenset({"off", "false", "0"})

Kind = Literal["switch", "number", "choice", "text", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """Describes one property.

    Attributes:
        name: the name in topics.
        title: the name for people.
        path: the path of the property's key in a stream's configuration.
        kind: how the property's payload reads.
        nothing: the payload that stands for null, None where there is no null.
        choices: the choices of the kind choice, without `nothing`.
        low, high: the range of a number, as the configuration has it.
        step: the step of a slider for a number.
        unit: the unit of the kind number.
    """

    name: str
    title: str
    path: tuple[str, ...]
    kind: Kind
    nothing: str | None = None
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    step: float = 1
    unit: str | None = None

    def parse(self, text: str) -> Any:
        """Return the value of a bare payload.

        Raises:
            Rejected: the payload has another form; whether the value is valid is checked later.
        """
        text = text.strip()
        if self.nothing is not None and text.lower() == self.nothing:
            return None
        if self.kind == "switch" and text.lower() in _ON | _OFF:
            return text.lower() in _ON
        if self.kind == "number" and _NUMBER.fullmatch(text):
            number = float(text)
            return int(number) if number.is_integer() else number
        if self.kind == "choice" and text.lower() in self.choices:
            return text.lower()
        if self.kind == "text" and text:
            return text
        if self.kind == "json":
            return parse_json(text.encode())
        raise Rejected(Code.INVALID, f"{self.name}: must be {self.expected}")

    @property
    def expected(self) -> str:
        """Return in words the payloads that are accepted."""
        words = {
            "switch": "ON or OFF",
            "number": "a number",
            "choice": ", ".join(self.choices),
            "text": "WIDTHxHEIGHT",
            "json": "JSON",
        }
        return words[self.kind] + (f", or {self.nothing}" if self.nothing else "")

    def accept(self, value: Any) -> Any:
        """Return the value of one of several properties in a JSON payload.

        The value stands there as in the file, or as in the property's own topic.

        Raises:
            Rejected: the value can be read neither way.
        """
        return self.parse(value) if isinstance(value, str) else value

    def render(self, value: Any) -> str:
        """Return the bare payload of a value."""
        if value is None:
            return self.nothing or ""
        if self.kind == "switch":
            return "ON" if value else "OFF"
        if self.kind == "number":
            return f"{value:g}" if isinstance(value, float) else str(value)
        return json.dumps(value, separators=(",", ":")) if self.kind == "json" else str(value)

    def of(self, keys: Mapping[str, Any]) -> Any:
        """Return the property's value in a stream's configuration."""
        value: Any = keys
        for part in self.path:
            value = value[part]
        return value

    def keys(self, value: Any) -> dict[str, Any]:
        """Return the change that gives the property a value."""
        for part in reversed(self.path):
            value = {part: value}
        return dict(value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the bare payload, taken as a string."""
        if self.kind == "switch":
            return {"type": "string", "enum": ["ON", "OFF"]}
        if self.kind == "choice":
            return {"type": "string", "enum": [*self.choices, *([self.nothing] if self.nothing else [])]}
        either = f"|{self.nothing}" if self.nothing else ""
        if self.kind == "number":
            return {"type": "string", "pattern": rf"^([0-9]+(\.[0-9]+)?{either})$"}
        if self.kind == "text":
            return {"type": "string", "pattern": f"^([0-9]+x[0-9]+{either})$"}
        return {"type": "string", "contentMediaType": "application/json"}


_SCHEMA: Final = StreamOptions.model_json_schema()
_KINDS: Final[Mapping[str, Kind]] = {
    "boolean": "switch",
    "integer": "number",
    "number": "number",
    "string": "text",
    "array": "json",
}
"""The kinds by the type of a key in JSON Schema; a string with a list of values is a choice."""


_RENDITION_SCHEMA: Final = RenditionConfig.model_json_schema()


def _key(
    *path: str,
    title: str,
    nothing: str | None = None,
    step: float = 1,
    unit: str | None = None,
    root: Mapping[str, Any] = _SCHEMA,
) -> Property:
    """Make the property of a key in a stream's configuration; its kind, range and choices are those of the key."""
    schema: Any = root
    for part in path:
        schema = schema["properties"][part]
        schema = next(item for item in schema.get("anyOf", [schema]) if item.get("type") != "null")
        if "$ref" in schema:
            schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return Property(
        name=path[-1],
        title=title,
        path=path,
        kind="choice" if "enum" in schema else _KINDS[schema["type"]],
        nothing=nothing,
        choices=tuple(schema.get("enum", ())),
        low=schema.get("minimum", 0),
        high=schema.get("maximum", 0),
        step=step,
        unit=unit,
    )


def _video(*section: str, root: Mapping[str, Any]) -> tuple[Property, ...]:
    """Make the properties that the stream's own picture and its renditions have."""
    return (
        _key(*section, "bitrate_kbps", title="Bitrate", unit="kbit/s", root=root),
        _key(*section, "fps", title="Frame rate", nothing="none", step=0.5, unit="fps", root=root),
        _key(*section, "gop_s", title="Key frame interval", step=0.1, unit="s", root=root),
        _key(*section, "size", title="Size", nothing="source", root=root),
        _key(*section, "codec", title="Codec", root=root),
        _key(*section, "preset", title="Preset", nothing="auto", root=root),
    )


PROPERTIES: Final[Mapping[str, Property]] = {
    item.name: item
    for item in (
        _key("enabled", title="Enabled"),
        *_video("video", root=_SCHEMA),
        _key("audio", title="Audio"),
        _key("masks", title="Masks"),
    )
}
RENDITION_PROPERTIES: Final[Mapping[str, Property]] = {
    item.name: item
    for item in (
        *_video(root=_RENDITION_SCHEMA),
        _key("audio", title="Audio", root=_RENDITION_SCHEMA),
        _key("on_demand", title="On demand", root=_RENDITION_SCHEMA),
    )
}
"""The properties of each of a stream's renditions; their paths are those in the rendition's own keys."""


def parse_json(payload: bytes) -> Any:
    """Parse JSON that a peer wrote.

    Raises:
        Rejected: the payload is no JSON.
    """
    try:
        return json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Rejected(Code.MALFORMED, "the payload is no valid JSON") from None


def _refuse(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON
