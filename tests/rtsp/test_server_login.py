"""Readers that log in, guess, or name somebody else's session, as transcripts of the server core."""

import base64
import hashlib
import re

import pytest

from tests.support.reader_dialog import ID, OPTIONS, TCP, URL, USERS, Dialog, Directory
from transcoder.rtsp.session import (
    EndReason,
)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # RFC 2617


def login(challenge: str, method: str, uri: str, user: str = "vms", password: str = USERS["vms"]) -> str:
    """RFC 2617 section 3.2.2 without qop."""
    [realm], [nonce] = re.findall('realm="([^"]*)"', challenge), re.findall('nonce="([^"]*)"', challenge)
    response = md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{md5(f'{method}:{uri}')}")
    return f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"'


def test_the_computation_above_is_that_of_the_rfc() -> None:
    """H(A1) of the example in RFC 2617 section 3.5."""
    assert md5("Mufasa:testrealm@host.com:Circle Of Life") == "939e7578ed9e3c518a452acee763bce9"


def protected() -> tuple[Dialog, str]:
    dialog = Dialog(Directory(USERS))
    answer = dialog.ask("DESCRIBE")
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Digest ")
    assert "qop" not in challenge  # ffmpeg and old recorders get it wrong
    assert "algorithm" not in challenge
    return dialog, challenge


def test_the_right_password_opens_everything() -> None:
    dialog, challenge = protected()
    track = f"{URL}/trackID=0"
    assert dialog.ask("DESCRIBE", Authorization=login(challenge, "DESCRIBE", URL)).status == 200
    authorization = login(challenge, "SETUP", track)
    assert dialog.ask("SETUP", track, Transport=TCP, Authorization=authorization).status == 200
    assert dialog.ask("PLAY", Authorization=login(challenge, "PLAY", URL)).status == 200
    assert dialog.core.user == "vms"


@pytest.mark.parametrize("signed", [URL, f"{URL}/", "/front", f"{URL}/trackID=0", "rtsp://camera.example/front"])
def test_clients_sign_the_base_the_track_or_the_path(signed: str) -> None:
    dialog, challenge = protected()
    authorization = login(challenge, "SETUP", signed)
    assert dialog.ask("SETUP", f"{URL}/trackID=0", Transport=TCP, Authorization=authorization).status == 200


WRONG = {
    "password": lambda challenge: login(challenge, "DESCRIBE", URL, password="password"),
    "user": lambda challenge: login(challenge, "DESCRIBE", URL, user="nobody"),
    "another user's password": lambda challenge: login(challenge, "DESCRIBE", URL, user="other"),
    "method": lambda challenge: login(challenge, "SETUP", URL),
    "stream": lambda challenge: login(challenge, "DESCRIBE", "rtsp://192.0.2.1:8554/yard"),
    "realm": lambda challenge: login(challenge.replace('realm="', 'realm="x'), "DESCRIBE", URL),
    "empty": lambda challenge: "",
    "Basic": lambda challenge: "Basic " + base64.b64encode("vms:pässword".encode()).decode(),
    "no response": lambda challenge: login(challenge, "DESCRIBE", URL).partition(", response")[0],
    "junk": lambda challenge: "Digest " + "=" * 500,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_the_wrong_thing_opens_nothing(wrong: str) -> None:
    dialog, challenge = protected()
    count = len(dialog.events)
    answer = dialog.ask("DESCRIBE", Authorization=WRONG[wrong](challenge))
    assert answer.status == 401
    assert len(dialog.events) == count


def test_a_nonce_of_another_connection_is_stale() -> None:
    dialog, challenge = protected()
    other = challenge.replace('nonce="', 'nonce="00')
    answer = dialog.ask("DESCRIBE", Authorization=login(other, "DESCRIBE", URL))
    assert answer.status == 401
    assert "stale=true" in answer.headers["WWW-Authenticate"]


def test_what_a_user_may_not_read_is_403() -> None:
    dialog, challenge = protected()
    uri = "rtsp://192.0.2.1:8554/yard"
    assert dialog.ask("DESCRIBE", uri, Authorization=login(challenge, "DESCRIBE", uri)).status == 403


def test_who_guesses_is_cut_off() -> None:
    dialog, challenge = protected()
    wrong = login(challenge, "DESCRIBE", URL, password="guess")
    for _ in range(OPTIONS.max_auth_failures + 1):
        assert dialog.core.end_reason is None
        dialog.ask("DESCRIBE", Authorization=wrong)
    assert dialog.core.end_reason is EndReason.LOGIN_FAILURES


def test_options_and_keep_alive_need_no_login() -> None:
    dialog = Dialog(Directory(USERS))
    for method in ("OPTIONS", "GET_PARAMETER"):
        assert dialog.ask(method).status == 200


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY", "PAUSE"])
@pytest.mark.parametrize("uri", [URL, "rtsp://192.0.2.1:8554/unknown", "rtsp://192.0.2.1:8554/a/b/c"])
def test_nobody_learns_without_a_login_which_streams_there_are(method: str, uri: str) -> None:
    assert Dialog(Directory(USERS)).ask(method, uri, Transport=TCP).status == 401


def test_a_session_id_alone_does_not_steer_somebody_elses_session() -> None:
    """TEARDOWN needs no login (some clients don't log in for it); a stranger's connection has to guess 16 letters."""
    dialog, challenge = protected()
    track = f"{URL}/trackID=0"
    dialog.ask("SETUP", track, Transport=TCP, Authorization=login(challenge, "SETUP", track))
    stranger = Dialog(Directory(USERS), sessions=dialog.sessions)
    assert stranger.ask("PLAY", Session=ID).status == 401
    assert stranger.ask("PAUSE", Session=ID).status == 401
    assert stranger.ask("TEARDOWN", Session="GUESSEDGUESSED00").status == 454
    assert [session.id for session in dialog.sessions] == [ID]


def test_a_disabled_stream_is_shown_to_nobody_without_a_login() -> None:
    directory = Directory(USERS)
    directory.disabled.add("front")
    assert [Dialog(directory).ask(method, Transport=TCP).status for method in ("DESCRIBE", "SETUP")] == [401, 401]
