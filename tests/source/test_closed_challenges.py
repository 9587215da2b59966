"""What the end of a connection means: the camera is gone, or it waits for the answer to its challenge."""

import pytest

from transcoder.errors import ResponseError, TransportError
from transcoder.rtsp.auth import Credentials
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.urls import parse_url
from transcoder.source.closed_challenges import MAX_CLOSED, ClosedChallenges
from transcoder.source.events import Lost, Redirected

GONE = TransportError("gone")
CHALLENGE = b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="x", nonce="%d"\r\n\r\n'


def client(number: int | None, *, credentials: bool = True) -> ClientProtocol:
    """A client that was challenged with this nonce, if any."""
    user = Credentials(username="viewer", password="Test-1234") if credentials else None
    made = ClientProtocol(parse_url("rtsp://192.0.2.7/live"), user, cnonce="0a4f113b", now=0.0)
    if number is not None:
        made.receive_data(CHALLENGE % number, 0.0)
    return made


def test_a_challenge_is_answered_on_the_next_connection() -> None:
    challenges = ClosedChallenges()
    assert isinstance(challenges.end(client(1), GONE), Redirected)
    login = challenges.take_login()
    assert login is not None
    assert 'nonce="1"' in (login.authorization("OPTIONS", "rtsp://192.0.2.7:554/live") or "")
    assert challenges.take_login() is None  # for one connection


@pytest.mark.parametrize("made", [None, client(None)])
def test_any_other_end_is_a_loss(made: ClientProtocol | None) -> None:
    end = ClosedChallenges().end(made, GONE)
    assert isinstance(end, Lost)
    assert end.error is GONE


def test_a_camera_that_closes_connection_after_connection_refuses_the_login() -> None:
    challenges = ClosedChallenges()
    for number in range(MAX_CLOSED):
        assert isinstance(challenges.end(client(number), GONE), Redirected)
    end = challenges.end(client(9), GONE)
    assert isinstance(end, Lost)
    assert isinstance(end.error, ResponseError)
    assert end.error.status == 401
    challenges.note_playing()
    assert isinstance(challenges.end(client(10), GONE), Redirected)
