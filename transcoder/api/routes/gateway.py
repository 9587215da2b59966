"""These routes concern the gateway as a whole: its facts, totals, configuration and events, and a look at a camera."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from transcoder.api import events, schema
from transcoder.api.access import Denied
from transcoder.api.answers import ETAG, NO_STORE
from transcoder.api.body import json_object
from transcoder.api.problem import problems
from transcoder.api.state import CONTROL, READ, ClientOf, ControlOf, Reading, StateOf, identify_again
from transcoder.control import InfoDocument, ProbeDocument, StatsDocument
from transcoder.login_brake import site_of
from transcoder.rejection import Code, Rejected

_ANYTHING: Final = {"application/json": {"schema": {"type": "object"}}}
_EVENTS: Final = {"text/event-stream": {"schema": {"type": "string"}}}

router = APIRouter(prefix="/api/v1", tags=["gateway"])


@router.get("/info", dependencies=[READ], responses=problems())
async def info(control: ControlOf) -> InfoDocument:
    """Return the facts about the gateway: product, version, node, addresses."""
    return control.info()


@router.get("/stats", dependencies=[READ], responses=problems())
async def stats(control: ControlOf) -> StatsDocument:
    """Return totals over all streams."""
    return control.stats()


@router.get(
    "/config",
    dependencies=[READ],
    responses={**problems(), 200: {"description": "The configuration as in the file", "content": _ANYTHING, **ETAG}},
)
async def configuration(control: ControlOf) -> Response:
    """Return the effective configuration, file and runtime changes together, without secrets."""
    found, etag = control.configuration()
    return JSONResponse(found, headers={"ETag": f'"{etag}"', **NO_STORE})


@router.post(
    "/probe",
    dependencies=[CONTROL],
    openapi_extra=schema.body("Probe"),
    responses=problems(413, 415, 422, 429),
)
async def probe(request: Request, control: ControlOf) -> ProbeDocument:
    """Ask a camera which media it has, and which other streams it offers, if `channels` says so."""
    keys = await json_object(request)
    channels = keys.pop("channels", False)
    if set(keys) != {"source"} or keys["source"] is None:
        raise HTTPException(422, "source must be given, and nothing else but channels")
    if not isinstance(channels, bool):
        raise HTTPException(422, "channels must be true or false")
    return await control.probe(keys["source"], channels=channels)


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={**problems(429), 200: {"description": "Events as they come", "content": _EVENTS}},
)
async def event_stream(
    request: Request,
    control: ControlOf,
    state: StateOf,
    who: Reading,
    client: ClientOf,
    stream: Annotated[str | None, Query(max_length=63, description="Send events of this stream only")] = None,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> Response:
    """Send events as server-sent events; missed events come first, as far as the gateway remembers them.

    They end with the login: a token that is removed hears nothing more.
    """
    address = site_of(client.host if client is not None else "")
    if state.listeners.total() >= events.MAX_LISTENERS or state.listeners[address] >= events.MAX_OF_ADDRESS:
        raise Rejected(Code.BUSY, "there are as many listeners already as there may be")
    run = control.info().started
    source = events.stream(control, events.after(last_event_id, run), run, stream)

    async def counted() -> AsyncIterator[str]:
        state.listeners[address] += 1
        try:
            async for chunk in source:
                identify_again(request, who)
                yield chunk
        except Denied:
            return
        finally:
            state.listeners[address] -= 1
            if not state.listeners[address]:
                del state.listeners[address]
            await source.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator

    return StreamingResponse(counted(), media_type="text/event-stream", headers=NO_STORE)
