"""The camera's side of a transcript, reading requests with code of its own."""

import re
from dataclasses import dataclass, field

import pytest

from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.client_events import Described, Event
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.urls import parse_url

URL = "rtsp://192.0.2.7:554/live/main"
TCP = Transport(lower="TCP", interleaved=(0, 1))
USER = Credentials(username="viewer", password="Test-1234")


@dataclass
class Sent:
    """One request of the client, as text."""

    method: str
    uri: str
    fields: dict[str, str]

    @property
    def cseq(self) -> str:
        return self.fields["CSeq"]


@dataclass
class Transcript:
    """A client core and the camera that it talks to."""

    url: str = URL
    credentials: Credentials | None = None
    now: float = 1000.0
    events: list[Event] = field(default_factory=list)
    wire: bytes = b""

    def __post_init__(self) -> None:
        self.client = ClientProtocol(parse_url(self.url), self.credentials, cnonce="0a4f113b", now=self.now)

    def sent(self) -> list[Sent]:
        """Requests written since the last call."""
        data = b"".join(self.client.data_to_send())
        self.wire += data
        found = []
        for text in data.decode("latin-1").split("\r\n\r\n")[:-1]:
            start, *lines = text.split("\r\n")
            method, uri, version = start.split(" ")
            assert version == "RTSP/1.0"
            found.append(Sent(method, uri, dict(line.split(": ", 1) for line in lines)))
        return found

    def request(self, method: str) -> Sent:
        """The one request written since the last call."""
        (sent,) = self.sent()
        assert sent.method == method
        return sent

    def feed(self, data: bytes | str) -> list[Event]:
        """Hand over bytes of the camera; text has line feeds for CRLF."""
        if isinstance(data, str):
            data = data.replace("\n", "\r\n").encode()
        self.client.receive_data(data, self.now)
        found = []
        while (event := self.client.next_event()) is not None:
            found.append(event)
        self.events += found
        return found

    def reply(self, to: Sent, status: str = "200 OK", *fields: str, body: str = "") -> list[Event]:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {to.cseq}", *fields]
        if body:
            body = body.replace("\n", "\r\n")
            lines.append(f"Content-Length: {len(body.encode())}")
        return self.feed(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def replay(self, to: Sent, recorded: bytes) -> list[Event]:
        """Hand over a recorded response, under the number of this request."""
        return self.feed(re.sub(rb"(?im)^(cseq:\s*)\d+", rb"\g<1>" + to.cseq.encode(), recorded, count=1))

    def describe(self, sdp: str = "v=0\n", *fields: str) -> Described:
        self.reply(self.request("OPTIONS"), "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        (event,) = self.reply(self.request("DESCRIBE"), "200 OK", "Content-Type: application/sdp", *fields, body=sdp)
        assert isinstance(event, Described)
        return event

    def set_up(self, *fields: str, control: str | None = "trackID=1", transport: Transport = TCP) -> Sent:
        """Up to the PLAY, which is returned."""
        self.describe()
        self.client.setup(control, transport, self.now)
        answer = fields or ("Session: 77;timeout=60", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        self.reply(self.request("SETUP"), "200 OK", *answer)
        return self.request("PLAY")

    def play(self, *fields: str) -> None:
        self.reply(self.set_up(*fields), "200 OK", "Session: 77")


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def login() -> Transcript:
    """With credentials."""
    return Transcript(credentials=USER)


@pytest.fixture(scope="session")
def new_transcript() -> type[Transcript]:
    return Transcript
