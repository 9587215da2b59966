"""The media that a camera session receives, as transcripts: no sockets, and time is what the test says."""

import struct

import pytest

from tests.support.session_transcript import (
    AUDIO_SDP,
    FULL_SDP,
    IDR,
    SEI,
    SLICE,
    VIDEO_SDP,
    Transcript,
    begun,
    frame,
    playing,
    rtp,
)
from transcoder.codecs.access_unit import AccessUnit
from transcoder.codecs.nal import Codec
from transcoder.rtp.audio import AudioUnit
from transcoder.rtp.reception import REORDER_S
from transcoder.source.events import (
    AudioRestarted,
    AudioSetUp,
    JoinGroup,
    Lost,
    OpenWay,
    Playing,
    SendReport,
    VideoRestarted,
    VideoSelected,
)

UDP_ANSWER = "RTP/AVP;unicast;client_port=50000-50001;server_port=6000-6001"


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


@pytest.mark.parametrize("payload_type", [97, 35, 127])
@pytest.mark.parametrize("payloads", [(IDR, SLICE), (H265_IDR, H265_SLICE)])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_payload_type_that_is_not_described(payload_type: int, payloads: tuple[bytes, bytes], transport: str) -> None:
    """The description says 96 and every packet says another: recognized within 5 s, from the first picture on."""
    transcript = begun(transport=transport, sdp=VIDEO_SDP)
    first, other = payloads
    for index in range(60):
        data = transcript.packet(first if index % 20 == 0 else other, payload_type=payload_type)
        if transport == "tcp":
            transcript.feed(frame(0, data))
        else:
            transcript.datagram(data)
        transcript.wait(0.1)
        if index == 49:
            assert len(transcript.of(AccessUnit)) >= 45
    codec = Codec.H264 if first is IDR else Codec.H265
    units = [unit for unit in transcript.of(AccessUnit) if unit.codec is codec]
    assert units[0].random_access
    assert len(units) >= 58
    assert transcript.session.video is not None
    assert transcript.session.video.faults["undescribed payload type"] == 1
    assert not transcript.of(Lost)


@pytest.mark.parametrize("described", [True, False])
def test_private_packets_are_never_taken_for_the_video(*, described: bool) -> None:
    """They begin like slices beside the described type, or come alone and are no coded pictures (Hikvision 112)."""
    transcript = begun(sdp=VIDEO_SDP)
    for index in range(80):
        if described:
            transcript.picture(IDR if index % 20 == 0 else SLICE)
        payload = (IDR if index % 20 == 0 else SLICE) if described else bytes((index * 37 & 0xFF, 1, 2, 3))
        transcript.feed(frame(0, transcript.packet(payload, payload_type=112)))
        transcript.wait(0.1)
    assert transcript.counted()["rtp_payload_type private payload type 112"] == 80
    assert len(transcript.of(AccessUnit)) == (80 if described else 0)


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
