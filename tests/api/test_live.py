"""The live picture over HTTP: what a viewer gets, by which login, and how it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS
from tests.support.reader_dialog import OPTIONS, Directory
from tests.support.served import Stream
from transcoder.api import web_socket
from transcoder.api.server import HttpServer
from transcoder.codecs.fragmented_mp4 import init_segment
from transcoder.codecs.nal import Codec
from transcoder.config import HttpConfig
from transcoder.http_server.guard import HttpLimits
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.reader_auth import LoginWays
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import EndReason, SessionTable
from transcoder.service.reader_register import ReaderRegister
from transcoder.service.viewers import Viewer

INIT = init_segment(Codec.H264, [SPS, PPS]).data
EYE = {"Authorization": "Bearer right"}


class World:
    """A gateway's verb, with a stream `front` and its rendition `sub`."""

    def __init__(self) -> None:
        self.register = ReaderRegister(lambda *_event: None)
        self.streams = {"front": Stream(), "front/sub": Stream()}
        self.refusal: Rejected | None = None
        self.pts = 0
        self.port = 0
        self.directory = Directory({"vms": "pass word"})
        self.server: HttpServer | None = None

    async def view(self, stream: str, output: str, user: str | None, peer: str) -> Viewer:
        path = stream if output == "main" else f"{stream}/{output}"
        if self.refusal is not None:
            raise self.refusal
        if path not in self.streams:
            raise Rejected(Code.UNKNOWN_STREAM, "there is no such stream")
        return self.register.viewers.open(self.streams[path], path, user, peer)

    def send(self, *units: bytes, path: str = "front") -> None:
        self.pts += 3600
        self.streams[path].fanout.send(Codec.H264, list(units), self.pts, random_access=len(units) > 1)

    def idr(self, path: str = "front") -> None:
        self.send(SPS, PPS, IDR_SLICE, path=path)

    async def viewers(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.register.viewers.sessions) != count:
                await asyncio.sleep(0.02)

    def watch(self, path: str = "streams/front/live", **headers: str) -> connect:
        return connect(f"ws://127.0.0.1:{self.port}/api/v1/{path}", additional_headers=headers or EYE)


@contextlib.asynccontextmanager
async def serving(limits: HttpLimits | None = None) -> AsyncIterator[World]:
    world = World()
    readers = ServerContext(
        directory=world.directory, sessions=SessionTable(OPTIONS, str), options=OPTIONS, udp_ports=None
    )
    readers.login_ways = LoginWays(basic="always")
    config = HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": {"eye": {"token": "right"}}})
    control = SimpleNamespace(ids=list, view=world.view)
    server = HttpServer(cast(Any, control), config, readers=readers, limits=limits)
    await server.start()
    world.port, world.server = server.port, server
    try:
        yield world
    finally:
        world.register.viewers.stop()
        await server.stop()


async def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(5):
            while True:
                await client.recv()
    return client.close_code, client.close_reason


async def test_a_page_gets_words_then_a_segment_then_fragments() -> None:
    async with serving() as world, world.watch() as client:
        await world.viewers(1)
        world.idr()
        world.send(OTHER_SLICE)
        assert json.loads(await client.recv()) == {
            "type": "init",
            "mime": 'video/mp4; codecs="avc1.4d400c"',
            "width": 352,
            "height": 208,
            "codec": "h264",
        }
        assert await client.recv() == INIT
        for slices in (IDR_SLICE, OTHER_SLICE):
            piece = await client.recv()
            assert isinstance(piece, bytes)
            assert piece[4:8] == b"moof"
            assert piece.endswith(b"mdat" + len(slices).to_bytes(4) + slices)
        [session] = world.register.viewers.sessions
        assert (session.user, session.transport, session.is_playing) == ("eye", "web", True)
        assert session.peer.startswith("127.0.0.1:")
        await client.close()
        await world.viewers(0)


async def test_pictures_that_were_left_out_are_told_of() -> None:
    async with serving() as world, world.watch() as client:
        await world.viewers(1)
        world.streams["front"].fanout.limit = 1000
        world.idr()
        world.send(OTHER_SLICE + bytes(5000))
        world.idr()
        kinds = [await client.recv() for _ in range(5)]
        assert kinds[3] == '{"type":"gap"}'


