"""The publisher core as transcripts: RFC 2326 sections 10.3 and 10.11, and how servers that record answer."""

import base64
import hashlib

import pytest

from transcoder.errors import LoginDowngraded, RemoteProtocolError, ResponseError, TransportNotAccepted, Unanswered
from transcoder.rtsp.auth import Authenticator, Credentials
from transcoder.rtsp.client_requests import RESPONSE_TIMEOUT_S
from transcoder.rtsp.messages import EVERYTHING, Request, RtspParser
from transcoder.rtsp.publisher import MAX_KEEP_ALIVE_S, Closed, PublisherProtocol, Ready, Recording, Redirected
from transcoder.rtsp.states import PublisherState
from transcoder.rtsp.urls import parse_url

URL = "rtsp://192.0.2.9:8554/in/front"
SDP = b"v=0\r\ns= \r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\n"
USER = Credentials(username="gw", password="Test-1234")
TRACKS = ["trackID=0", "trackID=1"]


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # as Digest has it


class Transcript:
    """One conversation: requests are read by the product's parser, answers are written by hand."""

    def __init__(self, url: str = URL, credentials: Credentials | None = None) -> None:
        self.now = 100.0
        login = Authenticator(credentials, "c0ffee") if credentials is not None else None
        self.core = PublisherProtocol(parse_url(url), login, now=self.now)

    def request(self, method: str) -> Request:
        parser = RtspParser(is_server=True)
        parser.receive_data(self.core.data_to_send())
        found = parser.next_event()
        assert isinstance(found, Request)
        assert found.method == method
        assert parser.next_event() is None
        return found

    def reply(self, request: Request, status: str, *fields: str) -> list:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {request.cseq}", *fields]
        self.core.receive_data("\r\n".join([*lines, "", ""]).encode(), self.now)
        return self.events()

    def events(self) -> list:
        found = []
        while (event := self.core.next_event()) is not None:
            found.append(event)
        return found

    def ready(self) -> None:
        assert self.reply(self.request("OPTIONS"), "200 OK", "Public: ANNOUNCE, SETUP, RECORD, GET_PARAMETER") == [
            Ready()
        ]

    def record(self, controls: list[str] = TRACKS) -> None:
        self.ready()
        self.core.announce(SDP, controls, self.now)
        self.reply(self.request("ANNOUNCE"), "200 OK")
        for number in range(len(controls)):
            setup = self.request("SETUP")
            channels = f"interleaved={2 * number}-{2 * number + 1}"
            self.reply(setup, "200 OK", "Session: 4f;timeout=30", f"Transport: RTP/AVP/TCP;unicast;{channels}")
        self.reply(self.request("RECORD"), "200 OK", "Session: 4f")


