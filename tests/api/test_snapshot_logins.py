"""A VMS fetches snapshots with the login that it reads the stream with."""

import asyncio
import contextlib
import http.client
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.reader_dialog import OPTIONS, Directory
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import SessionTable

JPEG = b"\xff\xd8 a picture"
TOKENS = {"eye": {"token": "right"}}
USERS = {"vms": "pass word"}


async def snapshot(_stream: str, _output: str = "main") -> bytes:
    return JPEG


@contextlib.asynccontextmanager
async def serving(
    users: Mapping[str, str] = USERS, tokens: Mapping[str, Mapping[str, str]] = TOKENS
) -> AsyncIterator[HttpServer]:
    directory = Directory(dict(users))
    readers = ServerContext(directory=directory, sessions=SessionTable(OPTIONS, str), options=OPTIONS, udp_ports=None)
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})
    control = SimpleNamespace(ids=list, snapshot=snapshot)
    made = HttpServer(cast(Any, control), config, readers=readers)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def path_of(stream: str) -> str:
    return f"/api/v1/streams/{stream}/snapshot.jpg"


async def fetch(server: HttpServer, stream: str, password: str) -> int:
    """Python's own client of Digest."""
    url = f"http://127.0.0.1:{server.port}{path_of(stream)}"
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, url, "vms", password)
    opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(passwords))

    def request() -> int:
        try:
            with opener.open(url, timeout=10) as answer:
                assert answer.read() == JPEG
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return await asyncio.to_thread(request)


async def ask(server: HttpServer, path: str, authorization: str | None = None) -> tuple[int, list[str]]:
    def request() -> tuple[int, list[str]]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": authorization} if authorization else {})
            answer = connection.getresponse()
            schemes = [value.split()[0] for value in answer.headers.get_all("WWW-Authenticate", [])]
            return answer.status, schemes
        finally:
            connection.close()

    return await asyncio.to_thread(request)


async def test_a_user_of_rtsp_fetches_the_snapshots_that_the_user_may_see() -> None:
    async with serving() as server:
        assert await fetch(server, "front", "pass word") == 200
        assert await fetch(server, "yard", "pass word") == 403
        assert await fetch(server, "front", "guess") == 401


async def test_a_rendition_is_asked_for_by_its_own_right(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def may_read(_: Directory, user: str, path: str) -> bool:
        asked.append(path)
        return (user, path) == ("vms", "front/sub")

    monkeypatch.setattr(Directory, "may_read", may_read)
    async with serving() as server:
        assert await fetch(server, "front/renditions/sub", "pass word") == 200
        assert await fetch(server, "front/renditions/tiny", "pass word") == 403
        assert await fetch(server, "front", "pass word") == 403
    assert asked == ["front/sub", "front/tiny", "front"]


async def test_a_token_is_good_as_before() -> None:
    async with serving() as server:
        assert await ask(server, path_of("front"), "Bearer right") == (200, [])
        assert await ask(server, path_of("yard"), "Bearer right") == (200, [])
        assert await ask(server, path_of("front"), "Bearer guess") == (401, ["Digest", "Bearer"])


@pytest.mark.parametrize("path", ["/api/v1/streams", "/api/v1/streams/front", "/api/v1/sessions", "/metrics"])
async def test_other_routes_take_tokens_alone(path: str) -> None:
    async with serving() as server:
        assert await ask(server, path) == (401, ["Bearer"])
        assert await ask(server, path, "Basic dm1zOnBhc3Mgd29yZA==") == (401, ["Bearer"])


async def test_whoever_has_no_login_is_asked_for_one() -> None:
    async with serving() as server:
        assert await ask(server, path_of("front")) == (401, ["Digest", "Bearer"])
        assert await ask(server, path_of("front"), "Basic dm1zOnBhc3Mgd29yZA==") == (401, ["Digest", "Bearer"])


async def test_without_tokens_this_machine_needs_no_login() -> None:
    async with serving(tokens={}) as server:
        assert await ask(server, path_of("front")) == (200, [])


async def test_where_rtsp_has_no_users_a_token_is_needed() -> None:
    """Whoever may read every stream over RTSP need not be able to over HTTP, whose listener may be another one."""
    async with serving(users={}) as server:
        assert await ask(server, path_of("front")) == (401, ["Bearer"])
        assert await ask(server, path_of("front"), "Basic dm1zOnBhc3Mgd29yZA==") == (401, ["Bearer"])
