"""A browser's login is of no use to anybody but the page that it belongs to."""

import asyncio
import hashlib
import re
import time
from typing import Any

import pytest

from tests.api.test_login import LOGIN, TOKENS, Browser, serving
from tests.api.test_web_socket import ended
from tests.api.test_web_socket import serving as talking
from transcoder import login_brake
from transcoder.api import login_cookie
from transcoder.api.login_cookie import key_of, make
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.login_brake import FREE

KEYFRAME = "/api/v1/streams/front/keyframe"
FASTER = 8
"""Waits take a part of the time that they take in service, so that nobody waits for the tests."""


@pytest.fixture(autouse=True)
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_DELAY_S", "MAX_DELAY_S", "KNOWN_DELAY_S", "MAX_USER_DELAY_S", "MAX_WAIT_S"):
        monkeypatch.setattr(login_brake, name, getattr(login_brake, name) / FASTER)


def cookie_of(token: str, name: str = "ops") -> str:
    """A cookie as somebody makes it who believes that a token is this one: nothing else is needed but the source."""
    return make(name, key_of(hashlib.sha256(token.encode()).digest()), time.time()).value


async def logged_in(server: HttpServer, whose: str = "ops") -> tuple[Browser, str]:
    browser = Browser(server)
    _, document = await browser.send("POST", LOGIN, {"token": f"token-of-{whose}"})
    return browser, document["csrf"]


async def test_the_attack_on_cookies_works_with_the_right_token() -> None:
    """The control: whoever knows the token has no need of the login, so guesses must cost what they cost there."""
    async with serving() as (server, _):
        browser = Browser(server)
        browser.cookies["transcoder-login"] = cookie_of("token-of-ops")
        assert (await browser.send("GET", LOGIN))[0] == 200


@pytest.mark.real_time
async def test_cookies_that_are_made_up_meet_the_brake() -> None:
    async with serving() as (server, _):
        browser = Browser(server)
        started, waited = time.monotonic(), 0.0
        for number in range(FREE + 4):
            browser.cookies["transcoder-login"] = cookie_of(f"guess-{number}")
            waited = time.monotonic()
            assert (await browser.send("GET", LOGIN))[0] == 401
            waited = time.monotonic() - waited
        assert server.brake.counts.failed == FREE + 4
        assert server.brake.counts.delayed >= 3
        assert time.monotonic() - started > (0.5 + 1 + 2) / FASTER
        # the login by a form and the bearer token are guesses of the same kind
        await browser.send("POST", LOGIN, {"token": "guess"})
        await browser.send("GET", LOGIN, Authorization="Bearer guess")
        assert server.brake.counts.failed == FREE + 6


async def test_an_old_cookie_is_no_guess() -> None:
    """A page that was left open over the end of its login must not keep its user out."""
    async with serving() as (server, _):
        browser, _ = await logged_in(server)
        for _ in range(FREE + 2):
            browser.cookies["transcoder-login"] = old()
            assert (await browser.send("GET", "/api/v1/streams"))[0] == 401
        assert server.brake.counts.failed == 0


def old() -> str:
    key = key_of(hashlib.sha256(b"token-of-ops").digest())
    return make("ops", key, time.time() - login_cookie.LIFE_S - 1).value


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value.replace("b3Bz", "ZXll"),  # of another token
        lambda value: re.sub(r"\.(\d+)\.", lambda found: f".{int(found[1]) + 3600}.", value),  # lasts longer
        lambda value: value[:-1] + ("A" if value[-1] != "A" else "B"),
        lambda value: value.rpartition(".")[0] + ".",
        lambda value: value + "A",
        lambda value: f"{value}.{value}",
        lambda value: "." + value,
        lambda value: value.upper(),
    ],
)
async def test_a_cookie_that_was_changed_is_none(change: Any) -> None:
    async with serving() as (server, _):
        browser, _ = await logged_in(server)
        browser.cookies["transcoder-login"] = change(browser.cookies["transcoder-login"])
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 401


async def test_the_cookie_of_a_role_is_not_lifted_to_another() -> None:
    async with serving() as (server, control):
        browser, csrf = await logged_in(server, "eye")
        assert (await browser.send("POST", KEYFRAME, X_CSRF_Token=csrf))[0] == 403
        assert control.asked == []


async def test_a_cookie_ends_with_its_token() -> None:
    async with serving() as (server, _):
        browser, _ = await logged_in(server)
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 200
        kept = dict(browser.cookies)
        others = {"ops": {"token": "another", "role": "control"}, "eye": TOKENS["eye"]}
        server.set_tokens(HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": others}))
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 401
        server.set_tokens(HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": TOKENS}))
        browser.cookies = kept
        assert (await browser.send("GET", "/api/v1/streams"))[0] == 200  # the control


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"X_CSRF_Token": ""},
        {"X_CSRF_Token": "null"},
        {"X_CSRF_Token": "undefined"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"X_HTTP_Method_Override": "GET"},
    ],
    ids=str,
)
async def test_a_page_of_another_site_changes_nothing(sent: dict[str, str]) -> None:
    """Were the browser to send the cookie, as one that knows no SameSite does."""
    async with serving() as (server, control):
        browser, _ = await logged_in(server)
        assert (await browser.send("POST", KEYFRAME, **sent))[0] == 403
        assert (await browser.send("GET", KEYFRAME + "?_method=POST", **sent))[0] in {403, 405}
        assert control.asked == []


