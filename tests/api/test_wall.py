"""Pictures of a wall over a WebSocket, and what a client may ask for."""

import asyncio
import json
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from transcoder.api.routes.wall import wanted
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.rejection import Rejected


class FakeWatcher:
    """Gives one picture for each stream that it is told to see."""

    def __init__(self) -> None:
        self.pictures: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.is_closed = False

    def see(self, streams: Iterable[str], width: int) -> None:
        for stream in streams:
            self.pictures.put_nowait(f"{stream} {width}".encode())

    async def next(self) -> bytes | None:
        return await self.pictures.get()

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 5000,
        "[]",
        "{}",
        '{"ids": "cam1", "width": 320}',
        '{"ids": [1], "width": 320}',
        '{"ids": ["a"], "width": 0}',
        '{"ids": ["a"], "width": true}',
        '{"ids": ["a"], "width": 320.5}',
        '{"ids": ["a"], "width": 10000}',
        '{"ids": ["a"]}',
        json.dumps({"ids": ["a"] * 65, "width": 320}),
    ],
)
def test_a_message_that_asks_for_no_pictures(text: str) -> None:
    with pytest.raises(Rejected):
        wanted(text)


def test_a_message_that_asks_for_pictures() -> None:
    assert wanted('{"ids": ["a", "b"], "width": 320, "later": 1}') == (["a", "b"], 320)
    assert wanted(json.dumps({"ids": ["x" * 64, "a"], "width": 1})) == (["a"], 1)


async def test_pictures_come_for_the_streams_that_are_seen_now() -> None:
    watchers: list[FakeWatcher] = []

    def look() -> FakeWatcher:
        watchers.append(FakeWatcher())
        return watchers[-1]

    control = SimpleNamespace(ids=list, look_at_wall=look)
    token = {"eye": {"token": "read"}}
    server = HttpServer(cast(Any, control), HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": token}))
    await server.start()
    url, login = f"ws://127.0.0.1:{server.port}/api/v1/wall/pictures", {"Authorization": "Bearer read"}
    try:
        async with connect(url, additional_headers=login) as client:
            await client.send('{"ids": ["a", "b"], "width": 320}')
            assert [await client.recv(), await client.recv()] == [b"a 320", b"b 320"]
            await client.send('{"ids": ["c"], "width": 160}')
            assert await client.recv() == b"c 160"
            await client.send("nonsense")
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert (client.close_code, client.close_reason) == (4400, "this is no JSON")
        async with connect(url, additional_headers=login) as client:
            await client.send('{"ids": ["a"], "width": 320}')
            await client.recv()
            watchers[-1].pictures.put_nowait(None)
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 1000
        async with connect(url) as client:
            with pytest.raises(ConnectionClosed):
                await client.recv()
            assert client.close_code == 4401
        assert [watcher.is_closed for watcher in watchers] == [True, True]
    finally:
        await server.stop()
