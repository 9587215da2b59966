"""This route tells what a wall of small pictures shows."""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import Response

from transcoder.api.access import Role
from transcoder.api.problem import problems
from transcoder.api.state import ControlOf, Reading
from transcoder.control import WallDocument

_WALL: Final[dict[int | str, dict[str, Any]]] = {200: {"model": WallDocument}}

router = APIRouter(prefix="/api/v1/wall", tags=["wall"])


@router.get("", responses={**problems(), **_WALL})
async def wall(control: ControlOf, who: Reading) -> Response:
    """Return a small document of each stream; it is made once a second, however many ask.

    Why a stream isn't playing is told in words to the role control alone: the address of a camera may stand in them.
    """
    document = control.wall(addresses=who.role >= Role.CONTROL)
    return Response(document.model_dump_json(), 200, {"Cache-Control": "no-store"}, "application/json")