async def test_a_rendition_has_its_own() -> None:
    async with serving() as world, world.watch("streams/front/renditions/sub/live") as client:
        await world.viewers(1)
        world.idr("front/sub")
        await client.recv()
        assert await client.recv() == INIT


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (EndReason.FORMAT_CHANGE, 4409),
        (EndReason.OPERATOR, 4410),
        (EndReason.STREAM_GONE, 4404),
        (EndReason.SHUTDOWN, 1012),
    ],
)
async def test_the_code_says_why_it_ended(why: EndReason, code: int) -> None:
    async with serving() as world, world.watch() as client:
        await world.viewers(1)
        world.register.viewers.end_readers("front", why)
        assert (await closed(client))[0] == code


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Rejected(Code.UNKNOWN_STREAM, "there is none"), 4404),
        (Rejected(Code.UNAVAILABLE, "it is disabled"), 4404),
        (Rejected(Code.BUSY, "there are many"), 4429),
    ],
)
async def test_a_refusal_has_a_code(refusal: Rejected, code: int) -> None:
    async with serving() as world:
        world.refusal = refusal
        async with world.watch() as client:
            assert await closed(client) == (code, str(refusal))
        async with world.watch(Authorization="Bearer wrong") as client:
            assert (await closed(client))[0] == 4401
        assert world.register.viewers.sessions == []


async def request(
    world: World, authorization: str | None = "Bearer right", path: str = "streams/front/live.mp4"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    login = f"Authorization: {authorization}\r\n" if authorization else ""
    writer.write(f"GET /api/v1/{path} HTTP/1.1\r\nHost: x\r\n{login}\r\n".encode())
    return reader, writer, await reader.readuntil(b"\r\n\r\n")


async def chunk(reader: asyncio.StreamReader) -> bytes:
    """A chunk by RFC 9112 section 7.1."""
    size = int(await reader.readline(), 16)
    data = await reader.readexactly(size)
    assert await reader.readline() == b"\r\n"
    return data


@pytest.mark.parametrize(
    ("authorization", "user"), [("Bearer right", "eye"), ("Basic dm1zOnBhc3Mgd29yZA==", "vms")], ids=["token", "user"]
)
async def test_the_answer_has_the_same_bytes_until_the_format_changes(authorization: str, user: str) -> None:
    async with serving() as world:
        reader, writer, head = await request(world, authorization)
        assert head.startswith(b"HTTP/1.1 200")
        assert b"content-type: video/mp4\r\n" in head.lower()
        assert b"content-length" not in head.lower()
        await world.viewers(1)
        assert world.register.viewers.sessions[0].user == user
        world.idr()
        assert await chunk(reader) == INIT
        assert (await chunk(reader)).endswith(IDR_SLICE)
        world.register.viewers.end_readers("front", EndReason.FORMAT_CHANGE)
        assert await chunk(reader) == b""
        writer.close()


@pytest.mark.parametrize("authorization", ["Bearer right", "Basic dm1zOnBhc3Mgd29yZA=="], ids=["token", "user"])
async def test_the_answer_ends_with_its_login(authorization: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_socket, "LOOK_AGAIN_S", 0.1)
    async with serving() as world:
        reader, writer, _ = await request(world, authorization)
        await world.viewers(1)
        world.idr()
        assert await chunk(reader) == INIT
        await asyncio.sleep(0.3)
        assert len(world.register.viewers.sessions) == 1  # the control: it goes on as long as the login holds
        world.directory._allowed = ()
        assert world.server is not None
        others = {"other": {"token": "another"}}
        world.server.set_tokens(HttpConfig.model_validate({"listen": "127.0.0.1:0", "tokens": others}))
        await world.viewers(0)
        writer.close()


async def test_who_hangs_up_is_gone() -> None:
    async with serving() as world:
        _, writer, _ = await request(world, path="streams/front/renditions/sub/live.mp4")
        await world.viewers(1)
        writer.close()
        await world.viewers(0)


@pytest.mark.parametrize(
    ("authorization", "path", "status"),
    [
        (None, "streams/front/live.mp4", 401),
        ("Bearer wrong", "streams/front/live.mp4", 401),
        ("Bearer right", "streams/back/live.mp4", 404),
        ("Bearer right", "streams/front/live", 404),
    ],
)
async def test_what_is_refused(authorization: str | None, path: str, status: int) -> None:
    async with serving() as world:
        _, writer, head = await request(world, authorization, path)
        assert head.startswith(f"HTTP/1.1 {status}".encode())
        assert world.register.viewers.sessions == []
        writer.close()


async def test_who_takes_nothing_of_an_answer_is_given_up() -> None:
    async with serving(HttpLimits(stuck_s=0.5)) as world:
        _, writer, _ = await request(world)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # typeshed knows the writing half alone
        world.streams["front"].fanout.limit = 64 << 20
        await world.viewers(1)
        world.idr()
        for _ in range(40):
            world.send(OTHER_SLICE + bytes(1 << 20))
        await world.viewers(0)
        writer.transport.abort()
