"""RTSP over HTTP against a camera that speaks it, over loopback."""

import asyncio
import base64
import gc
import hashlib
import re
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from transcoder.codecs.access_unit import AccessUnit
from transcoder.errors import ResponseError, RtspSyntaxError, TranscoderError, TransportError
from transcoder.ledger import Ledger
from transcoder.net import sockets, tunnel
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import Binding
from transcoder.net.source_options import SourceOptions
from transcoder.net.tunnel import open_tunnel
from transcoder.rtp.audio import AudioUnit
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import AudioSetUp, Event, VideoRestarted
from transcoder.source.options import Timeouts

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)
IDR = b"\x65\x88\x80\x10\x01"


class TunnelCamera:
    """Answers the GET with `reply`, then every RTSP request that comes base64-coded up the POST."""

    def __init__(self) -> None:
        self.reply = b"HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n"
        self.post_reply = b""
        self.password: str | None = None
        self.refused = 0
        self.requests: list[str] = []
        self.http: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.gets: dict[str, asyncio.StreamWriter] = {}
        self.posts: list[asyncio.StreamWriter] = []
        self.open = 0

    async def __aenter__(self) -> "TunnelCamera":
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/live?channel=2"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            line, *rest = head[:-4].split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (item.partition(":") for item in rest)}
            method, target, _ = line.split()
            self.http.append((method, target))
            self.headers.append(headers)
            if self.password is not None and not self._is_authorized(method, target, headers):
                self.refused += 1
                challenge = (
                    'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\nwww-authenticate: Basic realm="r"'
                )
                writer.write(f"HTTP/1.0 401 Unauthorized\r\n{challenge}\r\n\r\n".encode())
                return
            if method == "GET":
                self.gets[headers["x-sessioncookie"]] = writer
                writer.write(self.reply)
                await reader.read()  # until the reader leaves
            else:
                self.posts.append(writer)
                writer.write(self.post_reply)
                await self._post(reader, self.gets[headers["x-sessioncookie"]])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    def _is_authorized(self, method: str, target: str, headers: dict[str, str]) -> bool:
        """RFC 7616 section 3.4.1, the digest-uri being that of the request line."""
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', headers.get("authorization", "")))

        def hashed(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # the algorithm of RFC 7616

        secret = hashed(f"admin:r:{self.password}")
        proof = f"{secret}:n:{given.get('nc')}:{given.get('cnonce')}:auth:{hashed(f'{method}:{target}')}"
        return given.get("uri") == target and given.get("response") == hashed(proof)

    async def _post(self, reader: asyncio.StreamReader, down: asyncio.StreamWriter) -> None:
        coded, plain = b"", b""
        sending = None
        try:
            while data := await reader.read(4096):
                coded += data
                whole = len(coded) // 4 * 4
                plain += b"".join(  # each request ends with its own padding
                    base64.b64decode(coded[at : at + 4], validate=True) for at in range(0, whole, 4)
                )
                coded = coded[whole:]
                while plain:
                    if plain[:1] == b"$":
                        plain = plain[4 + int.from_bytes(plain[2:4]) :]
                        continue
                    head, end, plain = plain.partition(b"\r\n\r\n")
                    if not end:
                        plain = head
                        break
                    self._answer(head.decode("ascii"), down)
                    if head.startswith(b"PLAY"):
                        sending = asyncio.create_task(self._play(down))
        finally:
            if sending is not None:
                sending.cancel()

    def _answer(self, head: str, down: asyncio.StreamWriter) -> None:
        self.requests.append(head)
        cseq = next(line for line in head.split("\r\n") if line.lower().startswith("cseq"))
        answer = f"RTSP/1.0 200 OK\r\n{cseq}\r\nSession: 4711\r\n"
        if head.startswith("DESCRIBE"):
            answer += f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"
        elif head.startswith("SETUP"):
            answer += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
        else:
            answer += "\r\n"
        down.write(answer.encode())

    async def _play(self, down: asyncio.StreamWriter) -> None:
        for number in range(10_000):
            packet = struct.pack("!BBHII", 0x80, 0x80 | 96, number & 0xFFFF, number * 3600, 7) + IDR
            down.write(b"$\x00" + len(packet).to_bytes(2) + packet)
            await asyncio.sleep(0.04)


class Handler:
    def __init__(self) -> None:
        self.units: list[AccessUnit] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, AccessUnit):
            self.units.append(event)
        assert not isinstance(event, VideoRestarted), "the camera did not begin anew"
        assert not isinstance(event, AudioSetUp | AudioUnit), "audio was not asked for"


