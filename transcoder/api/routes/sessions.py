"""These routes list the sessions of readers, with the reasons of those that ended, and end a session."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from transcoder.api.access import Role
from transcoder.api.problem import problems
from transcoder.api.state import Controlling, ControlOf, Reading, writer
from transcoder.control import SessionDocument, SessionsDocument

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"])


@router.get("", responses=problems(404))
async def list_sessions(
    control: ControlOf,
    who: Reading,
    stream: Annotated[str | None, Query(max_length=63, description="List sessions of this stream only")] = None,
) -> SessionsDocument:
    """List the sessions of present readers, and the last sessions that ended.

    Addresses of readers need the role control.
    """
    return control.sessions(stream, peers=who.role >= Role.CONTROL)


@router.get("/{session}", responses=problems(404))
async def get_session(session: str, control: ControlOf, who: Reading) -> SessionDocument:
    """Return one reader's session; the reader's address needs the role control."""
    return control.session(session, peers=who.role >= Role.CONTROL)


@router.delete("/{session}", status_code=204, response_class=Response, responses=problems(404))
async def end_session(session: str, control: ControlOf, who: Controlling) -> Response:
    """End one reader's session; nothing keeps the reader from coming back."""
    await control.end_session(session, writer(who))
    return Response(status_code=204)
