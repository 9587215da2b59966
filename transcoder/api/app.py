"""The HTTP API: its routes, each a verb of `Control`."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from transcoder import product
from transcoder.api import events, problem, schema
from transcoder.api.access import Access, Caller, Identity, Role
from transcoder.api.body import json_object
from transcoder.api.metrics import registry
from transcoder.api.problem import problems
from transcoder.control import (
    Control,
    InfoDocument,
    LedgerEntryDocument,
    ProbeDocument,
    StatsDocument,
    StreamDocument,
    Writer,
)
from transcoder.rejection import Code, Rejected

VERSION: Final = "1"
"""Of the API, as in its paths."""

_DESCRIPTION: Final = (
    "Steers the streams of one gateway. A change is answered when it is on the disk and applied. "
    "Errors are problem details (RFC 9457)."
)
_ETAG: Final = {"headers": {"ETag": {"description": "Of the configuration", "schema": {"type": "string"}}}}


class Streams(BaseModel):
    """All streams."""

    streams: list[StreamDocument]


class Health(BaseModel):
    """Whether the gateway works."""

    status: str
    waiting_for: list[str] = []


class Surroundings:
    """What the app needs besides the verbs.

    Attributes:
        access: who may do what; may be replaced while running.
        ready: what is still missing until requests of readers can be served, empty when nothing is.
        open_metrics: whether everybody may read the metrics.
    """

    def __init__(self, access: Access, ready: Callable[[], list[str]], *, open_metrics: bool) -> None:
        self.access = access
        self.ready = ready
        self.open_metrics = open_metrics
        self.listeners = 0


def create_app(control: Control, around: Surroundings) -> FastAPI:
    """The application.

    Args:
        control: carries out the verbs.
        around: tokens and readiness.
    """
    app = FastAPI(
        title=product.NAME,
        description=_DESCRIPTION,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    problem.install(app)
    schema.install(app, version=VERSION)
    _add_health(app, control, around)
    _add_streams(app, control, around)
    _add_gateway(app, control, around)
    return app


def _caller(request: Request) -> Caller:
    header = request.headers.get
    return Caller(
        address=request.client.host if request.client is not None else "",
        authorization=header("authorization"),
        host=header("host"),
        origin=header("origin"),
        fetch_site=header("sec-fetch-site"),
    )


def _needs(around: Surroundings, role: Role) -> Any:
    async def identify(request: Request) -> Identity:
        return around.access.identify(_caller(request), role)

    return Depends(identify)


def _writer(identity: Identity) -> Writer:
    return Writer(interface="http", name=identity.name)


def _if_match(value: str | None) -> str | None:
    """The tag of an If-Match header (RFC 9110, 13.1.1); `*` and none match whatever there is."""
    if value is None or value.strip() == "*":
        return None
    return value.strip().removeprefix("W/").strip('"')


def _document(document: StreamDocument, status: int = 200, **headers: str) -> Response:
    headers = {"ETag": f'"{document.etag}"', "Cache-Control": "no-store", **headers}
    return Response(document.model_dump_json(), status, headers, "application/json")


def _add_health(app: FastAPI, control: Control, around: Surroundings) -> None:
    @app.get("/healthz", tags=["health"], openapi_extra={"security": []})
    async def healthz() -> Health:
        """The process answers."""
        return Health(status="ok")

    @app.get(
        "/readyz",
        tags=["health"],
        openapi_extra={"security": []},
        responses={503: {"model": Health, "description": "Not yet"}},
    )
    async def readyz() -> Response:
        """Readers can be served. A camera that is away doesn't change it."""
        waiting = around.ready()
        health = Health(status="waiting" if waiting else "ok", waiting_for=waiting)
        return JSONResponse(health.model_dump(), 503 if waiting else 200)

    collected = registry(control)
    text = {"text/plain": {"schema": {"type": "string"}}}

    @app.get(
        "/metrics",
        tags=["health"],
        response_class=Response,
        responses={**problems(), 200: {"description": "For Prometheus", "content": text}},
    )
    async def metrics(request: Request) -> Response:
        """Counters and gauges."""
        if not around.open_metrics:
            around.access.identify(_caller(request), Role.READ)
        return Response(generate_latest(collected), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def _add_streams(app: FastAPI, control: Control, around: Surroundings) -> None:
    reader, controller = _needs(around, Role.READ), _needs(around, Role.CONTROL)
    if_match_header = Annotated[str | None, Header(alias="If-Match", description="An ETag: change only what was read")]
    found: dict[int | str, dict[str, Any]] = {200: {"model": StreamDocument, **_ETAG}}
    base = "/api/v1/streams"

    @app.get(base, tags=["streams"], dependencies=[reader], responses=problems())
    async def list_streams() -> Streams:
        """All streams."""
        return Streams(streams=[control.stream(stream) for stream in control.ids()])

    @app.post(
        base,
        tags=["streams"],
        status_code=201,
        openapi_extra=schema.body("NewStream"),
        responses={**problems(409, 413, 415, 422), 201: {"model": StreamDocument, **_ETAG}},
    )
    async def add_stream(request: Request, who: Annotated[Identity, controller]) -> Response:
        """A new stream."""
        keys = await json_object(request)
        stream = keys.pop("id", None)
        if not isinstance(stream, str):
            return problem.problem(422, "id: must be text", problems=("id: must be text",))
        document = await control.add(stream, keys, _writer(who))
        return _document(document, 201, Location=f"{base}/{stream}")

    @app.get(base + "/{stream}", tags=["streams"], dependencies=[reader], responses={**problems(404, 409), **found})
    async def get_stream(stream: str) -> Response:
        """One stream: what is configured and what is."""
        return _document(control.stream(stream))

    @app.patch(
        base + "/{stream}",
        tags=["streams"],
        openapi_extra=schema.body("StreamChange"),
        responses={**problems(404, 409, 412, 413, 415, 422), **found},
    )
    async def update_stream(
        stream: str, request: Request, who: Annotated[Identity, controller], if_match: if_match_header = None
    ) -> Response:
        """Change some keys, all of them or none; a null is a value, as in the file."""
        keys = await json_object(request)
        return _document(await control.update(stream, keys, _writer(who), _if_match(if_match)))

    @app.put(
        base + "/{stream}",
        tags=["streams"],
        openapi_extra=schema.body("StreamConfig"),
        responses={**problems(404, 409, 412, 413, 415, 422), **found, 201: {"model": StreamDocument, **_ETAG}},
    )
    async def replace_stream(
        stream: str, request: Request, who: Annotated[Identity, controller], if_match: if_match_header = None
    ) -> Response:
        """A stream with these keys and otherwise defaults, whether there was one or not."""
        keys = await json_object(request)
        is_new = stream not in control.ids()
        document = await control.replace(stream, keys, _writer(who), _if_match(if_match))
        return _document(document, 201 if is_new else 200)

    @app.delete(
        base + "/{stream}", tags=["streams"], status_code=204, response_class=Response, responses=problems(404, 412)
    )
    async def remove_stream(
        stream: str, who: Annotated[Identity, controller], if_match: if_match_header = None
    ) -> Response:
        """End a stream."""
        await control.remove(stream, _writer(who), _if_match(if_match))
        return Response(status_code=204)

    @app.post(base + "/{stream}/restart", tags=["streams"], responses={**problems(404, 409), **found})
    async def restart_stream(stream: str, who: Annotated[Identity, controller]) -> Response:
        """Connect to the camera anew and replace the worker; readers stay."""
        return _document(await control.restart(stream, _writer(who)))

    @app.post(
        base + "/{stream}/keyframe",
        tags=["streams"],
        status_code=202,
        dependencies=[controller],
        response_class=Response,
        responses=problems(404, 409),
    )
    async def keyframe(stream: str) -> Response:
        """Have an IDR picture soon."""
        control.keyframe(stream)
        return Response(status_code=202)

    jpeg = {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}

    @app.get(
        base + "/{stream}/snapshot.jpg",
        tags=["streams"],
        dependencies=[reader],
        response_class=Response,
        responses={**problems(404, 409, 429), 200: {"description": "The last picture, masked", "content": jpeg}},
    )
    async def snapshot(stream: str) -> Response:
        """The last picture, masked."""
        return Response(await control.snapshot(stream), 200, {"Cache-Control": "no-store"}, "image/jpeg")

    @app.get(base + "/{stream}/ledger", tags=["streams"], dependencies=[reader], responses=problems(404, 409))
    async def ledger(stream: str) -> list[LedgerEntryDocument]:
        """Everything that was not let through."""
        return control.ledger(stream)


def _add_gateway(app: FastAPI, control: Control, around: Surroundings) -> None:
    reader, controller = _needs(around, Role.READ), _needs(around, Role.CONTROL)

    @app.get("/api/v1/info", tags=["gateway"], dependencies=[reader], responses=problems())
    async def info() -> InfoDocument:
        """The gateway."""
        return control.info()

    @app.get("/api/v1/stats", tags=["gateway"], dependencies=[reader], responses=problems())
    async def stats() -> StatsDocument:
        """Totals over all streams."""
        return control.stats()

    anything = {"application/json": {"schema": {"type": "object"}}}

    @app.get(
        "/api/v1/config",
        tags=["gateway"],
        dependencies=[reader],
        responses={**problems(), 200: {"description": "As in the file", "content": anything, **_ETAG}},
    )
    async def configuration() -> Response:
        """What holds, file and runtime changes together, without secrets."""
        found, etag = control.configuration()
        return JSONResponse(found, headers={"ETag": f'"{etag}"', "Cache-Control": "no-store"})

    @app.post(
        "/api/v1/probe",
        tags=["gateway"],
        dependencies=[controller],
        openapi_extra=schema.body("Probe"),
        responses=problems(413, 415, 422, 429),
    )
    async def probe(request: Request) -> ProbeDocument:
        """Ask a camera what it has."""
        keys = await json_object(request)
        if set(keys) != {"source"} or keys["source"] is None:
            raise HTTPException(422, "source, and nothing else, must be given")
        return await control.probe(keys["source"])

    text = {"text/event-stream": {"schema": {"type": "string"}}}

    @app.get(
        "/api/v1/events",
        tags=["gateway"],
        dependencies=[reader],
        response_class=StreamingResponse,
        responses={**problems(429), 200: {"description": "Events as they come", "content": text}},
    )
    async def event_stream(
        stream: Annotated[str | None, Query(max_length=63, description="Of one stream only")] = None,
        last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
    ) -> Response:
        """Server-sent events; what was missed comes first, as far as it is remembered."""
        if around.listeners >= events.MAX_LISTENERS:
            raise Rejected(Code.BUSY, f"there are {events.MAX_LISTENERS} listeners already")
        run = control.info().started
        source = events.stream(control, events.after(last_event_id, run), run, stream)

        async def counted() -> Any:
            around.listeners += 1
            try:
                async for chunk in source:
                    yield chunk
            finally:
                around.listeners -= 1
                await source.aclose()  # type: ignore[attr-defined]  # an async generator, typed as an iterator

        return StreamingResponse(counted(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})
