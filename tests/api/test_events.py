"""Server-sent events."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from transcoder.api import events
from transcoder.api.server import HttpServer
from transcoder.config import HttpConfig
from transcoder.control import EventDocument
from transcoder.control.events import Events


def test_a_frame() -> None:
    event = EventDocument(sequence=7, event_type="added", stream="a", ts="2026-01-01T00:00:00Z", detail={"x": "a\nb"})
    lines = events.frame(event, "run1").split("\n")
    assert lines[0] == "id: 7@run1"
    assert lines[1] == "event: added"
    assert lines[2].startswith("data: {")
    assert lines[3:] == ["", ""]


def test_what_a_listener_had() -> None:
    assert events.after(None, "run1") is None
    assert events.after("7@run1", "run1") == 7
    for of_another in ("7@run0", "7", "x@run1", "-1@run1", "9" * 400 + "@run1", "²@run1"):
        assert events.after(of_another, "run1") == 0


class Feeds:
    def __init__(self) -> None:
        self.source = Events()

    def events(self, after=None):
        return self.source.listen(after)


async def test_of_one_stream_only_and_until_the_end() -> None:
    feeds: Any = Feeds()
    feeds.source.publish("added", "a")
    feeds.source.publish("added", "b")

    async def read() -> list[str]:
        return [chunk async for chunk in events.stream(feeds, 0, "r", "b")]

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    feeds.source.publish("updated", "b")
    feeds.source.publish("updated", "a")
    await asyncio.sleep(0.05)
    feeds.source.close()
    chunks = await asyncio.wait_for(reading, 2)
    assert [chunk.split("\n")[0] for chunk in chunks] == [": events", "id: 2@r", "id: 3@r"]


async def test_a_token_that_is_removed_hears_nothing_more() -> None:
    def config(*names: str) -> HttpConfig:
        tokens = {name: {"token": name, "role": "control"} for name in names}
        return HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens})

    source = Events()
    control: Any = SimpleNamespace(ids=list, info=lambda: SimpleNamespace(started="r"), events=source.listen)
    server = HttpServer(control, config("ops", "eye"))
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ops\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b": events\n"), 5)
        source.publish("added", "a")
        assert b"added" in await asyncio.wait_for(reader.readuntil(b"event: added"), 5)
        server.set_tokens(config("eye"))
        source.publish("removed", "a")
        assert b"removed" not in await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)  # the last chunk
    finally:
        writer.close()
        source.close()
        await server.stop()


async def test_one_address_takes_not_all_places_of_listeners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_OF_ADDRESS", 2)
    source = Events()
    control: Any = SimpleNamespace(ids=list, info=lambda: SimpleNamespace(started="r"), events=source.listen)
    tokens = {"eye": {"token": "eye"}}
    server = HttpServer(control, HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": tokens}))
    await server.start()

    async def listen(address: str) -> tuple[asyncio.StreamWriter, bytes]:
        local = (address, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=local)
        writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer eye\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        if b" 200 " in head:
            await asyncio.wait_for(reader.readuntil(b": events\n"), 5)  # it is counted by then
        return writer, head

    try:
        first, head = await listen("127.0.0.1")
        assert b" 200 " in head
        others = [await listen(address) for address in ("127.0.0.1", "127.0.0.1", "127.0.0.2")]
        assert [head.split()[1] for _, head in others] == [b"200", b"429", b"200"]
        first.close()
        async with asyncio.timeout(5):
            while b" 429 " in (again := await listen("127.0.0.1"))[1]:
                again[0].close()
        assert b" 200 " in again[1]
        for writer, _ in (*others, again):
            writer.close()
    finally:
        source.close()
        await server.stop()
