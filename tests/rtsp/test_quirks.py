"""Quirks forced by hand."""

from typing import get_args

from transcoder.config.source import SourceConfig
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import Request, RtspParser
from transcoder.rtsp.quirks import FORCED_QUIRKS
from transcoder.rtsp.urls import parse_url

SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=1\r\n"


def first_method(profile: str) -> str:
    client = ClientProtocol(parse_url("rtsp://192.0.2.1/cam"), None, cnonce="c", now=0.0, quirks=FORCED_QUIRKS[profile])
    parser = RtspParser()
    parser.receive_data(b"".join(client.data_to_send()))
    request = parser.next_event()
    return str(getattr(request, "method", ""))


def playing(profile: str, timeout: int) -> ClientProtocol:
    client = ClientProtocol(parse_url("rtsp://192.0.2.1/cam"), None, cnonce="c", now=0.0, quirks=FORCED_QUIRKS[profile])
    client.receive_data(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 0.0)
    client.receive_data(b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP, 0.0)
    client.setup("trackID=1", Transport(lower="TCP", interleaved=(0, 1)), 0.0)
    session = b"Session: 7;timeout=%d\r\n" % timeout
    client.receive_data(
        b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n" + session + b"\r\n", 0.0
    )
    client.receive_data(b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n", 100.0)
    return client


def test_every_profile_can_be_configured_and_the_other_way_round() -> None:
    assert set(get_args(SourceConfig.model_fields["profile"].annotation)) == set(FORCED_QUIRKS)


def test_the_conversation_begins_with_options_unless_told() -> None:
    assert first_method("auto") == "OPTIONS"
    assert first_method("no-options") == "DESCRIBE"


def test_keep_alives_come_often_where_told() -> None:
    assert playing("auto", 60).next_timeout() == 125.0
    assert playing("auto", 20).next_timeout() == 110.0
    assert playing("frequent-keep-alive", 60).next_timeout() == 104.0


def fields_sent(client: ClientProtocol) -> set[str]:
    parser = RtspParser()
    parser.receive_data(b"".join(client.data_to_send()))
    found = set()
    while (event := parser.next_event()) is not None:
        assert isinstance(event, Request)
        found |= {name for name, _ in event.headers}
    return found


def test_bare_requests_hold_what_the_method_needs() -> None:
    client = playing("bare-requests", 60)
    client.handle_timeout(200.0)  # a keep-alive
    client.teardown(201.0)
    assert fields_sent(client) == {"CSeq", "Session", "Transport"}
    assert fields_sent(playing("auto", 60)) > {"CSeq", "Session", "Transport", "User-Agent", "Accept"}


def test_bare_requests_log_in() -> None:
    user = Credentials(username="viewer", password="Test-1234")
    client = ClientProtocol(
        parse_url("rtsp://192.0.2.1/cam"), user, cnonce="c", now=0.0, quirks=FORCED_QUIRKS["bare-requests"]
    )
    client.data_to_send()
    client.receive_data(b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n', 0.0)
    assert fields_sent(client) == {"CSeq", "Authorization"}
