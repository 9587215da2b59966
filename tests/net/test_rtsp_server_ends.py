"""What ends at the server's shell: sessions, connections that send junk, and listeners that can't begin."""

import asyncio
import socket
import struct

import pytest

from tests.support.rtsp_reader import RtspReader
from tests.support.served import ANYWHERE, Catalogue, Register, Stream
from tests.support.served_readers import assert_whole, begin, open_reader, with_options
from transcoder.errors import TransportError
from transcoder.net.rtsp_server import Listener, RtspServer
from transcoder.rtsp import reader_addresses
from transcoder.rtsp.session import EndReason


@with_options(session_timeout_s=0.6, session_slack_s=0.2, tick_s=0.05)
async def test_receiver_reports_keep_a_udp_session_alive(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as alive, open_reader(server) as silent:
        await begin(alive, stream, "udp")
        await begin(silent, stream, "udp")
        for _ in range(15):
            alive.send_receiver_report()
            await stream.send_for(0.1)
        assert list(server.sessions) == [alive.session]
        assert stream.fanout.readers == 1
        assert silent.reports[-1][1][1] == 203 or b"\xcb" in silent.reports[-1][1]  # BYE
        assert_whole(alive)


@with_options(session_timeout_s=0.6, session_slack_s=0.2, tick_s=0.05)
async def test_only_the_readers_own_reports_count(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader, open_reader(server) as stranger:
        await begin(reader, stream, "udp")
        await stranger.describe()
        await stranger.set_up("udp")
        for _ in range(15):
            stranger.send_receiver_report()
            reader.send_rtcp(b"junk")
            await asyncio.sleep(0.1)
        assert reader.session not in server.sessions
        assert stranger.session in server.sessions
        assert server.counters.ignored_reports >= 15  # each piece of junk


async def test_a_tcp_session_ends_with_its_connection_and_a_udp_session_does_not(
    server: RtspServer, stream: Stream
) -> None:
    async with open_reader(server) as tcp:
        await begin(tcp, stream)
    async with open_reader(server) as udp:
        await begin(udp, stream, "udp")
        udp.close_connection()
        await udp.until(lambda: stream.fanout.readers == 1, 2)
        count = len(udp.packets)
        await stream.send_for(0.3)
        assert len(udp.packets) > count
        async with open_reader(server) as again:
            assert (await again.request("TEARDOWN", Session=udp.session)).status == 200
        assert stream.fanout.readers == 0
        assert server.sessions == {}


async def test_teardown_ends_the_session_at_once(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await begin(reader, stream)
        assert (await reader.request("TEARDOWN")).status == 200
        assert stream.fanout.readers == 0
        count = len(reader.packets)
        await stream.send_for(0.2)
        assert len(reader.packets) == count
        await begin(reader, stream)  # on the same connection


async def test_the_readers_of_a_stream_can_be_sent_away(
    server: RtspServer, stream: Stream, catalogue: Catalogue
) -> None:
    catalogue.streams["yard"] = yard = Stream()
    async with open_reader(server) as front, open_reader(server, "yard") as stays:
        await begin(front, stream)
        await begin(stays, yard)
        server.end_readers("front", EndReason.FORMAT_CHANGE)
        await front.until(lambda: front.closed, 2)
        yard.send()
        await stays.until(lambda: len(stays.units()) == 2, 2)
        assert not stays.closed


async def test_a_taken_address_is_an_error(server: RtspServer) -> None:
    taken = f"^rtsp.listen 127.0.0.1:{server.port}: Address already in use; transcoder doctor CONFIG says which program"
    with pytest.raises(TransportError, match=taken):
        await RtspServer(Catalogue(), [Listener(host="127.0.0.1", port=server.port)], (0, 0)).start()
    with pytest.raises(TransportError, match=r"^rtsp\.listen 192\.0\.2\.1:8554: Cannot assign requested address$"):
        await RtspServer(Catalogue(), [Listener(host="192.0.2.1", port=8554)], (0, 0)).start()
    with pytest.raises(TransportError, match=r"udp_ports.*; transcoder doctor CONFIG says which program"):
        await RtspServer(Catalogue(), [ANYWHERE], server.udp_ports).start()


async def test_each_listener_names_its_own_port(catalogue: Catalogue) -> None:
    server = RtspServer(catalogue, [ANYWHERE, ANYWHERE], (0, 0))
    await server.start()
    try:
        first, second = (listener.port for listener in server.listeners)
        assert first != second
        assert server.url("::1", "front") == f"rtsp://[::1]:{first}/front"
        for port in (first, second):
            async with RtspReader(f"rtsp://127.0.0.1:{port}/front") as reader:
                answer = await reader.request("DESCRIBE")
                assert answer.headers["content-base"] == f"rtsp://127.0.0.1:{port}/front/"
        with pytest.raises(TransportError, match=f"listen 127.0.0.1:{first}"):
            await RtspServer(catalogue, [ANYWHERE, Listener(host="127.0.0.1", port=first)], (0, 0)).start()
    finally:
        await server.stop()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", second)


async def test_junk_is_answered_once(server: RtspServer, register: Register) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\njunk\0" + b"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n" * 3)
    async with asyncio.timeout(3):
        answers = await reader.read()
    assert [line.split()[1] for line in answers.split(b"\r\n") if line.startswith(b"RTSP")] == [b"200", b"400"]
    assert register.connections == [EndReason.PROTOCOL_ERROR]
    writer.close()


async def test_a_session_that_was_set_up_again_elsewhere_plays_on(
    server: RtspServer, stream: Stream, register: Register
) -> None:
    async with open_reader(server) as second:
        async with open_reader(server) as first:
            await first.describe()
            await first.set_up()
            tcp = "RTP/AVP/TCP;unicast;interleaved=0-1"
            answer = await second.request("SETUP", f"{second.url}/trackID=0", Transport=tcp, Session=first.session)
            assert answer.status == 200
            second.session = first.session
        play = asyncio.create_task(second.request("PLAY"))
        await second.until(lambda: stream.idr_requests == 1, 2)
        stream.send(idr=True)
        assert (await play).status == 200
        await second.until(lambda: second.packets, 2)
        assert register.gone == []
    await second.until(lambda: not server.sessions, 2)
    assert register.reasons() == [EndReason.PEER_CLOSED]


async def test_junk_ends_its_own_connection_only(server: RtspServer, stream: Stream, register: Register) -> None:
    async with open_reader(server) as reader:
        await begin(reader, stream)
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\0" * 400_000)
        await reader.until(lambda: register.connections == [EndReason.PROTOCOL_ERROR], 3)
        writer.close()
        stream.send()
        await reader.until(lambda: len(reader.units()) == 2, 2)


@with_options(session_timeout_s=0.6, session_slack_s=0.2, tick_s=0.05)
async def test_packets_follow_a_reader_to_the_ports_that_its_nat_gave_it(
    server: RtspServer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_addresses, "SILENT_S", 0.0)  # the reader's own punches were heard a moment ago
    async with open_reader(server) as reader:
        await begin(reader, stream, "udp")
        with socket.socket(type=socket.SOCK_DGRAM) as rtp, socket.socket(type=socket.SOCK_DGRAM) as rtcp:
            for sock in (rtp, rtcp):
                sock.bind(("127.0.0.1", 0))
                sock.setblocking(False)
            ssrc = reader.packets[0].ssrc
            report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, 0x1234, ssrc, 0, 0, 0, 0, 0)  # RFC 3550 section 6.4.2
            rtp.sendto(b"\x80\x60" + bytes(6) + ssrc.to_bytes(4), ("127.0.0.1", server.udp_ports[0]))
            for _ in range(12):  # longer than a session without a sign of life has
                rtcp.sendto(report, ("127.0.0.1", server.udp_ports[1]))
                await stream.send_for(0.1)
            assert list(server.sessions) == [reader.session]
            assert server.counters.moved_readers == 1
            assert rtp.recv(2048)[8:12] == ssrc.to_bytes(4)
            count = len(reader.packets)
            await stream.send_for(0.1)
            assert len(reader.packets) == count
