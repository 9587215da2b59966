"""Readers over UDP: nothing goes to anybody who did not ask, and who gives no sign of life gets nothing for long."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any, Self

import pytest

from tests.support.aftermath import nothing_is_left
from tests.support.served import ANYWHERE, Catalogue, Register, Stream
from transcoder.net import reader_ports
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.session import EndReason, ServerOptions

READER, VICTIM = "127.0.0.2", "127.0.0.9"
RECEIVER_REPORT = struct.pack("!BBHI", 0x80, 201, 1, 7)
"""RFC 3550 section 6.4.2, without report blocks."""
TIMEOUT_S = 0.8


class Served:
    def __init__(self, server: RtspServer, stream: Stream, register: Register) -> None:
        self.server = server
        self.stream = stream
        self.register = register


@contextlib.asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Served]:
    catalogue, register = Catalogue(), Register()
    made = RtspServer(
        catalogue, [ANYWHERE], (0, 0), options=ServerOptions(tick_s=0.05, **options), reader_listener=register
    )
    await made.start()
    try:
        yield Served(made, catalogue.streams["front"], register)
    finally:
        await made.stop()


class Ports:
    """A pair of UDP ports that a reader names, or the same pair elsewhere."""

    def __init__(self, host: str, number: int = 0) -> None:
        self.host = host
        self.rtp, self.rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.rtp.bind((host, number))
        self.number = int(self.rtp.getsockname()[1])
        self.rtcp.bind((host, self.number + 1))
        for each in (self.rtp, self.rtcp):
            each.setblocking(False)

    def received(self) -> int:
        count = 0
        with contextlib.suppress(BlockingIOError):
            while self.rtp.recv(2048):
                count += 1
        return count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.rtp.close()
        self.rtcp.close()


class Reader:
    """Writes the Transport header as it likes."""

    def __init__(self, served: Served, transport: str) -> None:
        self.served = served
        self.transport = transport
        self.session = self.answer = ""
        self.status = 0

    async def __aenter__(self) -> Self:
        self.input, self.output = await asyncio.open_connection(
            "127.0.0.1", self.served.server.port, local_addr=(READER, 0)
        )
        self.answer = await self.ask("SETUP", f"Transport: {self.transport}\r\n", "/trackID=0")
        self.status = int(self.answer.split()[1])
        if self.status == 200:
            self.session = self.answer.partition("Session: ")[2].partition(";")[0]
            playing = asyncio.create_task(self.ask("PLAY", f"Session: {self.session}\r\n"))
            while not playing.done():
                self.served.stream.send(idr=True)
                await asyncio.sleep(0.02)
            assert " 200 " in await playing
        return self

    async def ask(self, method: str, fields: str = "", track: str = "") -> str:
        self.output.write(f"{method} rtsp://127.0.0.1/front{track} RTSP/1.0\r\nCSeq: 1\r\n{fields}\r\n".encode())
        async with asyncio.timeout(5):
            return (await self.input.readuntil(b"\r\n\r\n")).decode()

    async def __aexit__(self, *_: object) -> None:
        self.output.close()


@pytest.mark.parametrize(
    "field",
    [
        f"destination={VICTIM}", f'destination="{VICTIM}"', f"DESTINATION={VICTIM}", f"source={VICTIM}",
        f"destination={VICTIM};source={VICTIM}", f'dest_addr="{VICTIM}:{{port}}"', "",
    ],
    ids=["destination", "quoted", "capitals", "source", "both", "RTSP 2", "control"],
)  # fmt: skip
async def test_pictures_go_to_the_address_that_asked(field: str) -> None:
    async with serving(session_timeout_s=60) as served, nothing_is_left(served.server):
        with Ports(READER) as own, Ports(VICTIM, own.number) as victim:
            field = field.replace("{port}", str(own.number))
            transport = f"RTP/AVP;unicast;{field and field + ';'}client_port={own.number}-{own.number + 1}"
            async with Reader(served, transport) as reader:
                await served.stream.send_for(0.2)
                assert VICTIM not in reader.answer
                assert own.received() > 10
                assert victim.received() == 0
                await reader.ask("TEARDOWN", f"Session: {reader.session}\r\n")


async def until_gone(served: Served, timeout_s: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not served.register.gone:
                served.stream.send()
                await asyncio.sleep(0.02)
    return bool(served.register.gone)


@pytest.mark.parametrize("speaks_from", ["nobody", "another address", "another port", "garbage", "itself"])
async def test_a_session_without_a_sign_of_life_ends_within_its_timeout(speaks_from: str) -> None:
    """Reports that somebody else sends, or that are none, are no sign; the control is the reader's own report."""
    async with serving(session_timeout_s=TIMEOUT_S) as served, nothing_is_left(served.server):
        with Ports(READER) as own, Ports(VICTIM, own.number) as other, Ports(READER) as third:
            transport = f"RTP/AVP;unicast;client_port={own.number}-{own.number + 1}"
            async with Reader(served, transport) as reader:
                assert f"timeout={TIMEOUT_S:g}" in reader.answer
                sender = {"another address": other, "another port": third}.get(speaks_from, own).rtcp

                async def speak() -> None:
                    while speaks_from != "nobody":
                        data = b"\x80\xff" * 40 if speaks_from == "garbage" else RECEIVER_REPORT
                        sender.sendto(data, ("127.0.0.1", served.server.udp_ports[1]))
                        await asyncio.sleep(0.1)

                speaking = asyncio.create_task(speak())
                is_gone = await until_gone(served, 2 * TIMEOUT_S)
                speaking.cancel()
                assert is_gone is (speaks_from != "itself")
                if is_gone:
                    assert served.register.reasons() == [EndReason.SILENT]
                    own.received()
                    await served.stream.send_for(0.2)
                    assert own.received() == 0
                else:
                    await reader.ask("TEARDOWN", f"Session: {reader.session}\r\n")


