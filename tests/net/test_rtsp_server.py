"""The server's shell with real sockets: readers that are slow, many, new, silent or gone."""

import asyncio
import re
import struct
import time
from collections.abc import AsyncIterator
from functools import partial
from itertools import pairwise

import pytest

from tests.support.rtsp_reader import RtspReader
from tests.support.served import ANYWHERE, IDR_EVERY, Catalogue, Register, Stream
from transcoder.errors import TransportError
from transcoder.net.rtsp_server import Listener, RtspServer
from transcoder.rtsp.session import EndReason, ServerOptions


@pytest.fixture
def options(request: pytest.FixtureRequest) -> ServerOptions:
    """Those of the product, but for what a test gives as its parameter."""
    return ServerOptions(**getattr(request, "param", {}))


def with_options(**changes: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("options", [changes], indirect=True, ids=[""])


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def register() -> Register:
    return Register()


@pytest.fixture
async def server(catalogue: Catalogue, options: ServerOptions, register: Register) -> AsyncIterator[RtspServer]:
    made = RtspServer(catalogue, [ANYWHERE], (0, 0), options=options, reader_listener=register)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def stream(catalogue: Catalogue) -> Stream:
    return catalogue.streams["front"]


def open_reader(server: RtspServer, name: str = "front", **options) -> RtspReader:
    return RtspReader(server.url("127.0.0.1", name), **options)


async def begin(reader: RtspReader, stream: Stream, transport: str = "tcp") -> dict[str, str]:
    """Play, while the stream sends an IDR; the headers of the answer."""

    async def idr_when_asked() -> None:
        asked = stream.idr_requests
        while stream.idr_requests == asked:
            await asyncio.sleep(0.005)
        stream.send(idr=True)

    helper = asyncio.create_task(idr_when_asked())
    answer = await reader.play(transport)
    await helper
    await reader.until(lambda: reader.packets, 2)
    return answer.headers


def numbers(reader: RtspReader) -> list[int]:
    """Of the access units that a reader got."""
    return [int.from_bytes(unit.nal_units[-1][1:5]) for unit in reader.units()]


def assert_whole(reader: RtspReader) -> None:
    """No gap in the sequence numbers, one SSRC, time that advances, nothing before parameter sets and an IDR."""
    sequence = [packet.sequence_number for packet in reader.packets]
    assert all(later == (earlier + 1) & 0xFFFF for earlier, later in pairwise(sequence))
    assert len({packet.ssrc for packet in reader.packets}) == 1
    times = list(dict.fromkeys(packet.timestamp for packet in reader.packets))
    assert all(0 < (later - earlier) % 2**32 < 2**31 for earlier, later in pairwise(times))
    assert reader.units()[0].types("H264") == [7, 8, 5]
    assert {packet.first for packet in reader.packets} == {0x80}
    assert {packet.payload_type for packet in reader.packets} == {96}


# -- beginning ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_reader_begins_with_parameter_sets_and_an_idr(
    server: RtspServer, stream: Stream, transport: str
) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.set_up(transport)
        play = asyncio.create_task(reader.request("PLAY"))
        await reader.until(lambda: stream.idr_requests == 1, 2)
        for _ in range(5):
            stream.send(idr=False)
        await asyncio.sleep(0.1)
        assert not reader.packets  # it could not begin with these
        assert not play.done()
        stream.send(idr=True)
        answer = await play
        stream.send(idr=False)
        await reader.until(lambda: len(reader.units()) == 2, 2)
        assert numbers(reader) == [5, 6]
        assert_whole(reader)
        info = re.fullmatch(r"url=(.*)/trackID=0;seq=(\d+);rtptime=(\d+)", answer.headers["rtp-info"])
        assert info
        assert info[1] == reader.url
        first = reader.packets[0]
        assert (int(info[2]), int(info[3])) == (first.sequence_number, first.timestamp)


async def test_a_disabled_stream_is_refused_by_all_methods_that_pictures_follow(
    server: RtspServer, stream: Stream
) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.set_up("udp")
        stream.is_enabled = False
        assert [(await reader.request(method)).status for method in ("DESCRIBE", "PLAY")] == [503, 503]
        async with open_reader(server) as late:
            answer = await late.request("SETUP", Transport="RTP/AVP/TCP;unicast;interleaved=0-1")
            assert answer.status == 503
        assert len(server.sessions) == 1
        stream.is_enabled = True
        await begin(reader, stream, "udp")


@pytest.mark.parametrize(("transport", "then"), [("tcp", "TEARDOWN"), ("udp", "TEARDOWN"), ("udp", "PAUSE")])
async def test_a_request_behind_play_that_is_answered_while_the_connection_closes_takes_effect(
    server: RtspServer, stream: Stream, transport: str, then: str
) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.set_up(transport)
        for method in ("PLAY", then):
            reader.write_request(method, reader.url, {})
        await reader.until(lambda: stream.fanout.readers == 1, 2)
        (connection,) = server._door.inside()
        connection.close(EndReason.STUCK)  # the end is told in the next turn; the picture comes in this one
        stream.send(idr=True)
        await reader.until(lambda: not server.connections, 2)
        assert stream.fanout.readers == 0
        assert len(server.sessions) == len(server.context.sessions) == (then == "PAUSE")


