"""Nobody learns from the time of a refusal which users there are."""

import pytest

from transcoder.rtsp import reader_auth
from transcoder.rtsp.auth import Challenge, Credentials, digest_response
from transcoder.rtsp.reader_auth import Asked, authorized_user

URI, NONCE, REALM = "rtsp://192.0.2.1/front", "4e6f6e6365", "transcoder"
ASKED = Asked(realm=REALM, nonce=NONCE)


def try_to_log_in(user: str, password: str) -> str | None:
    challenge = Challenge(scheme="Digest", realm=REALM, nonce=NONCE)
    response = digest_response(challenge, Credentials(username=user, password=password), method="PLAY", uri=URI)
    value = f'Digest username="{user}", realm="{REALM}", nonce="{NONCE}", uri="{URI}", response="{response}"'
    users = {"vms": "secret"}
    return authorized_user(value, method="PLAY", uri=URI, asked=ASKED, passwords=users)


def work_of(user: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what is hashed to refuse a user."""
    hashed: list[int] = []
    challenge = Challenge(scheme="Digest", realm=REALM, nonce=NONCE)
    real = digest_response

    def counted(*args: object, **kwargs: object) -> str:
        hashed.append(1)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    response = real(challenge, Credentials(username=user, password="wrong"), method="PLAY", uri=URI)
    value = f'Digest username="{user}", realm="{REALM}", nonce="{NONCE}", uri="{URI}", response="{response}"'
    with monkeypatch.context() as patch:
        patch.setattr(reader_auth, "digest_response", counted)
        users = {"vms": "secret"}
        assert authorized_user(value, method="PLAY", uri=URI, asked=ASKED, passwords=users) is None
    return hashed


def test_an_unknown_user_costs_the_work_of_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert work_of("vms", monkeypatch) == work_of("nobody", monkeypatch) == [1]


def test_what_stands_in_for_a_password_opens_nothing() -> None:
    assert try_to_log_in("vms", "secret") == "vms"  # the control
    assert try_to_log_in("nobody", reader_auth._NOBODYS) is None
    assert try_to_log_in("vms", reader_auth._NOBODYS) is None
