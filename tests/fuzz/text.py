"""Targets that read text: session descriptions, messages, header fields."""

import re

from transcoder.errors import KeyNotTrusted, RemoteProtocolError, ResponseError
from transcoder.rtsp.auth import Authenticator, Credentials, parse_challenges
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.client_events import Described
from transcoder.rtsp.fingerprint import CameraMarks, firmware_traits, guess_family
from transcoder.rtsp.headers import Transport, parse_session, parse_transports
from transcoder.rtsp.messages import InterleavedFrame, InterleavedFrames, Request, Response, RtspParser
from transcoder.rtsp.reader_tunnel import Base64Reader, Opening, TunnelRequest, WebSocketRequest
from transcoder.rtsp.tunnel import TunnelReply
from transcoder.rtsp.urls import base_target, join_control, parse_url, redirect_target
from transcoder.rtsp.web_socket import MAX_CONTROL, FrameReader
from transcoder.sdp import parse_sdp, select_audio, select_video
from transcoder.source.camera_keys import fingerprints


def sdp(data: bytes) -> None:
    """Session descriptions, and what is picked of them."""
    try:
        description = parse_sdp(data)
        firmware_traits(CameraMarks(description=description))
        guess_family(CameraMarks(description=description))
        video = select_video(description)
        select_audio(description, video)
    except RemoteProtocolError:
        return
    assert 0 <= video.index < len(description.media)
    assert all(0 <= number < 128 for number in video.payload_types)
    assert join_control("/live", video.media.control).isprintable()


CREDENTIALS = Credentials(username="admin", password="pw")


TCP = Transport(lower="TCP", interleaved=(0, 1))


def certificate(data: bytes) -> None:
    """What a camera shows as its certificate."""
    try:
        of_certificate, of_key = fingerprints(data)
    except KeyNotTrusted:
        return
    assert len(of_certificate) == len(of_key) == 64


def client(data: bytes) -> None:
    """A server's side of a whole conversation; each message comes alone, as it would after a request."""
    url = parse_url("rtsp://192.0.2.7/live?ch=1")
    protocol = ClientProtocol(url, CREDENTIALS, cnonce="c0ffee", now=0.0)
    now = 0.0
    try:
        for piece in re.split(rb"(?=RTSP/1\.0 )", data):
            now += 0.5
            protocol.receive_data(piece, now)
            while (event := protocol.next_event()) is not None:
                if isinstance(event, Described):
                    description = parse_sdp(event.body)
                    selection = select_video(description)
                    protocol.setup(selection.media.control, TCP, now, session_control=description.control)
                elif isinstance(event, InterleavedFrames):
                    assert event.spans
                    assert all(len(frame) <= 65535 for frame in event)
            check_requests(protocol.data_to_send())
            if (due := protocol.next_timeout()) is not None and due <= now:
                protocol.handle_timeout(now)
        for _ in range(3):  # a description whose size is not told is over when nothing comes
            now += 1.0
            protocol.handle_timeout(now)
        while protocol.next_event() is not None:
            pass
        check_requests(protocol.data_to_send())
        protocol.teardown(now)
        check_requests(protocol.data_to_send())
    except (RemoteProtocolError, ResponseError):
        return


def check_requests(sent: list[bytes]) -> None:
    """Whatever the server says, what is sent is well formed and goes to the configured host, without the password."""
    for message in sent:
        if message.startswith(b"$"):
            continue
        head = message.partition(b"\r\n\r\n")
        assert not head[2]
        line = head[0].split(b"\r\n")[0]
        if not line.startswith(b"RTSP/1.0"):
            assert re.fullmatch(rb"[A-Z]+ rtsp://192\.0\.2\.7:554[\x21-\x7e]* RTSP/1\.0", line), line
        assert all(re.match(rb"[A-Za-z-]+: [^\r\n]*\Z", field) for field in head[0].split(b"\r\n")[1:]), head[0]


Event = tuple[str, object, bytes]


