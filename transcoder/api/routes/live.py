"""These routes show a stream as it is now: fragmented MP4 in an answer that goes on, or over a WebSocket.

A client that speaks no WebSocket is answered as by any path that is not there, so that the description of the API names
the answers alone. What a WebSocket sends stands in docs/control.md.
"""

from functools import partial
from typing import Final

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import Response
from starlette.datastructures import Address

from transcoder.api import live, schema, web_socket
from transcoder.api.access import Identity
from transcoder.api.live import LiveAnswer
from transcoder.api.problem import problems
from transcoder.api.routes.streams import BASE
from transcoder.api.state import ClientOf, ControlOf, Watching, watch_again
from transcoder.worker_options import MAIN

_MP4: Final = {live.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_SHOWN: Final = {"description": "Fragmented MP4, for as long as the client stays", "content": _MP4}

router = APIRouter(prefix=BASE, tags=["streams"])


def _peer(client: Address | None) -> str:
    """Return the address and port of a client, as those of readers are written."""
    if client is None:
        return ""
    return f"[{client.host}]:{client.port}" if ":" in client.host else f"{client.host}:{client.port}"


@router.get(
    "/{stream}/live.mp4",
    response_class=Response,
    openapi_extra=schema.logins("bearer", "digest", "basic"),
    responses={**problems(404, 409, 429), 200: _SHOWN},
)
async def live_mp4(request: Request, stream: str, control: ControlOf, user: Watching, client: ClientOf) -> LiveAnswer:
    """Return the pictures of the stream as readers get them, beginning with the next IDR picture, without sound.

    The answer ends when the format of the stream changes. Whoever reads it counts as a reader, with the transport
    `web`, and is sent no more when the token is removed or the right to read it is taken away. The users of RTSP log in
    here, too, as for a snapshot.
    """
    return LiveAnswer(await control.view(stream, MAIN, user, _peer(client)), partial(watch_again, request, user))


@router.get(
    "/{stream}/renditions/{rendition}/live.mp4",
    response_class=Response,
    openapi_extra=schema.logins("bearer", "digest", "basic"),
    responses={**problems(404, 409, 429), 200: _SHOWN},
)
async def rendition_live_mp4(
    request: Request, stream: str, rendition: str, control: ControlOf, user: Watching, client: ClientOf
) -> LiveAnswer:
    """Return the pictures of a rendition as readers get them; one that sleeps is woken up for it."""
    return LiveAnswer(await control.view(stream, rendition, user, _peer(client)), partial(watch_again, request, user))


@router.websocket("/{stream}/live")
async def live_socket(socket: WebSocket, stream: str, control: ControlOf) -> None:
    """Send the pictures of the stream."""
    await rendition_live_socket(socket, stream, MAIN, control)


@router.websocket("/{stream}/renditions/{rendition}/live")
async def rendition_live_socket(socket: WebSocket, stream: str, rendition: str, control: ControlOf) -> None:
    """Send the pictures of a rendition."""

    async def answer(who: Identity) -> None:
        await live.show(socket, control, stream, rendition, who, _peer(socket.client))

    await web_socket.serve(socket, answer)
