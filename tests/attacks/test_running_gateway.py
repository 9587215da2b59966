"""Attacks on a gateway that runs, beside a clean stream that must not notice: see tests/support/neighbour.py."""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import socket
import struct
import urllib.parse
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.test_peers_turns import EMPTY_FRAMES, SMALL_PACKETS
from tests.support.flood import send_all
from tests.support.flooding_camera import FloodingCamera
from tests.support.gateway_process import GatewayProcess
from tests.support.neighbour import (
    HOSTILE,
    STREAM,
    CleanStream,
    Held,
    clean_camera,
    clean_gateway,
    http_base,
    metrics,
)
from tests.support.neighbour_reader import PASSWORD, USER
from tests.support.rtsp_reader import RtspReader
from tests.support.session_transcript import frame

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("neighbour"), pytest.mark.timeout(180)]

ATTACK_S = 3.0
BUSY_S = 20.0
"""Seconds more that a busy machine gets for an attack."""
STRANGERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, state_dir: Path) -> Iterator[GatewayProcess]:
    with clean_gateway(tmp_path_factory.mktemp("attacked"), state_dir) as made:
        yield made


@pytest.fixture(scope="module")
def clean(gateway: GatewayProcess) -> Iterator[CleanStream]:
    made = CleanStream(gateway)
    yield made
    made.close()


def port(gateway: GatewayProcess) -> int:
    return urllib.parse.urlsplit(gateway.base).port or 0


def http_port(gateway: GatewayProcess) -> int:
    return urllib.parse.urlsplit(http_base(gateway)).port or 0


def ask(
    gateway: GatewayProcess, method: str, path: str, body: bytes = b"", host: str = "127.0.0.1"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", http_port(gateway), timeout=30, source_address=(host, 0))
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextlib.asynccontextmanager
async def hostile_stream(gateway: GatewayProcess, url: str) -> AsyncIterator[None]:
    """A stream of a hostile camera, for as long as the attack lasts."""
    keys = json.dumps({"id": HOSTILE, "source": url}).encode()
    status, text = await asyncio.to_thread(ask, gateway, "POST", "/api/v1/streams", keys)
    assert status == 201, text
    try:
        yield
    finally:
        status, text = await asyncio.to_thread(ask, gateway, "DELETE", f"/api/v1/streams/{HOSTILE}")
        assert status in {200, 204}, text


async def again_and_again(
    attack: Callable[[], object], seconds: float = ATTACK_S, at_once: int = 4, at_least: int = 1
) -> int:
    """Run an attack in threads, again and again, longer where the machine is too busy for so many; how often."""
    count = 0

    async def one() -> None:
        nonlocal count
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                await asyncio.to_thread(attack)
            count += 1

    tasks = [asyncio.create_task(one()) for _ in range(at_once)]
    await asyncio.sleep(seconds)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BUSY_S):
            while count < at_least:
                await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return count


async def test_a_strangers_flood_of_empty_frames(gateway: GatewayProcess, clean: CleanStream) -> None:
    async with clean.beside():
        assert await again_and_again(lambda: send_all("127.0.0.1", port(gateway), EMPTY_FRAMES * 4, b"", 5.0)) > 0


REPORT = struct.pack("!BBHIQIII", 0x80, 200, 6, 7, 1, 2, 3, 4)
GOODBYE = struct.pack("!BBHI", 0x81, 203, 1, 7)
CAMERA_FLOODS = {
    "small packets": SMALL_PACKETS[: 1 << 20],
    "reports": frame(1, REPORT) * 30_000,
    "goodbyes and reports of no length": (frame(1, GOODBYE) + frame(1, b"\x80\xc8\xff\xff")) * 40_000,
    "frames of channels that nobody set up": frame(9, b"x" * 8) * 80_000,
    "requests": b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 30_000,
    "bytes that are nothing": bytes(1 << 20),
}


@pytest.mark.parametrize("name", CAMERA_FLOODS)
async def test_a_flood_of_a_camera_at_line_rate(gateway: GatewayProcess, clean: CleanStream, name: str) -> None:
    async with (
        clean.beside(),
        FloodingCamera(CAMERA_FLOODS[name]) as camera,
        hostile_stream(gateway, camera.url),
    ):
        await asyncio.sleep(ATTACK_S)
        assert camera.sent > 0


