"""The camera session as transcripts: no sockets, and time is what the test says."""

from typing import Any

import pytest

from tests.support.session_transcript import (
    FULL_SDP,
    IDR,
    SEI,
    SLICE,
    Transcript,
    begun,
    frame,
    playing,
    rtp,
)
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.errors import (
    LimitExceeded,
    RemoteProtocolError,
    ResponseError,
    SdpSyntaxError,
    Silent,
    TransportError,
    TransportNotAccepted,
)
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client_events import Answered
from transcoder.rtsp.messages import InterleavedFrame
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import (
    Described,
    Left,
    Lost,
    Playing,
    Redirected,
    RtcpReceived,
    RtpReceived,
    VideoSelected,
    VideoSetUp,
)
from transcoder.source.options import SessionOptions


def lost(events: list[Any]) -> Any:
    """The error of the one Lost among them, which is the last of them."""
    assert [type(event) for event in events].count(Lost) == 1
    assert isinstance(events[-1], Lost)
    return events[-1].error


# -- the dialogue ------------------------------------------------------------------------------------------------------


def test_from_the_first_request_to_the_last() -> None:
    transcript = playing(sdp=FULL_SDP)
    assert [type(event) for event in transcript.events] == [Described, VideoSelected, VideoSetUp, Playing]
    transcript.picture(IDR)
    assert transcript.of(AccessUnit)
    transcript.session.leave(transcript.now)
    assert transcript.exchange() == [Left()]
    assert transcript.requests == [
        "OPTIONS rtsp://192.0.2.7:554/live",
        "DESCRIBE rtsp://192.0.2.7:554/live",
        "SETUP rtsp://192.0.2.7:554/live/trackID=1",  # only the video
        "PLAY rtsp://192.0.2.7:554/live",
        "TEARDOWN rtsp://192.0.2.7:554/live",
    ]


def test_what_a_camera_tells_of_itself() -> None:
    challenge = '401 No|WWW-Authenticate: Digest realm="Login to 4X", nonce="1"\r\n'
    transcript = Transcript(credentials=Credentials(username="admin", password="secret"))
    transcript.session.begin(transcript.now)
    transcript.answers = {"OPTIONS": challenge}
    transcript.feed(transcript._answer(b"".join(transcript.session.data_to_send()).decode()))
    transcript.answers = {"DESCRIBE": "200 OK|Server: Rtsp Server/3.0\r\n"}
    transcript.exchange()
    [described] = transcript.of(Described)
    assert (described.server, described.realm) == ("Rtsp Server/3.0", "Login to 4X")
    assert [media.kind for media in described.description.media] == ["video"]
    [selected] = transcript.of(VideoSelected)
    assert selected.selection.codec is Codec.H264


@pytest.mark.parametrize("answer", ["404 Not Found", "500 Internal Server Error", "453 Not Enough Bandwidth"])
@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
def test_a_refusal_is_said(method: str, answer: str) -> None:
    transcript = Transcript(answers={method: answer})
    error = lost(transcript.connect())
    assert isinstance(error, ResponseError)
    assert (error.status, error.method) == (int(answer[:3]), method)
    assert transcript.session.next_timeout() is None


def test_a_description_without_video() -> None:
    transcript = Transcript(sdp="v=0\r\ns=-\r\nm=audio 0 RTP/AVP 8\r\n")
    assert isinstance(lost(transcript.connect()), SdpSyntaxError)
    assert len(transcript.of(Described)) == 1  # and whoever looks at the camera may see it
    transcript.session.leave(transcript.now)
    assert transcript.exchange() == [Left()]
    assert not any(request.startswith("TEARDOWN") for request in transcript.requests)  # there is no session


@pytest.mark.parametrize(
    "answer", ["RTP/SAVP/TCP;interleaved=0-1", "RTP/AVP;unicast;client_port=1-2", "RTP/AVP/TCP;multicast"]
)
def test_a_transport_that_was_not_asked_for(answer: str) -> None:
    transcript = Transcript(transports=[answer])
    assert isinstance(lost(transcript.connect()), TransportNotAccepted)


def test_bytes_that_are_no_rtsp() -> None:
    transcript = playing()
    assert isinstance(lost(transcript.feed(b"\x00" * 300_000)), LimitExceeded)
    assert transcript.picture(IDR) == []  # nothing follows
    assert transcript.session.next_timeout() is None


def test_a_session_that_is_not_begun_waits() -> None:
    transcript = Transcript()
    assert transcript.session.next_timeout() is None
    assert transcript.feed(b"RTSP/1.0 200 OK\r\n\r\n") == []
    transcript.session.leave(transcript.now)
    assert transcript.take() == [Left()]


