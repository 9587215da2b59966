"""This module parses commands and makes their answers.

Source: MQTT 5.0, 4.10 (request and response), 3.3.2.3.3 (message expiry).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from transcoder.config.remote import MAX_BYTES
from transcoder.control.documents import Document
from transcoder.mqtt.properties import PROPERTIES, RENDITION_PROPERTIES, parse_json
from transcoder.mqtt.topics import VERBS, Found
from transcoder.rejection import Code, Rejected

MAX_PAYLOAD: Final = MAX_BYTES
"""Bytes of a payload at most."""
MAX_REQUEST: Final = 256
"""The largest number of characters of a client's own mark that is sent back."""

WITH_KEYS: Final = frozenset({"add", "update", "asset_add", "asset_update", "swap"})
ASSET: Final = "asset_"
"""The beginning of the verbs that concern an asset, whose id stands in `id`."""
WITHOUT_STREAM: Final = frozenset({"list", "probe", "sessions", "end_session", "asset_list"})


class ErrorDocument(Document):
    """Says why a command was not carried out."""

    code: str
    message: str
    problems: tuple[str, ...] = ()


class ReplyDocument(Document):
    """Answers a command."""

    ok: bool
    verb: str
    id: str | None = None
    """The id of the stream, or of the asset."""
    request: str | int | None = None
    """The value that the command had as `request`, for clients without MQTT 5's correlation data."""
    error: ErrorDocument | None = None
    data: Any = None
    """The result of the verb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Holds a command of a client.

    Attributes:
        verb: one of VERBS.
        stream: the stream's id, "" where the verb concerns no stream.
        asset: the asset's id, "" where the verb concerns no asset.
        rendition: the rendition that a change concerns alone; it must be there.
        keys: the keys of a stream, for add and update; those of the new camera, for swap.
        source: the source, for probe.
        session: the session's id that `sessions` tells, for end_session.
        request: the client's own mark.
        if_match: the tag of the configuration that the change is meant for.
    """

    verb: str
    stream: str = ""
    asset: str = ""
    rendition: str = ""
    keys: Mapping[str, Any] | None = None
    source: Any = None
    session: str = ""
    request: str | int | None = None
    if_match: str | None = None


def parse(found: Found, payload: bytes) -> Command:
    """Parse a message.

    Raises:
        Rejected: the message can't be understood.
    """
    if len(payload) > MAX_PAYLOAD:
        raise Rejected(Code.MALFORMED, f"the payload has more than {MAX_PAYLOAD} bytes")
    kind = found.channel.name
    if kind == "command":
        return _parse_verb(found.verb, payload)
    if kind == "property_set":
        if found.property not in PROPERTIES:
            raise Rejected(Code.INVALID, f"there is no property {found.property[:40]!r}")
        wanted = PROPERTIES[found.property]
        return Command(verb="update", stream=found.stream, keys=wanted.keys(wanted.parse(_text(payload))))
    if kind == "rendition_set":
        return _rendition_command(found, payload)
    if kind == "stream_set":
        return Command(verb="update", stream=found.stream, keys=_several(parse_json(payload)))
    verbs = {"stream_restart": "restart", "stream_keyframe": "keyframe", "stream_snapshot_get": "snapshot"}
    return Command(verb=verbs[kind], stream=found.stream)


def _rendition_command(found: Found, payload: bytes) -> Command:
    if found.rendition_property not in RENDITION_PROPERTIES:
        raise Rejected(Code.INVALID, f"a rendition has no property {found.rendition_property[:40]!r}")
    wanted = RENDITION_PROPERTIES[found.rendition_property]
    keys = {"renditions": {found.rendition: wanted.keys(wanted.parse(_text(payload)))}}
    return Command(verb="update", stream=found.stream, rendition=found.rendition, keys=keys)


def _parse_verb(verb: str, payload: bytes) -> Command:
    if verb not in VERBS:
        raise Rejected(Code.MALFORMED, f"there is no verb {verb[:40]!r}; there are {', '.join(VERBS)}")
    data = parse_json(payload) if payload.strip() else {}
    if not isinstance(data, dict):
        raise Rejected(Code.MALFORMED, "the payload must be a JSON object")
    request, if_match, stream = data.pop("request", None), data.pop("if_match", None), data.pop("id", "")
    if isinstance(request, bool) or not isinstance(request, str | int | None) or len(str(request)) > MAX_REQUEST:
        raise Rejected(Code.MALFORMED, f"request: must be text or a number, of at most {MAX_REQUEST} characters")
    if not isinstance(if_match, str | None):
        raise Rejected(Code.MALFORMED, "if_match: must be text")
    if not isinstance(stream, str) or (not stream and verb not in WITHOUT_STREAM):
        raise Rejected(Code.MALFORMED, "id: the id of the stream or asset must be given, as text")
    source = data.pop("source", None) if verb == "probe" else None
    if verb == "probe" and source is None and not stream:
        raise Rejected(Code.MALFORMED, "source, or the id of a stream, must be given")
    session = _session(data) if verb == "end_session" and not stream else ""
    if stream and verb == "end_session":
        raise Rejected(Code.MALFORMED, "'id': no key of end_session, which takes a session")
    if data and verb not in WITH_KEYS:
        raise Rejected(Code.MALFORMED, f"{next(iter(data))[:40]!r}: no key of {verb}")
    of_asset = verb.startswith(ASSET)
    return Command(
        verb=verb,
        stream="" if of_asset else stream,
        asset=stream if of_asset else "",
        keys=data if verb in WITH_KEYS else None,
        source=source,
        session=session,
        request=request,
        if_match=if_match,
    )


def _session(data: dict[str, Any]) -> str:
    session = data.pop("session", None)
    if not isinstance(session, str) or not session:
        raise Rejected(Code.MALFORMED, "session: the session's id must be given, as text")
    return session


def _several(data: Any) -> dict[str, Any]:
    """Return the change that gives several properties values."""
    if not isinstance(data, dict):
        raise Rejected(Code.MALFORMED, "the payload must be a JSON object of properties")
    keys: dict[str, Any] = {}
    unknown = [name[:40] for name in data if name not in PROPERTIES]
    if unknown:
        raise Rejected(Code.INVALID, f"there is no property {unknown[0]!r}; there are {', '.join(PROPERTIES)}")
    for name, value in data.items():
        wanted = PROPERTIES[name]
        at = keys
        for part in wanted.path[:-1]:
            at = at.setdefault(part, {})
        at[wanted.path[-1]] = wanted.accept(value)
    return keys


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise Rejected(Code.MALFORMED, "the payload is no UTF-8 text") from None


def refusal(verb: str, stream: str, request: str | int | None, error: Rejected) -> ReplyDocument:
    """Return the answer to a command that is not carried out."""
    return ReplyDocument(
        ok=False,
        verb=verb,
        id=_encodable(stream),
        request=request,
        error=ErrorDocument(
            code=error.code.value,
            message=_encodable(str(error)) or "",
            problems=tuple(_encodable(line) or "" for line in error.problems),
        ),
    )


def _encodable(text: str) -> str | None:
    """Return a client's text without the surrogates, which UTF-8 can't encode; None for an empty text."""
    return text.encode("utf-8", "replace").decode()[:2000] or None
