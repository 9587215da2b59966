"""The checker's client on loopback sockets: a server that says nothing, closes, is not there, or serves over UDP."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable

import pytest
from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.lab.cameras.certificate import Certificate
from transcoder.verify import client as client_module
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.messages import Message
from transcoder.verify.target import parse_target

Answers = Callable[[str, int], bytes]
"""Method and CSeq of a request in, everything to write out; b"": the connection is closed."""


class Ears(Listener):
    def __init__(self) -> None:
        self.bytes = bytearray()
        self.packets: list[tuple[int, bytes]] = []
        self.messages: list[str] = []
        self.strays: list[bytes] = []

    @override
    def received(self, data: bytes) -> None:
        self.bytes += data

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        self.packets.append((channel, data))

    @override
    def message(self, message: Message) -> None:
        self.messages.append(message.start)

    @override
    def stray(self, data: bytes) -> None:
        self.strays.append(data)


def ok(number: int, *fields: str) -> bytes:
    return "\r\n".join(["RTSP/1.0 200 OK", f"CSeq: {number}", *fields, "", ""]).encode()


@contextlib.asynccontextmanager
async def connected(
    answers: Answers, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[RtspClient, Ears, list[str]]]:
    requests: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                requests.append(text)
                answer = answers(text.partition(" ")[0], int(text.partition("CSeq: ")[2].partition("\r")[0]))
                if not answer:
                    break
                writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    ears = Ears()
    scheme = "rtsp" if tls is None else "rtsps"
    client = RtspClient(parse_target(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"), ears)
    await client.connect()
    try:
        yield client, ears, requests
    finally:
        client.close()
        server.close()


async def test_everything_on_the_connection_is_heard() -> None:
    frame = b"$\x00\x00\x02ab"
    async with connected(lambda _, number: frame + ok(number, "Session: s1") + b"!!" + frame) as (client, ears, _):
        assert (await client.set_up(client.dialog.base, 0)).status == 200
        assert client.dialog.session == "s1"
        assert ears.packets == [(0, b"ab"), (0, b"ab")]
        assert (ears.messages, ears.strays) == (["RTSP/1.0 200 OK"], [b"!!"])
        assert ears.bytes.startswith(frame)


async def test_an_answer_to_another_request_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ANSWER_S", 0.3)
    async with connected(lambda _, number: ok(number + 7)) as (client, _, _):
        with pytest.raises(TransportError, match="OPTIONS is not answered within"):
            await client.request("OPTIONS")
        assert client.dialog.surprises == 1


async def test_a_server_that_closes() -> None:
    async with connected(lambda method, number: ok(number) if method == "OPTIONS" else b"") as (client, _, _):
        await client.request("OPTIONS")
        with pytest.raises(TransportError, match="closed the connection instead of answering DESCRIBE"):
            await client.request("DESCRIBE")
        await client.stay(60)  # it does not stay with a connection that is gone
        assert client.closed.is_set()


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(TransportError, match=rf"no connection to 127.0.0.1:{port}: Connection refused"):
        await RtspClient(parse_target(f"rtsp://127.0.0.1:{port}/x"), Listener()).connect()


async def test_it_logs_in_once() -> None:
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n"'
    refused = lambda _, number: ok(number, challenge).replace(b"200 OK", b"401 Unauthorized")  # noqa: E731
    async with connected(refused) as (client, _, requests):
        assert (await client.request("OPTIONS")).status == 401
        assert len(requests) == 1  # nobody to log in as
    async with connected(refused) as (client, _, requests):
        client.dialog.login = type(client.dialog.login)("u", "p")
        assert (await client.request("OPTIONS")).status == 401
        assert ["Authorization" in request for request in requests] == [False, True]


async def test_signs_of_life_and_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "KEEP_ALIVE_S", 0.05)
    async with connected(lambda _, number: ok(number, "Session: s1")) as (client, _, requests):
        client._next_sign = 0.0
        await client.set_up(client.dialog.base, 0)
        await client.stay(0.3)
        await client.leave()
        methods = [request.partition(" ")[0] for request in requests]
        assert methods.count("OPTIONS") >= 2
        assert methods[-1] == "TEARDOWN"
        assert "Session: s1\r\n" in requests[-1]


async def test_udp() -> None:
    pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for each in pair:
        each.bind(("127.0.0.1", 0))
        each.settimeout(5)
    ports = "-".join(str(each.getsockname()[1]) for each in pair)
    async with connected(lambda _, number: ok(number, f"Transport: RTP/AVP;server_port={ports}")) as (
        client,
        ears,
        asked,
    ):
        await client.set_up_udp(client.dialog.base, 2)
        client.punch()
        punches = [await asyncio.to_thread(each.recvfrom, 100) for each in pair]
        assert [data[:2] for data, _ in punches] == [b"\x80\x00", b"\x80\xc9"]
        numbers = [address[1] for _, address in punches]
        assert numbers[0] % 2 == 0
        assert f"client_port={numbers[0]}-{numbers[0] + 1}\r\n" in asked[0]
        for each, (_, address) in zip(pair, punches, strict=True):
            each.sendto(b"media", address)
        async with asyncio.timeout(5):
            while len(ears.packets) < 2:
                await asyncio.sleep(0.01)
        assert sorted(ears.packets) == [(2, b"media"), (3, b"media")]
    for each in pair:
        each.close()


async def test_a_server_over_tls() -> None:
    certificate = Certificate("127.0.0.1")
    async with connected(lambda _, number: ok(number), certificate.context("1.3")) as (client, ears, requests):
        assert client.certificate == certificate.der
        assert (await client.request("OPTIONS")).status == 200
        assert requests[0].startswith("OPTIONS rtsps://127.0.0.1:")
        assert ears.messages == ["RTSP/1.0 200 OK"]


async def test_a_server_without_tls() -> None:
    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RTSP/1.0 400 x\r\n\r\n")
        writer.close()  # from Python 3.12 on a server waits for its connections

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match=rf"no TLS with 127.0.0.1:{port}: wrong version number"):
            await RtspClient(parse_target(f"rtsps://127.0.0.1:{port}/x"), Listener()).connect()
