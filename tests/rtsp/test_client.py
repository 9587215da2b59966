"""The client core as transcripts: what it asks, what it tolerates, when it gives up."""

import base64
import contextlib
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transcoder.errors import (
    LimitExceeded,
    LocalProtocolError,
    RemoteProtocolError,
    ResponseError,
    RtspSyntaxError,
)
from transcoder.rtsp.auth import Challenge, Credentials, digest_response, parse_parameters
from transcoder.rtsp.client import MAX_KEEP_ALIVE_S
from transcoder.rtsp.client_events import Closed, Described, Playing, Redirected, SetUp
from transcoder.rtsp.client_requests import RESPONSE_TIMEOUT_S
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


# -- authentication ----------------------------------------------------------------------------------------------------


def digest(challenge: Challenge, sent: Any) -> str:
    return digest_response(challenge, USER, method=sent.method, uri=sent.uri)


def test_digest(login: Transcript) -> None:
    options = login.request("OPTIONS")
    assert "Authorization" not in options.fields
    login.reply(options, "401 Unauthorized", 'WWW-Authenticate: Digest realm="Login to X", nonce="n1"')
    again = login.request("OPTIONS")
    fields = parse_parameters(again.fields["Authorization"].removeprefix("Digest "))
    challenge = Challenge(scheme="Digest", realm="Login to X", nonce="n1")
    assert fields["uri"] == again.uri == options.uri
    assert fields["response"] == digest(challenge, again)
    assert again.cseq != options.cseq
    login.reply(again, "200 OK")
    describe = login.request("DESCRIBE")  # not challenged a second time
    assert parse_parameters(describe.fields["Authorization"][7:])["response"] == digest(challenge, describe)


