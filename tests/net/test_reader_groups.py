"""A server sends to groups in this machine: one feed however many readers, reports heard, and an end."""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog.testing

from tests.support.rtsp_reader import Answer, RtspReader
from tests.support.served import ANYWHERE, Catalogue, Register, Stream
from tests.support.served_readers import open_reader, with_options
from transcoder.net.reader_groups import Multicast
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.multicast_groups import TRACKS, Group, MulticastGroups
from transcoder.rtsp.session import EndReason, ServerOptions

pytestmark = pytest.mark.real_time  # sockets of the tests' own are read without the loop

MULTICAST = "RTP/AVP;multicast"
PORT = 29_330
"""Outside of the range that the kernel gives to others; a group of this test's own is joined beside it."""


@pytest.fixture
async def server(catalogue: Catalogue, options: ServerOptions, register: Register) -> AsyncIterator[RtspServer]:
    groups = MulticastGroups([ipaddress.ip_network("239.192.0.0/16")], PORT, 1)
    made = RtspServer(
        catalogue, [ANYWHERE], (0, 0), options=options, reader_listener=register, multicast=Multicast(groups=groups)
    )
    await made.start()
    yield made
    await made.stop()


@contextlib.contextmanager
def joined(group: Group, port: int) -> Iterator[socket.socket]:
    """A receiver of a group, as any other program has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((group.address, port))
        member = socket.inet_aton(group.address) + socket.inet_aton("127.0.0.1")
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        sock.setblocking(False)
        yield sock


def received(sock: socket.socket) -> list[bytes]:
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            found.append(sock.recv(4096))
    return found


def group_of(server: RtspServer) -> Group:
    group = server.group_of("front")
    assert group is not None
    return group


async def set_up(reader: RtspReader) -> Answer:
    await reader.describe()
    answer = await reader.request("SETUP", f"{reader.url}/trackID=0", Transport=MULTICAST)
    assert answer.status == 200
    reader.session = answer.headers["session"].partition(";")[0]
    return answer


async def play(reader: RtspReader, stream: Stream) -> Answer:
    answering = asyncio.create_task(reader.request("PLAY", Session=reader.session))
    asked = stream.idr_requests
    while stream.idr_requests == asked:
        await asyncio.sleep(0.005)
    stream.send(idr=True)
    answer = await answering
    assert answer.status == 200
    return answer


async def test_readers_of_a_group_get_the_same_packets_once(
    server: RtspServer, stream: Stream, register: Register
) -> None:
    group = group_of(server)
    with joined(group, PORT) as rtp, joined(group, PORT + 1) as rtcp:
        async with open_reader(server) as one, open_reader(server) as two:
            answer = await set_up(one)
            fields = answer.headers["transport"].split(";")
            assert fields[:5] == [
                "RTP/AVP", "multicast", f"destination={group.address}", f"port={PORT}-{PORT + 1}", "ttl=1"
            ]  # fmt: skip
            ssrc = int(fields[5].removeprefix("ssrc="), 16)
            assert received(rtp) == []
            first = await play(one, stream)
            stream.send(idr=False)
            assert (await set_up(two)).headers["transport"] == answer.headers["transport"]
            second = await play(two, stream)
            stream.send(idr=False)
            await asyncio.sleep(0.05)
            packets = received(rtp)
            numbers = [int.from_bytes(data[2:4]) for data in packets]
            assert numbers == [(numbers[0] + step) & 0xFFFF for step in range(len(numbers))]
            assert {data[8:12] for data in packets} == {ssrc.to_bytes(4)}
            assert f"seq={numbers[0]};" in first.headers["rtp-info"]
            assert f"seq={numbers[len(numbers) // 2]};" in second.headers["rtp-info"]
            assert stream.fanout.readers == 2
            assert [session.transport for session in register.played] == ["multicast"] * 2
            assert received(rtcp)[0][1] == 200  # a sender report
            assert (await one.request("TEARDOWN", Session=one.session)).status == 200
            stream.send()
            await asyncio.sleep(0.02)
            assert received(rtp)
            assert (await two.request("TEARDOWN", Session=two.session)).status == 200
            stream.send()
            await asyncio.sleep(0.02)
            assert received(rtp) == []
            assert b"\xcb" in received(rtcp)[-1]  # BYE
            assert len(server.groups) == 0
            assert server.counters.ignored_reports == 0, "our own reports come back and are no strangers'"


def report_about(ssrc: int) -> bytes:
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, 0x1234, ssrc, 0, 0, 0, 0, 0)  # RFC 3550 section 6.4.2


@with_options(session_timeout_s=0.6, session_slack_s=0.2, tick_s=0.05)
async def test_reports_to_the_group_keep_a_session_alive(
    server: RtspServer, stream: Stream, register: Register
) -> None:
    group = group_of(server)
    async with open_reader(server) as reader:
        answer = await set_up(reader)
        await play(reader, stream)
        ssrc = int(answer.headers["transport"].partition("ssrc=")[2], 16)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            for _ in range(12):
                sock.sendto(report_about(ssrc), (group.address, PORT + 1))
                await stream.send_for(0.1)
            assert list(server.sessions) == [reader.session]
            for _ in range(12):
                sock.sendto(report_about(ssrc ^ 1), (group.address, PORT + 1))
                await stream.send_for(0.1)
        assert server.sessions == {}
        assert register.reasons() == [EndReason.SILENT]
        assert len(server.groups) == 0
        assert server.counters.ignored_reports >= 6


async def test_a_group_that_cannot_be_sent_to_is_refused(
    server: RtspServer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError("no such device")

    monkeypatch.setattr("transcoder.net.reader_groups.sending_socket", refuse)
    async with open_reader(server) as reader:
        await reader.describe()
        with structlog.testing.capture_logs() as lines:
            for _ in range(3):
                assert (await reader.request("SETUP", f"{reader.url}/trackID=0", Transport=MULTICAST)).status == 503
        assert [(line["event"], line["reason"]) for line in lines] == [("multicast failed", "no such device")]
        assert (await reader.set_up("tcp")).status == 200
    assert len(server.groups) == 0


async def test_a_reader_that_goes_over_to_tcp_leaves_the_group(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await set_up(reader)
        assert len(server.groups) == 1
        await reader.set_up("tcp")
        assert len(server.groups) == 0
        await play(reader, stream)
        await reader.until(lambda: reader.packets, 2)


async def test_a_stream_that_comes_back_takes_its_group_over_from_sessions_that_linger(
    server: RtspServer, catalogue: Catalogue
) -> None:
    group = group_of(server)
    async with open_reader(server) as old, open_reader(server) as new:
        await set_up(old)
        held = sockets_of(group)
        catalogue.streams["front"] = Stream()
        await set_up(new)
        await asyncio.sleep(0.02)
        assert sockets_of(group) == held == TRACKS
        assert (await old.request("TEARDOWN", Session=old.session)).status == 200
        assert len(server.groups) == 1
        await play(new, catalogue.streams["front"])
        assert (await new.request("TEARDOWN", Session=new.session)).status == 200
        await asyncio.sleep(0.02)
        assert sockets_of(group) == 0


def sockets_of(group: Group) -> int:
    """Count the sockets of this process that are bound to a group (proc(5): the address in host byte order)."""
    bound = f"{int.from_bytes(socket.inet_aton(group.address), sys.byteorder):08X}:"
    fields = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{each[9]}]" for each in fields if each[1].startswith(bound)}
    return sum(os.readlink(each) in inodes for each in Path("/proc/self/fd").iterdir() if each.is_symlink())


async def test_a_description_names_the_group_for_who_asks(server: RtspServer) -> None:
    group = group_of(server)
    async with open_reader(server) as reader:
        asked = await reader.request("DESCRIBE", f"{reader.url}?multicast")
        plain = await reader.request("DESCRIBE", reader.url)
        assert f"c=IN IP4 {group.address}/1\r\n".encode() in asked.body
        assert f"m=video {PORT} RTP/AVP 96\r\n".encode() in asked.body
        assert group.address.encode() not in plain.body
