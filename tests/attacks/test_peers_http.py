"""Idle and slow HTTP connections do not take /healthz and /readyz down."""

import asyncio
import contextlib
import socket
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, cast

import h11
import pytest

from tests.support.aftermath import nothing_is_left
from tests.support.flood import send_all
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.control.events import Events
from transcoder.http_server import guard
from transcoder.http_server.guard import HttpLimits

SMALL = HttpLimits(connections=12, per_address=8, request_s=60.0, running=16)
WITHOUT = HttpLimits(connections=10_000, per_address=10_000, request_s=60.0, running=16)
SILENT, SLOW_HEAD = b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
SLOW_BODY = b"POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"


LASTING = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(limits: HttpLimits, **control: Any) -> AsyncIterator[HttpServer]:
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0"})
    made = HttpServer(cast(Any, SimpleNamespace(**control)), config, limits=limits)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@contextlib.contextmanager
def connections(server: HttpServer, count: int, says: bytes, *hosts: str) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        made = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 5, (host, 0)))
            for host in hosts
            for _ in range(count)
        ]
        for sock in made:
            sock.sendall(says)
        yield made


async def health(server: HttpServer) -> int:
    def ask() -> int:
        try:
            with urllib.request.urlopen(f"{server.url}/healthz", timeout=5) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("says", [SILENT, SLOW_HEAD, SLOW_BODY], ids=["silent", "slow head", "slow body"])
@pytest.mark.parametrize("hosts", [("127.0.0.2",), ("127.0.0.2", "127.0.0.3", "127.0.0.4")], ids=["one", "several"])
async def test_health_is_answered_whatever_strangers_do(says: bytes, hosts: tuple[str, ...]) -> None:
    async with serving(SMALL) as server:
        assert await health(server) == 200
        async with nothing_is_left():
            with connections(server, 30 // len(hosts), says, *hosts):
                await asyncio.sleep(0.2)
                assert [await health(server) for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("says", [SILENT, SLOW_HEAD], ids=["silent", "slow head"])
async def test_without_the_guard_it_is_not(says: bytes) -> None:
    """The control."""
    async with serving(WITHOUT) as server:
        with connections(server, 30, says, "127.0.0.2"):
            await asyncio.sleep(0.2)
            assert await health(server) == 503


@pytest.mark.parametrize(("most", "expected"), [(8, 200), (10_000, 503)], ids=["measure", "control"])
async def test_answers_that_go_on_leave_others_their_places(most: int, expected: int) -> None:
    limits = HttpLimits(connections=12, per_address=4, busy_per_address=most, running=16)
    source = Events()
    control = {"ids": list, "info": lambda: SimpleNamespace(started="r"), "events": source.listen}
    async with serving(limits, **control) as server:
        writers = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.2", 0))
            writers.append(writer)
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                writer.write(LASTING)
                await reader.readuntil(b"\r\n\r\n")  # none waits for a request, so that none makes way
        assert [await health(server) for _ in range(3)] == [expected] * 3
        for writer in writers:
            writer.transport.abort()
        source.close()


@pytest.mark.parametrize("says", [SILENT, SLOW_HEAD, SLOW_BODY], ids=["silent", "slow head", "slow body"])
async def test_a_request_has_a_deadline(says: bytes) -> None:
    async with serving(HttpLimits(request_s=0.3)) as server, nothing_is_left():
        with connections(server, 3, says, "127.0.0.1") as sockets:
            await asyncio.sleep(1.0)
            for sock in sockets:
                with contextlib.suppress(ConnectionResetError):
                    while sock.recv(4096):
                        pass


@pytest.mark.real_time  # the socket is the test's own, and no loop waits for the rest of an answer
async def test_a_connection_that_is_used_again_stays() -> None:
    async with serving(HttpLimits(request_s=0.3)) as server:
        with connections(server, 1, b"", "127.0.0.1") as [sock]:
            for _ in range(4):
                sock.sendall(SLOW_HEAD + b"\r\n")
                await asyncio.sleep(0.2)
                assert sock.recv(4096).startswith(b"HTTP/1.1 200")


CHUNKED = (
    b"POST /api/v1/streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
CHUNKS = 20_000


async def chunks_looked_at(data: bytes, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many pieces of a body the server parses."""
    count, next_event = 0, h11.Connection.next_event

    def counted(self: h11.Connection) -> Any:
        nonlocal count
        event = next_event(self)
        count += type(event) is h11.Data
        return event

    monkeypatch.setattr(h11.Connection, "next_event", counted)
    async with serving(HttpLimits()) as server, nothing_is_left():
        await asyncio.to_thread(send_all, "127.0.0.1", server.port, CHUNKED + data + b"0\r\n\r\n")
    return count


@pytest.mark.parametrize("measure", [True, False], ids=["measure", "control"])
@pytest.mark.parametrize("chunk", [b"1\r\nx\r\n", b"1;" + b"e" * 30 + b"\r\nx\r\n"], ids=["a byte", "an extension"])
async def test_a_body_in_crumbs_costs_little(chunk: bytes, *, measure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not measure:
        monkeypatch.setattr(guard, "MAX_CHUNKS", CHUNKS)
    looked_at = await chunks_looked_at(chunk * CHUNKS, monkeypatch)
    assert looked_at < 300 if measure else looked_at == CHUNKS


async def test_a_body_in_honest_chunks_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a slow writer, 100 bytes each, up to more than a body may have."""
    chunk = b"64\r\n" + b"x" * 100 + b"\r\n"
    assert await chunks_looked_at(chunk * 700, monkeypatch) == 700


FIELDS = b"a:\r\n" * 4000


@pytest.mark.parametrize("measure", [True, False], ids=["measure", "control"])
@pytest.mark.parametrize("request_", [b"GET / HTTP/1.1\r\nHost: x\r\n", CHUNKED + b"0\r\n"], ids=["head", "trailers"])
async def test_thousands_of_fields_are_not_looked_at(
    request_: bytes, *, measure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not measure:
        monkeypatch.setattr(guard, "MAX_LINES", 1 << 30)
    most, normalize = 0, h11._headers.normalize_and_validate

    def counted(fields: Any, _parsed: bool = False) -> Any:
        nonlocal most
        fields = list(fields)
        most = max(most, len(fields))
        return normalize(fields, _parsed)

    for module in (h11._events, h11._readers):
        if hasattr(module, "normalize_and_validate"):
            monkeypatch.setattr(module, "normalize_and_validate", counted)
    async with serving(HttpLimits()) as server, nothing_is_left():
        await asyncio.to_thread(send_all, "127.0.0.1", server.port, request_ + FIELDS + b"\r\n")
    assert most < 10 if measure else most >= 4000


async def test_a_head_of_many_fields_is_taken() -> None:
    async with serving(HttpLimits()) as server, nothing_is_left():
        head = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Forwarded: by a proxy\r\n" * 60 + b"\r\n"

        def status() -> bytes:
            with socket.create_connection(("127.0.0.1", server.port), 5) as sock:
                sock.sendall(head)
                return sock.recv(100)

        assert (await asyncio.to_thread(status)).startswith(b"HTTP/1.1 200")
