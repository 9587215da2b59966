"""Which cameras have asked for Digest is remembered: by host and port, bounded, and harmless where it is damaged."""

import pytest

from transcoder.errors import LoginDowngraded
from transcoder.rtsp.auth import Credentials, parse_challenges
from transcoder.rtsp.urls import parse_url
from transcoder.source import camera_logins
from transcoder.source.camera_logins import CameraLogins
from transcoder.source.options import SessionOptions

CAMERA = "rtsp://192.0.2.7/live"
USER = Credentials(username="admin", password="s3cret")
DIGEST, BASIC = parse_challenges(['Digest realm="r", nonce="n"']), parse_challenges(['Basic realm="r"'])


def login(logins: CameraLogins, configured: str = CAMERA, connected: str = ""):
    options = SessionOptions(url=parse_url(configured), credentials=USER, transport="tcp", logins=logins)
    made = options.authenticator(parse_url(connected or configured), "0a4f113b")
    assert made is not None
    return made


def is_refused(logins: CameraLogins, configured: str = CAMERA, connected: str = "") -> bool:
    asked = login(logins, configured, connected)
    try:
        asked.accept(BASIC)
    except LoginDowngraded:
        return True
    value = asked.authorization("DESCRIBE", configured)
    assert value is not None
    assert value.startswith("Basic ")
    return False


def test_basic_after_digest_is_refused_at_the_same_host() -> None:
    logins = CameraLogins()
    assert not is_refused(logins)  # a camera that has only ever asked for Basic stays as it is
    assert login(logins).accept(DIGEST)
    assert is_refused(logins)
    assert is_refused(logins, "rtsp://192.0.2.7/another")
    assert is_refused(logins, connected="rtsp://192.0.2.7:8554/redirected")
    assert not is_refused(logins, "rtsp://192.0.2.8/live")
    assert not is_refused(logins, "rtsp://192.0.2.7:5542/live")  # another camera behind one address


def test_over_tls_basic_is_no_password_in_clear() -> None:
    logins = CameraLogins()
    secure = "rtsps://192.0.2.7/live"
    assert login(logins, secure).accept(DIGEST)
    assert not is_refused(logins, secure)


def test_an_unreadable_challenge_is_no_downgrade() -> None:
    logins = CameraLogins()
    assert login(logins).accept(DIGEST)
    assert not login(logins).accept(parse_challenges(["Negotiate abc"]))


def test_it_comes_back_after_a_restart_and_names_nobody() -> None:
    logins = CameraLogins()
    login(logins).accept(DIGEST)
    assert logins.has_changed
    kept = logins.changes()
    assert not logins.has_changed
    assert "192.0.2.7" not in str(kept)
    after = CameraLogins()
    after.load({"x": None, "y": {"login": 5}, "z": {"transport": "udp"}, **kept})
    assert is_refused(after)
    assert len(after.changes()) == 1
    after.accept(parse_url(CAMERA))
    assert after.has_changed
    assert not is_refused(after)


def test_the_oldest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_logins, "MAX_LOGINS", 10)
    logins = CameraLogins()
    for number in range(25):
        login(logins, f"rtsp://192.0.2.{number}/live").accept(DIGEST)
    assert len(logins.changes()) == 10
    assert is_refused(logins, "rtsp://192.0.2.24/live")
    assert not is_refused(logins, "rtsp://192.0.2.0/live")
