"""What is counted of packets and responses, written by hand."""

import io
import re
from collections import Counter
from typing import Any

import pytest
from rich.console import Console

from tests.support.session_transcript import Transcript, frame
from transcoder.probe.observation import Observation, PictureTiming
from transcoder.probe.render import render
from transcoder.probe.report import shown_text, summary
from transcoder.rtsp.client_events import Answered
from transcoder.rtsp.messages import Headers, Response

SPS = bytes.fromhex("674d401fda0586e840000003004000000783c60ca8")
PPS = bytes.fromhex("68ef0f2c80")
SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Media Presentation\r\nt=0 0\r\na=appversion:1.0\r\nm=video 0 RTP/AVP 96\r\n"
    "a=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
    "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n"
)


class Visit:
    """What is seen of a camera that answers every request with 200."""

    def __init__(self) -> None:
        self.seen = Observation()
        self.transcript = Transcript(sdp=SDP, keep_everything=True)
        self.seen.ledger = self.transcript.ledger
        self.seen.session = self.transcript.session
        self.told = 0

    def look(self) -> None:
        """Hand over what happened."""
        for event in self.transcript.events[self.told :]:
            self.seen.on_event(event)
        self.told = len(self.transcript.events)


def rtp(number: int, payload: bytes, timestamp: int, *, payload_type: int = 96, extension: bytes = b"") -> bytes:
    head = bytes((0x90 if extension else 0x80, 0x80 | payload_type)) + number.to_bytes(2) + timestamp.to_bytes(4)
    return head + b"\x01\x02\x03\x04" + extension + payload


def visited(pictures: int = 61, *, gop: int = 20, step: int = 9000) -> Observation:
    """A camera of 10 pictures a second."""
    visit = Visit()
    transcript = visit.transcript
    transcript.connect()
    for index in range(pictures):
        transcript.now, timestamp = 100.0 + index / 10, (1000 + index * step) & 0xFFFFFFFF
        units = [b"\x06\x05\x04abcd\x80", b"\x41\x9a\x02\x05"]
        if index % gop == 0:
            units = [SPS, PPS, b"\x06\x80\x02xy\x80", b"\x0c\xff\x80", b"\x65\x88\x84\x21"]
        payload = b"\x18" + b"".join(len(unit).to_bytes(2) + unit for unit in units)
        transcript.feed(frame(0, rtp(index, payload, timestamp)))
        if index % 10 == 0:
            extension = b"\x00\x01\x00\x01\x40\x02HK"
            transcript.feed(frame(0, rtp(7, b"", timestamp, payload_type=112, extension=extension)))
    visit.look()
    return visit.seen


def test_video() -> None:
    found = summary(visited(), shown_text(None))["video"]
    assert isinstance(found, dict)
    assert (found["codec"], found["size"], found["profile"], found["level"]) == ("H264", "352x208", "Main", "3.1")
    assert (found["pictures"], found["fps"], found["fps_by_timestamp"]) == (61, 10.0, 10.0)
    assert found["gop"] == "2.00 s, 20 pictures"
    assert found["timestamps"] == ["no sender report came"]
    assert found["packets"]["received"] == 61
    assert found["encrypted"] is False


def coded(visit: Visit, random_access: list[bytes], other: bytes, count: int) -> None:
    """Ten pictures a second, each a packet or a few, a second between two random access points."""
    transcript = visit.transcript
    for index in range(count):
        transcript.wait(0.1)
        for payload in random_access if index % 10 == 0 else [other]:
            transcript.feed(frame(0, transcript.packet(payload)))
    visit.look()


H265_SETS = [bytes.fromhex("40010c01"), bytes.fromhex("42010101"), bytes.fromhex("4401c172")]
H265_PICTURES = ([*H265_SETS, b"\x26\x01\xaf\x08"], b"\x02\x01\xd0\x08")
H264_PICTURES = ([SPS, PPS, b"\x65\x88\x84\x21"], b"\x41\x9a\x02\x05")


def test_a_codec_that_is_switched_while_streaming_is_no_stale_description() -> None:
    visit = Visit()
    visit.transcript.connect()
    coded(visit, *H264_PICTURES, 30)
    coded(visit, *H265_PICTURES, 30)
    coded(visit, *H264_PICTURES, 30)
    found = summary(visit.seen, shown_text(None))["video"]
    assert isinstance(found, dict)
    assert "described_as" not in found
    assert found["codec"] == "H264"
    told = re.findall(r"^from (\w+) to (\w+) after (\d+) pictures$", "\n".join(found["codec_switches"]), re.MULTILINE)
    assert [(before, after) for before, after, _ in told] == [("H264", "H265"), ("H265", "H264")]
    assert 25 <= int(told[0][2]) <= 50  # 16 packets are enough to tell
    console = Console(record=True, width=200, file=io.StringIO())
    render(summary(visit.seen, shown_text(None)), console)
    assert f"codec switched while streaming: {found['codec_switches'][0]}" in console.export_text()


