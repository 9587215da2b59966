"""The web page is served with what keeps other pages away from it."""

import asyncio
import contextlib
import http.client
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.web import load

TOKENS = {"eye": {"token": "right"}}


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[HttpServer]:
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": TOKENS})
    made = HttpServer(cast(Any, SimpleNamespace(ids=list)), config)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def get(server: HttpServer, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    def request() -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    return await asyncio.to_thread(request)


async def test_the_page_and_its_files_need_no_login() -> None:
    async with serving() as server:
        for name, file in load().items():
            status, headers, body = await get(server, f"/web/{name}")
            assert (status, body, headers["etag"]) == (200, file.content, file.etag)
            assert headers["content-type"] == file.media_type
            assert headers["cache-control"] == "no-cache"
        status, headers, body = await get(server, "/")
        assert (status, body) == (200, load()["index.html"].content)
        assert headers["content-type"] == "text/html; charset=utf-8"


async def test_a_browser_that_has_the_file_is_not_sent_it_again() -> None:
    async with serving() as server:
        etag = load()["js/app.js"].etag
        for has in (etag, f'"other", {etag}', f"W/{etag}"):
            status, headers, body = await get(server, "/web/js/app.js", If_None_Match=has)
            assert (status, headers["etag"], body) == (304, etag, b"")
        assert (await get(server, "/web/js/app.js", If_None_Match='"other"'))[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/web/js/app.js", "/web/none", "/healthz", "/api/v1/info", "/openapi.json", "/x"]
)
async def test_every_answer_says_what_browsers_may_do_with_it(path: str) -> None:
    async with serving() as server:
        _, headers, _ = await get(server, path)
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'self'",
        "img-src": "'self' blob:",
        "media-src": "'self' blob:",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "object-src": "'none'",
    }
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "access-control-allow-origin" not in headers