# -- redirects ---------------------------------------------------------------------------------------------------------


def test_a_redirect_on_the_host_is_followed() -> None:
    transcript = Transcript(answers={"DESCRIBE": "302 Moved|Location: rtsp://192.0.2.7:8554/other\r\n"})
    assert transcript.connect() == [Redirected()]
    assert str(transcript.session.url) == "rtsp://192.0.2.7:8554/other"
    transcript.session.leave(transcript.now)
    assert transcript.exchange() == [Left()]
    assert not any(request.startswith(("SETUP", "TEARDOWN")) for request in transcript.requests)
    transcript.answers.clear()
    transcript.requests.clear()
    transcript.connect()
    transcript.prove_marker()
    transcript.picture(IDR)
    assert len(transcript.of(AccessUnit)) == 1
    assert "PLAY rtsp://192.0.2.7:8554/other" in transcript.requests


@pytest.mark.parametrize(
    ("url", "location", "says"),
    [
        ("rtsps://192.0.2.7/live", "rtsp://192.0.2.7/live", "redirects from TLS to a connection without"),
        ("rtsp://192.0.2.7/live", "rtsps://192.0.2.7:9322/live", "port 9322, which is neither its own, nor 322"),
        ("rtsp://192.0.2.7/live", "rtsps://192.0.2.7/live", None),
        ("rtsps://192.0.2.7/live", "rtsps://192.0.2.7/other", None),
    ],
)
def test_a_redirect_never_leaves_tls(url: str, location: str, says: str | None) -> None:
    options = SessionOptions(url=parse_url(url), credentials=None, transport="tcp")
    if says is None:
        assert options.redirected(parse_url(location)).is_secure
        return
    with pytest.raises(RemoteProtocolError, match=says):
        options.redirected(parse_url(location))


@pytest.mark.parametrize("transport", ["udp", "multicast", "http"])
def test_a_redirect_to_tls_needs_a_transport_that_is_encrypted(transport: str) -> None:
    options = SessionOptions(url=parse_url("rtsp://192.0.2.7/live"), credentials=None, transport=transport)
    with pytest.raises(TransportNotAccepted, match=f"redirects to TLS, which transport {transport} does not have"):
        options.redirected(parse_url("rtsps://192.0.2.7/live"))


def test_a_redirect_stays_on_the_configured_host() -> None:
    transcript = Transcript(answers={"DESCRIBE": "302 Moved|Location: rtsp://192.0.2.1:554/evil\r\n"})
    with pytest.raises(RemoteProtocolError, match="another host"):
        raise lost(transcript.connect())
    assert len(transcript.requests) <= 4


def test_redirects_without_end() -> None:
    transcript = Transcript(answers={"DESCRIBE": "302 Moved|Location: rtsp://192.0.2.7/x\r\n"})
    for _ in range(3):
        assert transcript.connect() == [Redirected()]
        transcript.session.leave(transcript.now)
        transcript.exchange()
    with pytest.raises(TransportError, match="redirects more than 3 times"):
        raise lost(transcript.connect())


# -- watchdogs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "after_s", "reason"),
    [
        (b"", 5.0, "no packet over TCP in 5 s"),
        (SEI, 10.0, "no picture in 10 s"),
        (SLICE, 30.0, "no IDR picture in 30 s"),
    ],
)
def test_a_camera_that_plays_nothing_useful_is_given_up(payload: bytes, after_s: float, reason: str) -> None:
    transcript = begun()
    assert not [event for event in transcript.wait(after_s, each=payload) if isinstance(event, Lost)]
    error = lost(transcript.wait(1.1, each=payload))
    assert isinstance(error, Silent)
    assert reason in str(error)


def test_a_camera_that_was_useful_is_given_up_when_it_is_not_any_more() -> None:
    transcript = playing()
    transcript.picture(IDR)
    assert not [event for event in transcript.wait(100, each=SLICE) if isinstance(event, Lost)]
    assert "no packet" in str(lost(transcript.wait(6.1)))
    transcript = playing()
    transcript.picture(IDR)
    transcript.wait(100, each=SLICE)
    assert "no picture" in str(lost(transcript.wait(11.1, each=SEI)))


