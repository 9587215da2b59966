"""Slow cameras as transcripts, with the patience that sources have by default: no sockets, time is as the test says."""

import pytest

from tests.support.session_transcript import AUDIO_SDP, IDR, SLICE, Transcript, frame, rtp
from transcoder.codecs.access_unit import AccessUnit
from transcoder.errors import NoPicture, RemoteProtocolError, Silent
from transcoder.source.events import AudioSetUp, Left, Lost, Playing
from transcoder.source.options import Timeouts
from transcoder.source.watchdogs import Watchdogs


def patient(**options: object) -> Transcript:
    return Transcript(timeouts=Timeouts(), **options)  # type: ignore[arg-type]


def error_of(transcript: Transcript) -> Exception:
    [lost] = transcript.of(Lost)
    return lost.error


def test_the_first_packet_comes_after_8_seconds() -> None:
    """Recorders and battery cameras (nodelink-js#40, motion#1104)."""
    transcript = patient()
    transcript.connect()
    transcript.wait(8)
    transcript.wait(5, each=IDR)
    assert not transcript.of(Lost)
    assert len(transcript.of(AccessUnit)) > 100


def test_no_packet_at_all_is_told_with_the_transport() -> None:
    transcript = patient()
    transcript.connect()
    transcript.wait(19.9)
    assert not transcript.of(Lost)
    transcript.wait(1.2)
    assert isinstance(error_of(transcript), Silent)
    assert str(error_of(transcript)) == "no packet over TCP in 20 s"


@pytest.mark.parametrize("after_s", [14.0, 29.0])
def test_a_describe_that_is_answered_late(after_s: float) -> None:
    """15 to 30 s for the handshake were reported (VibeNVR#38, RTSPtoWeb#315)."""
    transcript = patient(answers={"DESCRIBE": "100 Continue"})
    transcript.connect()
    transcript.wait(after_s)
    assert not transcript.of(Lost)
    body = transcript.sdp
    fields = f"CSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
    transcript.feed(f"RTSP/1.0 200 OK\r\n{fields}\r\n{body}".encode())
    transcript.exchange()
    assert transcript.of(Playing)


def test_a_describe_that_is_never_answered() -> None:
    transcript = patient(answers={"DESCRIBE": "100 Continue"})
    transcript.connect()
    transcript.wait(31)
    assert isinstance(error_of(transcript), RemoteProtocolError)
    assert "DESCRIBE was not answered in 30 s" in str(error_of(transcript))


def test_play_that_is_never_answered_while_pictures_come() -> None:
    """FFmpeg waits for the answer for ever; the pictures are the answer."""
    transcript = patient(answers={"PLAY": "100 Continue"})
    transcript.connect()
    transcript.wait(31, each=IDR)
    assert transcript.of(Playing)
    transcript.wait(60, each=IDR)
    assert not transcript.of(Lost)
    assert transcript.requests[-1].startswith("OPTIONS")  # a sign of life


def test_play_that_is_never_answered_and_gives_nothing() -> None:
    transcript = patient(answers={"PLAY": "100 Continue"})
    transcript.connect()
    transcript.wait(31)
    assert "PLAY was not answered in 30 s" in str(error_of(transcript))


@pytest.mark.parametrize("interval_s", [2.0, 8.0, 16.0])
def test_a_picture_now_and_then_is_one_session(interval_s: float) -> None:
    """Hikvision's menus go down to one picture in 16 seconds; there are no reports in between (motion#1104)."""
    transcript = patient()
    transcript.connect()
    taken = []
    for _ in range(20):
        sent = transcript.now
        transcript.picture(IDR)
        transcript.wait(interval_s)
        units = transcript.of(AccessUnit)
        taken.append(len(units))
        assert units[-1].completed == sent
    assert not transcript.of(Lost)
    assert taken == list(range(1, 21))


@pytest.mark.parametrize("marker", [True, False])
def test_a_picture_is_served_half_a_second_after_its_last_packet(*, marker: bool) -> None:
    """The first one too, whose marker is not proven, and where no marker is ever set (FLIR)."""
    transcript = patient()
    transcript.connect()
    data = bytearray(transcript.packet(IDR))
    data[1] &= 0xFF if marker else 0x7F
    transcript.feed(frame(0, bytes(data)))
    assert not transcript.of(AccessUnit)
    assert transcript.session.has_work  # the shell asks for the new timeout
    transcript.wait(0.5)
    assert len(transcript.of(AccessUnit)) == 1


