"""The client core as transcripts: what it asks, what it tolerates, when it gives up."""

import re
from typing import Any

import pytest

from transcoder.errors import (
    RemoteProtocolError,
)
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import MAX_KEEP_ALIVE_S
from transcoder.rtsp.client_events import Closed, Described, Playing, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrames
from transcoder.rtsp.server_requests import MAX_SERVER_REQUESTS
from transcoder.rtsp.states import ClientState

Transcript = Any  # of conftest
USER = Credentials(username="viewer", password="Test-1234")
UDP = Transport(lower="UDP", client_port=(5000, 5001))
FRAME = b"$\x00\x00\x03abc"


def frames(events: list) -> list[tuple[int, bytes]]:
    return [
        (event.channel, bytes(frame)) for event in events if isinstance(event, InterleavedFrames) for frame in event
    ]


# -- the whole conversation --------------------------------------------------------------------------------------------


def test_from_options_to_teardown(transcript: Transcript) -> None:
    options = transcript.request("OPTIONS")
    assert options.uri == "rtsp://192.0.2.7:554/live/main"
    assert set(options.fields) == {"CSeq", "User-Agent"}
    assert transcript.reply(options, "200 OK", "Public: OPTIONS, DESCRIBE") == []

    describe = transcript.request("DESCRIBE")
    assert describe.fields["Accept"] == "application/sdp"
    assert "Require" not in describe.fields
    (event,) = transcript.reply(
        describe, "200 OK", "Server: probe", "Content-Base: rtsp://192.0.2.7/live/main/", body="v=0\ns=x\n"
    )
    assert event == Described(body=b"v=0\r\ns=x\r\n", server="probe")

    transcript.client.setup("trackID=1", Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    setup = transcript.request("SETUP")
    assert setup.uri == "rtsp://192.0.2.7:554/live/main/trackID=1"
    assert setup.fields["Transport"] == "RTP/AVP/TCP;unicast;interleaved=0-1"  # no mode=
    (event,) = transcript.reply(
        setup, "200 OK", "Session: 77;timeout=60", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0000ABCD"
    )
    assert isinstance(event, SetUp)
    assert event.transport == Transport(lower="TCP", interleaved=(0, 1), ssrc=0xABCD)

    play = transcript.request("PLAY")
    assert play.uri == "rtsp://192.0.2.7:554/live/main/"
    assert (play.fields["Session"], play.fields["Range"]) == ("77", "npt=0.000-")
    assert transcript.reply(play, "200 OK", "Session: 77", "RTP-Info: url=trackID=1;seq=1;rtptime=-1;") == [Playing()]
    assert frames(transcript.feed(FRAME + b"$\x01\x00\x01z")) == [(0, b"abc"), (1, b"z")]

    transcript.client.teardown(transcript.now)
    teardown = transcript.request("TEARDOWN")
    assert (teardown.uri, teardown.fields["Session"]) == ("rtsp://192.0.2.7:554/live/main/", "77")
    assert frames(transcript.feed(FRAME)) == [(0, b"abc")]  # what is on its way still comes
    assert transcript.reply(teardown) == [Closed()]
    assert transcript.client.state is ClientState.CLOSED
    assert transcript.client.next_timeout() is None


def test_numbers_of_requests_go_up_by_one(transcript: Transcript) -> None:
    transcript.play()
    assert re.findall(rb"CSeq: (\d+)", transcript.wire) == [b"1", b"2", b"3", b"4"]


def test_udp(transcript: Transcript) -> None:
    transcript.describe()
    transcript.client.setup("trackID=1", UDP, transcript.now)
    setup = transcript.request("SETUP")
    assert setup.fields["Transport"] == "RTP/AVP;unicast;client_port=5000-5001"
    (event,) = transcript.reply(
        setup, "200 OK", "Session: 1", "Transport: RTP/AVP;unicast;client_port=9-10;server_port=6000-6001"
    )
    assert event.transport == Transport(lower="UDP", client_port=(5000, 5001), server_port=(6000, 6001))


@pytest.mark.parametrize(
    ("answer", "interleaved"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=4-5", (4, 5)),  # others than asked for (gortsplib#72)
        ("RTP/AVP/TCP;unicast;interleaved=0", (0, 1)),  # one
        ("RTP/AVP/TCP;unicast", (0, 1)),  # none (gortsplib#142)
        ("RTP/AVP;unicast;interleaved=0-1", (0, 1)),  # not called TCP (Escam Q6)
        ("RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=     D93FF", (0, 1)),  # Dahua
        ("RTP/AVP/TCP;interleaved=2-3,RTP/AVP;unicast;client_port=1-2", (2, 3)),
        ("", (0, 1)),
    ],
)
def test_channels(transcript: Transcript, answer: str, interleaved: tuple[int, int]) -> None:
    transcript.set_up("Session: 1", f"Transport: {answer}" if answer else "X: y")
    (event,) = [event for event in transcript.events if isinstance(event, SetUp)]
    assert event.transport is not None
    assert event.transport.interleaved == interleaved
    first = interleaved[0]
    assert frames(transcript.feed(bytes((0x24, first, 0, 1, 65)))) == [(first, b"A")]


@pytest.mark.parametrize(
    "answer", ["RTP/SAVP/TCP;interleaved=0-1", "RTP/AVP;unicast;client_port=1-2", "RTP/AVP/UDP;unicast;server_port=6-7"]
)
def test_a_transport_that_was_not_asked_for(transcript: Transcript, answer: str) -> None:
    with pytest.raises(RemoteProtocolError):
        transcript.set_up("Session: 1", f"Transport: {answer}")


# -- session and keep-alive --------------------------------------------------------------------------------------------


def test_the_first_session_id_is_kept(transcript: Transcript) -> None:  # H264DVR
    play = transcript.set_up("Session: 231970", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    transcript.reply(play, "200 OK", "Session: 231980")
    assert transcript.client.counters.session_changes == 1
    transcript.client.teardown(transcript.now)
    assert transcript.request("TEARDOWN").fields["Session"] == "231970"


def test_a_session_before_setup_is_none(transcript: Transcript) -> None:  # Dahua: in the answer to OPTIONS
    transcript.reply(transcript.request("OPTIONS"), "200 OK", "Session: 136527")
    transcript.reply(transcript.request("DESCRIBE"), "200 OK", "Session: 136527", body="v=0\n")
    transcript.client.setup("x", Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    setup = transcript.request("SETUP")
    assert "Session" not in setup.fields
    transcript.reply(setup, "200 OK", "Session:        634214;timeout=60", "Transport: RTP/AVP/TCP;interleaved=0-1")
    assert transcript.request("PLAY").fields["Session"] == "634214"


@pytest.mark.parametrize(
    ("setup", "play", "interval_s"),
    [
        ("77", "77", 25),  # nothing said: 60 s, sent at 25 s at the latest
        ("77;timeout=60", "77; timeout=120", 25),  # GW Security: the smaller
        ("77;timeout=20", "77", 10),
        ("77;timeout=20", "77;timeout=60", 10),
        ("77;timeout=600", "77", 25),
        ("77;timeout=1", "77", 1),
    ],
)
def test_interval_of_keep_alives(transcript: Transcript, setup: str, play: str, interval_s: float) -> None:
    request = transcript.set_up(f"Session: {setup}", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    transcript.reply(request, "200 OK", f"Session: {play}")
    assert transcript.client.next_timeout() == transcript.now + interval_s


def test_a_keep_alive_is_options_on_the_base_url_and_waits_for_nobody(transcript: Transcript) -> None:
    transcript.play()
    seen = []
    for _ in range(10):  # never answered (Hipcam)
        due = transcript.client.next_timeout()
        assert due == transcript.now + MAX_KEEP_ALIVE_S
        transcript.now = due
        transcript.client.handle_timeout(transcript.now)
        keep_alive = transcript.request("OPTIONS")
        assert keep_alive.uri == "rtsp://192.0.2.7:554/live/main"
        assert keep_alive.fields["Session"] == "77"
        seen.append(keep_alive)
        assert frames(transcript.feed(FRAME))
    assert len(transcript.client._pending) == 1
    # an answer to one long forgotten
    transcript.reply(seen[0])
    assert transcript.client.counters.unmatched_responses == 1
    assert transcript.client.state is ClientState.PLAYING


def test_only_the_latest_keep_alive_is_remembered(transcript: Transcript) -> None:
    play = transcript.set_up("Session: 77;timeout=2", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
    transcript.reply(play)
    for _ in range(8):
        transcript.now += 1
        transcript.client.handle_timeout(transcript.now)
    assert len(transcript.sent()) == 8
    assert len(transcript.client._pending) == 1


@pytest.mark.parametrize(
    "status", ["400 Bad", "401 Unauthorized", "405 No", "451 No", "454 Session", "501 No", "302 Moved"]
)
def test_a_refused_keep_alive_ends_nothing(transcript: Transcript, status: str) -> None:
    transcript.play()
    transcript.now = transcript.client.next_timeout()
    transcript.client.handle_timeout(transcript.now)
    assert transcript.reply(transcript.request("OPTIONS"), status, "Location: rtsp://198.51.100.9/") == []
    assert transcript.client.counters.keep_alive_refused == 1
    assert frames(transcript.feed(FRAME))
    assert transcript.client.next_timeout() == transcript.now + MAX_KEEP_ALIVE_S


def test_a_challenged_keep_alive_is_authenticated(login: Transcript) -> None:  # Hik DS-7608NXI stops RTP otherwise
    login.play()
    login.now = login.client.next_timeout()
    login.client.handle_timeout(login.now)
    login.reply(login.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="new"')
    again = login.request("OPTIONS")
    assert 'nonce="new"' in again.fields["Authorization"]
    login.reply(again)
    assert login.client.counters.keep_alive_refused == 0


def test_keepalive_policies(vectors: Any, new_transcript: Any) -> None:
    """Every row of the recorded policy table that an OPTIONS keep-alive can meet."""
    rows = (vectors / "synthetic/keepalive_replies.tsv").read_text().splitlines()
    met = [row for row in rows if row.startswith(("OPTIONS", "Session", "SETUP"))]
    assert len(met) == 4
    transcript = new_transcript(credentials=USER)
    transcript.play("Session: 77; timeout=60", "Transport: RTP/AVP/TCP;interleaved=0-1")
    assert transcript.client.next_timeout() - transcript.now <= 30
    # this camera offers no GET_PARAMETER, so that its rows can't occur; tests/rtsp/test_keep_alive.py has them
    transcript.now += MAX_KEEP_ALIVE_S
    transcript.client.handle_timeout(transcript.now)
    transcript.reply(transcript.request("OPTIONS"), "454 Session Not Found")
    assert frames(transcript.feed(FRAME))
    assert b"GET_PARAMETER" not in transcript.wire
    assert b"SET_PARAMETER" not in transcript.wire


# -- what comes when it should not -------------------------------------------------------------------------------------


def test_requests_of_the_server_are_answered(transcript: Transcript) -> None:
    transcript.play()
    for method, status in (("OPTIONS", b"200 OK"), ("GET_PARAMETER", b"200 OK"), ("ANNOUNCE", b"501 Not Implemented")):
        events = transcript.feed(FRAME + f"{method} rtsp://x/ RTSP/1.0\r\nCSeq: 9\r\n\r\n".encode() + FRAME)
        assert len(frames(events)) == 2
        assert b"".join(transcript.client.data_to_send()) == b"RTSP/1.0 " + status + b"\r\nCSeq: 9\r\n\r\n"
    assert transcript.client.counters.requests_from_server == 3


def test_a_request_every_minute_for_days_is_fine(transcript: Transcript) -> None:
    transcript.play()
    for _ in range(3000):
        transcript.now += 20
        transcript.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n")
        transcript.client.data_to_send()
    assert transcript.client.state is ClientState.PLAYING


def test_request_after_request_is_not(transcript: Transcript) -> None:
    transcript.play()
    with pytest.raises(RemoteProtocolError):
        transcript.feed(b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n" * (MAX_SERVER_REQUESTS + 1))


def test_data_before_the_answer_to_play(transcript: Transcript) -> None:  # Reolink, v4l2rtspserver
    play = transcript.set_up()
    assert frames(transcript.feed(FRAME)) == [(0, b"abc")]
    assert frames(transcript.reply(play, "200 OK")) == []
    assert transcript.client.state is ClientState.PLAYING


def test_data_of_a_dead_session_before_setup(transcript: Transcript) -> None:  # live555 of before 2017
    transcript.reply(transcript.request("OPTIONS"))
    describe = transcript.request("DESCRIBE")
    assert transcript.feed(FRAME * 5) == []
    assert len(transcript.reply(describe, "200 OK", body="v=0\n")) == 1
    assert transcript.client.counters.unassigned_channel == 5
    assert transcript.client.counters.unassigned_bytes == 15


def test_channels_never_set_up(transcript: Transcript) -> None:  # Tenda CP3PRO
    transcript.play()
    assert frames(transcript.feed(FRAME + b"$\x02\x00\x05vendo" + b"$\x04\x00\x01x" + FRAME)) == [(0, b"abc")] * 2
    assert transcript.client.counters.unassigned_channel == 2


def test_line_ends_and_stray_bytes_between_frames(transcript: Transcript) -> None:
    transcript.play()
    assert frames(transcript.feed(b"\r\n" + FRAME + b"\r\n" + FRAME + b"\x00\xff" + FRAME)) == [(0, b"abc")] * 3
    assert transcript.client.faults["stray bytes"] == 2


def test_a_response_in_the_middle_of_frames_without_a_number(transcript: Transcript) -> None:
    transcript.play()
    transcript.client.teardown(transcript.now)
    transcript.request("TEARDOWN")
    events = transcript.feed(FRAME + b"RTSP/1.0 200 OK\r\n\r\n")
    assert events[-1] == Closed()


def test_a_response_nobody_asked_for(transcript: Transcript) -> None:
    transcript.play()
    assert transcript.feed("RTSP/1.0 500 What\nCSeq: 99\n\n") == []
    assert transcript.client.counters.unmatched_responses == 1


def test_a_response_to_nothing_that_is_pending_without_a_number(transcript: Transcript) -> None:
    transcript.play()
    assert transcript.feed("RTSP/1.0 404 What\n\n") == []


def test_100_continue_is_no_answer(transcript: Transcript) -> None:
    options = transcript.request("OPTIONS")
    transcript.reply(options, "100 Continue")
    assert transcript.sent() == []
    transcript.reply(options)
    transcript.request("DESCRIBE")