def _events(data: bytes, cut: int) -> tuple[list[Event], str]:
    parser = RtspParser()
    parser.channels = frozenset({0, 1})
    events: list[Event] = []
    try:
        for at in range(0, len(data), cut):
            parser.receive_data(data[at : at + cut])
            while (event := parser.next_event()) is not None:
                if isinstance(event, InterleavedFrame):
                    events.append(("frame", event.channel, bytes(event.data)))
                elif isinstance(event, Response):
                    events.append(("response", event.status, event.body))
                elif isinstance(event, Request):
                    events.append(("request", event.method, event.body))
    except RemoteProtocolError as error:
        return events, type(error).__name__
    return events, ""


def wire(data: bytes) -> None:
    """Messages and interleaved frames: the same, however the bytes are cut."""
    whole = _events(data, max(1, len(data)))
    if len(data) <= 2048:
        assert _events(data, 1) == whole
    assert _events(data, 97) == whole


def tunnel(data: bytes) -> None:
    """A server's reply to the GET of an HTTP tunnel."""
    reply = TunnelReply()
    handed_on = b""
    try:
        for at in range(0, len(data), 13):
            handed_on += reply.receive_data(data[at : at + 13])
    except (RemoteProtocolError, ResponseError):
        return
    assert not handed_on or (reply.is_open and data.endswith(handed_on))


def opening(data: bytes) -> None:
    """What a reader's connection begins with: RTSP, a half of a tunnel over HTTP, or a WebSocket and its frames."""
    begun, frames, body = Opening(), None, None
    taken = 0
    try:
        for at in range(0, len(data), 13):
            part = data[at : at + 13]
            if frames is None and body is None:
                found = begun.receive_data(part)
                if isinstance(found, bytes):
                    return
                frames = FrameReader() if isinstance(found, WebSocketRequest) else None
                body = Base64Reader() if isinstance(found, TunnelRequest) else None
                part = found.rest if found is not None else b""
            taken += len(frames.receive_data(part)) if frames is not None else 0
            taken += len(body.receive_data(part)) if body is not None else 0
            assert frames is None or len(frames.data_to_send()) <= 2 * (2 + MAX_CONTROL)
    except RemoteProtocolError:
        return
    assert taken <= len(data)


def challenges(data: bytes) -> None:
    """WWW-Authenticate values, a line each, and the answers to them."""
    values = data.decode("utf-8", "surrogateescape").split("\n")
    found = parse_challenges(values)
    authenticator = Authenticator(CREDENTIALS, "c0ffee")
    for challenge in found:
        if authenticator.accept([challenge]):
            answer = authenticator.authorization("DESCRIBE", "rtsp://192.0.2.7:554/live") or ""
            assert "pw" not in answer or "pw" in data.decode("latin-1")


def headers(data: bytes) -> None:
    """Transport, Session, Public, Content-Base, control and Location values, by the first byte."""
    value = data[1:].decode("utf-8", "surrogateescape")
    which = data[0] % 6 if data else 0
    if which == 0:
        for transport in parse_transports(value):
            assert transport.lower in {"TCP", "UDP"}
            assert transport.interleaved is None or max(transport.interleaved) <= 255
            assert transport.server_port is None or max(transport.server_port) <= 65535
    elif which == 1:
        session = parse_session(value)
        assert session is None or (session.id.strip() == session.id and session.timeout_s >= 1)
    elif which == 3:
        assert re.fullmatch(r"[\x21-\x7e]*", join_control(base_target(value, None, "/live"), "trackID=1"))
    elif which == 4:
        assert re.fullmatch(r"[\x21-\x7e]*", join_control("/live", value))
    else:
        try:
            url = redirect_target(value, "192.0.2.7")
        except RemoteProtocolError:
            return
        assert url.host == "192.0.2.7"
        assert 0 < url.port <= 65535
        assert re.fullmatch(r"[\x21-\x7e]*", url.target)
