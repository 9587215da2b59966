"""Readers through RTSP over HTTP, with real sockets."""

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator

import pytest

from tests.support.aftermath import nothing_is_left
from tests.support.served import ANYWHERE, Catalogue, Register
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.session import ServerOptions

PATIENCE_S = 10


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
async def server(catalogue: Catalogue) -> AsyncIterator[RtspServer]:
    options = ServerOptions(tick_s=0.1, first_request_s=3)
    made = RtspServer(catalogue, [ANYWHERE], (0, 0), options=options, reader_listener=Register())
    await made.start()
    yield made
    await made.stop()


class Tunnel:
    """A reader's two connections."""

    def __init__(self, server: RtspServer, cookie: str = "abc123") -> None:
        self._port = server.port
        self._cookie = cookie
        self._cseq = 0

    async def __aenter__(self) -> "Tunnel":
        await self.get()
        await self.post()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.down.close()
        self.up.close()

    async def get(self) -> bytes:
        self.reader, self.down = await asyncio.open_connection("127.0.0.1", self._port)
        self.down.write(f"GET /front HTTP/1.0\r\nx-sessioncookie: {self._cookie}\r\n\r\n".encode())
        return await self.head()

    async def post(self, host: str = "127.0.0.1") -> None:
        self.answers, self.up = await asyncio.open_connection("127.0.0.1", self._port, local_addr=(host, 0))
        head = f"POST /front HTTP/1.0\r\nx-sessioncookie: {self._cookie}\r\nContent-Length: 32767\r\n\r\n"
        self.up.write(head.encode())

    async def head(self) -> bytes:
        async with asyncio.timeout(PATIENCE_S):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def request(self, method: str, **headers: str) -> bytes:
        self.send(method, **headers)
        return await self.head()

    def send(self, method: str, **headers: str) -> None:
        self._cseq += 1
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        uri = f"rtsp://127.0.0.1:{self._port}/front"
        self.up.write(base64.b64encode(f"{method} {uri} RTSP/1.0\r\nCSeq: {self._cseq}\r\n{lines}\r\n".encode()))

    async def play(self) -> None:
        answer = await self.request("SETUP", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        assert answer.startswith(b"RTSP/1.0 200")
        assert b"CSeq: 1\r\n" in answer
        session = next(line for line in answer.decode().split("\r\n") if line.startswith("Session:"))
        self.send("PLAY", Session=session.partition(":")[2].partition(";")[0].strip())

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE_S):
            head = await self.reader.readexactly(4)
            assert head[:1] == b"$"
            return head[1], await self.reader.readexactly(int.from_bytes(head[2:]))


async def closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        return await reader.read()


async def test_a_reader_plays_through_a_tunnel(server: RtspServer, catalogue: Catalogue) -> None:
    stream = catalogue.streams["front"]
    async with nothing_is_left(server), Tunnel(server) as tunnel:
        await tunnel.play()
        while not stream.idr_requests:
            await asyncio.sleep(0.01)
        stream.send(idr=True)
        assert (await tunnel.head()).startswith(b"RTSP/1.0 200")
        channel, report = await tunnel.frame()
        assert (channel, report[1]) == (1, 200)  # a sender report goes first
        channel, packet = await tunnel.frame()
        assert (channel, packet[0], packet[1] & 0x7F) == (0, 0x80, 96)
        assert len(server.sessions) == 1


async def test_requests_may_come_on_one_connection_after_the_other(server: RtspServer) -> None:
    async with nothing_is_left(server), Tunnel(server) as tunnel:
        assert (await tunnel.request("OPTIONS")).startswith(b"RTSP/1.0 200")
        before, writer = tunnel.answers, tunnel.up
        await tunnel.post()
        assert (await tunnel.request("OPTIONS")).startswith(b"RTSP/1.0 200")
        assert await closed(before) == b"", "the one before has no use any more"
        writer.close()
        assert (await tunnel.request("DESCRIBE")).startswith(b"RTSP/1.0 200")


async def test_the_halves_end_together(server: RtspServer) -> None:
    async with nothing_is_left(server), Tunnel(server) as tunnel:
        await tunnel.request("OPTIONS")
        tunnel.down.close()
        assert await closed(tunnel.answers) == b""


async def test_nobody_else_speaks_for_a_reader(server: RtspServer) -> None:
    async with nothing_is_left(server), Tunnel(server) as tunnel:
        stranger = Tunnel(server)
        await stranger.post("127.0.0.2")
        assert (await closed(stranger.answers)).startswith(b"HTTP/1.1 404 ")
        second = Tunnel(server)
        assert (await second.get()).startswith(b"HTTP/1.1 400 "), "the cookie is taken"
        assert (await tunnel.request("OPTIONS")).startswith(b"RTSP/1.0 200")
        stranger.up.close()
        second.down.close()


@pytest.mark.parametrize("junk", [b"OPTIONS * RTSP/1.0\r\n\r\n", base64.b64encode(b"\x00" * 3000)])
async def test_junk_in_a_tunnel_ends_both_halves(server: RtspServer, junk: bytes) -> None:
    async with nothing_is_left(server), Tunnel(server) as tunnel:
        tunnel.up.write(junk)
        await closed(tunnel.answers)
        tunnel.down.close()


