"""The client's authentication, as a transcript."""

import base64
from typing import Any

import pytest

from transcoder.errors import (
    ResponseError,
)
from transcoder.rtsp.auth import Challenge, Credentials, digest_response, parse_parameters
from transcoder.rtsp.headers import Transport

Transcript = Any  # of conftest
USER = Credentials(username="viewer", password="Test-1234")


def digest(challenge: Challenge, sent: Any) -> str:
    return digest_response(challenge, USER, method=sent.method, uri=sent.uri)


def test_digest(login: Transcript) -> None:
    options = login.request("OPTIONS")
    assert "Authorization" not in options.fields
    login.reply(options, "401 Unauthorized", 'WWW-Authenticate: Digest realm="Login to X", nonce="n1"')
    again = login.request("OPTIONS")
    fields = parse_parameters(again.fields["Authorization"].removeprefix("Digest "))
    challenge = Challenge(scheme="Digest", realm="Login to X", nonce="n1")
    assert fields["uri"] == again.uri == options.uri
    assert fields["response"] == digest(challenge, again)
    assert again.cseq != options.cseq
    login.reply(again, "200 OK")
    describe = login.request("DESCRIBE")  # not challenged a second time
    assert parse_parameters(describe.fields["Authorization"][7:])["response"] == digest(challenge, describe)


@pytest.mark.parametrize("challenged", ["OPTIONS", "DESCRIBE", ""])
def test_a_login_that_was_asked_for_and_accepted_is_told(login: Transcript, challenged: str) -> None:
    for method in ("OPTIONS", "DESCRIBE"):
        request = login.request(method)
        if method == challenged:
            login.reply(request, "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="n1"')
            request = login.request(method)
        events = login.reply(request)
    assert [event.let_in for event in events] == [bool(challenged)]


def test_basic(login: Transcript) -> None:
    login.reply(login.request("OPTIONS"))
    login.reply(login.request("DESCRIBE"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')
    expected = "Basic " + base64.b64encode(b"viewer:Test-1234").decode()
    assert login.request("DESCRIBE").fields["Authorization"] == expected


def test_the_strongest_of_several_challenges(login: Transcript) -> None:
    login.reply(
        login.request("OPTIONS"),
        "401 Unauthorized",
        'WWW-Authenticate: Basic realm="x"',
        'WWW-Authenticate: Digest realm="x", nonce="a"',
        'WWW-Authenticate: Digest realm="x", nonce="b", algorithm="SHA-256"',
    )
    assert 'nonce="b"' in login.request("OPTIONS").fields["Authorization"]


def test_a_stale_nonce(login: Transcript) -> None:
    login.reply(login.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="a"')
    login.reply(login.request("OPTIONS"))
    login.reply(
        login.request("DESCRIBE"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="b", stale=true'
    )
    assert 'nonce="b"' in login.request("DESCRIBE").fields["Authorization"]


def refuse(login: Transcript, nonces: list[str]) -> None:
    for nonce in nonces:
        login.reply(
            login.request("OPTIONS"), "401 Unauthorized", f'WWW-Authenticate: Digest realm="x", nonce="{nonce}"'
        )


def test_refused(login: Transcript) -> None:
    refuse(login, ["a"])
    with pytest.raises(ResponseError) as caught:
        refuse(login, ["a"])
    assert (caught.value.status, caught.value.method) == (401, "OPTIONS")
    assert login.wire.count(b"Authorization:") == 1


def test_a_new_nonce_each_time_is_answered_twice_at_most(login: Transcript) -> None:
    # every further attempt counts towards the camera's lock-out
    refuse(login, ["a", "b"])
    with pytest.raises(ResponseError):
        refuse(login, ["c"])
    assert login.wire.count(b"Authorization:") == 2


def test_no_credentials(transcript: Transcript) -> None:
    with pytest.raises(ResponseError) as caught:
        transcript.reply(
            transcript.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="a"'
        )
    assert caught.value.status == 401


@pytest.mark.parametrize("fields", [(), ('WWW-Authenticate: Digest realm="x"',), ("WWW-Authenticate: Bearer",)])
def test_a_challenge_that_can_not_be_answered(login: Transcript, fields: tuple[str, ...]) -> None:
    with pytest.raises(ResponseError):
        login.reply(login.request("OPTIONS"), "401 Unauthorized", *fields)


def test_credentials_stand_in_the_authorization_field_alone(new_transcript: Any) -> None:
    transcript = new_transcript(url="rtsp://viewer:Test-1234@192.0.2.7/live", credentials=USER)
    transcript.reply(
        transcript.request("OPTIONS"), "401 Unauthorized", 'WWW-Authenticate: Basic realm="viewer:Test-1234"'
    )
    transcript.reply(transcript.request("OPTIONS"))
    base = "Content-Base: rtsp://viewer:Test-1234@192.0.2.7/live/"  # Hikvision's echo
    transcript.reply(transcript.request("DESCRIBE"), "200 OK", base, body="v=0\n")
    control = "rtsp://viewer:Test-1234@192.0.2.7/live/trackID=1"
    transcript.client.setup(control, Transport(lower="TCP", interleaved=(0, 1)), transcript.now)
    setup = transcript.request("SETUP")
    assert setup.uri == "rtsp://192.0.2.7:554/live/trackID=1"
    assert b"Test-1234" not in transcript.wire
    assert b"viewer" not in transcript.wire
