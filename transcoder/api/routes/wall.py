"""These routes tell what a wall of small pictures shows, and send the pictures."""

import json
from typing import Any, Final

from fastapi import APIRouter, WebSocket
from fastapi.responses import Response

from transcoder.api.access import Identity, Role
from transcoder.api.answers import untagged
from transcoder.api.problem import problems
from transcoder.api.state import ControlOf, Reading
from transcoder.api.web_socket import first_of, receive_text, serve
from transcoder.control import WallDocument, WallWatcher
from transcoder.rejection import Code, Rejected

MAX_IDS: Final = 64
"""Streams whose pictures are sent to one watcher, at most."""
MAX_ID: Final = 63
"""Characters of a stream's id, at most."""
MAX_WIDTH: Final = 8192
_WALL: Final[dict[int | str, dict[str, Any]]] = {200: {"model": WallDocument}}

router = APIRouter(prefix="/api/v1/wall", tags=["wall"])


@router.get("", responses={**problems(), **_WALL})
async def wall(control: ControlOf, who: Reading) -> Response:
    """Return a small document of each stream; it is made once a second, however many ask.

    Why a stream isn't playing is told in its own words to the role control alone: the address of a camera may stand in
    them. The role read is told the meaning of the problem's code.
    """
    return untagged(control.wall(addresses=who.role >= Role.CONTROL))


@router.websocket("/pictures")
async def pictures(socket: WebSocket, control: ControlOf) -> None:
    """Send small pictures of the streams that the client names, of each one a second at most."""

    async def answer(_who: Identity) -> None:
        watcher = control.look_at_wall()
        try:
            await first_of(_listen(socket, watcher), _send(socket, watcher))
        finally:
            watcher.close()

    await serve(socket, answer)


async def _listen(socket: WebSocket, watcher: WallWatcher) -> None:
    while True:
        watcher.see(*wanted(await receive_text(socket)))


async def _send(socket: WebSocket, watcher: WallWatcher) -> None:
    while (message := await watcher.next()) is not None:
        await socket.send_bytes(message)


def wanted(text: str) -> tuple[list[str], int]:
    """Return the streams and the width that a client's message asks for.

    Raises:
        Rejected: the message is none of these.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Rejected(Code.MALFORMED, "this is no JSON") from None
    ids, width = (message.get("ids"), message.get("width")) if isinstance(message, dict) else (None, None)
    if not isinstance(ids, list) or len(ids) > MAX_IDS or any(type(each) is not str for each in ids):
        raise Rejected(Code.MALFORMED, f"ids must be a list of at most {MAX_IDS} streams")
    if type(width) is not int or not 1 <= width <= MAX_WIDTH:
        raise Rejected(Code.MALFORMED, f"width must be a number from 1 to {MAX_WIDTH}")
    return [each for each in ids if len(each) <= MAX_ID], width
