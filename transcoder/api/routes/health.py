"""These routes tell whether the gateway works, and give its metrics."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel

from transcoder.api.access import Role
from transcoder.api.problem import problems
from transcoder.api.state import MetricsOf, StateOf, identify

_TEXT: Final = {
    media_type: {"schema": {"type": "string"}} for media_type in ("text/plain", "application/openmetrics-text")
}

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Says whether the gateway works."""

    status: str
    waiting_for: list[str] = []
    notes: list[str] = []
    """What the operator should know that keeps no reader from being served, such as a disk that can't be written."""


@router.get("/healthz", openapi_extra={"security": []})
async def healthz() -> Health:
    """Say that the process answers."""
    return Health(status="ok")


@router.get(
    "/readyz",
    openapi_extra={"security": []},
    responses={503: {"model": Health, "description": "Readers can't be served yet"}},
)
async def readyz(state: StateOf) -> Response:
    """Say whether readers can be served. A camera that is away doesn't change the answer."""
    waiting = state.ready()
    health = Health(status="waiting" if waiting else "ok", waiting_for=waiting, notes=list(state.notes))
    return JSONResponse(health.model_dump(), 503 if waiting else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={**problems(), 200: {"description": "Metrics for Prometheus", "content": _TEXT}},
)
async def metrics(request: Request, state: StateOf, collected: MetricsOf) -> Response:
    """Return counters and gauges for Prometheus."""
    if not state.open_metrics:
        await identify(request, Role.READ)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(collected), headers={"Content-Type": content_type, "Vary": "Accept"})
