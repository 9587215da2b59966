"""A browser logs in with a token, and is known by a cookie from then on."""

import asyncio
import contextlib
import http.client
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, cast

import pytest
from starlette.requests import HTTPConnection

from transcoder import clock
from transcoder.api.server import HttpServer
from transcoder.api.state import caller_of
from transcoder.config import HttpConfig

TOKENS = {"ops": {"token": "token-of-ops", "role": "control"}, "eye": {"token": "token-of-eye"}}
LOGIN = "/api/v1/login"


class Control:
    """Counts what changed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ids(self) -> list[str]:
        return []

    def keyframe(self, stream: str) -> None:
        self.asked.append(stream)


class Browser:
    """Keeps cookies as a browser does, and sends Origin with a change."""

    def __init__(self, server: HttpServer, scheme: str = "http") -> None:
        self.host = f"127.0.0.1:{server.port}"
        self.origin = f"{scheme}://{self.host}"
        self.cookies: dict[str, str] = {}
        self.set: list[str] = []
        """The fields Set-Cookie of the last answer."""

    async def send(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        return await asyncio.to_thread(self._send, method, path, body, headers)

    def _send(self, method: str, path: str, body: object, given: Mapping[str, str]) -> tuple[int, Any]:
        headers = (
            {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        )
        if method != "GET":
            headers |= {"Origin": self.origin}
        if body is not None:
            headers |= {"Content-Type": "application/json"}
        headers |= {name.replace("_", "-"): value for name, value in given.items()}
        connection = http.client.HTTPConnection(self.host, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            self.set = answer.headers.get_all("Set-Cookie", [])
            for field in self.set:
                name, _, value = field.partition(";")[0].partition("=")
                self.cookies.pop(name, None)
                if "max-age=0" not in field.lower():
                    self.cookies[name] = value
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


@contextlib.asynccontextmanager
async def serving(tokens: Mapping[str, Any] = TOKENS) -> AsyncIterator[tuple[HttpServer, Control]]:
    control = Control()
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})
    made = HttpServer(cast(Any, control), config)
    await made.start()
    try:
        yield made, control
    finally:
        await made.stop()


async def test_a_browser_logs_in_looks_changes_and_logs_out() -> None:
    async with serving() as (server, control):
        browser = Browser(server)
        assert (await browser.send("GET", LOGIN))[0] == 401
        status, login = await browser.send("POST", LOGIN, {"token": "token-of-ops"})
        assert (status, login["name"], login["role"]) == (200, "ops", "control")
        left_s = datetime.fromisoformat(login["expires"]).timestamp() - clock.wall_clock()
        assert 12 * 3600 - 60 < left_s <= 12 * 3600
        assert (await browser.send("GET", LOGIN)) == (200, login)
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 200
        assert (await browser.send("POST", "/api/v1/streams/front/keyframe"))[0] == 403
        assert control.asked == []
        csrf = login["csrf"]
        assert (await browser.send("POST", "/api/v1/streams/front/keyframe", X_CSRF_Token=csrf))[0] == 202
        assert control.asked == ["front"]
        assert (await browser.send("DELETE", LOGIN))[0] == 403
        assert (await browser.send("DELETE", LOGIN, X_CSRF_Token=csrf))[0] == 204
        assert browser.cookies == {}
        assert (await browser.send("GET", LOGIN))[0] == 401


async def test_scripts_other_sites_and_sniffers_of_tls_get_no_cookie() -> None:
    async with serving() as (server, _):
        browser = Browser(server)
        await browser.send("POST", LOGIN, {"token": "token-of-eye"})
        [field] = browser.set
        name, *attributes = (part.strip().lower() for part in field.split(";"))
        assert name.startswith("transcoder-login=")
        assert "token-of-eye" not in field
        assert set(attributes) == {"httponly", "samesite=strict", "path=/", f"max-age={12 * 3600}"}
        behind = Browser(server, "https")  # behind a proxy that has ended TLS
        await behind.send("POST", LOGIN, {"token": "token-of-eye"})
        [field] = behind.set
        name, *attributes = (part.strip().lower() for part in field.split(";"))
        assert name.startswith("__host-transcoder-login=")
        assert set(attributes) == {"httponly", "samesite=strict", "path=/", f"max-age={12 * 3600}", "secure"}
        assert (await behind.send("GET", LOGIN))[0] == 200


async def test_a_token_needs_no_cookie() -> None:
    async with serving() as (server, _):
        status, login = await Browser(server).send("GET", LOGIN, Authorization="Bearer token-of-eye")
        assert (status, login) == (200, {"name": "eye", "role": "read", "csrf": None, "expires": None})


async def test_this_machine_needs_no_login_where_there_are_no_tokens() -> None:
    async with serving({}) as (server, _):
        browser = Browser(server)
        local = {"name": "local", "role": "control", "csrf": None, "expires": None}
        assert await browser.send("GET", LOGIN) == (200, local)
        assert (await browser.send("GET", LOGIN, Host="evil.example"))[0] == 403
        assert (await browser.send("GET", LOGIN, Origin="http://evil.example"))[0] == 403
        assert (await browser.send("POST", LOGIN, {"token": "token-of-ops"}))[0] == 401
        browser.cookies = {"transcoder-login": "of.another.gateway"}
        assert await browser.send("GET", LOGIN) == (200, local)


async def test_a_cookie_that_has_ended_is_forgotten() -> None:
    async with serving() as (server, _):
        browser = Browser(server)
        browser.cookies = {"transcoder-login": "b3Bz.1.x", "other": "stays"}
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 401
        assert browser.cookies == {"other": "stays"}
        browser.cookies = {"transcoder-login": "b3Bz.1.x"}
        assert (await browser.send("DELETE", LOGIN))[0] == 204
        assert browser.cookies == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"token": "wrong"}, 401),
        ({"token": ""}, 401),
        ({"token": "\ud800"}, 401),
        ({"token": "é"}, 401),
        ({"token": None}, 422),
        ({"token": ["token-of-ops"]}, 422),
        ({"token": "token-of-ops", "role": "control"}, 422),
        ({}, 422),
        ([], 400),
        ({"token": "x" * 40_000}, 413),
    ],
)
async def test_what_is_no_login(body: object, status: int) -> None:
    async with serving() as (server, _):
        browser = Browser(server)
        assert (await browser.send("POST", LOGIN, body))[0] == status
        assert browser.cookies == {}


async def test_no_page_of_another_site_logs_a_browser_in() -> None:
    """A form can't send JSON, and a script of another site is told by its Origin."""
    async with serving() as (server, _):
        browser = Browser(server)
        body = {"token": "token-of-ops"}
        assert (await browser.send("POST", LOGIN, body, Origin="http://evil.example"))[0] == 403
        assert (await browser.send("POST", LOGIN, body, Content_Type="text/plain"))[0] == 415
        assert (await browser.send("POST", LOGIN, body, Sec_Fetch_Site="same-site"))[0] == 403
        assert browser.cookies == {}


@pytest.mark.parametrize(
    ("scheme", "sent", "taken"),
    [
        ("https", "transcoder-login=planted", None),  # by somebody on the way, over plain HTTP
        ("wss", "transcoder-login=planted", None),
        ("https", "transcoder-login=planted; __Host-transcoder-login=own", "own"),
        ("http", "transcoder-login=own", "own"),
        ("http", "__Host-transcoder-login=own; transcoder-login=planted", "own"),  # a proxy ends TLS
    ],
)
def test_over_tls_a_cookie_counts_that_only_tls_can_set(scheme: str, sent: str, taken: str | None) -> None:
    kind = "websocket" if scheme == "wss" else "http"
    headers = [(b"host", b"gateway"), (b"cookie", sent.encode())]
    scope = {"type": kind, "scheme": scheme, "headers": headers, "client": ("192.0.2.7", 1), "path": "/"}
    assert caller_of(HTTPConnection(scope)).cookie == taken
