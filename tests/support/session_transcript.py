"""This module runs a camera session and its camera without sockets, with a clock that the test moves on."""

import re
import struct
from dataclasses import dataclass, field
from typing import Any, TypeVar

from transcoder.codecs.access_unit import PROOFS, AccessUnit
from transcoder.ledger import Ledger
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.quirks import FORCED_QUIRKS
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import Event, Playing, RtpReceived
from transcoder.source.options import SessionOptions, Timeouts
from transcoder.source.session import CameraSession

IMPATIENT = Timeouts(reply_s=10, first_packet_s=5, silence_s=5, first_picture_s=10)
"""Short time limits, because most tests are not about patience."""

EventT = TypeVar("EventT")

VIDEO_SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=Media\r\nt=0 0\r\na=control:*\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"
)
AUDIO_SDP = VIDEO_SDP + "m=audio 0 RTP/AVP 8\r\na=control:trackID=2\r\n"
FULL_SDP = AUDIO_SDP + "m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=3\r\n"
IDR, SLICE, SEI = b"\x65\x88\x80\x10\x00", b"\x41\x9a\x80\x10\x00", b"\x06\x05\x01\x00\x80"


def rtp(number: int, timestamp: int, payload: bytes, *, payload_type: int = 96, ssrc: int = 7) -> bytes:
    """Make an RTP packet with its marker set (RFC 3550 section 5.1)."""
    return struct.pack("!BBHII", 0x80, 0x80 | payload_type, number & 0xFFFF, timestamp & 0xFFFF_FFFF, ssrc) + payload


def frame(channel: int, data: bytes) -> bytes:
    """Make an interleaved frame (RFC 2326 section 10.12)."""
    return b"$" + bytes((channel,)) + len(data).to_bytes(2) + data