def test_basic(login: Transcript) -> None:
    login.reply(login.request("OPTIONS"))
    login.reply(login.request("DESCRIBE"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    expected = "Basic " + base64.b64encode(b"viewer:Test-1234").decode()
    assert login.request("DESCRIBE").fields["Authorization"] == expected


def test_the_strongest_of_several_challenges(login: Transcript) -> None:
    login.reply(
        login.request("OPTIONS"),
        "401 Unauthorized",
        'WWW-Authenticate: Basic realm="x"',
        'WWW-Authenticate: Digest realm="x", nonce="a"',
        'WWW-Authenticate: Digest realm="x", nonce="b", algorithm="SHA-256"',
    )
    assert 'nonce="b"' in login.request("OPTIONS").fields["Authorization"]


def test_a_stale_nonce(login: Transcript) -> None:
    login.reply(login.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="a"')
    login.reply(login.request("OPTIONS"))
    login.reply(
        login.request("DESCRIBE"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="b", stale=true'
    )
    assert 'nonce="b"' in login.request("DESCRIBE").fields["Authorization"]


def refuse(login: Transcript, nonces: list[str]) -> None:
    for nonce in nonces:
        login.reply(
            login.request("OPTIONS"), "401 Unauthorized", f'WWW-Authenticate: Digest realm="x", nonce="{nonce}"'
        )


def test_refused(login: Transcript) -> None:
    refuse(login, ["a"])
    with pytest.raises(ResponseError) as caught:
        refuse(login, ["a"])
    assert (caught.value.status, caught.value.method) == (401, "OPTIONS")
    assert login.wire.count(b"Authorization:") == 1


def test_a_new_nonce_each_time_is_answered_twice_at_most(login: Transcript) -> None:
    # every further attempt counts towards the camera's lock-out
    refuse(login, ["a", "b"])
    with pytest.raises(ResponseError):
        refuse(login, ["c"])
    assert login.wire.count(b"Authorization:") == 2


def test_no_credentials(transcript: Transcript) -> None:
    with pytest.raises(ResponseError) as caught:
        transcript.reply(
            transcript.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="a"'
        )
    assert caught.value.status == 401


@pytest.mark.parametrize("fields", [(), ('WWW-Authenticate: Digest realm="x"',), ("WWW-Authenticate: Bearer",)])
def test_a_challenge_that_can_not_be_answered(login: Transcript, fields: tuple[str, ...]) -> None:
    with pytest.raises(ResponseError):
        login.reply(login.request("OPTIONS"), "401 Unauthorized", *fields)


def test_credentials_stand_in_the_authorization_field_alone(new_transcript: Any) -> None:
    transcript = new_transcript(url="rtsp://viewer:Test-1234@192.0.2.7/live", credentials=USER)
    transcript.reply(
        transcript.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="viewer:Test-1234"'
    )
    transcript.reply(transcript.request("OPTIONS"))
    base = "Content-Base: rtsp://viewer:Test-1234@192.0.2.7/live/"  # Hikvision's echo
    transcript.reply(transcript.request("DESCRIBE"), "200 OK", base, body="v=0\n")
    control = "rtsp://viewer:Test-1234@192.0.2.7/live/trackID=1"
    transcript.client.setup(control, Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    setup = transcript.request("SETUP")
    assert setup.uri == "rtsp://192.0.2.7:554/live/trackID=1"
    assert b"Test-1234" not in transcript.wire
    assert b"viewer" not in transcript.wire


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


# -- refusals, redirects, timeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 461, 503])
def test_a_refused_request(transcript: Transcript, status: int) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    with pytest.raises(ResponseError) as caught:
        transcript.reply(transcript.request("DESCRIBE"), f"{status} \x1b[31mNo\x07" + "x" * 500)
    assert (caught.value.status, caught.value.method) == (status, "DESCRIBE")
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) <= 80


def test_refused_options_are_no_obstacle(transcript: Transcript) -> None:
    transcript.reply(transcript.request("OPTIONS"), "501 Not Implemented")
    transcript.request("DESCRIBE")


@pytest.mark.parametrize("status", [301, 302])
def test_redirect_on_the_host(transcript: Transcript, status: int) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    location = "Location: rtsp://192.0.2.7:8554/other"
    (event,) = transcript.reply(transcript.request("DESCRIBE"), f"{status} Moved", location)
    assert isinstance(event, Redirected)
    assert str(event.url) == "rtsp://192.0.2.7:8554/other"


@pytest.mark.parametrize("fields", [(), ("Location: rtsp://198.51.100.9/live",), ("Location: http://192.0.2.7/",)])
def test_redirect_elsewhere(transcript: Transcript, fields: tuple[str, ...]) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    with pytest.raises(RemoteProtocolError):
        transcript.reply(transcript.request("DESCRIBE"), "302 Moved", *fields)


def test_a_request_that_is_not_answered(transcript: Transcript) -> None:
    transcript.request("OPTIONS")
    due = transcript.client.next_timeout()
    assert due == transcript.now + RESPONSE_TIMEOUT_S
    transcript.client.handle_timeout(due - 0.1)
    with pytest.raises(RemoteProtocolError, match="OPTIONS"):
        transcript.client.handle_timeout(due)


def test_a_teardown_that_is_not_answered(transcript: Transcript) -> None:
    transcript.play()
    transcript.client.teardown(transcript.now)
    transcript.request("TEARDOWN")
    transcript.client.handle_timeout(transcript.client.next_timeout())
    assert transcript.client.next_event() == Closed()


def test_teardown_without_a_session(transcript: Transcript) -> None:
    transcript.sent()
    transcript.client.teardown(transcript.now)
    assert transcript.sent() == []
    assert transcript.client.next_event() == Closed()
    transcript.client.teardown(transcript.now)
    assert transcript.client.next_event() is None


def test_a_refused_teardown(transcript: Transcript) -> None:  # 500 on another connection (Hikvision)
    transcript.play()
    transcript.client.teardown(transcript.now)
    assert transcript.reply(transcript.request("TEARDOWN"), "500 Internal") == [Closed()]


def test_a_challenged_teardown(login: Transcript) -> None:
    login.play()
    login.client.teardown(login.now)
    login.reply(login.request("TEARDOWN"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="z"')
    assert login.reply(login.request("TEARDOWN")) == [Closed()]


def test_setup_too_early(transcript: Transcript) -> None:
    with pytest.raises(LocalProtocolError):
        transcript.client.setup("x", UDP, transcript.now)


def test_udp_without_ports(transcript: Transcript) -> None:
    transcript.describe()
    with pytest.raises(LocalProtocolError):
        transcript.client.setup("x", Transport(lower="UDP"), transcript.now)


def test_frames_of_ours(transcript: Transcript) -> None:
    transcript.play()
    transcript.client.data_to_send()
    transcript.client.send_frame(1, b"report")
    assert transcript.client.data_to_send() == [b"$\x01\x00\x06report"]
    assert transcript.client.data_to_send() == []


# -- anything ----------------------------------------------------------------------------------------------------------

REPLIES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([FRAME, b"$\x07\x00\x02ab", b"\r\n", b"OPTIONS * RTSP/1.0\r\n\r\n", b"\x00\x01"]),
        st.builds(
            lambda status, cseq, fields, body: (
                f"RTSP/1.0 {status} X\r\nCSeq: {cseq}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body
            ),
            st.sampled_from([100, 200, 200, 200, 302, 401, 404, 454, 500]),
            st.integers(0, 9),
            st.lists(
                st.sampled_from(
                    [
                        "Session: 1\r\n",
                        "Session: 2;timeout=0\r\n",
                        "Session:\r\n",
                        "Transport: RTP/AVP/TCP;interleaved=0-1\r\n",
                        "Transport: RTP/AVP;client_port=1-2\r\n",
                        'WWW-Authenticate: Digest realm="\udcff", nonce="1"\r\n'.encode(
                            "utf-8", "surrogateescape"
                        ).decode("latin-1"),
                        'WWW-Authenticate: Basic realm="x"\r\n',
                        "Content-Base: rtsp://\x01 /é\r\n",
                        "Location: rtsp://192.0.2.7/a b\r\n",
                        "Public: \r\n",
                    ]
                ),
                max_size=4,
            ).map("".join),
            st.binary(max_size=10),
        ),
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(REPLIES, st.text(max_size=12))
def test_any_camera(new_transcript: Any, replies: list[bytes], control: str) -> None:
    transcript = new_transcript(credentials=USER)
    client = transcript.client
    with contextlib.suppress(ResponseError, RemoteProtocolError, LimitExceeded, RtspSyntaxError):
        for data in replies:
            transcript.now += 1
            client.handle_timeout(transcript.now)
            transcript.feed(data)
            if client.state is ClientState.DESCRIBED:
                client.setup(control, Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    written = b"".join(client.data_to_send())
    for request in written.split(b"\r\n\r\n")[:-1]:
        line = request.split(b"\r\n")[0]
        assert re.fullmatch(rb"RTSP/1\.0 \d{3} [A-Za-z ]+|[A-Z_]+ rtsp://192\.0\.2\.7:554[!-~]* RTSP/1\.0", line)
        assert b"Test-1234" not in request
