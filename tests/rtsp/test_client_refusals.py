"""What the client does where a camera refuses, redirects, keeps silent, or answers anything at all."""

import contextlib
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.examples import examples
from transcoder.errors import (
    LimitExceeded,
    LocalProtocolError,
    RemoteProtocolError,
    ResponseError,
    RtspSyntaxError,
)
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client_events import Closed, Described, Redirected
from transcoder.rtsp.client_requests import RESPONSE_TIMEOUT_S
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.states import ClientState

Transcript = Any  # of conftest
USER = Credentials(username="viewer", password="Test-1234")
UDP = Transport(lower="UDP", client_port=(5000, 5001))
FRAME = b"$\x00\x00\x03abc"


# -- refusals, redirects, timeouts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 405, 461, 503])
def test_a_refused_request(transcript: Transcript, status: int) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    with pytest.raises(ResponseError) as caught:
        transcript.reply(transcript.request("DESCRIBE"), f"{status} \x1b[31mNo\x07" + "x" * 500)
    assert (caught.value.status, caught.value.method) == (status, "DESCRIBE")
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) <= 80


def test_refused_options_are_no_obstacle(transcript: Transcript) -> None:
    transcript.reply(transcript.request("OPTIONS"), "501 Not Implemented")
    transcript.request("DESCRIBE")


@pytest.mark.parametrize("status", [301, 302])
def test_redirect_on_the_host(transcript: Transcript, status: int) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    location = "Location: rtsp://192.0.2.7:8554/other"
    (event,) = transcript.reply(transcript.request("DESCRIBE"), f"{status} Moved", location)
    assert isinstance(event, Redirected)
    assert str(event.url) == "rtsp://192.0.2.7:8554/other"


@pytest.mark.parametrize("status", [400, 403, 405, 454, 501])
def test_options_that_are_refused_say_nothing_of_the_stream(transcript: Transcript, status: int) -> None:
    """A refusal of the stream comes to DESCRIBE; 401 is the login's, and asking twice could lock an account."""
    transcript.reply(transcript.request("OPTIONS"), f"{status} No")
    (event,) = transcript.reply(transcript.request("DESCRIBE"))
    assert isinstance(event, Described)


def test_options_whose_login_is_refused_are_final(transcript: Transcript) -> None:
    with pytest.raises(ResponseError):
        transcript.reply(transcript.request("OPTIONS"), "401 Unauthorized")


@pytest.mark.parametrize("fields", [(), ("Location: rtsp://198.51.100.9/live",), ("Location: http://192.0.2.7/",)])
def test_redirect_elsewhere(transcript: Transcript, fields: tuple[str, ...]) -> None:
    transcript.reply(transcript.request("OPTIONS"))
    with pytest.raises(RemoteProtocolError):
        transcript.reply(transcript.request("DESCRIBE"), "302 Moved", *fields)


def test_a_request_that_is_not_answered(transcript: Transcript) -> None:
    transcript.request("OPTIONS")
    due = transcript.client.next_timeout()
    assert due == transcript.now + RESPONSE_TIMEOUT_S
    transcript.client.handle_timeout(due - 0.1)
    with pytest.raises(RemoteProtocolError, match="OPTIONS"):
        transcript.client.handle_timeout(due)


def test_a_teardown_that_is_not_answered(transcript: Transcript) -> None:
    transcript.play()
    transcript.client.teardown(transcript.now)
    transcript.request("TEARDOWN")
    transcript.client.handle_timeout(transcript.client.next_timeout())
    assert transcript.client.next_event() == Closed()


def test_teardown_without_a_session(transcript: Transcript) -> None:
    transcript.sent()
    transcript.client.teardown(transcript.now)
    assert transcript.sent() == []
    assert transcript.client.next_event() == Closed()
    transcript.client.teardown(transcript.now)
    assert transcript.client.next_event() is None


def test_a_refused_teardown(transcript: Transcript) -> None:  # 500 on another connection (Hikvision)
    transcript.play()
    transcript.client.teardown(transcript.now)
    assert transcript.reply(transcript.request("TEARDOWN"), "500 Internal") == [Closed()]


def test_a_challenged_teardown(login: Transcript) -> None:
    login.play()
    login.client.teardown(login.now)
    login.reply(login.request("TEARDOWN"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="z"')
    assert login.reply(login.request("TEARDOWN")) == [Closed()]


def test_setup_too_early(transcript: Transcript) -> None:
    with pytest.raises(LocalProtocolError):
        transcript.client.setup("x", UDP, transcript.now)


def test_udp_without_ports(transcript: Transcript) -> None:
    transcript.describe()
    with pytest.raises(LocalProtocolError):
        transcript.client.setup("x", Transport(lower="UDP"), transcript.now)


def test_frames_of_ours(transcript: Transcript) -> None:
    transcript.play()
    transcript.client.data_to_send()
    transcript.client.send_frame(1, b"report")
    assert transcript.client.data_to_send() == [b"$\x01\x00\x06report"]
    assert transcript.client.data_to_send() == []


# -- anything ----------------------------------------------------------------------------------------------------------


REPLIES = st.lists(
    st.one_of(
        st.binary(max_size=30),
        st.sampled_from([FRAME, b"$\x07\x00\x02ab", b"\r\n", b"OPTIONS * RTSP/1.0\r\n\r\n", b"\x00\x01"]),
        st.builds(
            lambda status, cseq, fields, body: (
                f"RTSP/1.0 {status} X\r\nCSeq: {cseq}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode() + body
            ),
            st.sampled_from([100, 200, 200, 200, 302, 401, 404, 454, 500]),
            st.integers(0, 9),
            st.lists(
                st.sampled_from(
                    [
                        "Session: 1\r\n",
                        "Session: 2;timeout=0\r\n",
                        "Session:\r\n",
                        "Transport: RTP/AVP/TCP;interleaved=0-1\r\n",
                        "Transport: RTP/AVP;client_port=1-2\r\n",
                        'WWW-Authenticate: Digest realm="\udcff", nonce="1"\r\n'.encode(
                            "utf-8", "surrogateescape"
                        ).decode("latin-1"),
                        'WWW-Authenticate: Basic realm="x"\r\n',
                        "Content-Base: rtsp://\x01 /é\r\n",
                        "Location: rtsp://192.0.2.7/a b\r\n",
                        "Public: \r\n",
                    ]
                ),
                max_size=4,
            ).map("".join),
            st.binary(max_size=10),
        ),
    ),
    max_size=14,
)


@examples(300)
@given(REPLIES, st.text(max_size=12))
def test_any_camera(new_transcript: Any, replies: list[bytes], control: str) -> None:
    transcript = new_transcript(credentials=USER)
    client = transcript.client
    with contextlib.suppress(ResponseError, RemoteProtocolError, LimitExceeded, RtspSyntaxError):
        for data in replies:
            transcript.now += 1
            client.handle_timeout(transcript.now)
            transcript.feed(data)
            if client.state is ClientState.DESCRIBED:
                client.setup(control, Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    written = b"".join(client.data_to_send())
    for request in written.split(b"\r\n\r\n")[:-1]:
        line = request.split(b"\r\n")[0]
        assert re.fullmatch(rb"RTSP/1\.0 \d{3} [A-Za-z ]+|[A-Z_]+ rtsp://192\.0\.2\.7:554[!-~]* RTSP/1\.0", line)
        assert b"Test-1234" not in request