def source(
    url: str, handler: Handler, credentials: Credentials | None = None, timeouts: Timeouts | None = None
) -> RtspSource:
    options = SourceOptions(
        url=parse_url(url),
        credentials=credentials,
        transport="http",
        allowed=lambda _: True,
        timeouts=timeouts or Timeouts(),
    )
    return RtspSource(options, Ledger(), handler.on_event)


async def until(condition, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def camera() -> AsyncIterator[TunnelCamera]:
    async with TunnelCamera() as made:
        yield made


@pytest.fixture
async def complaints() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop complains of, such as an exception that nobody took."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: found.append(context))
    yield found
    gc.collect()
    await asyncio.sleep(0.01)
    assert found == []


async def test_pictures_come_through_the_tunnel(camera: TunnelCamera, complaints: list[dict[str, Any]]) -> None:
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler).run())
    await until(lambda: len(handler.units) > 5)
    assert camera.http == [("GET", "/live?channel=2"), ("POST", "/live?channel=2")]
    assert camera.headers[0]["x-sessioncookie"] == camera.headers[1]["x-sessioncookie"]
    assert camera.headers[0]["host"] == f"127.0.0.1:{camera.port}"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: camera.open == 0)  # both halves are closed
    methods = [request.split()[0] for request in camera.requests if not request.startswith("OPTIONS")]
    assert methods == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
    [setup] = [request for request in camera.requests if request.startswith("SETUP")]
    assert "RTP/AVP/TCP" in setup
    assert "interleaved=0-1" in setup
    assert all(nal_unit == IDR for unit in handler.units for nal_unit in unit.nal_units)


async def test_every_tunnel_has_a_cookie_of_its_own(camera: TunnelCamera) -> None:
    handlers = Handler(), Handler()
    tasks = [asyncio.create_task(source(camera.url, handler).run()) for handler in handlers]
    await until(lambda: all(handler.units for handler in handlers))
    assert len(camera.gets) == 2
    assert all(len(cookie) >= 16 and cookie.isalnum() for cookie in camera.gets)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_camera_that_goes_away(camera: TunnelCamera, complaints: list[dict[str, Any]]) -> None:
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler).run())
    await until(lambda: handler.units)
    for writer in camera.gets.values():
        writer.transport.abort()
    with pytest.raises(TransportError):
        await asyncio.wait_for(task, 3)
    await until(lambda: camera.open == 0)


async def test_a_login_for_the_tunnel_itself(camera: TunnelCamera, complaints: list[dict[str, Any]]) -> None:
    camera.password = "secret"
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler, Credentials(username="admin", password="secret")).run())
    await until(lambda: len(handler.units) > 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: camera.open == 0)
    assert camera.refused == 1
    assert [method for method, _ in camera.http] == ["GET", "GET", "POST"]
    assert any(request.startswith("TEARDOWN") for request in camera.requests)


@pytest.mark.parametrize(("credentials", "attempts"), [(None, 1), (Credentials(username="admin", password="wrong"), 2)])
async def test_a_login_for_the_tunnel_that_is_refused(
    camera: TunnelCamera, complaints: list[dict[str, Any]], credentials: Credentials | None, attempts: int
) -> None:
    camera.password = "secret"
    with pytest.raises(ResponseError) as caught:
        await asyncio.wait_for(source(camera.url, Handler(), credentials).run(), 5)
    assert caught.value.status == 401
    assert camera.refused == attempts
    await until(lambda: camera.open == 0)


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_a_post_connection_that_is_lost(camera: TunnelCamera, complaints: list[dict[str, Any]], how: str) -> None:
    """Pictures still come, but nothing can be asked any more: the session would end at its timeout."""
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler).run())
    await until(lambda: len(handler.units) > 3)
    [post] = camera.posts
    getattr(post.transport, how)()
    with pytest.raises(TransportError, match="POST connection of the HTTP tunnel"):
        await asyncio.wait_for(task, 1)
    await until(lambda: camera.open == 0)


