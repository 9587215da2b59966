"""WebSockets as clients open them: with bounds, and with codes that tell why they end.

The client is that of the library `websockets`, or bytes as RFC 6455 has them.
"""

import asyncio
import base64
import contextlib
import struct
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from tests.support.aftermath import nothing_is_left
from transcoder.http_server import guard, web_socket
from transcoder.http_server.guard import CountedErrors, HttpCounts, HttpLimits
from transcoder.http_server.server import AppServer
from transcoder.net.listening import listening_sockets

UPGRADE = (
    b"GET /talk HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)


class Application:
    """Echoes what it hears; /pour sends without end, /never is not opened, /other is closed with 4404."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.poured = 0
        self.running = Counter[str]()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        path = scope["path"]
        self.running[path] += 1
        try:
            await receive()
            if path == "/never":
                await send({"type": "websocket.close", "code": 1000})
                return
            await send({"type": "websocket.accept"})
            if path == "/other":
                await send({"type": "websocket.close", "code": 4404, "reason": "no such stream"})
                return
            while path == "/pour":
                await send({"type": "websocket.send", "bytes": bytes(10_000)})
                self.poured += 10_000
                await asyncio.sleep(0)
            while (message := await receive())["type"] != "websocket.disconnect":
                self.said.append(message)
                await send({"type": "websocket.send", "text": "heard"})
        finally:
            self.running[path] -= 1


class Serving:
    def __init__(self, limits: HttpLimits) -> None:
        self.app, self.counts, self.port = Application(), HttpCounts(), 0
        self.server = AppServer(CountedErrors(self.app, self.counts), limits, self.counts, web_sockets=True)

    async def raw(self, head: bytes = UPGRADE + b"\r\n") -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head)
        answer = await reader.readuntil(b"\r\n\r\n") if head.endswith(b"\r\n\r\n") else b""
        return reader, writer, answer

    async def is_healthy(self) -> bool:
        def ask() -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return bool(answer.status == 200)

        return await asyncio.to_thread(ask)

    async def gone(self, path: str = "/talk") -> None:
        async with asyncio.timeout(20):
            while self.app.running[path]:
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def serving(limits: HttpLimits | None = None) -> AsyncIterator[Serving]:
    made = Serving(limits or HttpLimits())
    [listener] = await listening_sockets("127.0.0.1", 0, 64)
    made.port = listener.getsockname()[1]
    await made.server.start()
    await made.server.listen(listener)
    try:
        yield made
    finally:
        await made.server.stop()


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame, masked with zeros (RFC 6455 section 5.2)."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([opcode | (0x80 if fin else 0)]) + size + bytes(4) + payload


async def test_a_client_talks_without_compression_and_its_deadline_is_over() -> None:
    async with (
        serving(HttpLimits(request_s=0.3)) as server,
        nothing_is_left(),
        connect(f"ws://127.0.0.1:{server.port}/talk") as client,
    ):
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers
        await asyncio.sleep(1.0)
        await client.send("a text")
        assert await client.recv() == "heard"
        assert [message["text"] for message in server.app.said] == ["a text"]


async def test_why_it_ends_is_told_and_counted() -> None:
    async with serving() as server, nothing_is_left():
        async with connect(f"ws://127.0.0.1:{server.port}/other") as client:
            with pytest.raises(ConnectionClosed) as caught:
                await client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4404, "no such stream")
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{server.port}/never")
        assert refused.value.response.status_code == 403
        assert server.counts.rejected == {404: 1}


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (frame(1, bytes(web_socket.MAX_MESSAGE + 1)), 1009),
        (frame(1, b"x" * 10_000, fin=False) + frame(0, b"x" * 10_000), 1009),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(3), 1002),
        (b"\x81\x05hello", 1002),
    ],
    ids=["huge", "huge in pieces", "no text", "no opcode", "not masked"],
)
async def test_what_breaks_the_protocol_ends_it(what: bytes, code: int) -> None:
    async with serving() as server, nothing_is_left():
        reader, writer, _ = await server.raw()
        writer.write(what)
        said = await reader.read()
        assert said[0] == 0x88
        assert int.from_bytes(said[2:4], "big") == code
        await server.gone()
        writer.close()


@pytest.mark.parametrize(
    "flood",
    [frame(0, fin=False), frame(9), frame(10), frame(1, b"x")],
    ids=["empty fragments", "pings", "pongs", "texts"],
)
@pytest.mark.parametrize("measure", [True, False], ids=["measure", "control"])
async def test_a_flood_of_frames_is_hardly_read(
    flood: bytes, *, measure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not measure:
        monkeypatch.setattr(web_socket, "FREE_FRAMES", 1 << 30)
    count, received = 0, WebSocketsSansIOProtocol.handle_events

    def counted(self: Any) -> None:
        nonlocal count
        count += len(self.conn.events)
        received(self)

    monkeypatch.setattr(WebSocketsSansIOProtocol, "handle_events", counted)
    async with serving() as server, nothing_is_left():
        reader, writer, _ = await server.raw()
        writer.write(frame(1, b"x", fin=False) if flood[0] == 0 else b"")
        writer.write(flood * 5_000)
        writer.write(frame(0) if flood[0] == 0 else b"")
        writer.write(frame(8))
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass
        await server.gone()
        writer.close()
    assert count < 300 + web_socket.PORTION if measure else count > 5_000
    assert server.counts.aborted == measure


async def test_who_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.http_server.server.PING_S", 1.0)
    monkeypatch.setattr("transcoder.http_server.server.PONG_S", 1.0)
    async with serving() as server, nothing_is_left():
        _, writer, _ = await server.raw(UPGRADE.replace(b"/talk", b"/pour") + b"\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typeshed knows the writing half alone
        await server.gone("/pour")
        assert server.app.poured < 20 << 20  # what the kernels of both ends hold
        writer.transport.abort()


async def test_who_does_not_close_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server, nothing_is_left():
        reader, writer, _ = await server.raw(UPGRADE.replace(b"/talk", b"/other") + b"\r\n")
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                while await reader.read(100):
                    pass
        writer.close()


async def test_a_thousand_upgrades_leave_room_for_requests() -> None:
    limits = HttpLimits(connections=24, per_address=10, web_sockets=8, running=32)
    async with serving(limits) as server, nothing_is_left():
        talking = [await connect(f"ws://127.0.0.1:{server.port}/talk") for _ in range(8)]
        for _ in range(100):
            _, writer, answer = await server.raw()
            assert answer.startswith(b"HTTP/1.1 503")
            writer.close()
        assert await server.is_healthy()
        assert server.counts.rejected[503] == 100
        assert all(client.state is State.OPEN for client in talking)
        await talking[0].close()
        await server.raw(UPGRADE)  # half an upgrade takes no place of one
        async with connect(f"ws://127.0.0.1:{server.port}/talk"):
            assert await server.is_healthy()
        for client in talking:
            await client.close()
        for connection in list(server.server._server.server_state.connections):  # type: ignore[union-attr]  # it runs
            assert isinstance(connection, guard.Guarded)
            connection.abort()


async def test_those_that_are_refused_make_way() -> None:
    limits = HttpLimits(connections=24, per_address=4, web_sockets=4, running=32)
    async with serving(limits) as server, nothing_is_left():
        lingering = [await server.raw(UPGRADE.replace(b"/talk", b"/other") + b"\r\n") for _ in range(4)]
        async with connect(f"ws://127.0.0.1:{server.port}/talk") as client:
            await client.send("a text")
            assert await client.recv() == "heard"
        for _, writer, _ in lingering:
            writer.close()


@pytest.mark.parametrize(
    "head",
    [
        UPGRADE.replace(b"Version: 13", b"Version: 8") + b"\r\n",
        UPGRADE.replace(b"Key: ", b"Key: short") + b"\r\n",
        UPGRADE + b"X: " + b"x" * 9_000 + b"\r\n\r\n",
    ],
    ids=["version", "key", "a long field"],
)
async def test_what_is_no_web_socket_is_refused(head: bytes) -> None:
    async with serving() as server, nothing_is_left():
        _, writer, answer = await server.raw(head)
        assert answer.startswith(b"HTTP/1.1 4")
        assert sum(server.counts.rejected.values()) == 1
        writer.close()
        assert not server.app.running


async def test_the_end_of_the_gateway_is_told() -> None:
    async with serving() as server:
        client = await connect(f"ws://127.0.0.1:{server.port}/talk")
        await server.server.stop()
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
        await client.close()
