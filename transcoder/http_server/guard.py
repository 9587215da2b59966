"""Connections that say nothing, or little, take no place from a request.

uvicorn has no deadline for a request that is on its way, and counts connections that wait for one. Here a request has
to be whole in time, and where there is no room the connection that has waited longest makes way: `/healthz` is answered
whatever strangers do.

A head of thousands of empty fields takes 6 ms to read, and a thousand connections may send one each: it is refused
before its fields are looked at, and so are a body's trailers.

A body in chunks of a byte each costs a hundred times the work of one in one piece, in the same turn of the event loop,
and needs no login. A connection whose chunks are that small is closed.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import h11
from h11._receivebuffer import ReceiveBuffer
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_HEAD: Final = 16_384
"""Bytes of a request's head at most."""
MAX_LINES: Final = 128
"""Lines of a head, or of trailers, at most; browsers behind proxies send some forty."""
MAX_CHUNKS: Final = 256
"""Chunks that a body may have whatever their size: 4 ms of work."""
MIN_CHUNK: Final = 64
"""Bytes that the chunks of a body past that number have at least, on average. Clients send kilobytes."""
FIRST_ERROR: Final = 400
"""The first status that is an error (RFC 9110 section 15)."""
LAST_ERROR: Final = 600
"""The first number after the statuses that are errors."""
PRIVATE_CODES: Final = 4000
"""The first code that the makers of a WebSocket may close it with (RFC 6455 section 7.4.2); here a status is added."""
_ANSWERS: Final = frozenset({"http.response.start", "websocket.http.response.start", "websocket.close"})
_COMING: Final = (h11.IDLE, h11.SEND_BODY)
"""The states of a client whose request is not whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Holds the limits for connections.

    Attributes:
        connections: connections at a time; another one takes the place of one that waits.
        per_address: connections at a time of one address, likewise.
        busy_per_address: connections at a time of one address of which none waits, such as answers that go on and
            WebSockets; another one is closed. It is three quarters of `running`, so that nobody takes the places of
            all: 64 pages behind a proxy have a WebSocket and events each, and 64 requests under way.
        stuck_s: how long a client may take nothing of an answer.
        request_s: how long a connection may take to its first whole request, and any request to be whole.
        running: connections or requests at a time, beyond which a request is answered 503.
        web_sockets: WebSockets at a time, beyond which another one is answered 503; requests have the rest of the
            connections. As many of one address as it may have connections.
    """

    connections: int = 192
    per_address: int = 64
    busy_per_address: int = 192
    request_s: float = 10.0
    stuck_s: float = 30.0
    running: int = 256
    web_sockets: int = 128


@dataclass(slots=True)
class HttpCounts:
    """Counts what the server did not do for its clients.

    Attributes:
        rejected: answers that were errors, by status.
        aborted: connections that were closed because they were too slow, too many or sent chunks that are too small.
    """

    rejected: Counter[int] = field(default_factory=Counter)
    aborted: int = 0


