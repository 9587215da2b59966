"""The camera session as transcripts: no sockets, and time is what the test says."""

import struct
from typing import Any

import pytest

from tests.support.session_transcript import (
    AUDIO_SDP,
    FULL_SDP,
    IDR,
    SEI,
    SLICE,
    VIDEO_SDP,
    Transcript,
    frame,
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
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.reception import REORDER_S
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client_events import Answered
from transcoder.rtsp.messages import InterleavedFrame
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import (
    AudioRestarted,
    AudioSetUp,
    Described,
    JoinGroup,
    Left,
    Lost,
    OpenWay,
    Playing,
    Redirected,
    RtcpReceived,
    RtpReceived,
    SendReport,
    VideoRestarted,
    VideoSelected,
    VideoSetUp,
)
from transcoder.source.options import SessionOptions

UDP_ANSWER = "RTP/AVP;unicast;client_port=50000-50001;server_port=6000-6001"


def playing(**options: Any) -> Transcript:
    """A session that plays, and whose pictures end with their marker."""
    transcript = Transcript(**options)
    transcript.connect()
    assert transcript.of(Playing)
    transcript.prove_marker()
    return transcript


def begun(**options: Any) -> Transcript:
    """A session that has just begun to play."""
    transcript = Transcript(**options)
    transcript.connect()
    assert transcript.of(Playing)
    return transcript


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


# -- media -------------------------------------------------------------------------------------------------------------


def test_pictures_come_in_order_with_their_times() -> None:
    transcript = playing()
    for payload in (IDR, SLICE, SLICE):
        transcript.now += 0.04
        transcript.picture(payload)
    units = transcript.of(AccessUnit)
    assert [unit.timestamp - units[0].timestamp for unit in units] == [0, 3600, 7200]
    assert [unit.random_access for unit in units] == [True, False, False]
    assert units[-1].completed == transcript.now


def test_channels_that_were_not_set_up_are_counted_and_not_read() -> None:
    transcript = playing(sdp=FULL_SDP)
    for _ in range(30):
        transcript.feed(frame(0, transcript.packet(IDR)) + frame(4, b"secret") + frame(0, transcript.packet(IDR)))
    transcript.wait(1)
    assert not any(b"secret" in nal_unit for unit in transcript.of(AccessUnit) for nal_unit in unit.nal_units)
    counted = transcript.counted()
    assert counted["rtsp_channel never set up"] == 30
    assert counted["rtsp_media audio"] == 1
    assert counted["rtsp_media metadata media"] == 1


def test_a_source_that_begins_anew_is_told_before_its_first_picture() -> None:
    transcript = playing()
    transcript.picture(IDR)
    for _ in range(4):
        transcript.picture(IDR, ssrc=99)
    kinds = [type(event) for event in transcript.events if type(event) in {AccessUnit, VideoRestarted}]
    assert kinds[:3] == [AccessUnit, VideoRestarted, AccessUnit]
    assert kinds.count(VideoRestarted) == 1


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h264_that_is_called_h265(transport: str) -> None:
    """EZVIZ C6N, go2rtc#264: known by its parameters after a while without a picture."""
    sprop = "a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z01AH9oFhuhAAAADAEAAAAeDxgyo,aO8PLIA=\r\n"
    transcript = begun(transport=transport, sdp=VIDEO_SDP.replace("H264", "H265") + sprop)

    def receive(count: int, payload: bytes) -> None:
        for _ in range(count):
            data = transcript.packet(payload)
            if transport == "tcp":
                transcript.feed(frame(0, data))
            else:
                transcript.datagram(data)
            transcript.wait(0.04)

    receive(74, SEI)  # 2.96 s
    assert [event.selection.codec for event in transcript.of(VideoSelected)] == [Codec.H265]
    receive(50, SEI)
    assert [event.selection.codec for event in transcript.of(VideoSelected)] == [Codec.H265, Codec.H264]
    assert transcript.session.faults["H265 that is H264"] == 1
    receive(10, IDR)
    assert {unit.codec for unit in transcript.of(AccessUnit)} == {Codec.H264}
    assert len(transcript.of(AccessUnit)) > 5
    transcript.wait(2)
    assert len(transcript.of(VideoSelected)) == 2  # once


H265_SETS = [
    b"\x40\x01\x0c\x01\xff\xff",
    bytes.fromhex("42010101600000030090000003000003003ca00b080d165959a4932b9a020000030002000003001e10"),
    bytes.fromhex("4401c172b46240"),
]
H265_IDR, H265_SLICE = b"\x26\x01\xaf\x08", b"\x02\x01\xd0\x08"


@pytest.mark.parametrize("keep_everything", [False, True])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h265_that_is_called_h264(transport: str, *, keep_everything: bool) -> None:
    """reolink-native-linux#4: a stale description without parameter sets; recognized with its first IDR."""
    transcript = begun(transport=transport, sdp=VIDEO_SDP, keep_everything=keep_everything)
    for index in range(50):
        for payload in [*H265_SETS, H265_IDR] if index % 20 == 0 else [H265_SLICE]:
            data = transcript.packet(payload)
            if transport == "tcp":
                transcript.feed(frame(0, data))
            else:
                transcript.datagram(data)
        transcript.wait(0.1)
    assert [event.selection.codec for event in transcript.of(VideoSelected)] == [Codec.H264, Codec.H265]
    assert transcript.session.faults["H264 that is H265"] == 1
    assert sum(unit.codec is Codec.H265 for unit in transcript.of(AccessUnit)) >= 45
    assert next(unit for unit in transcript.of(AccessUnit) if unit.codec is Codec.H265).random_access


def test_a_codec_that_is_switched_while_streaming() -> None:
    transcript = playing()
    for _ in range(30):
        transcript.picture(IDR)
        transcript.wait(0.1)
    switched = transcript.now
    while transcript.now - switched < 10:
        transcript.picture(H265_IDR)
        transcript.wait(0.1)
    units = [unit for unit in transcript.of(AccessUnit) if unit.codec is Codec.H265]
    assert len(units) >= 95
    assert units[0].completed - switched < 1
    transcript.wait(1)
    for _ in range(40):  # and back
        transcript.picture(IDR)
        transcript.wait(0.1)
    assert transcript.of(AccessUnit)[-1].codec is Codec.H264


def test_h264_that_is_called_h265_and_known_by_hand() -> None:
    transcript = playing(profile="h264", sdp=VIDEO_SDP.replace("H264", "H265"))
    transcript.picture(IDR)
    assert [unit.codec for unit in transcript.of(AccessUnit)] == [Codec.H264]
    assert transcript.session.faults == {}


def test_h265_that_is_h265_is_not_suspected() -> None:
    transcript = begun(sdp=VIDEO_SDP.replace("H264", "H265"))
    transcript.wait(9, each=SEI)
    assert len(transcript.of(VideoSelected)) == 1


def test_what_was_tolerated_in_the_dialogue_is_told() -> None:
    transcript = playing()
    transcript.feed(b"\x00\xff" + frame(0, transcript.packet(IDR)) + b"RTSP/1.0 200 OK\r\nCSeq: 99\r\n\r\n")
    assert transcript.session.faults == {"stray bytes": 2, "runs of stray bytes": 1, "responses to nothing": 1}


def test_what_came_is_counted_in_bytes() -> None:
    transcript = playing()
    before = transcript.session.received_bytes
    assert before > len(VIDEO_SDP)  # the dialogue
    transcript.picture(IDR)
    assert transcript.session.received_bytes == before + 4 + 12 + len(IDR)


# -- UDP and multicast -------------------------------------------------------------------------------------------------


def test_udp() -> None:
    transcript = Transcript(transport="udp", transports=[UDP_ANSWER])
    assert transcript.session.port_pairs == 1
    transcript.connect()
    assert b"client_port=50000-50001" in transcript.sent
    assert transcript.of(OpenWay) == [OpenWay(0, (6000, 6001))]
    transcript.prove_marker()
    transcript.datagram(transcript.packet(IDR))
    assert len(transcript.of(AccessUnit)) == 1
    assert [type(event) for event in transcript.wait(2.1)] == [SendReport]
    assert transcript.of(SendReport)[0].port == 6001
    assert b"$" not in transcript.sent  # nothing of it goes over the RTSP connection


def test_a_packet_that_is_missing_over_udp_is_waited_for_and_not_longer() -> None:
    transcript = playing(transport="udp", transports=[UDP_ANSWER])
    first, second, third = (transcript.packet(payload) for payload in (IDR, SLICE, SLICE))
    transcript.datagram(first)
    assert transcript.datagram(third) == []
    due = transcript.session.next_timeout()
    assert due == pytest.approx(transcript.now + REORDER_S)
    assert len(transcript.datagram(second)) == 2
    fourth, fifth = transcript.packet(SLICE), transcript.packet(SLICE)
    transcript.datagram(fifth)
    assert len(transcript.wait(REORDER_S + 0.001)) == 1
    transcript.datagram(fourth)
    assert len(transcript.of(AccessUnit)) == 4  # it came too late


def test_a_datagram_that_changes_nothing_wakes_nobody() -> None:
    transcript = playing(transport="udp", transports=[UDP_ANSWER])
    session, now = transcript.session, transcript.now
    fragments = [
        b"\x7c\x85" + b"\x88" * 100,
        b"\x7c\x05" + b"\x88" * 100,
    ]  # the first two of an IDR (RFC 6184 section 5.8)
    first, second, missing, last = (
        struct.pack("!BBHII", 0x80, 96, transcript.number + step, 1, 7) + payload
        for step, payload in enumerate([*fragments, b"\x7c\x05" + b"\x88" * 100, b"\x7c\x45\x01\x02"], 1)
    )
    assert session.receive_datagram(0, first, now, is_rtcp=False) is False
    assert session.receive_datagram(0, second, now, is_rtcp=False) is False
    assert session.receive_datagram(0, last, now, is_rtcp=False) is True  # an earlier timeout
    assert session.receive_datagram(0, missing, now, is_rtcp=False) is False
    following = struct.pack("!BBHII", 0x80, 0x80 | 96, transcript.number + 5, 3601, 7) + SLICE
    assert session.receive_datagram(0, following, now, is_rtcp=False) is True  # a picture is complete
    assert [unit.random_access for unit in transcript.take() if isinstance(unit, AccessUnit)] == [True, False]


def test_datagrams_before_setup_and_of_others() -> None:
    transcript = Transcript(transport="udp")
    transcript.session.begin(transcript.now, [(50_000, 50_001)])
    transcript.datagram(rtp(1, 1, IDR))
    transcript.session.receive_foreign_datagram(100)
    assert transcript.events == []
    assert transcript.counted() == {"udp_source another host": 1}


@pytest.mark.parametrize(
    ("connection", "answer", "group", "ports"),
    [
        ("c=IN IP4 239.255.77.11/16\r\n", "RTP/AVP;multicast", "239.255.77.11", (5004, 5005)),
        ("", "RTP/AVP;multicast;destination=239.1.2.3;port=7000-7001", "239.1.2.3", (7000, 7001)),
    ],
)
def test_a_multicast_group(connection: str, answer: str, group: str, ports: tuple[int, int]) -> None:
    """Named by the session alone (RFC 4566 section 5.7), or by the answer to SETUP."""
    sdp = VIDEO_SDP.replace("m=video 0", f"{connection}m=video 5004")
    transcript = playing(transport="multicast", sdp=sdp, transports=[answer])
    assert transcript.of(JoinGroup) == [JoinGroup(group, ports)]
    assert transcript.session.port_pairs == 0
    transcript.datagram(transcript.packet(IDR))
    assert len(transcript.of(AccessUnit)) == 1


# -- audio -------------------------------------------------------------------------------------------------------------


def test_audio_is_set_up_where_it_is_asked_for() -> None:
    transcript = playing(audio=True, sdp=AUDIO_SDP)
    assert [request.rpartition("/")[2] for request in transcript.requests if request.startswith("SETUP")] == [
        "trackID=1",
        "trackID=2",
    ]
    assert transcript.of(AudioSetUp)[0].selection.encoding == "PCMA"
    transcript.picture(IDR)
    transcript.feed(frame(2, rtp(1, 160, bytes(160), payload_type=8)))
    [unit] = transcript.of(AudioUnit)
    assert (unit.timestamp, unit.duration, unit.arrival) == (160, 160, transcript.now)
    for number in range(4):
        transcript.feed(frame(2, rtp(number, 160 * number, bytes(160), payload_type=8, ssrc=99)))
    kinds = [type(event) for event in transcript.events if type(event) in {AudioUnit, AudioRestarted}]
    assert kinds[:3] == [AudioUnit, AudioRestarted, AudioUnit]


def test_audio_over_udp_is_not_waited_for_longer_than_video() -> None:
    transcript = Transcript(transport="udp", audio=True, sdp=AUDIO_SDP)
    assert transcript.session.port_pairs == 2
    transcript.connect()
    assert b"client_port=50002-50003" in transcript.sent
    for number in (1, 3):
        transcript.datagram(rtp(number, 160 * number, bytes(160), payload_type=8), track=1)
    assert len(transcript.of(AudioUnit)) == 1
    assert transcript.session.next_timeout() == pytest.approx(transcript.now + REORDER_S)
    transcript.wait(REORDER_S + 0.001)
    assert len(transcript.of(AudioUnit)) == 2


def test_a_camera_that_keeps_its_audio() -> None:
    transcript = Transcript(audio=True, sdp=AUDIO_SDP)
    transcript.session.begin(transcript.now)
    while b"SETUP" not in (data := b"".join(transcript.session.data_to_send())):
        transcript.feed(transcript._answer(data.decode()))
    transcript.feed(transcript._answer(data.decode()))
    transcript.answers = {"SETUP": "461 Unsupported Transport"}
    transcript.exchange()
    assert transcript.of(Playing)
    assert transcript.of(AudioSetUp) == []
    transcript.prove_marker()
    transcript.picture(IDR)
    assert len(transcript.of(AccessUnit)) == 1


def test_nobody_asked_for_audio() -> None:
    transcript = playing(sdp=AUDIO_SDP)
    assert len([request for request in transcript.requests if request.startswith("SETUP")]) == 1
    assert transcript.of(AudioSetUp) == []


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