def test_from_options_to_teardown() -> None:
    said = Transcript()
    options = said.request("OPTIONS")
    assert options.uri == URL
    assert said.reply(options, "200 OK", "Public: DESCRIBE, ANNOUNCE, SETUP, RECORD, TEARDOWN") == [Ready()]
    assert said.core.data_to_send() == b""  # nothing is described before the server is known to be there

    said.core.announce(SDP, TRACKS, said.now)
    announce = said.request("ANNOUNCE")
    assert (announce.uri, announce.body) == (URL, SDP)
    assert announce.headers.get("Content-Type") == "application/sdp"
    assert announce.headers.get("Content-Length") == str(len(SDP))
    assert said.reply(announce, "200 OK") == []

    setup = said.request("SETUP")
    assert setup.uri == f"{URL}/trackID=0"
    assert setup.headers.get("Transport") == "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record"
    assert setup.headers.get("Session") is None
    said.reply(setup, "200 OK", "Session: 12345678", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record")
    setup = said.request("SETUP")
    assert setup.uri == f"{URL}/trackID=1"
    assert setup.headers.get("Transport") == "RTP/AVP/TCP;unicast;interleaved=2-3;mode=record"
    assert setup.headers.get("Session") == "12345678"
    said.reply(setup, "200 OK", "Session: 12345678", 'Transport: RTP/AVP/TCP;unicast;interleaved=2-3;mode="RECORD"')

    record = said.request("RECORD")
    assert (record.uri, record.headers.get("Session")) == (URL, "12345678")
    assert record.headers.get("Range") == "npt=0.000-"
    assert said.reply(record, "200 OK", "Session: 12345678") == [Recording(((0, 1), (2, 3)))]
    assert said.core.state is PublisherState.RECORDING

    said.core.teardown(said.now)
    teardown = said.request("TEARDOWN")
    assert (teardown.uri, teardown.headers.get("Session")) == (URL, "12345678")
    assert said.reply(teardown, "200 OK") == [Closed()]
    assert said.core.next_timeout() is None


def test_the_servers_channels_are_taken() -> None:
    said = Transcript()
    said.ready()
    said.core.announce(SDP, TRACKS, said.now)
    said.reply(said.request("ANNOUNCE"), "200 OK")
    transport = "Transport: RTP/AVP/TCP;unicast;interleaved="
    said.reply(said.request("SETUP"), "200 OK", "Session: 1", f"{transport}6-7")
    said.reply(said.request("SETUP"), "200 OK", "Session: 1", f"{transport}2-3")
    assert said.reply(said.request("RECORD"), "200 OK") == [Recording(((6, 7), (2, 3)))]


def test_channels_of_another_track_end_it() -> None:
    said = Transcript()
    said.ready()
    said.core.announce(SDP, TRACKS, said.now)
    said.reply(said.request("ANNOUNCE"), "200 OK")
    same = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
    said.reply(said.request("SETUP"), "200 OK", "Session: 1", same)
    with pytest.raises(RemoteProtocolError, match="channels of another track"):
        said.reply(said.request("SETUP"), "200 OK", "Session: 1", same)


def test_another_transport_ends_it() -> None:
    said = Transcript()
    said.ready()
    said.core.announce(SDP, ["trackID=0"], said.now)
    said.reply(said.request("ANNOUNCE"), "200 OK")
    with pytest.raises(TransportNotAccepted):
        said.reply(said.request("SETUP"), "200 OK", "Session: 1", "Transport: RTP/AVP;unicast;server_port=6000-6001")


# -- logins ------------------------------------------------------------------------------------------------------------


def test_digest_goes_with_every_request_and_the_description_again() -> None:
    said = Transcript(credentials=USER)
    said.ready()
    said.core.announce(SDP, ["trackID=0"], said.now)
    said.reply(said.request("ANNOUNCE"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n1"')
    again = said.request("ANNOUNCE")
    assert again.body == SDP
    expected = md5(f"{md5('gw:r:Test-1234')}:n1:{md5(f'ANNOUNCE:{URL}')}")  # RFC 2617, 3.2.2
    assert f'response="{expected}"' in str(again.headers.get("Authorization"))
    said.reply(again, "200 OK")
    assert 'nonce="n1"' in str(said.request("SETUP").headers.get("Authorization"))


def test_a_nonce_that_is_stale_is_answered_anew() -> None:
    said = Transcript(credentials=USER)
    options = said.request("OPTIONS")
    said.reply(options, "401 Unauthorized", 'WWW-Authenticate: Digest realm="r", nonce="n1"')
    said.reply(said.request("OPTIONS"), "401 No", 'WWW-Authenticate: Digest realm="r", nonce="n2", stale=true')
    assert said.reply(said.request("OPTIONS"), "200 OK") == [Ready()]


def test_a_wrong_password_is_not_tried_again() -> None:
    said = Transcript(credentials=USER)
    challenge = 'WWW-Authenticate: Digest realm="r", nonce="n1"'
    said.reply(said.request("OPTIONS"), "401 Unauthorized", challenge)
    with pytest.raises(ResponseError, match="401"):
        said.reply(said.request("OPTIONS"), "401 Unauthorized", challenge)


def test_the_password_is_sent_in_clear_over_tls_only() -> None:
    said = Transcript(credentials=USER)
    with pytest.raises(LoginDowngraded, match="over TLS only"):
        said.reply(said.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="r"')
    secured = Transcript("rtsps://192.0.2.9/in/front", USER)
    secured.reply(secured.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="r"')
    expected = base64.b64encode(b"gw:Test-1234").decode()
    assert secured.request("OPTIONS").headers.get("Authorization") == f"Basic {expected}"


def test_of_digest_and_basic_digest_is_answered_without_tls() -> None:
    said = Transcript(credentials=USER)
    both = ('WWW-Authenticate: Basic realm="r"', 'WWW-Authenticate: Digest realm="r", nonce="n"')
    said.reply(said.request("OPTIONS"), "401 Unauthorized", *both)
    assert str(said.request("OPTIONS").headers.get("Authorization")).startswith("Digest ")


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "501 Not Implemented"])
def test_a_server_that_knows_no_options_may_know_announce(status: str) -> None:
    said = Transcript()
    assert said.reply(said.request("OPTIONS"), status) == [Ready()]


def test_a_refusal_names_the_request_and_no_words_of_the_server() -> None:
    said = Transcript()
    said.ready()
    said.core.announce(SDP, ["trackID=0"], said.now)
    with pytest.raises(ResponseError) as error:
        said.reply(said.request("ANNOUNCE"), "406 <script>")
    assert str(error.value) == "ANNOUNCE was answered 406 Not Acceptable"


def test_a_redirect_is_followed_on_the_same_host_alone() -> None:
    said = Transcript()
    said.ready()
    said.core.announce(SDP, ["trackID=0"], said.now)
    (event,) = said.reply(said.request("ANNOUNCE"), "302 Found", "Location: rtsp://192.0.2.9:8555/other")
    assert event == Redirected(parse_url("rtsp://192.0.2.9:8555/other"))
    away = Transcript()
    with pytest.raises(RemoteProtocolError, match="another host"):
        away.reply(away.request("OPTIONS"), "302 Found", "Location: rtsp://192.0.2.10/in/front")


def test_a_request_that_is_not_answered_ends_it() -> None:
    said = Transcript()
    said.request("OPTIONS")
    assert said.core.next_timeout() == said.now + RESPONSE_TIMEOUT_S
    with pytest.raises(Unanswered, match="OPTIONS"):
        said.core.handle_timeout(said.now + RESPONSE_TIMEOUT_S)


def test_a_header_without_end_is_given_up() -> None:
    said = Transcript()
    with pytest.raises(RemoteProtocolError, match="over"):
        said.core.receive_data(b"RTSP/1.0 200 OK\r\nX: " + b"a" * (64 << 10), said.now)


# -- while it records --------------------------------------------------------------------------------------------------


def test_signs_of_life_come_before_the_timeout_of_the_session() -> None:
    said = Transcript()
    said.record()
    due = said.core.next_timeout()
    assert due is not None
    assert due <= said.now + min(30 / 2, MAX_KEEP_ALIVE_S)
    said.core.handle_timeout(due)
    first = said.request("GET_PARAMETER")
    assert (first.uri, first.headers.get("Session")) == (URL, "4f")
    said.now = due
    said.reply(first, "200 OK")
    said.core.handle_timeout(said.core.next_timeout() or 0.0)
    said.request("OPTIONS")


def test_a_sign_of_life_that_is_not_answered_ends_nothing() -> None:
    said = Transcript()
    said.record()
    for _ in range(5):
        said.now = said.core.next_timeout() or 0.0
        said.core.handle_timeout(said.now)
    assert said.core.state is PublisherState.RECORDING


def test_a_session_that_the_server_forgot_is_over() -> None:
    said = Transcript()
    said.record()
    said.core.handle_timeout(said.core.next_timeout() or 0.0)
    with pytest.raises(ResponseError, match="454"):
        said.reply(said.request("GET_PARAMETER"), "454 Session Not Found")


def test_receiver_reports_are_passed_over_and_requests_answered() -> None:
    said = Transcript()
    said.record()
    report = b"$\x01\x00\x08" + bytes((0x80, 201, 0, 1)) + b"abcd"
    said.core.receive_data(report + b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n" + report, said.now)
    assert said.core.data_to_send().startswith(b"RTSP/1.0 200 OK\r\nCSeq: 7\r\n")
    assert said.events() == []


def test_the_rest_of_a_read_waits_for_its_turn() -> None:
    said = Transcript()
    said.record()
    requests = b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n" * 4
    assert said.core.receive_data(requests, said.now, 3)
    assert not said.core.receive_data(b"", said.now, EVERYTHING)
    assert said.core.data_to_send().count(b"RTSP/1.0 200 OK") == 4


def test_leaving_before_there_is_a_session_is_over_at_once() -> None:
    said = Transcript()
    said.request("OPTIONS")
    said.core.teardown(said.now)
    assert said.core.data_to_send() == b""
    assert said.events() == [Closed()]


def test_nobody_waits_long_for_the_answer_to_teardown() -> None:
    said = Transcript()
    said.record()
    said.core.teardown(said.now)
    said.request("TEARDOWN")
    said.core.handle_timeout(said.core.next_timeout() or 0.0)
    assert said.events() == [Closed()]