@pytest.mark.parametrize("measure", [True, False], ids=["measure", "control"])
async def test_no_session_feeds_the_server_with_its_own_reports(measure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not measure:
        monkeypatch.setattr(reader_ports, "is_this_machine", lambda _: False)
    async with serving(session_timeout_s=TIMEOUT_S, report_interval_s=0.1) as served:
        rtp, rtcp = served.server.udp_ports
        monkeypatch.setattr("tests.attacks.test_peers_udp.READER", "127.0.0.1")
        async with Reader(served, f"RTP/AVP;unicast;client_port={rtp}-{rtcp}") as reader:
            assert reader.status == (503 if measure else 200)
            if not measure:
                assert not await until_gone(served, 2 * TIMEOUT_S)


async def test_a_request_is_a_sign_of_life() -> None:
    async with serving(session_timeout_s=TIMEOUT_S) as served:
        with Ports(READER) as own:
            async with Reader(served, f"RTP/AVP;unicast;client_port={own.number}-{own.number + 1}") as reader:
                for _ in range(8):
                    assert " 200 " in await reader.ask("OPTIONS", f"Session: {reader.session}\r\n")
                    assert not await until_gone(served, TIMEOUT_S / 4)


@pytest.mark.parametrize(("limit", "played"), [(3, 3), (1000, 6)], ids=["limit", "control"])
async def test_one_address_does_not_have_all_sessions(limit: int, played: int) -> None:
    async with (
        serving(max_address_sessions=limit) as served,
        nothing_is_left(served.server),
        contextlib.AsyncExitStack() as stack,
    ):
        made = [Reader(served, "RTP/AVP/TCP;unicast;interleaved=0-1") for _ in range(6)]
        for reader in made:
            await stack.enter_async_context(reader)
        assert [reader.status for reader in made].count(200) == played
        assert {reader.status for reader in made} <= {200, 503}
