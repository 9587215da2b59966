"""The live picture goes out here, in the answer to a request or over a WebSocket, to one viewer.

Nothing waits here: what a viewer does not take in time waits, and is left out, in its outlet.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from transcoder.api import web_socket
from transcoder.api.access import Denied, Identity
from transcoder.api.web_socket import Closed, first_of
from transcoder.codecs.fragmented_mp4 import InitSegment
from transcoder.control import Control
from transcoder.output.live_track import Gap
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.session import EndReason
from transcoder.service.viewers import Ended, Viewer

MEDIA_TYPE: Final = "video/mp4"

FORMAT_CHANGED: Final = 4409
ENDED_BY_OPERATOR: Final = 4410
GONE: Final = 4404
RESTARTS: Final = 1012
"""The code of a server that restarts (IANA's registry of WebSocket close codes)."""

_ENDS: Final = {
    EndReason.FORMAT_CHANGE: (FORMAT_CHANGED, "the stream's format is another one now: connect again"),
    EndReason.OPERATOR: (ENDED_BY_OPERATOR, "an operator ended it"),
    EndReason.STREAM_GONE: (GONE, "the stream was disabled or removed"),
    EndReason.SHUTDOWN: (RESTARTS, "the gateway stops"),
}
"""The code and the words with which a WebSocket is closed."""


class LiveAnswer(Response):
    """An answer whose body goes on for as long as the viewer stays; it closes the viewer.

    Args:
        viewer: the viewer.
        look: looks whether the viewer may still watch, and raises Denied where not.
    """

    media_type = MEDIA_TYPE

    def __init__(self, viewer: Viewer, look: Callable[[], None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        self._viewer = viewer
        self._look = look
        del self.headers["content-length"]

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await first_of(self._send(send), _leaves(receive), self._while_allowed())
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._viewer.close()

    async def _send(self, send: Send) -> None:
        try:
            while True:
                piece = await self._viewer.next()
                if not isinstance(piece, Gap):
                    body = piece.data if isinstance(piece, InitSegment) else piece
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        except (Ended, OSError):
            return

    async def _while_allowed(self) -> None:
        """Look now and then whether the login holds, and return when it does not."""
        while True:
            await asyncio.sleep(web_socket.LOOK_AGAIN_S)
            try:
                self._look()
            except Denied:
                return


async def _leaves(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def show(socket: WebSocket, control: Control, stream: str, output: str, who: Identity, peer: str) -> None:
    """Send an output's pictures over a WebSocket that is open, until it ends.

    Args:
        socket: the WebSocket.
        control: finds the output.
        stream: the name of the stream.
        output: the name of the output.
        who: the identity of whoever watches.
        peer: the address and port of the connection.

    Raises:
        Closed: the viewer gets nothing any more.
        Rejected: there is no such output, or no room for a viewer.
        WebSocketDisconnect: the client is gone.
    """
    try:
        viewer = await control.view(stream, output, who.name, peer)
    except Rejected as error:
        if error.code is Code.UNAVAILABLE:  # no reason to come back at once
            raise Closed(GONE, str(error)) from None
        raise
    try:
        await first_of(_send_all(socket, viewer), _hear_end(socket))
    except Ended as end:
        raise Closed(*_ENDS.get(end.reason, (GONE, end.reason.value))) from None
    finally:
        viewer.close()


async def _send_all(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        piece = await viewer.next()
        if isinstance(piece, bytes):
            await socket.send_bytes(piece)
        elif isinstance(piece, Gap):
            await socket.send_text('{"type":"gap"}')
        else:
            await socket.send_text(_told(piece))
            await socket.send_bytes(piece.data)


def _told(segment: InitSegment) -> str:
    return json.dumps(
        {
            "type": "init",
            "mime": segment.media_type,
            "width": segment.width,
            "height": segment.height,
            "codec": segment.codec.value.lower(),
        }
    )


async def _hear_end(socket: WebSocket) -> None:
    """Wait until the client is gone; it has nothing to say."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1006))
