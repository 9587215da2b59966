"""Who may open a WebSocket of the API, and what it is closed with."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi import APIRouter, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from transcoder.api import app, server, web_socket
from transcoder.api.access import Identity, Role
from transcoder.api.state import ControlOf
from transcoder.api.web_socket import Closed, first_of, receive_text, serve
from transcoder.config import HttpConfig
from transcoder.rejection import Code, Rejected

TOKENS = {"ops": {"token": "right", "role": "control"}, "eye": {"token": "read"}}

router = APIRouter()


@router.websocket("/talk")
async def talk(socket: WebSocket, control: ControlOf) -> None:
    async def answer(who: Identity) -> None:
        await socket.send_text(f"{who.name} of {control.ids()}")
        match await receive_text(socket):
            case "unknown":
                raise Rejected(Code.UNKNOWN_STREAM, "there is no such stream")
            case "changed":
                raise Closed(4409, "ä" * 200)

    await serve(socket, answer)


@router.websocket("/control")
async def control_only(socket: WebSocket) -> None:
    async def answer(_who: Identity) -> None:
        await socket.send_text("may")

    await serve(socket, answer, Role.CONTROL)


@contextlib.asynccontextmanager
async def serving(
    monkeypatch: pytest.MonkeyPatch, tokens: Mapping[str, Mapping[str, str]] = TOKENS
) -> AsyncIterator[str]:
    def create(*arguments: Any) -> Any:
        made = app.create_app(*arguments)
        made.include_router(router)
        return made

    monkeypatch.setattr(server, "create_app", create)
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})
    made = server.HttpServer(cast(Any, SimpleNamespace(ids=lambda: ["cam1"])), config)
    await made.start()
    try:
        yield f"ws://127.0.0.1:{made.port}"
    finally:
        await made.stop()


async def ended(url: str, *says: str | bytes, **options: Any) -> tuple[list[Any], int, str]:
    heard: list[Any] = []
    async with connect(url, **options) as client:
        with contextlib.suppress(ConnectionClosed):
            for text in says:
                await client.send(text)
        with contextlib.suppress(ConnectionClosed):
            while True:
                heard.append(await client.recv())
    return heard, client.close_code or 0, client.close_reason or ""


def bearer(token: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {token}"}}


async def test_roles_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as url:
        assert await ended(f"{url}/talk", "bye", **bearer("read")) == (["eye of ['cam1']"], 1000, "")
        assert await ended(f"{url}/control", **bearer("right")) == (["may"], 1000, "")
        assert (await ended(f"{url}/control", **bearer("read")))[:2] == ([], 4403)
        assert (await ended(f"{url}/talk"))[:2] == ([], 4401)
        assert (await ended(f"{url}/talk", **bearer("wrong")))[:2] == ([], 4401)


async def test_a_page_of_another_site_may_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, {}) as url:
        assert (await ended(f"{url}/talk", "bye"))[1] == 1000
        assert (await ended(f"{url}/talk", "bye", origin=url.replace("ws", "http")))[1] == 1000
        assert (await ended(f"{url}/talk", "bye", origin="http://evil.example"))[:2] == ([], 4403)


@pytest.mark.parametrize(
    ("said", "code", "reason"),
    [
        ("unknown", 4404, "there is no such stream"),
        ("changed", 4409, "ä" * 60),
        (b"bytes", 1003, "text is expected"),
    ],
)
async def test_the_code_says_why(said: str | bytes, code: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch) as url:
        assert (await ended(f"{url}/talk", said, **bearer("read")))[1:] == (code, reason)


async def test_what_is_open_ends_with_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "LOOK_AGAIN_S", 0.1)
    made: list[server.HttpServer] = []
    start = server.HttpServer.start

    async def started(one: server.HttpServer) -> None:
        made.append(one)
        await start(one)

    monkeypatch.setattr(server.HttpServer, "start", started)

    def config(tokens: Mapping[str, Mapping[str, str]]) -> HttpConfig:
        return HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})

    async with serving(monkeypatch) as url, connect(f"{url}/talk", **bearer("right")) as client:
        await client.recv()
        await asyncio.sleep(0.3)
        assert client.state is State.OPEN
        made[0].set_tokens(config({"ops": {"token": "right", "role": "read"}, "eye": TOKENS["eye"]}))
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 4403  # it may read, and read as one who may do more
        async with connect(f"{url}/talk", **bearer("right")) as other:
            await other.recv()
            made[0].set_tokens(config({"eye": TOKENS["eye"]}))
            with pytest.raises(ConnectionClosed):
                await other.recv()
            assert other.close_code == 4401


async def test_the_first_to_end_ends_the_others() -> None:
    ends: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise Closed(4410, "an operator ended it")

    works: list[Coroutine[None, None, None]] = [wait(), fail()]
    with pytest.raises(Closed, match="operator"):
        await first_of(*works)
    assert ends == ["cancelled"]
