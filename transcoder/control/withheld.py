"""Clients that may only look are not told where cameras are: their documents are made here.

An address may stand in any sentence about a camera: in an error of the system, in the camera's own words, in a value
that somebody tried to set. So no text is searched for addresses. What is told is chosen by its key, and in place of a
sentence about a camera stands the meaning of its code.
"""

from collections.abc import Mapping
from typing import Any, Final

from transcoder.config import HIDDEN
from transcoder.control.documents import (
    EventDocument,
    EventType,
    LedgerEntryDocument,
    StreamDocument,
    StreamStateDocument,
)
from transcoder.source.problems import MEANINGS, ProblemCode

TOLD_OF_SOURCE: Final = frozenset({"display_aspect", "password", "profile", "timeouts", "tls", "transport", "username"})
"""The keys of a source that are shown as they are, the login without its secrets."""

_READER: Final = frozenset({"session", "user", "transport", "reason", "after_s", "bytes", "dropped", "count"})
_CONDITION: Final = frozenset({"active"})
_NOTHING: Final[frozenset[str]] = frozenset()

TOLD_OF_EVENTS: Final[Mapping[EventType, frozenset[str]]] = {
    "added": _NOTHING,
    "updated": frozenset({"changed"}),
    "removed": _NOTHING,
    "swapped": frozenset({"by", "rolled_back", "from_asset", "to_asset"}),
    "source_lost": _NOTHING,
    "source_encrypted": _NOTHING,
    "source_unreadable": _NOTHING,
    "source_recovered": _NOTHING,
    "camera_key_changed": frozenset({"fingerprint"}),
    "camera_login_downgraded": _NOTHING,
    "worker_restarted": frozenset({"reason"}),
    "restarted": frozenset({"by"}),
    "channel_seen": frozenset({"layer", "kind"}),
    "format_changed": frozenset({"codec", "width", "height", "frame_rate"}),
    "overload": frozenset({"active", "rate_divisor", "slow_decoding_ms"}),
    "picture_frozen": _CONDITION,
    "picture_dark": _CONDITION,
    "picture_covered": _CONDITION,
    "scene_changed": _CONDITION,
    "reader_connected": _READER,
    "reader_gone": _READER,
    "push_started": frozenset({"target", "rendition"}),
    "push_lost": frozenset({"target", "rendition", "reason"}),
    "verdict": frozenset({"verdict", "reason", "number", "pictures", "seconds", "by", "rendition"}),
    "asset_state": frozenset({"asset", "state", "before", "because"}),
    "config_rejected": frozenset({"by"}),
    "config_reloaded": frozenset({"changed", "at_next_start"}),
}
"""The keys of each event's detail that are told; the reasons of events of a camera and of changes are not."""


def problem_of(code: ProblemCode | None) -> str | None:
    """Return why a stream does not play, in words that are the same for every camera."""
    return MEANINGS[code] if code is not None else None


def source_without_address(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a source, as they are shown, with HIDDEN in place of those that say where the camera is."""
    found = {key: value if key in TOLD_OF_SOURCE or not value else HIDDEN for key, value in keys.items()}
    if "url" in keys:
        scheme, mark, _ = str(keys["url"]).partition("://")
        found["url"] = f"{scheme}://{HIDDEN}" if mark else HIDDEN
    return found


def stream_without_address(document: StreamDocument) -> StreamDocument:
    """Return the document of a stream without its camera's address."""
    config = {**document.config, "source": source_without_address(document.config["source"])}
    return document.model_copy(update={"config": config, "state": state_without_address(document.state)})


def state_without_address(document: StreamStateDocument) -> StreamStateDocument:
    """Return the state of a stream without its camera's address."""
    ledger = tuple(map(entry_without_example, document.ledger))
    return document.model_copy(update={"problem": problem_of(document.problem_code), "ledger": ledger})


def entry_without_example(document: LedgerEntryDocument) -> LedgerEntryDocument:
    """Return an entry of a ledger without the bytes and the words that came from the camera."""
    return document.model_copy(update={"example": None, "name": None})


def configuration_without_addresses(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of a gateway, as it is shown, without the addresses of its cameras."""
    streams = {
        name: {**keys, "source": source_without_address(keys["source"])} for name, keys in found["streams"].items()
    }
    defaults = {**found["defaults"], "source": source_without_address(found["defaults"]["source"])}
    return {**found, "streams": streams, "defaults": defaults, "sources": {**found["sources"], "allow": [HIDDEN]}}


def event_without_address(event: EventDocument) -> EventDocument:
    """Return an event with those keys of its detail that say nothing of where a camera is."""
    told = TOLD_OF_EVENTS.get(event.event_type, _NOTHING)
    return event.model_copy(update={"detail": {key: value for key, value in event.detail.items() if key in told}})
