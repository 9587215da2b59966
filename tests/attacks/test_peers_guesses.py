"""Guessing passwords and tokens is slow, however many connections guess; others and the right password are not."""

import asyncio
import contextlib
import http.client
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.attacks.test_peers_users import NONCE, REALM, URI
from tests.support.aftermath import nothing_is_left
from tests.support.served import ANYWHERE, Catalogue, Register
from transcoder import login_brake
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.login_brake import FREE
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.auth import Challenge, Credentials, digest_response
from transcoder.rtsp.reader_auth import Asked, authorized_user
from transcoder.rtsp.session import ServerOptions

ATTACKER, OTHER = "127.0.0.2", "127.0.0.3"
FASTER = 2
"""Everything takes a part of the time that it takes in service, so that nobody waits for the tests."""
ATTACK_S = 2.75 / FASTER
WITH_BRAKE = FREE + 6
"""Guesses in ATTACK_S at most: the free ones, one more, and one each after 0.5 and 1.5 s, divided by FASTER. Those that
came at once before any had failed add some; a busy machine adds none."""


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_DELAY_S", "MAX_DELAY_S", "KNOWN_DELAY_S", "MAX_USER_DELAY_S", "MAX_WAIT_S"):
        monkeypatch.setattr(login_brake, name, getattr(login_brake, name) / FASTER)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[RtspServer]:
    catalogue = Catalogue()
    catalogue.users["vms"] = "secret"
    made = RtspServer(catalogue, [ANYWHERE], (0, 0), options=ServerOptions(tick_s=0.05), reader_listener=Register())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def log_in(server: RtspServer, host: str, user: str, password: str, tries: int = 1) -> tuple[int, float]:
    """Log in by hand; the last status, and the seconds until it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(host, 0))
    try:
        uri, started, status, nonce = f"rtsp://127.0.0.1:{server.port}/front", time.monotonic(), 0, ""
        for cseq in range(tries + 1):
            field = ""
            if nonce:
                challenge = Challenge(scheme="Digest", realm="transcoder", nonce=nonce)
                credentials = Credentials(username=user, password=password)
                response = digest_response(challenge, credentials, method="DESCRIBE", uri=uri)
                field = (
                    f'Authorization: Digest username="{user}", realm="transcoder", nonce="{nonce}", uri="{uri}",'
                    f' response="{response}"\r\n'
                )
            writer.write(f"DESCRIBE {uri} RTSP/1.0\r\nCSeq: {cseq}\r\n{field}\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            status = int(head.split()[1])
            nonce = nonce or head.partition('nonce="')[2].partition('"')[0]
        return status, time.monotonic() - started
    finally:
        writer.close()


async def guess(server: RtspServer, user: str = "vms", seconds: float = ATTACK_S) -> int:
    """Guess on sixteen connections at a time for a while; how many guesses were looked at."""
    before = server.context.brake.counts.failed

    async def attack() -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await log_in(server, ATTACKER, user, "guess", 4)
                await asyncio.sleep(0.1)  # 640 guesses a second in all are enough

    attackers = [asyncio.create_task(attack()) for _ in range(16)]
    await asyncio.sleep(seconds)
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    return server.context.brake.counts.failed - before


@pytest.mark.parametrize("user", ["vms", "nobody"])
async def test_guesses_of_one_address_are_few(user: str) -> None:
    async with serving() as server, nothing_is_left(server):
        assert FREE <= await guess(server, user) <= WITH_BRAKE
        assert server.context.brake.counts.delayed > 0


async def test_without_the_brake_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_brake, "FREE", 1 << 30)
    async with serving() as server:
        assert await guess(server, seconds=1.0) > 5 * WITH_BRAKE


async def test_the_right_password_from_another_address_is_taken_meanwhile() -> None:
    async with serving() as server:
        attack = asyncio.create_task(guess(server))
        await asyncio.sleep(1.5)
        status, took_s = await log_in(server, OTHER, "vms", "secret")
        assert status == 200
        assert took_s < login_brake.MAX_USER_DELAY_S + 1
        status, took_s = await log_in(server, OTHER, "vms", "secret")  # it is known there now
        assert status == 200
        assert took_s < 0.4
        await attack


async def test_the_right_password_of_the_same_address_is_taken_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_brake, "MAX_WAIT_S", 1.0)
    monkeypatch.setattr(login_brake, "MAX_DELAY_S", 0.5)
    async with serving() as server:
        await guess(server, seconds=0.5)
        async with asyncio.timeout(login_brake.MAX_WAIT_S + login_brake.MAX_DELAY_S):
            while (await log_in(server, ATTACKER, "vms", "secret"))[0] != 200:
                await asyncio.sleep(0.5)


def test_the_time_of_a_refusal_does_not_tell_which_users_there_are() -> None:
    """Measured by turns, so that whatever else the machine does adds to both."""
    users = {f"user{number}": "secret" for number in range(50)}
    taken: dict[str, list[float]] = {"user7": [], "nobody": []}
    asked = Asked(realm=REALM, nonce=NONCE)
    values = {}
    for user in taken:
        challenge = Challenge(scheme="Digest", realm=REALM, nonce=NONCE)
        response = digest_response(challenge, Credentials(username=user, password="x"), method="PLAY", uri=URI)
        values[user] = f'Digest username="{user}", realm="{REALM}", nonce="{NONCE}", uri="{URI}", response="{response}"'
    for _ in range(3000):
        for user, value in values.items():
            started = time.thread_time_ns()
            authorized_user(value, method="PLAY", uri=URI, asked=asked, passwords=users)
            taken[user].append(time.thread_time_ns() - started)
    known, unknown = (sorted(times)[len(times) // 4] for times in taken.values())
    assert abs(known - unknown) < 0.05 * known  # before they were worked on alike it was 16 %


# -- tokens ------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def http_server() -> AsyncIterator[HttpServer]:
    tokens = {"ops": {"token": "right", "role": "control"}}
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})
    control = SimpleNamespace(ids=list, configuration=lambda: ({}, '"tag"'))
    made = HttpServer(cast(Any, control), config)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def ask(server: HttpServer, host: str, token: str) -> tuple[int, float]:
    def request() -> int:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(host, 0))
        try:
            connection.request("GET", "/api/v1/streams", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    started = time.monotonic()
    return await asyncio.to_thread(request), time.monotonic() - started


async def guess_tokens(server: HttpServer, seconds: float) -> int:
    async def attack() -> None:
        while True:
            await ask(server, ATTACKER, "guess")
            await asyncio.sleep(0.01)

    brake = server._state.brake
    before = brake.counts.failed
    attackers = [asyncio.create_task(attack()) for _ in range(4)]
    await asyncio.sleep(seconds)
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    return brake.counts.failed - before


async def test_guessed_tokens_are_few_and_others_are_not_kept_waiting() -> None:
    async with http_server() as server:
        assert (await ask(server, OTHER, "right"))[0] == 200
        attack = asyncio.create_task(guess_tokens(server, ATTACK_S))
        await asyncio.sleep(1.5)
        status, took_s = await ask(server, OTHER, "right")
        assert status == 200
        assert took_s < 1.0
        assert FREE <= await attack <= WITH_BRAKE
        assert (await ask(server, ATTACKER, "guess"))[0] in {401, 429}


async def test_without_the_brake_guessed_tokens_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_brake, "FREE", 1 << 30)
    async with http_server() as server:
        assert await guess_tokens(server, 1.0) > 2 * WITH_BRAKE
