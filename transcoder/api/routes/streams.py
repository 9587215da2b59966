"""These routes concern the streams: their configuration, their state, and actions on one stream."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from transcoder.api import schema
from transcoder.api.access import Role
from transcoder.api.answers import NO_STORE, IfMatch, describe_tagged, tag, tagged
from transcoder.api.body import MERGE_PATCH, json_object, named_object
from transcoder.api.problem import problems
from transcoder.api.state import CONTROL, READ, WATCH, Controlling, ControlOf, Reading, writer
from transcoder.control import (
    AuditDocument,
    EventsDocument,
    HistoryDocument,
    LedgerEntryDocument,
    ServedDocument,
    StreamDocument,
    SwapDocument,
    VerdictsDocument,
)
from transcoder.ipc.thumbnails import MAX_WIDTH, MIN_WIDTH
from transcoder.worker_options import MAIN

BASE: Final = "/api/v1/streams"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Nothing was served before; earlier times can't all be written in UTC."""
_FOUND: Final = describe_tagged(200, StreamDocument)
_MADE: Final = describe_tagged(201, StreamDocument)
_JPEG: Final = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}

Width = Annotated[
    int | None,
    Query(ge=MIN_WIDTH, le=MAX_WIDTH, description="Samples of a row; a picture is never made larger than it is"),
]

router = APIRouter(prefix=BASE, tags=["streams"])


class Streams(BaseModel):
    """Lists all streams."""

    streams: list[StreamDocument]


def _seconds(since: datetime | None) -> float | None:
    """Return a time in UTC seconds; a time without a zone is in UTC."""
    if since is None:
        return None
    return max(since if since.tzinfo is not None else since.replace(tzinfo=UTC), _EPOCH).timestamp()


def _picture(jpeg: bytes) -> Response:
    return Response(jpeg, 200, NO_STORE, "image/jpeg")


@router.get("", dependencies=[READ], responses=problems())
async def list_streams(control: ControlOf) -> Streams:
    """Return all streams."""
    return Streams(streams=[control.stream(stream) for stream in control.ids()])


@router.post(
    "",
    status_code=201,
    openapi_extra=schema.body("NewStream"),
    responses={**problems(409, 413, 415, 422), **_MADE},
)
async def add_stream(request: Request, control: ControlOf, who: Controlling) -> Response:
    """Add a stream."""
    stream, keys = await named_object(request)
    document = await control.add(stream, keys, writer(who))
    return tagged(document, 201, Location=f"{BASE}/{stream}")


@router.get("/{stream}", dependencies=[READ], responses={**problems(404, 409), **_FOUND})
async def get_stream(stream: str, control: ControlOf) -> Response:
    """Return one stream with its configuration and its state."""
    return tagged(control.stream(stream))


@router.patch(
    "/{stream}",
    openapi_extra=schema.body("StreamChange", MERGE_PATCH),
    responses={**problems(404, 409, 412, 413, 415, 422), **_FOUND},
)
async def update_stream(
    stream: str, request: Request, control: ControlOf, who: Controlling, if_match: IfMatch = None
) -> Response:
    """Change some keys of a stream, all of them or none; a null is a value, as in the file."""
    keys = await json_object(request, MERGE_PATCH)
    return tagged(await control.update(stream, keys, writer(who), tag(if_match)))


@router.put(
    "/{stream}",
    openapi_extra=schema.body("StreamConfig"),
    responses={**problems(404, 409, 412, 413, 415, 422), **_FOUND, **_MADE},
)
async def replace_stream(
    stream: str, request: Request, control: ControlOf, who: Controlling, if_match: IfMatch = None
) -> Response:
    """Give a stream these keys and otherwise defaults; the stream is added where there was none."""
    keys = await json_object(request)
    is_new = stream not in control.ids()
    document = await control.replace(stream, keys, writer(who), tag(if_match))
    return tagged(document, 201 if is_new else 200)


@router.delete("/{stream}", status_code=204, response_class=Response, responses=problems(404, 412))
async def remove_stream(stream: str, control: ControlOf, who: Controlling, if_match: IfMatch = None) -> Response:
    """Remove a stream."""
    await control.remove(stream, writer(who), tag(if_match))
    return Response(status_code=204)


@router.post("/{stream}/restart", responses={**problems(404, 409), **_FOUND})
async def restart_stream(stream: str, control: ControlOf, who: Controlling) -> Response:
    """Connect to the camera anew and replace the worker; readers stay."""
    return tagged(await control.restart(stream, writer(who)))


@router.post(
    "/{stream}/swap",
    openapi_extra=schema.body("Swap"),
    responses=problems(404, 409, 412, 413, 415, 422),
)
async def swap(
    stream: str, request: Request, control: ControlOf, who: Controlling, if_match: IfMatch = None
) -> SwapDocument:
    """Look at another camera for some seconds and have the stream pull it; readers stay."""
    return await control.swap(stream, await json_object(request), writer(who), tag(if_match))