@pytest.mark.parametrize("after_s", [0.0, 0.25, 0.61, 0.999])
@pytest.mark.parametrize("other", ["nothing", "sound", "reports"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_picture_is_held_back_for_less_than_half_a_second_whenever_it_comes(
    after_s: float, other: str, transport: str
) -> None:
    """The timer of the session is between two ticks, and other packets than those of the picture go on coming."""
    transcript = patient(sdp=AUDIO_SDP, audio=True, transport=transport)
    transcript.connect()
    transcript.wait(after_s)
    data = transcript.packet(IDR)
    sent = transcript.now
    if transport == "tcp":
        transcript.feed(frame(0, data))
    else:
        transcript.datagram(data)
    for number in range(50):
        transcript.wait(0.02)
        if transcript.of(AccessUnit):
            break
        packet = rtp(number, number * 160, bytes(160), payload_type=8)
        if other == "reports":
            packet = bytes.fromhex("80c9000111223344")
        if other != "nothing" and transport == "tcp":
            transcript.feed(frame(2 if other == "sound" else 1, packet))
        elif other != "nothing":
            transcript.datagram(packet, track=1 if other == "sound" else 0, is_rtcp=other == "reports")
    assert transcript.now - sent <= 0.42


def test_a_picture_whose_slices_come_with_a_pause_keeps_its_marker_believed() -> None:
    """The network stood still within the first picture; from then on the marker ends each picture at once."""
    transcript = patient()
    transcript.connect()
    transcript.picture(IDR)
    transcript.wait(1.0)
    second_slice = b"\x65\x10\x88\x80\x10\x00"  # first_mb_in_slice is not 0
    transcript.number += 1
    transcript.feed(frame(0, rtp(transcript.number, 3600, second_slice)))
    transcript.wait(1.0)
    for _ in range(3):
        transcript.picture(SLICE)
        transcript.wait(1.0)
    before = len(transcript.of(AccessUnit))
    transcript.picture(SLICE)
    assert len(transcript.of(AccessUnit)) == before + 1
    assert transcript.session.video is not None
    assert transcript.session.video.faults["marker inside a picture"] == 0


def test_a_fast_camera_is_not_waited_for_like_a_slow_one() -> None:
    transcript = patient()
    transcript.connect()
    transcript.wait(30, each=IDR)
    transcript.wait(9)
    assert not transcript.of(Lost)
    transcript.wait(2.1)
    assert str(error_of(transcript)) == "no packet over TCP in 10 s"


def test_one_stall_makes_no_slow_camera() -> None:
    watchdogs = Watchdogs(Timeouts())
    watchdogs.note_playing(0.0)
    now = 0.0
    for index in range(2000):
        now += 9.0 if index == 100 else 0.04
        watchdogs.note_picture(now, random_access=True)
        assert watchdogs.silence_s <= 36.0 or index < 100
    assert watchdogs.silence_s == 10.0


def test_a_silence_that_is_learned_has_a_bound() -> None:
    watchdogs = Watchdogs(Timeouts())
    watchdogs.note_playing(0.0)
    for index in range(10):
        watchdogs.note_picture(1000.0 * index, random_access=True)
    assert watchdogs.silence_s == 120.0


def test_packets_without_a_picture_are_told_in_words() -> None:
    transcript = patient(sdp=AUDIO_SDP, audio=True)
    transcript.connect()
    assert transcript.of(AudioSetUp)
    for number in range(41):
        transcript.feed(frame(2, rtp(number, number * 160, bytes(160), payload_type=8)))
        transcript.wait(0.8)
    assert isinstance(error_of(transcript), NoPicture)
    assert "packets, all audio" in str(error_of(transcript))


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ([8], "41 packets, all audio"),
        ([112], "41 packets, none of the video"),
        ([0, 107], "41 packets, none of the video"),
    ],
)
def test_packets_of_something_else_on_the_way_of_the_video(types: list[int], words: str) -> None:
    transcript = patient()
    transcript.connect()
    for number in range(41):
        transcript.feed(frame(0, rtp(number, number * 160, bytes(160), payload_type=types[number % len(types)])))
        transcript.wait(0.7)
    transcript.wait(3)
    assert isinstance(error_of(transcript), NoPicture)
    assert words in str(error_of(transcript))


# -- optional media ----------------------------------------------------------------------------------------------------


def test_sound_whose_setup_is_never_answered_costs_no_picture() -> None:
    """A second SETUP breaks the session (go2rtc#2390, webrtc-streamer#131)."""
    transcript = patient(sdp=AUDIO_SDP, audio=True)
    answered = transcript._answer

    def answer(text: str) -> bytes:
        data = answered(text)
        return b"" if text.startswith("SETUP") and "trackID=2" in text else data

    transcript._answer = answer  # type: ignore[method-assign]
    transcript.connect()
    assert not transcript.of(Playing)
    transcript.wait(5.1)
    assert transcript.of(Playing)
    assert not transcript.of(AudioSetUp)
    transcript.wait(10, each=IDR)
    assert transcript.of(AccessUnit)
    assert not transcript.of(Lost)


# -- leaving -----------------------------------------------------------------------------------------------------------


def test_a_session_that_is_being_set_up_is_ended_too() -> None:
    """The gateway is stopped between SETUP and its answer: the camera has a session, and nobody would end it."""
    transcript = patient(answers={"SETUP": "100 Continue"})
    transcript.connect()
    transcript.session.leave(transcript.now)
    assert not transcript.exchange()
    transcript.now += 0.5
    transcript.feed(b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 4711\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n")
    assert transcript.exchange() == [Left()]
    assert transcript.requests[-1].startswith("TEARDOWN")
    assert b"Session: 4711" in transcript.sent.rpartition(b"TEARDOWN")[2]


@pytest.mark.parametrize("answer", [b"", b"RTSP/1.0 401 Unauthorized\r\nCSeq: 3\r\n\r\n"])
def test_a_setup_that_is_refused_or_never_answered_holds_up_no_leave(answer: bytes) -> None:
    transcript = patient(answers={"SETUP": "100 Continue"})
    transcript.connect()
    transcript.session.leave(transcript.now)
    if answer:
        assert transcript.feed(answer) == [Left()]
    else:
        assert transcript.wait(1.0) == [Left()]
    assert not any(line.startswith("TEARDOWN") for line in transcript.requests)