@dataclass
class Transcript:
    """Ties a session to a camera that answers every request with 200.

    Attributes:
        answers: other status lines by method, with header fields behind a bar.
        transports: the Transport header fields of the answers to SETUP, in order; where there are no more, the camera
            agrees to the request.
        events: the events of the session, in order.
        requests: the method and URI of each request.
        sent: all bytes that the session wrote.
    """

    transport: str = "tcp"
    sdp: str = VIDEO_SDP
    profile: str = "auto"
    audio: bool = False
    credentials: Credentials | None = None
    redirect_ports: tuple[int, ...] = (8554,)
    keep_everything: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    transports: list[str] = field(default_factory=list)
    timeouts: Timeouts = IMPATIENT
    now: float = 5000.0
    events: list[Event] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sent: bytes = b""
    number: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger()
        options = SessionOptions(
            url=parse_url("rtsp://192.0.2.7:554/live"),
            credentials=self.credentials,
            transport=self.transport,
            quirks=FORCED_QUIRKS[self.profile],
            audio=self.audio,
            timeouts=self.timeouts,
            redirect_ports=self.redirect_ports,
        )
        self.session = CameraSession(
            options, self.ledger, ssrc=0x55667788, cnonce="0a4f113b", keep_everything=self.keep_everything
        )

    # -- the connection ------------------------------------------------------------------------------------------

    def connect(self) -> list[Event]:
        """Make a connection, let the camera answer until no request is left, and return the events."""
        pairs = [(50_000 + 2 * index, 50_001 + 2 * index) for index in range(self.session.port_pairs)]
        self.session.begin(self.now, pairs)
        return self.exchange()

    def exchange(self) -> list[Event]:
        """Answer the requests of the session, and return the events."""
        found: list[Event] = []
        while data := b"".join(self.session.data_to_send()):
            self.sent += data
            for text in re.findall(rb"[A-Z_]+ rtsp://\S+ RTSP/1\.0\r\n(?:[^\r]+\r\n)*\r\n", data):
                found += self.feed(self._answer(text.decode()))
        return found + self.take()

    def _answer(self, text: str) -> bytes:
        method, uri, _ = text.split(" ", 2)
        self.requests.append(f"{method} {uri}")
        fields = dict(line.split(": ", 1) for line in text.split("\r\n")[1:] if line)
        status, _, rest = self.answers.get(method, "200 OK").partition("|")
        head = f"RTSP/1.0 {status}\r\nCSeq: {fields['CSeq']}\r\n{rest}"
        body = ""
        if method == "DESCRIBE" and status.startswith("200"):
            body = self.sdp
            head += f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP" and status.startswith("200"):
            head += (
                f"Session: 4711\r\nTransport: {self.transports.pop(0) if self.transports else fields['Transport']}\r\n"
            )
        return f"{head}\r\n{body}".encode()

    def feed(self, data: bytes) -> list[Event]:
        """Hand over bytes of the camera, and return the events."""
        due = self.session.next_timeout()
        self.session.receive_data(data, self.now)
        self._assert_told(due)
        return self.take()

    def _assert_told(self, due: float | None) -> None:
        """A shell that heeds `has_work` misses neither bytes to send nor an earlier timeout."""
        client, now_due = self.session._client, self.session.next_timeout()
        is_earlier = due is not None and now_due is not None and now_due < due
        assert self.session.has_work or not (is_earlier or (client is not None and client.out))

    def take(self) -> list[Event]:
        """Return the new events."""
        found = []
        while (event := self.session.next_event()) is not None:
            found.append(event)
        self.events += found
        return found

    def of(self, kind: type[EventT]) -> list[EventT]:
        """Return the events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    # -- time ----------------------------------------------------------------------------------------------------

    def wait(self, seconds: float, *, each: bytes = b"", interval_s: float = 0.04) -> list[Event]:
        """Let time pass, with this payload of the video coming all the while, and return the events."""
        found: list[Event] = []
        until, following = self.now + seconds, self.now
        while True:
            due = self.session.next_timeout()
            at = min(until, following if each else until, due if due is not None else until)
            self.now = max(at, self.now)
            if due is not None and due <= self.now:
                self.session.handle_timeout(self.now)
                found += self.exchange()
            elif each and following <= self.now:
                found += self.picture(each)
                following += interval_s
            if self.now >= until:
                return found

    # -- media ---------------------------------------------------------------------------------------------------

    def packet(self, payload: bytes, **changes: Any) -> bytes:
        """Make the next packet of the video."""
        self.number += 1
        return rtp(self.number, self.number * 3600, payload, **changes)

    def picture(self, payload: bytes, *, channel: int = 0, **changes: Any) -> list[Event]:
        """Hand over the next packet of the video over TCP, and return the events."""
        return self.feed(frame(channel, self.packet(payload, **changes)))

    def prove_marker(self) -> None:
        """Send pictures until the session trusts the marker: from then on a picture leaves with its own last packet."""
        for _ in range(PROOFS + 1):
            if self.transport == "tcp":
                self.picture(IDR)
            else:
                self.datagram(self.packet(IDR))
        self.events = [event for event in self.events if not isinstance(event, AccessUnit | RtpReceived)]

    def datagram(self, data: bytes, *, track: int = 0, is_rtcp: bool = False) -> list[Event]:
        """Hand over a datagram of the camera, and return the events."""
        self.session.receive_datagram(track, data, self.now, is_rtcp=is_rtcp)
        return self.take()

    def counted(self) -> dict[str, int]:
        """Return the counts of the ledger."""
        return {f"{layer} {kind}": entry.count for layer, kind, entry in self.ledger}


def playing(**options: Any) -> Transcript:
    """Return a session that plays, and whose pictures end with their marker."""
    transcript = Transcript(**options)
    transcript.connect()
    assert transcript.of(Playing)
    transcript.prove_marker()
    return transcript


def begun(**options: Any) -> Transcript:
    """Return a session that has just begun to play."""
    transcript = Transcript(**options)
    transcript.connect()
    assert transcript.of(Playing)
    return transcript