@router.post("/{stream}/swap/rollback", responses=problems(404, 409, 412, 422))
async def swap_rollback(stream: str, control: ControlOf, who: Controlling, if_match: IfMatch = None) -> SwapDocument:
    """Have the stream pull the camera again that the last swap replaced; readers stay."""
    return await control.swap_rollback(stream, writer(who), tag(if_match))


@router.post("/{stream}/accept-key", responses={**problems(404, 409), **_FOUND})
async def accept_key(stream: str, control: ControlOf, who: Controlling) -> Response:
    """Accept the TLS key that the camera showed last, or a login in clear, and connect anew.

    Where no key was refused, the next one is learned.
    """
    return tagged(await control.accept_key(stream, writer(who)))


@router.post(
    "/{stream}/keyframe",
    status_code=202,
    dependencies=[CONTROL],
    response_class=Response,
    responses=problems(404, 409),
)
async def keyframe(stream: str, control: ControlOf) -> Response:
    """Ask for an IDR picture soon."""
    control.keyframe(stream)
    return Response(status_code=202)


@router.get(
    "/{stream}/snapshot.jpg",
    dependencies=[WATCH],
    response_class=Response,
    openapi_extra=schema.logins("bearer", "digest", "basic"),
    responses={**problems(404, 409, 429), 200: {"description": "The last picture, masked", "content": _JPEG}},
)
async def snapshot(stream: str, control: ControlOf, width: Width = None) -> Response:
    """Return the last picture, masked, in its own size or scaled down.

    The users of RTSP log in here, too, by Digest or, where RTSP takes it, by Basic, if they may read the stream.
    """
    jpeg = await control.snapshot(stream) if width is None else await control.thumbnail(stream, width)
    return _picture(jpeg)


@router.get(
    "/{stream}/renditions/{rendition}/snapshot.jpg",
    dependencies=[WATCH],
    response_class=Response,
    openapi_extra=schema.logins("bearer", "digest", "basic"),
    responses={**problems(404, 409, 429), 200: {"description": "The last picture, masked", "content": _JPEG}},
)
async def rendition_snapshot(stream: str, rendition: str, control: ControlOf, width: Width = None) -> Response:
    """Return the last picture of a rendition, masked; one that sleeps is woken up for it.

    The users of RTSP log in here, too, as for the stream's own, if they may read the rendition.
    """
    if width is None:
        return _picture(await control.snapshot(stream, rendition))
    return _picture(await control.thumbnail(stream, width, rendition))


@router.get("/{stream}/ledger", dependencies=[READ], responses=problems(404, 409))
async def ledger(stream: str, control: ControlOf) -> list[LedgerEntryDocument]:
    """Return the counts of everything that was not let through."""
    return control.ledger(stream)


@router.get("/{stream}/served", dependencies=[READ], responses=problems(404, 409))
async def served(
    stream: str,
    control: ControlOf,
    since: Annotated[
        datetime | None, Query(description="From when on, RFC 3339; UTC where no zone stands; by default a minute ago")
    ] = None,
) -> ServedDocument:
    """Return when the stream showed pictures of its camera, and when the slate or the last picture was repeated."""
    return control.served(stream, _seconds(since))


@router.get("/{stream}/history", dependencies=[READ], responses=problems(404, 409))
async def history(stream: str, control: ControlOf) -> HistoryDocument:
    """Return the rates, delays and readers of the last half hour, in columns; a page draws them."""
    return control.history(stream)


@router.get("/{stream}/audit", responses=problems(404, 409))
async def audit(stream: str, control: ControlOf, who: Reading) -> AuditDocument:
    """Return the last audit entries of the stream, the newest first; their details need the role control."""
    return await control.audit(stream, details=who.role >= Role.CONTROL)


@router.get("/{stream}/events", dependencies=[READ], responses=problems(404))
async def past_events(
    stream: str,
    control: ControlOf,
    since: Annotated[datetime | None, Query(description="From when on, RFC 3339; UTC where no zone stands")] = None,
) -> EventsDocument:
    """Return the last events of the stream since the gateway was started, the oldest first."""
    return control.past_events(stream, _seconds(since))


@router.get("/{stream}/verdicts", dependencies=[READ], responses=problems(404))
async def verdicts(stream: str, control: ControlOf) -> VerdictsDocument:
    """Return the last verdicts of the gateway on the stream that it serves, the newest first."""
    return control.verdicts(stream)


@router.get("/{stream}/verdicts/{number}", dependencies=[READ], responses=problems(404, 409))
async def signed_verdict(
    stream: str, number: Annotated[int, Path(ge=1, le=1 << 53)], control: ControlOf
) -> dict[str, Any]:
    """Return the signed statement of one of the newest verdicts, as `transcoder verify --check` takes it."""
    return await control.signed_verdict(stream, number)


@router.post("/{stream}/verdicts", status_code=202, response_class=Response, responses=problems(404, 409, 422, 429))
async def verify_stream(
    stream: str,
    control: ControlOf,
    who: Controlling,
    rendition: Annotated[
        str, Query(description="The rendition that is read; by default the stream's own picture")
    ] = MAIN,
) -> Response:
    """Have the stream verified soon, as a reader would; the verdict comes as an event and in this list."""
    await control.verify(stream, writer(who), rendition)
    return Response(status_code=202)