@with_options(first_picture_s=0.3)
async def test_play_is_answered_without_a_picture_too(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        answer = await reader.play()
        assert "rtptime" not in answer.headers["rtp-info"]
        stream.send(idr=True)
        await reader.until(lambda: reader.packets, 2)
        assert f"seq={reader.packets[0].sequence_number}" in answer.headers["rtp-info"]


async def test_transport_names_the_ssrc_and_ports_that_are_used(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        answer = await reader.set_up("udp")
        assert reader.server_ports == server.udp_ports
        assert server.udp_ports[0] % 2 == 0
        assert server.udp_ports[1] == server.udp_ports[0] + 1
        play = asyncio.create_task(reader.request("PLAY"))
        await reader.until(lambda: stream.idr_requests == 1, 2)
        stream.send(idr=True)
        await play
        await reader.until(lambda: reader.packets, 2)
        assert f"ssrc={reader.packets[0].ssrc:08X}" in answer.headers["transport"]


async def test_other_channels_are_used_when_asked_for(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.request("SETUP", f"{reader.url}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=6-7")
        play = asyncio.create_task(reader.request("PLAY"))
        await reader.until(lambda: stream.idr_requests == 1, 2)
        stream.send(idr=True)
        await play
        await reader.until(lambda: reader.packets and reader.reports, 2)
        frames = bytes(reader.recorded)
        assert b"$\x06" in frames
        assert b"$\x07" in frames


async def test_errors_of_a_stream(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server, "nobody") as reader:
        assert (await reader.request("DESCRIBE")).status == 404
        assert (await reader.request("SETUP", Transport="RTP/AVP/TCP;interleaved=0-1")).status == 404
    stream.problem = "no picture"
    async with open_reader(server) as reader:
        assert (await reader.request("DESCRIBE")).status == 503
        stream.problem = None
        assert (await reader.request("DESCRIBE")).status == 200


async def test_login(server: RtspServer, stream: Stream, catalogue: Catalogue) -> None:
    catalogue.users = {"vms": "secret"}
    async with open_reader(server, user="vms", password="secret") as reader:
        await begin(reader, stream)
    async with open_reader(server, user="vms", password="wrong") as reader:
        assert (await reader.request("DESCRIBE")).status == 401
        for _ in range(20):
            if reader.closed:
                break
            reader.write_request("DESCRIBE", reader.url, {})
            await asyncio.sleep(0.02)
        assert reader.closed
    assert server.counters.auth_failures >= 8


# -- playing -----------------------------------------------------------------------------------------------------------


async def test_a_slow_reader_loses_access_units_up_to_an_idr_and_costs_the_others_nothing(
    server: RtspServer, stream: Stream
) -> None:
    async with open_reader(server) as slow, open_reader(server) as fast, open_reader(server) as other:
        await begin(slow, stream)
        for reader in (fast, other):
            await begin(reader, stream, "udp" if reader is other else "tcp")
        started = stream.sent
        slow.stop_reading()
        held = 0
        for _ in range(25):
            await stream.send_for(0.1, 30_000, 0.005)
            held = max(held, *(item._transport.get_write_buffer_size() for item in server._door.inside()))
        slow.go_on_reading()
        await stream.send_for(0.5, 3000, 0.01)
        await slow.until(lambda: numbers(slow)[-1] == stream.sent - 1, 5)
        await fast.until(lambda: numbers(fast)[-1] == stream.sent - 1, 5)
        assert held <= stream.fanout.limit
        for reader in (fast, other):
            got = [number for number in numbers(reader) if number >= started]
            assert got == list(range(started, started + len(got)))
            assert len(got) >= stream.sent - started - 1
        got = numbers(slow)
        assert len(got) < stream.sent - 100
        jumps = [later for earlier, later in pairwise(got) if later != earlier + 1 and later >= started]
        assert jumps
        assert all(number % IDR_EVERY == 0 for number in jumps)
        for reader in (slow, fast, other):
            assert_whole(reader)
        assert stream.fanout.counters.dropped_access_units == stream.sent - started - len(
            [number for number in got if number >= started]
        )


@with_options(stuck_s=0.3, tick_s=0.05)
async def test_a_reader_that_takes_nothing_for_long_is_let_go(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as stuck:
        await begin(stuck, stream)
        stuck.stop_reading()
        sending = asyncio.create_task(stream.send_for(10, 60_000, 0.01))
        await stuck.until(lambda: stream.fanout.readers == 0, 5)
        sending.cancel()
        assert server.sessions == {}


async def test_many_readers(server: RtspServer, stream: Stream) -> None:
    readers = [await open_reader(server).__aenter__() for _ in range(24)]
    try:
        for index, reader in enumerate(readers):
            await begin(reader, stream, "udp" if index % 3 == 0 else "tcp")
        assert stream.fanout.readers == 24
        started = stream.sent
        await stream.send_for(1.0)

        def has_all(reader: RtspReader) -> bool:
            return numbers(reader)[-1] == stream.sent - 1

        for reader in readers:
            await reader.until(partial(has_all, reader), 3)
            got = [number for number in numbers(reader) if number >= started]
            assert got == list(range(started, stream.sent))
            assert_whole(reader)
        assert len({reader.packets[0].ssrc for reader in readers}) == 24
        by_number = [
            {number: unit.timestamp for number, unit in zip(numbers(reader), reader.units(), strict=True)}
            for reader in readers
        ]
        assert len({times[started] for times in by_number}) == 1  # one timeline for all
    finally:
        for reader in readers:
            await reader.__aexit__()
    await readers[0].until(lambda: stream.fanout.readers == 8, 3)  # UDP sessions outlive their connections


async def test_pause_and_play_again(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await begin(reader, stream)
        assert (await reader.request("PAUSE")).status == 200
        count = len(reader.packets)
        await stream.send_for(0.2)
        assert len(reader.packets) == count
        assert stream.fanout.readers == 0
        play = asyncio.create_task(reader.request("PLAY"))
        await reader.until(lambda: stream.idr_requests == 2, 2)
        stream.send(idr=True)
        answer = await play
        await reader.until(lambda: len(reader.packets) > count, 2)
        assert f"seq={reader.packets[count].sequence_number};" in answer.headers["rtp-info"]
        assert_whole(reader)


async def test_requests_behind_play_are_carried_out_when_it_is_answered(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.set_up()
        reader.write_request("PLAY", reader.url, {})
        reader.write_request("PAUSE", reader.url, {})
        await reader.until(lambda: stream.idr_requests == 1, 2)
        stream.send(idr=True)
        assert [(await reader.answer()).status for _ in range(2)] == [200, 200]
        assert stream.fanout.readers == 0


async def test_sessions_that_a_connection_left_behind_end_with_it(
    server: RtspServer, stream: Stream, register: Register
) -> None:
    async with open_reader(server) as reader:
        await begin(reader, stream)
        reader.session = ""
        await reader.request("SETUP", f"{reader.url}/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=2-3")
        assert len(server.sessions) == 2
    await reader.until(lambda: not server.sessions, 2)
    assert stream.fanout.readers == 0
    assert register.reasons() == [EndReason.PEER_CLOSED] * 2


async def test_a_session_is_moved_to_another_transport(server: RtspServer, stream: Stream, register: Register) -> None:
    async with open_reader(server) as reader:
        await reader.describe()
        await reader.set_up("udp")
        first = dict(server.sessions)
        tcp = "RTP/AVP/TCP;unicast;interleaved=0-1"
        await reader.request("SETUP", f"{reader.url}/trackID=0", Transport=tcp, Session=reader.session)
        assert server.sessions == first  # the same session, and nobody is told that one ended
        play = asyncio.create_task(reader.request("PLAY"))
        await reader.until(lambda: stream.idr_requests == 1, 2)
        stream.send(idr=True)
        await play
        await reader.until(lambda: reader.packets, 2)
        assert b"$\0" in bytes(reader.recorded)
        assert [session.transport for session in register.played] == ["tcp"]
        assert register.gone == []


@with_options(report_interval_s=0.8)
async def test_sender_reports_at_once_and_at_every_interval(server: RtspServer, stream: Stream) -> None:
    async with open_reader(server) as tcp, open_reader(server) as udp:
        await begin(tcp, stream)
        await begin(udp, stream, "udp")
        await stream.send_for(1.3, 500, 0.02)

        def has_two_reports(reader: RtspReader) -> bool:
            return len(reader.reports) == 2

        for reader in (tcp, udp):
            await reader.until(partial(has_two_reports, reader), 1)
            check_reports(reader)


def check_reports(reader: RtspReader) -> None:
    """RFC 3550 section 6.4.1."""
    (at, _), (later, _) = reader.reports
    assert at - reader.packets[0].at < 0.5
    assert later - at == pytest.approx(0.8, abs=0.1)
    for when, data in reader.reports:
        head, kind, _, ssrc, ntp, rtp, packets, octets = struct.unpack("!BBHIQIII", data[:28])
        assert (head, kind, ssrc) == (0x80, 200, reader.packets[0].ssrc)
        now = time.time() - (time.monotonic() - when)
        assert ntp / 2**32 - 2_208_988_800 == pytest.approx(now, abs=0.3)
        # the same moment on both clocks: the stream's timestamps are its sending time here
        nearest = min(reader.packets, key=lambda packet: abs(packet.at - when))
        assert (rtp - nearest.timestamp + 2**31) % 2**32 - 2**31 == pytest.approx(0, abs=0.3 * 90_000)
        sent = [packet for packet in reader.packets if packet.at <= when + 0.002]
        assert packets == pytest.approx(len(sent), abs=8)
        assert octets == pytest.approx(sum(len(packet.payload) for packet in sent), rel=0.1, abs=4000)
        assert data[28 + 1] == 202  # SDES with a CNAME
        assert b"transcoder" in data


# -- the end -----------------------------------------------------------------------------------------------------------


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