class CountedErrors:
    """Counts the answers of an application that are errors.

    Args:
        app: the application.
        counts: has the counts.
    """

    def __init__(self, app: ASGIApp, counts: HttpCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def counting(message: Message) -> None:
            status = message.get("status", message.get("code", 0) - PRIVATE_CODES)
            if message["type"] in _ANSWERS and FIRST_ERROR <= status < LAST_ERROR:
                self._counts.rejected[status] += 1
            await send(message)

        await self._app(scope, receive, counting)


class _Lines(ReceiveBuffer):
    """Holds the bytes that a connection received, and gives out no more lines at once than a head may have."""

    @override
    def maybe_extract_lines(self) -> list[bytearray] | None:
        lines = super().maybe_extract_lines()
        if lines is not None and len(lines) > MAX_LINES:
            raise h11.LocalProtocolError("a head of too many lines", error_status_hint=431)
        return lines


class _Parser(h11.Connection):
    """A parser of requests that stops where the chunks of a body are small.

    Args:
        max_head: the bytes of a request's head at most.
        refuse: ends the connection.
    """

    def __init__(self, max_head: int, refuse: Callable[[], None]) -> None:
        super().__init__(h11.SERVER, max_head)
        self._receive_buffer = _Lines()
        self._refuse = refuse
        self._chunks = self._bytes = 0

    @override
    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        event = super().next_event()
        if type(event) is h11.Data:
            self._chunks += 1
            self._bytes += len(event.data)
            if self._chunks - MAX_CHUNKS > self._bytes // MIN_CHUNK:
                self._refuse()
                return h11.NEED_DATA  # the rest of what was read is not looked at
        elif type(event) is h11.Request:
            self._chunks = self._bytes = 0
        return event


class Guarded:
    """A connection that makes way for others while nobody waits for what it does.

    Attributes:
        since: the time of the event loop from which on it waits.
        client: the address and port of the client, None where its socket has none, such as a Unix socket.
    """

    since: float = 0.0
    client: tuple[str, int] | None = None

    @property
    def address(self) -> str:
        """Return the address of the client, "" where its socket has none."""
        return self.client[0] if self.client is not None else ""

    @property
    def is_waiting(self) -> bool:
        """Return whether the connection is of no use to its client at present."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close the connection at once."""
        raise NotImplementedError


class GuardedProtocol(Guarded, H11Protocol):
    """An HTTP connection with a deadline, which makes way for others while it has no request.

    Args:
        limits: the limits for connections.
        counts: counts connections that are closed.
        arguments: what uvicorn gives to its own protocol.
    """

    def __init__(self, limits: HttpLimits, counts: HttpCounts, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._counts = counts
        self.conn = _Parser(self.config.h11_max_incomplete_event_size or MAX_HEAD, self.abort)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._untaken = 0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._arm()
        others = self._others()
        same = [item for item in others if item.address == self.address]
        if len(same) >= self._limits.per_address:
            if not _make_way(same) and len(same) >= self._limits.busy_per_address:
                self.abort()
        elif len(others) >= self._limits.connections:
            _make_way(others)

    @override
    def data_received(self, data: bytes) -> None:
        if self._deadline is None and self.is_waiting:
            self._arm()
        super().data_received(data)
        if not self.is_waiting:
            self._disarm()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._stop_looking()
        super().connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_soon()

    @override
    def resume_writing(self) -> None:
        self._stop_looking()
        super().resume_writing()

    def _look_soon(self) -> None:
        self._untaken = self.transport.get_write_buffer_size()
        self._look = self.loop.call_later(self._limits.stuck_s, self._look_at_client)

    def _look_at_client(self) -> None:
        """Close the connection of a client that takes nothing; closing it otherwise would wait for it for ever."""
        if self.transport.get_write_buffer_size() < self._untaken:
            self._look_soon()
        else:
            self.abort()

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    @override
    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._disarm()  # the request is whole
        sockets = [item for item in self._others() if not isinstance(item, GuardedProtocol)]
        same = [item for item in sockets if item.address == self.address]
        is_full = False
        for group, limit in ((same, self._limits.per_address), (sockets, self._limits.web_sockets)):
            is_full = is_full or (len(group) >= limit and not _make_way(group))
        if is_full:
            self._counts.rejected[503] += 1
            head = h11.Response(status_code=503, headers=[(b"Content-Length", b"0"), (b"Connection", b"close")])
            self.transport.write((self.conn.send(head) or b"") + (self.conn.send(h11.EndOfMessage()) or b""))
            self.transport.close()
        else:
            super().handle_websocket_upgrade(event)

    def _others(self) -> list[Guarded]:
        """Return the other connections of this server that are not closed yet."""
        connections: set[Any] = self.connections
        return [item for item in connections if isinstance(item, Guarded) and item is not self]

    @property
    @override
    def is_waiting(self) -> bool:
        return self.conn.their_state in _COMING

    @override
    def abort(self) -> None:
        self._disarm()
        self._counts.aborted += 1
        self.connections.discard(self)
        self.transport.abort()

    def _arm(self) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(self._limits.request_s, self.abort)
        self.since = self._deadline.when()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _make_way(connections: list[Guarded]) -> bool:
    """Close the connection that has waited longest for a request; return False where all are busy."""
    waiting = [item for item in connections if item.is_waiting]
    if waiting:
        min(waiting, key=lambda item: item.since).abort()
    return bool(waiting)


def guarded(limits: HttpLimits, counts: HttpCounts) -> type[asyncio.Protocol]:
    """Return the protocol for uvicorn's configuration."""
    return cast(type[asyncio.Protocol], functools.partial(GuardedProtocol, limits, counts))