async def test_half_a_tunnel_that_nobody_uses_is_closed(server: RtspServer) -> None:
    async with nothing_is_left(server):
        tunnel = Tunnel(server)
        await tunnel.get()
        assert await closed(tunnel.reader) == b""
        tunnel.down.close()


async def test_what_is_no_rtsp_is_told_so_at_once(server: RtspServer) -> None:
    for request, answer in (
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 404 "),
        (b"POST /onvif/device_service HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 404 "),
        (b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", b""),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request)
        async with asyncio.timeout(1):
            got = await reader.read()
        assert got.startswith(answer)
        assert bool(got) == bool(answer)
        writer.close()


class WebSocket:
    """A reader's one connection; frames are made and opened here (RFC 6455 section 5.2)."""

    def __init__(self, server: RtspServer, **fields: str) -> None:
        self._port = server.port
        self._fields = fields
        self._cseq = 0

    async def __aenter__(self) -> "WebSocket":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        fields = {
            "Host": "gateway", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "rtsp.onvif.org",
            "Sec-WebSocket-Version": "13", **self._fields,
        }  # fmt: skip
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.writer.write(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            self.answer = await self.reader.readuntil(b"\r\n\r\n")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, payload: bytes, first: int = 0x82) -> None:
        assert len(payload) < 1 << 16
        size = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2)
        mask = b"\x37\xfa\x21\x3d"
        self.writer.write(bytes((first,)) + size + mask + bytes(b ^ mask[at % 4] for at, b in enumerate(payload)))

    async def message(self) -> tuple[int, bytes]:
        async with asyncio.timeout(PATIENCE_S):
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = int.from_bytes(await self.reader.readexactly(2))
            return first, await self.reader.readexactly(size)

    async def request(self, method: str, **headers: str) -> str:
        self._cseq += 1
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        uri = f"rtsp://127.0.0.1:{self._port}/front"
        self.send(f"{method} {uri} RTSP/1.0\r\nCSeq: {self._cseq}\r\n{lines}\r\n".encode())
        first, answer = await self.message()
        assert first == 0x82
        assert answer.startswith(b"RTSP/1.0 "), "an answer is a message of its own"
        return answer.decode()


async def test_a_reader_plays_over_a_web_socket(server: RtspServer, catalogue: Catalogue) -> None:
    stream = catalogue.streams["front"]
    async with nothing_is_left(server), WebSocket(server) as reader:
        assert reader.answer.startswith(b"HTTP/1.1 101 ")
        answer = await reader.request("SETUP", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
        session = (
            next(line for line in answer.split("\r\n") if line.startswith("Session:")).split()[1].partition(";")[0]
        )
        playing = asyncio.create_task(reader.request("PLAY", Session=session))
        while not stream.idr_requests:
            await asyncio.sleep(0.01)
        stream.send(4000, idr=True)
        assert (await playing).startswith("RTSP/1.0 200")
        _, report = await reader.message()
        assert (report[:2], report[5]) == (b"$\x01", 200)  # a sender report goes first
        markers = list[int]()
        while not any(markers):
            first, frame = await reader.message()
            assert (first, frame[:2]) == (0x82, b"$\x00")
            assert int.from_bytes(frame[2:4]) == len(frame) - 4, "each interleaved frame is a message of its own"
            markers.append(frame[5] & 0x80)
        assert len(markers) > 2
        reader.send(b"here", 0x89)
        assert await reader.message() == (0x8A, b"here")
        reader.send(b"\x03\xe8", 0x88)
        assert await reader.message() == (0x88, b"\x03\xe8")
        assert await closed(reader.reader) == b""
        assert server.sessions == {}


async def test_a_page_opens_a_web_socket_only_where_readers_log_in(server: RtspServer, catalogue: Catalogue) -> None:
    async with nothing_is_left(server):
        async with WebSocket(server, Origin="http://evil.example") as page:
            assert page.answer.startswith(b"HTTP/1.1 403 ")
            assert await closed(page.reader) == b""
        catalogue.users = {"vms": "secret"}
        async with WebSocket(server, Origin="http://vms.example") as page:
            assert page.answer.startswith(b"HTTP/1.1 101 ")
            assert (await page.request("DESCRIBE")).startswith("RTSP/1.0 401 ")


async def test_a_reader_that_pings_and_takes_no_answers_is_not_read_for_ever(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcoder.net.reader_connection.SEND_BUFFER", 4096)
    server.options = server.context.options = ServerOptions(max_unsent=1000)
    async with nothing_is_left(server):
        assert await asyncio.to_thread(_pings_until_stuck, server.port)


def _pings_until_stuck(port: int) -> bool:
    """Whether the server stops to take pings, because their answers are not taken."""
    ping = b"\x89\xfd" + bytes(4) + bytes(125)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        head = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        fields = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n"
        sock.sendall(f"{head}{fields}\r\n".encode())
        sock.settimeout(0.5)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                sock.sendall(ping)
            except TimeoutError:
                return True
            time.sleep(0)
    return False


@pytest.mark.parametrize("data", [b"\x82\x05Hello", b"\x82\xff" + b"\xff" * 8, b"\xf2\x80abcd"])
async def test_frames_that_break_the_protocol_end_the_connection(server: RtspServer, data: bytes) -> None:
    async with nothing_is_left(server), WebSocket(server) as reader:
        reader.writer.write(data)
        assert await closed(reader.reader) == b""
