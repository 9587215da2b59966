"""A WebSocket of the API has a login like any request, and is closed with a code that says why (RFC 6455 section 7.4).

A page sees no status of an answer that refuses to open a WebSocket: so it is opened first, and closed with 4000 and the
status that a request had been answered with.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import WebSocket, WebSocketDisconnect

from transcoder.api.access import Denied, Identity, Role
from transcoder.api.problem import STATUS
from transcoder.api.state import identify, identify_again
from transcoder.http_server.guard import PRIVATE_CODES
from transcoder.rejection import Rejected

UNSUPPORTED_DATA: Final = 1003
"""The code for a message of a kind that is not taken (RFC 6455 section 7.4.1)."""
LOOK_AGAIN_S: Final = 10.0
"""Seconds after which an open WebSocket is closed at the latest whose token was removed, or whose cookie has ended."""
MAX_REASON: Final = 120
"""Bytes of the reason with which a WebSocket is closed (RFC 6455 section 5.5 has 123)."""


class Closed(Exception):  # noqa: N818  # it is the answer, no error
    """A WebSocket is closed by the gateway.

    Args:
        code: the code, as in RFC 6455 section 7.4 or of our own.
        reason: the reason in words.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


async def serve(
    socket: WebSocket, answer: Callable[[Identity], Coroutine[Any, Any, None]], role: Role = Role.READ
) -> None:
    """Open a WebSocket for whoever has a role, and close it with the reason for which it ends.

    Args:
        socket: the WebSocket, which nobody opened yet.
        answer: sends and receives until the WebSocket ends; it raises Rejected or Closed to say why, and needs to mind
            no WebSocketDisconnect.
        role: the role that is needed.
    """
    try:
        who = await _identify(socket, role)
        await socket.accept()
        if isinstance(who, Closed):
            raise who
        await first_of(answer(who), _while_logged_in(socket, who))
    except WebSocketDisconnect:
        return
    except Rejected as error:
        await _close(socket, PRIVATE_CODES + STATUS[error.code], str(error))
    except Closed as error:
        await _close(socket, error.code, error.reason)
    else:
        await _close(socket, 1000, "")


async def _identify(socket: WebSocket, role: Role) -> Identity | Closed:
    try:
        return await identify(socket, role)
    except Denied as error:
        return Closed(PRIVATE_CODES + error.status, error.reason)


async def _while_logged_in(socket: WebSocket, who: Identity) -> None:
    """Look now and then whether the login holds.

    Raises:
        Closed: it does not hold any more.
    """
    while True:
        await asyncio.sleep(LOOK_AGAIN_S)
        try:
            identify_again(socket, who)
        except Denied as error:
            raise Closed(PRIVATE_CODES + error.status, error.reason) from None


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the client was quicker
        await socket.close(code, reason.encode()[:MAX_REASON].decode(errors="ignore"))


async def receive_text(socket: WebSocket) -> str:
    """Return the next text that the client sends.

    Raises:
        Closed: the client sent bytes.
        WebSocketDisconnect: the client is gone.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    text = message.get("text")
    if text is None:
        raise Closed(UNSUPPORTED_DATA, "text is expected")
    return str(text)


async def first_of(*work: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until the first one of them ends or fails, as it does; the others are cancelled."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