async def test_a_post_that_is_refused(camera: TunnelCamera, complaints: list[dict[str, Any]]) -> None:
    camera.post_reply = b"HTTP/1.0 405 Not \x1bAllowed\r\n\r\n"
    with pytest.raises(TransportError, match=r"refuses the POST of the HTTP tunnel: 405 Method Not Allowed$"):
        await asyncio.wait_for(source(camera.url, Handler()).run(), 2)
    await until(lambda: camera.open == 0)


@pytest.mark.parametrize("reply", [b"HTTP/1.0 200 OK\r\n\r\n", b"x" * 100_000, b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_post_that_is_answered(camera: TunnelCamera, complaints: list[dict[str, Any]], reply: bytes) -> None:
    camera.post_reply = reply
    handler = Handler()
    task = asyncio.create_task(source(camera.url, handler).run())
    await until(lambda: len(handler.units) > 3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await until(lambda: camera.open == 0)
    assert any(request.startswith("TEARDOWN") for request in camera.requests)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"HTTP/1.0 404 Not Found\r\n\r\n", ResponseError),
        (b"HTTP/1.0 503 Busy\r\nRetry-After: 5\r\n\r\nmore\r\n\r\n", ResponseError),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", RtspSyntaxError),
    ],
)
async def test_a_camera_that_does_not_tunnel(
    camera: TunnelCamera, complaints: list[dict[str, Any]], reply: bytes, error: type[TranscoderError]
) -> None:
    camera.reply = reply
    with pytest.raises(error):
        await asyncio.wait_for(source(camera.url, Handler()).run(), 5)
    await until(lambda: camera.open == 0)
    assert camera.http == [("GET", "/live?channel=2")]


async def test_a_camera_that_hangs_up_instead_of_answering(complaints: list[dict[str, Any]]) -> None:
    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransportError):
            await asyncio.wait_for(source(f"rtsp://127.0.0.1:{port}/live", Handler()).run(), 5)


async def test_a_camera_that_says_nothing(camera: TunnelCamera, complaints: list[dict[str, Any]]) -> None:
    camera.reply = b""
    with pytest.raises(TransportError, match="no connection"):
        await asyncio.wait_for(source(camera.url, Handler(), timeouts=Timeouts(connect_s=0.3)).run(), 5)
    await until(lambda: camera.open == 0)


async def test_a_tunnel_that_can_not_be_opened_is_not_lost(camera: TunnelCamera) -> None:
    """Who opens it hears of that by the error alone."""
    camera.reply = b"HTTP/1.0 404 Not Found\r\n\r\n"
    lost: list[Exception | None] = []
    with pytest.raises(ResponseError):
        await open_tunnel(parse_url(camera.url), "127.0.0.1", Binding(), lambda _: False, lost.append)
    await until(lambda: camera.open == 0)
    await asyncio.sleep(0.05)
    assert lost == []


async def test_without_a_second_connection(
    camera: TunnelCamera, complaints: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A camera whose connection table is full after the GET."""
    connect = sockets.connect
    calls = []

    async def once(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) > 1:
            raise ConnectionRefusedError(111, "refused")
        return await connect(*arguments)

    monkeypatch.setattr(tunnel, "connect", once)
    with pytest.raises(TransportError, match="refused"):
        await asyncio.wait_for(source(camera.url, Handler()).run(), 5)
    await until(lambda: camera.open == 0)


@pytest.mark.parametrize(("url", "port"), [("rtsp://127.0.0.1/live", 80), ("rtsp://127.0.0.1:8080/live", 8080)])
async def test_the_port_of_http_where_the_url_names_none(monkeypatch: pytest.MonkeyPatch, url: str, port: int) -> None:
    asked = []

    async def refuse(host: str, port: int, binding: Binding) -> None:
        asked.append((host, port, binding))
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(tunnel, "connect", refuse)
    binding = Binding(address="127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        await open_tunnel(parse_url(url), "127.0.0.1", binding, lambda _: False, lambda _: None)
    assert asked == [("127.0.0.1", port, binding)]