async def test_idle_and_slow_connections(gateway: GatewayProcess, clean: CleanStream) -> None:
    async with clean.beside():
        with contextlib.ExitStack() as stack:
            for target in (port(gateway), http_port(gateway)):
                for host in STRANGERS:
                    for number in range(100):
                        with contextlib.suppress(OSError):
                            sock = stack.enter_context(socket.create_connection(("127.0.0.1", target), 5, (host, 0)))
                            if number % 2:
                                sock.sendall(
                                    b"GET / HTTP/1.1\r\nHost: x\r\n" if target != port(gateway) else b"OPTIONS "
                                )
            await asyncio.sleep(0.5)
            assert (await asyncio.to_thread(ask, gateway, "GET", "/healthz"))[0] == 200
            async with RtspReader(gateway.url(STREAM), USER, PASSWORD) as reader:
                await reader.describe()
            await asyncio.sleep(1.0)


BOMBS = {
    "huge": json.dumps({"masks": list(range(150_000))}).encode(),
    "numbers": json.dumps({"masks": list(range(6_000))}).encode(),
    "corners": json.dumps({"masks": [{"polygon": [[0.5, 0.5]] * 3_000}]}).encode(),
    "unknown keys": json.dumps({f"k{number}": number for number in range(5_000)}).encode(),
    "deep": b'{"masks":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
}


@pytest.mark.parametrize("name", list(BOMBS))
async def test_a_document_bomb(gateway: GatewayProcess, clean: CleanStream, name: str) -> None:
    statuses: set[int] = set()

    def attack() -> None:
        statuses.add(ask(gateway, "PATCH", f"/api/v1/streams/{STREAM}", BOMBS[name])[0])

    async with clean.beside():
        assert await again_and_again(attack) > 0
    assert statuses <= {400, 413, 422, 429, 503}


HEAD = b"POST /api/v1/streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
HTTP_FLOODS = {
    "crumbs": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 200_000,
    "pipelined requests": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1_000,
    "long paths": (b"GET /" + b"%41" * 5_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") * 60,
    "many headers": (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"a:b\r\n" * 3_000 + b"\r\n") * 60,
    "no HTTP": b"\x16\x03\x01" * 100,
    "bodies that break off": HEAD + b"Content-Length: 5000\r\n\r\n{",
}
LOG = 128 << 10
"""Bytes that a flood may write into the log: a line a second and kind, and what the stream says meanwhile."""


async def test_a_flood_over_http(gateway: GatewayProcess, clean: CleanStream) -> None:
    hosts, floods = itertools.cycle(STRANGERS), itertools.cycle(HTTP_FLOODS.values())
    written = gateway.log_path.stat().st_size

    def attack() -> None:
        with socket.create_connection(("127.0.0.1", http_port(gateway)), 5, (next(hosts), 0)) as sock:
            sock.settimeout(1.0)
            sock.sendall(next(floods))
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65_536):
                pass

    async with clean.beside():
        least = len(HTTP_FLOODS) + 1
        assert await again_and_again(attack, 2 * ATTACK_S, at_least=least) >= least
        assert (await asyncio.to_thread(ask, gateway, "GET", "/healthz"))[0] == 200
    assert gateway.log_path.stat().st_size - written < LOG


