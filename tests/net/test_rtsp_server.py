"""The server's shell with real sockets: readers that are slow, many, new, silent or gone."""

import asyncio
import re
import struct
import time
from functools import partial
from itertools import pairwise

import pytest

from tests.support.rtsp_reader import RtspReader
from tests.support.served import IDR_EVERY, Catalogue, Register, Stream
from tests.support.served_readers import assert_whole, begin, numbers, open_reader, with_options
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.session import EndReason

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
