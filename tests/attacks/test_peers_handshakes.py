"""TLS handshakes that nobody finishes: they take no place and no descriptor from others."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.aftermath import nothing_is_left
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.lab.cameras.certificate import Certificate
from transcoder.net import secured_listener

COUNT = 60


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(Certificate("127.0.0.1").pem_with_key)
    return path


@contextlib.asynccontextmanager
async def serving(certificate: Path) -> AsyncIterator[HttpServer]:
    keys = {"listen": "127.0.0.1:0", "cert_file": str(certificate), "key_file": str(certificate)}
    made = HttpServer(cast(Any, SimpleNamespace()), HttpConfig.model_validate(keys))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@contextlib.contextmanager
def half_open(port: int, *hosts: str) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5, (host, 0)))
            for host in hosts
            for _ in range(COUNT // len(hosts))
        ]


async def health(port: int) -> bool:
    """Whether a client comes through, over TLS, from an address of its own."""

    def ask() -> bool:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection(("127.0.0.1", port), 5) as sock,
            context.wrap_socket(sock) as secured,
        ):
            secured.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return secured.recv(4096).startswith(b"HTTP/1.1 200")

    return await asyncio.to_thread(ask)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.real_time  # the sockets are the test's own, and no loop waits for them
@pytest.mark.parametrize("hosts", [("127.0.0.2",), ("127.0.0.2", "127.0.0.3", "127.0.0.4")], ids=["one", "several"])
async def test_handshakes_that_nobody_finishes_are_few(
    certificate: Path, hosts: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secured_listener, "ADDRESS_HANDSHAKES", 8)
    monkeypatch.setattr(secured_listener, "MAX_HANDSHAKES", 12)
    async with serving(certificate) as server:
        assert await health(server.port)
        await asyncio.sleep(0.1)
        before = descriptors()
        async with nothing_is_left():
            with half_open(server.port, *hosts):
                await asyncio.sleep(0.3)
                assert descriptors() - before - COUNT <= 12
                assert await health(server.port)


@pytest.mark.real_time
async def test_without_the_limits_each_has_a_descriptor(certificate: Path) -> None:
    async with serving(certificate) as server:
        assert await health(server.port)
        await asyncio.sleep(0.1)
        before = descriptors()
        with half_open(server.port, "127.0.0.2"):
            await asyncio.sleep(0.3)
            assert descriptors() - before - COUNT >= COUNT - 2
            assert await health(server.port), "the newest comes through: it is the oldest that makes way"


@pytest.mark.parametrize("says", [b"", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n\r\n"])
async def test_a_handshake_has_a_deadline(certificate: Path, says: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secured_listener, "HANDSHAKE_S", 0.3)
    async with serving(certificate) as server, nothing_is_left():
        with half_open(server.port, "127.0.0.2") as sockets:
            for sock in sockets:
                sock.sendall(says)
            await asyncio.sleep(0.8)
            assert server.handshakes == 0


async def test_who_is_under_way_when_it_stops_is_closed(certificate: Path) -> None:
    async with nothing_is_left(), serving(certificate) as server:
        with half_open(server.port, "127.0.0.2"):
            await asyncio.sleep(0.2)
            assert server.handshakes == COUNT
