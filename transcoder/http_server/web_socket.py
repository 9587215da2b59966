"""A WebSocket of a client is held to bounds that uvicorn's own has not (RFC 6455).

It opens after a whole request that the guard let in. What it may say is little: the pages of this gateway say which
pictures they show. A client that reads nothing is given up once it answers no ping; one that closes has to be quick.
"""

import asyncio
import contextlib
import functools
import socket
from typing import Any, Final, cast

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from transcoder.http_server.guard import Guarded, HttpCounts

MAX_MESSAGE: Final = 16_384
"""Bytes of a client's message at most: 64 names of streams, three times over."""
PING_S: Final = 20.0
"""Seconds between pings."""
PONG_S: Final = 10.0
"""Seconds within which a ping is answered."""
CLOSE_S: Final = 1.0
"""Seconds that a client has to close what the gateway closes."""
FREE_FRAMES: Final = 256
"""Frames that may come at once whatever their size: a page that moves through a long wall, and 5 ms of work."""
FRAMES_PER_S: Final = 16.0
"""Frames a second that may come for long."""
PORTION: Final = 1024
"""Bytes that are read at once: 170 frames at most, so that a flood of them is seen before it is read."""
UNSENT: Final = 64 << 10
"""Bytes that the kernel holds unsent at most; more would be a picture's delay that no queue here tells of."""
_NOT_SENT_LOWAT: Final = getattr(socket, "TCP_NOTSENT_LOWAT", 25)


class GuardedWebSocket(Guarded, WebSocketsSansIOProtocol):
    """A WebSocket whose client can say only so much, and which ends when its client does not react.

    Args:
        counts: counts connections that are closed.
        arguments: what uvicorn gives to its own protocol.
    """

    def __init__(self, counts: HttpCounts, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.close_timeout = CLOSE_S
        self._counts = counts
        self._frames = float(FREE_FRAMES)
        self._frames_at = self.since = self.loop.time()
        self._last: asyncio.TimerHandle | None = None

    @property
    @override
    def is_waiting(self) -> bool:
        return self.close_sent or self.transport.is_closing()

    @override
    def abort(self) -> None:
        self._counts.aborted += 1
        self.transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, _NOT_SENT_LOWAT, UNSENT)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._last is not None:
            self._last.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PORTION):
            super().data_received(data[start : start + PORTION])
            if self._frames < 0 and self.handshake_initiated and not self.transport.is_closing():
                self.abort()
            if self.transport.is_closing():
                self._end_soon()
                return

    @override
    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if self.transport.is_closing():  # no WebSocket's request: it was answered by the library
            self._counts.rejected[self.response.status_code] += 1

    @override
    def handle_events(self) -> None:
        now = self.loop.time()
        refill = (now - self._frames_at) * FRAMES_PER_S
        self._frames, self._frames_at = min(self._frames + refill, FREE_FRAMES), now
        self._frames -= len(self.conn.events)
        if self._frames >= 0:
            super().handle_events()
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse()

    def _refuse(self) -> None:
        """Send what the library answers to a head that it does not take."""
        self._counts.rejected[400] += 1
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    @override
    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # there is nobody to tell why
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self.abort()
            return
        super().handle_parser_exception()

    @override
    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_soon()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._end_soon()

    @override
    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        if self.transport.is_closing():
            self._end_soon()

    @override
    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.close_sent:
            self._end_soon()

    def _end_soon(self) -> None:
        """Give the client a moment to take what was sent; closing alone would wait for it for ever."""
        if self._last is None and not self.disconnected:
            self.since = self.loop.time()
            self._last = self.loop.call_later(CLOSE_S, self.transport.abort)


def guarded_web_socket(counts: HttpCounts) -> type[asyncio.Protocol]:
    """Return the protocol for uvicorn's configuration."""
    return cast(type[asyncio.Protocol], functools.partial(GuardedWebSocket, counts))
