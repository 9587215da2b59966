"""This module makes the HTTP API from its routes, each of which is a verb of `Control`."""

from typing import Final

from fastapi import FastAPI

from transcoder import product
from transcoder.api import problem, schema
from transcoder.api.routes import assets, gateway, health, live, login, page, sessions, streams, wall
from transcoder.api.security_headers import SecurityHeaders
from transcoder.api.state import ApiState, install_state
from transcoder.control import Control
from transcoder.http_server.guard import CountedErrors

VERSION: Final = "1"
"""The version of the API, as in its paths."""

_DESCRIPTION: Final = (
    "Steers the streams of one gateway and keeps its assets. A change is answered when it is on the disk and applied. "
    "Errors are problem details (RFC 9457)."
)


def create_app(control: Control, state: ApiState) -> FastAPI:
    """Return the application.

    Args:
        control: carries out the verbs.
        state: holds the tokens and the readiness.
    """
    app = FastAPI(
        title=product.NAME,
        description=_DESCRIPTION,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountedErrors, counts=state.counts)
    problem.install(app)
    schema.install(app, version=VERSION)
    install_state(app, control, state)
    page.install(app)
    for subject in (health, page, login, streams, live, assets, sessions, gateway, wall):
        app.include_router(subject.router)
    return app
