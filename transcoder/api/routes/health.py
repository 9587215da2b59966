"""Whether the gateway works, and its metrics."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from pydantic import BaseModel

from transcoder.api.access import Role
from transcoder.api.problem import problems
from transcoder.api.state import MetricsOf, StateOf, identify

_TEXT: Final = {"text/plain": {"schema": {"type": "string"}}}

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """Whether the gateway works."""

    status: str
    waiting_for: list[str] = []


@router.get("/healthz", openapi_extra={"security": []})
async def healthz() -> Health:
    """The process answers."""
    return Health(status="ok")


@router.get("/readyz", openapi_extra={"security": []}, responses={503: {"model": Health, "description": "Not yet"}})
async def readyz(state: StateOf) -> Response:
    """Readers can be served. A camera that is away doesn't change it."""
    waiting = state.ready()
    health = Health(status="waiting" if waiting else "ok", waiting_for=waiting)
    return JSONResponse(health.model_dump(), 503 if waiting else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={**problems(), 200: {"description": "For Prometheus", "content": _TEXT}},
)
async def metrics(request: Request, state: StateOf, collected: MetricsOf) -> Response:
    """Counters and gauges."""
    if not state.open_metrics:
        identify(request, Role.READ)
    return Response(generate_latest(collected), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})
