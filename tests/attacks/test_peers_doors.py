"""Connections that say nothing, and answers that nobody reads: readers come in all the same."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.support.aftermath import nothing_is_left
from tests.support.rtsp_reader import RtspReader
from tests.support.served import ANYWHERE, Catalogue, Register
from transcoder.errors import TransportError
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.session import EndReason, ServerOptions

UNBOUNDED = 1 << 30
SMALL: dict[str, Any] = {"max_connections": 32, "reserved_connections": 4, "max_arriving": 8, "tick_s": 0.05}
ANSWERS = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[RtspServer, Register]]:
    catalogue, register = Catalogue(), Register()
    catalogue.users["vms"] = "secret"
    made = RtspServer(
        catalogue,
        [ANYWHERE],
        (0, 0),
        options=ServerOptions(**SMALL | options),
        reader_listener=register,
    )
    await made.start()
    try:
        yield made, register
    finally:
        await made.stop()


@contextlib.contextmanager
def silent(server: RtspServer, count: int, *hosts: str) -> Iterator[list[socket.socket]]:
    """Connections of each address that say nothing."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 5, (host, 0)))
            for host in hosts
            for _ in range(count)
        ]


async def comes_in(server: RtspServer) -> bool:
    """Whether a reader is served, on 127.0.0.1."""
    try:
        async with RtspReader(server.url("127.0.0.1", "front"), "vms", "secret") as reader:
            await asyncio.wait_for(reader.describe(), 3)
    except (OSError, TimeoutError, TransportError):
        return False
    return True


async def is_answered(server: RtspServer, host: str) -> bool:
    """Whether a request from an address gets any answer."""
    with silent(server, 1, host) as [sock]:
        try:
            sock.send(ANSWERS)
            return bool(await asyncio.to_thread(sock.recv, 4096))
        except OSError:
            return False


async def settled(server: RtspServer, count: int) -> None:
    async with asyncio.timeout(5):
        while server.connections != count:
            await asyncio.sleep(0.01)


async def test_one_address_does_not_take_all_places() -> None:
    async with serving(first_request_s=60) as (server, _), nothing_is_left(server):
        with silent(server, 40, "127.0.0.2"):
            await settled(server, 8)
            assert await comes_in(server)


async def test_without_a_limit_for_each_address_it_does() -> None:
    async with serving(first_request_s=60, max_arriving=UNBOUNDED, max_strangers=UNBOUNDED) as (server, _):
        with silent(server, 40, "127.0.0.2"):
            await settled(server, 28)
            assert not await comes_in(server)


@pytest.mark.parametrize(("reserved", "is_let_in"), [(4, True), (0, False)], ids=["reserve", "control"])
async def test_places_are_kept_for_addresses_that_readers_logged_in_from(reserved: int, *, is_let_in: bool) -> None:
    async with serving(first_request_s=60, reserved_connections=reserved) as (server, _), nothing_is_left(server):
        assert await comes_in(server)
        await settled(server, 0)
        with silent(server, 8, "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"):
            await settled(server, 32 - reserved)
            assert await comes_in(server) is is_let_in


@pytest.mark.parametrize(("reserved", "is_let_in"), [(4, True), (0, False)], ids=["reserve", "control"])
async def test_the_address_of_a_reader_does_not_take_all_places(reserved: int, *, is_let_in: bool) -> None:
    async with serving(first_request_s=60, reserved_connections=reserved) as (server, _), nothing_is_left(server):
        assert await comes_in(server)
        await settled(server, 0)
        with silent(server, 40, "127.0.0.1"):
            await settled(server, 32 - 2 * reserved)
            assert await is_answered(server, "127.0.0.2") is is_let_in


async def test_strangers_that_stay_are_few() -> None:
    async with (
        serving(max_strangers=3, arrival_s=0.2, first_request_s=60) as (server, register),
        nothing_is_left(server),
    ):
        with silent(server, 8, "127.0.0.2"):
            await settled(server, 3)
    assert register.connections.count(EndReason.CONNECTION_LIMIT) == 5


@pytest.mark.parametrize("drips", [False, True], ids=["silent", "a byte at a time"])
async def test_the_first_request_has_a_deadline(*, drips: bool) -> None:
    async with serving(first_request_s=0.4) as (server, register), nothing_is_left(server):
        with silent(server, 4, "127.0.0.1") as sockets:
            for byte in b"OPTIONS rtsp://h/ RTSP/1.0":
                for sock in sockets if drips else ():
                    with contextlib.suppress(OSError):
                        sock.send(bytes((byte,)))
                await asyncio.sleep(0.05)
            await settled(server, 0)
        assert register.connections == [EndReason.IDLE] * 4


async def test_answers_that_nobody_reads_stop_the_reading() -> None:
    waiting = [await unread(64 << 10), await unread(UNBOUNDED)]
    assert waiting[0] < 256 << 10
    assert waiting[1] > 2 * waiting[0], "the control: without a limit they pile up"


async def unread(limit: int) -> int:
    """The most bytes that wait for a peer which asks and never reads."""
    most = 0
    async with serving(max_unsent=limit, max_pipelined=UNBOUNDED) as (server, _), nothing_is_left(server):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            sock.setblocking(False)
            for _ in range(200):
                with contextlib.suppress(OSError):
                    sock.send(ANSWERS * 200)
                await asyncio.sleep(0.005)
                for connection in server._door.inside():
                    most = max(most, connection._transport.get_write_buffer_size())
    return most