def test_an_idr_before_the_answer_to_play_counts() -> None:
    """Reolink sends at once; the next IDR of a smart codec comes late."""
    transcript = Transcript(answers={"PLAY": "100 Continue"})
    transcript.connect()
    transcript.picture(IDR)
    transcript.picture(SLICE)
    assert [unit.random_access for unit in transcript.of(AccessUnit)] == [True]
    transcript.feed(b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n")
    assert transcript.of(Playing)
    assert not [event for event in transcript.wait(60, each=SLICE) if isinstance(event, Lost)]


def test_a_request_that_is_never_answered() -> None:
    transcript = Transcript(answers={"SETUP": "100 Continue"})
    transcript.connect()
    assert "SETUP was not answered in 10 s" in str(lost(transcript.wait(10)))


def test_a_keep_alive_and_reports_go_out_by_themselves() -> None:
    transcript = begun()
    transcript.sent = b""
    transcript.wait(61, each=IDR)
    assert [line.split()[0] for line in transcript.requests[4:]] == ["OPTIONS"] * 2  # every 25 s
    reports = transcript.sent.count(b"$\x01\x00")
    assert reports == 12  # after a second, which opens the way through NAT, then every 5 s
    assert b"\x81\xc9\x00\x07\x55\x66\x77\x88" in transcript.sent  # RR of ours (RFC 3550 section 6.4.2)


def test_frames_alone_change_no_timeout() -> None:
    transcript = playing()  # while a picture is held back, its frames make it earlier
    transcript.session.handle_timeout(transcript.now)
    due = transcript.session.next_timeout()
    assert due == transcript.now + 1.0
    for _ in range(20):
        transcript.now += 0.04
        transcript.picture(IDR)
        assert transcript.session.next_timeout() == due
    transcript.session.handle_timeout(due)
    assert transcript.session.next_timeout() == due + 1.0


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_connection_that_is_lost() -> None:
    transcript = playing()
    transcript.session.lose_connection(TransportError("the camera closed the connection"))
    assert str(lost(transcript.take())) == "the camera closed the connection"
    transcript.session.lose_connection(TransportError("once more"))
    assert transcript.take() == []


def test_what_comes_after_teardown_is_nothing() -> None:
    transcript = playing()
    transcript.picture(IDR)
    transcript.session.leave(transcript.now)
    units = len(transcript.of(AccessUnit))
    for _ in range(10):
        assert transcript.picture(IDR) == []
    assert transcript.exchange() == [Left()]
    assert len(transcript.of(AccessUnit)) == units


@pytest.mark.parametrize("end", ["silence", "closed", "rubbish"])
def test_a_teardown_that_is_never_answered(end: str) -> None:
    transcript = playing()
    transcript.session.leave(transcript.now)
    if end == "closed":
        transcript.session.lose_connection(TransportError("closed"))
    elif end == "rubbish":
        transcript.feed(b"\x00" * 300_000)
    else:
        assert transcript.session.next_timeout() == transcript.now + 1.0
        transcript.now += 1.0
        transcript.session.handle_timeout(transcript.now)
    assert transcript.take() + transcript.events[-1:] == [Left()] * (1 if end == "rubbish" else 2)
    assert transcript.session.next_timeout() is None


# -- everything kept ---------------------------------------------------------------------------------------------------


def test_everything_is_kept_for_who_looks_at_the_camera() -> None:
    transcript = playing(keep_everything=True, sdp=FULL_SDP)
    assert [(event.method, event.response.status) for event in transcript.of(Answered)] == [
        ("OPTIONS", 200),
        ("DESCRIBE", 200),
        ("SETUP", 200),
        ("PLAY", 200),
    ]
    video, private = transcript.packet(IDR), rtp(900, 0, b"private", payload_type=112)
    report = b"\x80\xc8\x00\x06" + bytes(24)
    transcript.feed(frame(0, video) + frame(0, private) + frame(1, report) + frame(4, b"metadata") + frame(0, b"?"))
    assert [bytes(event.data) for event in transcript.of(RtpReceived)] == [video, private, b"?"]
    assert [bytes(event.data) for event in transcript.of(RtcpReceived)] == [report]
    assert [(event.channel, bytes(event.data)) for event in transcript.of(InterleavedFrame)] == [(4, b"metadata")]
    assert len(transcript.of(AccessUnit)) == 1  # and received as ever
    assert not [event for event in transcript.wait(60) if isinstance(event, Lost)]  # no watchdog


def test_refusals_are_kept_too() -> None:
    transcript = Transcript(keep_everything=True, answers={"DESCRIBE": "401 Unauthorized|X-Mark: 1\r\n"})
    assert isinstance(lost(transcript.connect()), ResponseError)
    assert transcript.of(Answered)[-1].response.headers.get("X-Mark") == "1"


def test_nothing_is_kept_otherwise() -> None:
    transcript = playing(sdp=FULL_SDP)
    transcript.feed(frame(0, transcript.packet(IDR)) + frame(4, b"metadata") + frame(0, transcript.packet(IDR)))
    assert not [event for event in transcript.events if isinstance(event, Answered | RtpReceived | InterleavedFrame)]