def test_a_description_that_is_stale_is_no_switch() -> None:
    visit = Visit()
    visit.transcript.connect()
    coded(visit, *H265_PICTURES, 40)
    found = summary(visit.seen, shown_text(None))["video"]
    assert isinstance(found, dict)
    assert (found["described_as"], found["codec"]) == ("H264", "H265")
    assert "codec_switches" not in found


def test_metadata() -> None:
    rows = summary(visited(), shown_text(None))["metadata"]
    assert isinstance(rows, list)
    told = {(row["channel"], row["what"]): row["count"] for row in rows}
    assert told["payload type", "112"] == 7
    assert told["header extension", "profile 0x0001"] == 7
    assert told["SEI", "5 unregistered user data"] == 57
    assert told["SEI", "128 private, or structure of pictures"] == 4
    assert told["NAL unit", "12 filler"] == 4
    assert ("media", "application 107 VND.ONVIF.METADATA/90000") in told
    assert ("SDP attribute", "appversion:1.0") in told
    assert ("SDP line", "s=Media Presentation") in told


def test_one_random_access_picture() -> None:
    found = summary(visited(gop=1000), shown_text(None))["video"]
    assert isinstance(found, dict)
    assert found["gop"] == "no second IDR in 6.0 s, 61 pictures since the first"


def test_drift_is_told() -> None:
    found = summary(visited(step=9900), shown_text(None))["video"]
    assert isinstance(found, dict)
    assert "they run at 1.10 times real time" in found["timestamps"]


def test_timing() -> None:
    timing = PictureTiming(steps=Counter())
    for at, timestamp in [(0.0, 0xFFFFF000), (0.04, 0xFFFFFE10), (0.08, 3104), (0.12, 3104)]:  # 2**32 is between
        timing.note(at, timestamp)
    assert (timing.repeats, timing.backwards, timing.jumps) == (1, 0, 0)
    timing.note(0.16, 3104 + 9_000_000)
    timing.note(0.20, 3104 + 3600)
    assert (timing.repeats, timing.backwards, timing.jumps) == (1, 1, 2)


def test_rtcp_texts() -> None:
    visit = Visit()
    visit.transcript.connect()
    description = b"\x81\xca\x00\x04\x0a\x0b\x0c\x0d\x01\x02ab\x07\x03xyz\x00\x00\x00"
    visit.transcript.feed(frame(1, description + b"\x80\xcc\x00\x03\x0a\x0b\x0c\x0dDAHUsecr"))
    visit.look()
    seen = visit.seen
    assert dict(seen.rtcp) == {"SDES": 1, "APP": 1}
    assert set(seen.rtcp_texts) == {("CNAME", b"ab"), ("NOTE", b"xyz"), ("APP", b"DAHU secr")}


def test_identity_of_responses() -> None:
    seen = Observation()
    fields = [("Server", "Rtsp Server/3.0"), ("Session", "77;timeout=60"), ("Content-Base", "rtsp://h/cam?x=1/")]
    seen.on_event(Answered("OPTIONS", Response(status=401, reason="", headers=Headers(fields))))
    challenge = [("WWW-Authenticate", 'Digest realm="Login to 7A", nonce="1"'), ("Session", "78")]
    seen.on_event(Answered("OPTIONS", Response(status=401, reason="", headers=Headers(challenge))))
    marks = seen.marks()
    assert (marks.servers, marks.realms, marks.sessions) == (
        ("Rtsp Server/3.0",),
        ("Login to 7A",),
        ("77;timeout=60", "78"),
    )
    assert marks.content_base == "rtsp://h/cam?x=1/"
    found: dict[str, Any] = summary(seen, shown_text(None))
    assert found["vendor_guess"]["family"] == "dahua"


def test_the_answer_to_play_and_what_nobody_asked_for() -> None:
    visit = Visit()
    visit.transcript.answers["PLAY"] = "200 OK|RTP-Info: url=x;seq=1\r\n"
    visit.transcript.connect()
    visit.transcript.feed(frame(6, b"metadata") * 2 + frame(0, b"?") + frame(0, b"??"))
    visit.look()
    seen = visit.seen
    assert seen.marks().rtp_info == "url=x;seq=1"
    assert seen.unassigned == {6: [2, 16]}
    assert seen.unreadable == 2
    metadata: Any = summary(seen, shown_text(None))["metadata"]
    assert [row["count"] for row in metadata if row["channel"] == "unreadable"] == [2]
    assert (seen.playing, seen.transport.lower if seen.transport else "") == (True, "TCP")


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://admin:hunter22@192.0.2.7/x",
        "control:rtsp://192.0.2.7/user=admin&password=hunter22&channel=1",
        "tool: made by hunter22",
        "pwd=hunter22;x",
    ],
)
def test_credentials_are_not_shown(text: str) -> None:
    assert "hunter22" not in shown_text("hunter22")(text)


def test_text_is_made_harmless() -> None:
    assert shown_text(None)("a\x1b[2Jb\r\nc") == "a?[2Jb??c"
    assert len(shown_text(None)("x" * 10_000)) < 200