async def test_guesses_of_passwords(gateway: GatewayProcess, clean: CleanStream) -> None:
    before = metrics(gateway)["transcoder_rtsp_auth_failures_total"]

    def guess() -> None:
        with socket.create_connection(("127.0.0.1", port(gateway)), 5, ("127.0.0.2", 0)) as sock:
            sock.sendall(b"DESCRIBE rtsp://127.0.0.1/clean RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            nonce = sock.recv(4096).decode().partition('nonce="')[2].partition('"')[0]
            answer = (
                f'Digest username="{USER}", realm="transcoder", nonce="{nonce}", uri="rtsp://x/clean", response="0"'
            )
            sock.sendall(f"DESCRIBE rtsp://x/clean RTSP/1.0\r\nCSeq: 2\r\nAuthorization: {answer}\r\n\r\n".encode())
            assert b"401" in sock.recv(4096)

    async with clean.beside():
        await again_and_again(guess, at_once=16)
        async with asyncio.timeout(5):  # the right password from another address, meanwhile
            async with RtspReader(gateway.url(STREAM), USER, PASSWORD) as reader:
                await reader.describe()
    assert 0 < metrics(gateway)["transcoder_rtsp_auth_failures_total"] - before < 30
    assert metrics(gateway)["transcoder_rtsp_delayed_logins_total"] > 0


async def test_readers_that_go_without_a_word(gateway: GatewayProcess, clean: CleanStream) -> None:
    """PLAY and TEARDOWN in one write, and connections that break off: no session and no datagram is left."""
    async with clean.beside():
        for number in range(30):
            async with RtspReader(gateway.url(STREAM), USER, PASSWORD) as reader:
                await reader.describe()
                await reader.set_up("udp" if number % 2 else "tcp")
                fields = {"Session": reader.session}
                reader.write_request("PLAY", reader.url, fields)
                if number % 2:
                    reader.write_request("TEARDOWN", reader.url, fields)
                    assert [(await reader.answer()).status for _ in range(2)] == [200, 200]


async def test_readers_that_read_nothing(gateway: GatewayProcess, clean: CleanStream) -> None:
    asks = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" * 2000

    def attack() -> None:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(1.0)
            sock.connect(("127.0.0.1", port(gateway)))
            for _ in range(20):
                sock.sendall(asks)

    async with clean.beside():
        assert await again_and_again(attack) > 0


async def test_mutated_requests(gateway: GatewayProcess, clean: CleanStream) -> None:
    rng = random.Random(9)
    url = gateway.url(STREAM)
    head = f"SETUP {url}/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n"
    seed = head.encode() + f"PLAY {url} RTSP/1.0\r\nCSeq: 2\r\nSession: x\r\nContent-Length: 3\r\n\r\nabc".encode()

    def attack() -> None:
        data = bytearray(seed)
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with socket.create_connection(("127.0.0.1", port(gateway)), 5) as sock:
            sock.settimeout(0.05)
            sock.sendall(data)
            sock.recv(4096)

    async with clean.beside():
        assert await again_and_again(attack, at_least=21) > 20


async def test_datagrams_of_strangers(gateway: GatewayProcess, clean: CleanStream) -> None:
    ports = gateway.events("listening")[0].get("udp_ports") or []

    def attack() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for number in range(2000):
                report = struct.pack("!BBHI", 0x80, 201, 1, number)
                for target in ports:
                    sock.sendto(report, ("127.0.0.1", target))

    async with clean.beside():
        assert await again_and_again(attack, at_once=2) > 0


async def test_the_death_of_another_streams_worker(gateway: GatewayProcess, clean: CleanStream, tmp_path: Path) -> None:
    async with clean.beside():
        with clean_camera(tmp_path) as url:
            async with hostile_stream(gateway, url):
                for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGKILL):
                    pid = await asyncio.to_thread(gateway.wait_for_worker, HOSTILE, 20.0)
                    os.kill(pid, number)
                    await asyncio.to_thread(gateway.wait_for_worker, HOSTILE, 20.0, other_than=pid)


async def test_a_lost_picture_is_seen(gateway: GatewayProcess, clean: CleanStream) -> None:
    """The control: pictures are lost with the clean stream's own worker; the next attack has a whole reader."""
    pid = gateway.wait_for_worker(STREAM, 20.0)

    async def attack() -> None:
        async with clean.beside():
            os.kill(pid, signal.SIGKILL)
            await asyncio.to_thread(gateway.wait_for_worker, STREAM, 20.0, other_than=pid)

    with pytest.raises(AssertionError, match="lost="):
        await attack()
    async with clean.beside():
        pass


async def test_what_is_left_behind_is_seen(gateway: GatewayProcess) -> None:
    """The control: whoever stays is counted."""
    before = await asyncio.to_thread(Held.now, gateway)
    async with RtspReader(gateway.url(STREAM), USER, PASSWORD) as reader:
        await reader.play()
        after: Any = await asyncio.to_thread(Held.now, gateway)
        assert (after.connections, after.sessions) == (before.connections + 1, before.sessions + 1)
        assert after.descriptors > before.descriptors
    for _ in range(100):
        if await asyncio.to_thread(Held.now, gateway) == before:
            break
        await asyncio.sleep(0.1)
