"""What devices answer that are asked or found: over HTTP and RTSP, and by datagram."""

import uuid
from typing import Final

from tests.discover.test_device_questions import INFORMATION, REFUSAL, SCOPES
from tests.discover.test_ws_discovery import MATCH, ONE
from transcoder.discover.device_questions import DeviceQuestions, LoginRefused
from transcoder.discover.http_answer import MAX_BODY, HttpAnswer
from transcoder.discover.rtsp_look import RtspLook
from transcoder.discover.ws_discovery import Questions
from transcoder.errors import RemoteProtocolError
from transcoder.net.neighbours import parse_answer, parse_arp
from transcoder.rtsp.auth import Credentials

_ID: Final = uuid.UUID(int=1)
WORDS: Final = [
    b"HTTP/1.1 200 OK\r\n",
    b"Content-Length: ",
    b"Transfer-Encoding: chunked\r\n",
    b"0\r\n\r\n",
    b"<t:Scopes>",
]


def discover(data: bytes) -> None:
    """An answer is read, is none, or a login is refused; nothing else comes of it."""
    for found in Questions(lambda: _ID).receive(data):
        assert len(found.scopes) <= 64
    parse_answer(data)
    parse_arp(data.decode("latin-1"))
    look = RtspLook("192.0.2.7", 554)
    look.request()
    look.receive_data(data)
    look.seen()
    answer = HttpAnswer()
    asked = DeviceQuestions("h:80", "/", Credentials(username="u", password="p"), "c", (b"x" * 16, b"y" * 16))
    try:
        for at in range(0, len(data), 61):
            answer.receive_data(data[at : at + 61])
        if not answer.is_complete:
            answer.receive_end()
        assert len(answer.body) <= MAX_BODY
        asked.receive_answer(answer, 1.8e9)
        request = asked.request(1.8e9)
    except (RemoteProtocolError, LoginRefused):
        return
    head = request.partition(b"\r\n\r\n")[0]
    assert len(head.split(b"\n")) == head.count(b"\r\n") + 1  # no line of the device is one of ours


def seeds() -> list[bytes]:
    """Answers as devices give them."""
    bodies = [INFORMATION.encode(), SCOPES.encode(), REFUSAL.encode()]
    whole = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies]
    whole.append(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(bodies[0]), bodies[0])
    )
    whole.append(b'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="r", nonce="n"\r\nContent-Length: 0\r\n\r\n')
    whole.append(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nServer: H264DVR 1.0\r\n\r\n")
    return [*whole, MATCH.format(relates=f"urn:uuid:{_ID}", matches=ONE).encode()]