async def test_another_site_does_not_see_what_a_browser_of_ours_sees() -> None:
    async with serving() as (server, _):
        browser, csrf = await logged_in(server)
        for sent in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            assert (await browser.send("GET", "/api/v1/streams", **sent))[0] == 403
            assert (await browser.send("GET", LOGIN, X_CSRF_Token=csrf, **sent))[0] == 403
        assert (await browser.send("GET", "/api/v1/streams", Origin=browser.origin))[0] == 200  # the control


@pytest.mark.parametrize(
    ("origin", "code"),
    [("evil.example", 4403), (None, 4403), ("", 1000)],
    ids=["another site", "no page", "the page itself: the control"],
)
async def test_a_web_socket_of_another_site_has_no_use_of_a_cookie(
    monkeypatch: pytest.MonkeyPatch, origin: str | None, code: int
) -> None:
    async with talking(monkeypatch) as url:
        cookie = {"Cookie": f"transcoder-login={cookie_of('right')}"}
        sent = None if origin is None else f"http://{origin or url.partition('://')[2]}"
        heard, ended_with, _ = await ended(f"{url}/talk", "bye", additional_headers=cookie, origin=sent)
        assert ended_with == code
        assert bool(heard) == (code == 1000)


async def test_a_name_that_points_here_has_no_cookie_and_no_rights() -> None:
    """DNS rebinding: the page's name is the attacker's, so that Origin and Host are the same."""
    async with serving({}) as (server, control):
        browser = Browser(server)
        evil = {"Host": "evil.example", "Origin": "http://evil.example", "Sec_Fetch_Site": "same-origin"}
        assert (await browser.send("GET", LOGIN, **evil))[0] == 403
        assert (await browser.send("POST", KEYFRAME, **evil))[0] == 403
        assert control.asked == []


async def raw(server: HttpServer, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


@pytest.mark.parametrize(
    "path",
    [
        "/web/../api/v1/streams",
        "/web/../files.py",
        "/web/%2e%2e/files.py",
        "/web/..%2ffiles.py",
        "/web/%2e%2e%2f%2e%2e%2fpyproject.toml",
        "/web/..%5cfiles.py",
        "/web//etc/passwd",
        "/web/%2fetc%2fpasswd",
        "/web/js/../index.html",
        "/web/index.html%00.js",
        "/web/index.html/",
        "/web/.",
        "/web/",
        "/web/__init__.py",
        "/web/files.py",
        "/web/js",
        "/web/INDEX.HTML",
        "/web/" + "a/" * 2000,
        "/web/file:///etc/passwd",
        "//etc/passwd",
        "/index.html",
    ],
)
async def test_no_path_leads_out_of_the_page(path: str) -> None:
    async with serving() as (server, _):
        head = await raw(server, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert int(head.split()[1]) in {400, 401, 404}, head
        head = await raw(server, b"GET /web/index.html HTTP/1.1\r\nHost: a\r\n\r\n")
        assert int(head.split()[1]) == 200  # the control


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_the_page_takes_no_other_method(method: str) -> None:
    async with serving() as (server, _):
        for path in ("/", "/web/index.html"):
            head = await raw(server, f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode())
            assert int(head.split()[1]) == 405
            assert b"access-control" not in head.lower()


@pytest.mark.parametrize("path", ["/", "/web/index.html", "/api/v1/login", "/api/v1/streams", "/openapi.json", "/none"])
async def test_no_other_site_frames_an_answer_or_reads_it_as_a_script(path: str) -> None:
    async with serving() as (server, _):
        head = (await raw(server, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())).decode().lower()
        assert "frame-ancestors 'none'" in head
        assert "x-frame-options: deny" in head
        assert "x-content-type-options: nosniff" in head
        assert "cross-origin-resource-policy: same-origin" in head
        assert "unsafe-inline" not in head


@pytest.mark.parametrize(
    "cookie",
    ["a" * 9000, "transcoder-login=" + "a" * 9000, "transcoder-login=\xff.1.\xff", ";;;=;", "="],
    ids=["long", "long value", "no text", "no pairs", "no name"],
)
async def test_a_cookie_that_is_no_cookie_is_answered(cookie: str) -> None:
    async with serving() as (server, _):
        request = f"GET {LOGIN} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n".encode("latin-1")
        assert int((await raw(server, request)).split()[1]) == 401
