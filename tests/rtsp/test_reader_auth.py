"""What readers are asked, and which answers prove a user."""

import base64
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.rtsp.auth import Challenge, Credentials, digest_response, parse_challenges, parse_parameters
from transcoder.rtsp.reader_auth import Asked, LoginWays, authorized_user, claimed_user

REALM, NONCE = "gateway", "abc123"
ASKED = Asked(realm=REALM, nonce=NONCE)
PASSWORDS = {"vms": "secret", "viewer": "Test-1234"}
USER = Credentials(username="viewer", password="Test-1234")


def authorization(uri: str = "rtsp://gw/front", **changes: str) -> str:
    fields = {"username": "viewer", "realm": REALM, "nonce": NONCE, "uri": uri}
    challenge = Challenge(scheme="Digest", realm=REALM, nonce=NONCE)
    fields["response"] = digest_response(challenge, USER, method="DESCRIBE", uri=uri)
    fields |= changes
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in fields.items())


def check(value: str | None, uri: str = "rtsp://gw/front") -> str | None:
    return authorized_user(value, method="DESCRIBE", uri=uri, asked=ASKED, passwords=PASSWORDS)


def test_our_challenge_is_read_by_ourselves() -> None:
    (challenge,) = parse_challenges(ASKED.challenges())
    assert challenge == Challenge(scheme="Digest", realm=REALM, nonce=NONCE)


@pytest.mark.parametrize(
    ("signed", "requested"),
    [
        ("rtsp://gw/front", "rtsp://gw/front"),
        ("rtsp://gw:8554/front/", "rtsp://gw/front/trackID=0"),  # VLC signs the base URL
        ("/front", "rtsp://gw/front"),  # a bare path
        ("rtsp://gw/front/trackID=0", "rtsp://gw/front"),
    ],
)
def test_right_user(signed: str, requested: str) -> None:
    assert check(authorization(signed), requested) == "viewer"


def test_upper_case_response() -> None:
    value = authorization()
    response = parse_parameters(value[7:])["response"]
    assert check(value.replace(response, response.upper())) == "viewer"


def test_qop_of_a_reader() -> None:
    challenge = Challenge(scheme="Digest", realm=REALM, nonce=NONCE, qop=True)
    response = digest_response(challenge, USER, method="DESCRIBE", uri="rtsp://gw/front", nonce_count=3, cnonce="c")
    assert check(authorization(response=response, qop="auth", nc="00000003", cnonce="c")) == "viewer"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Basic dmlld2VyOlRlc3QtMTIzNA==",
        "Digest",
        authorization(username="vms"),
        authorization(username="nobody"),
        authorization(nonce="old"),
        authorization(realm="other"),
        authorization(response=""),
        authorization(response="0" * 32),
        authorization(response="é" * 32),
        authorization(response="\udcff"),
        authorization("rtsp://gw/back"),
        authorization() + "x" * 5000,
    ],
)
def test_wrong_user(value: str | None) -> None:
    assert check(value) is None


def test_another_method_is_another_signature() -> None:
    value = authorization()
    assert authorized_user(value, method="PLAY", uri="rtsp://gw/front", asked=ASKED, passwords=PASSWORDS) is None


@given(
    st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda data: data.decode("utf-8", "surrogateescape")))
)
def test_any_authorization(value: str) -> None:
    for each in (value, "Digest " + value, "Basic " + value):
        assert check(each) is None
        assert claimed_user(each, replace(ASKED, is_secure=True)) in {None, *PASSWORDS} or each.startswith("Basic")


# -- names of users ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["vms user", r"domain\user", "a+b", "a_b", "käthe", "日本", "a@b.example", "a%20b", "a'b", "a,b=c"]
)
@pytest.mark.parametrize("is_escaped", [False, True])
def test_user_names_of_every_kind(name: str, is_escaped: bool) -> None:
    """ffmpeg writes a backslash in a quoted string as it is, RFC 2616 section 2.2 wants another before it."""
    challenge, uri = Challenge(scheme="Digest", realm=REALM, nonce=NONCE), "rtsp://gw/front"
    credentials = Credentials(username=name, password="pass word")
    response = digest_response(challenge, credentials, method="DESCRIBE", uri=uri)
    written = name.replace("\\", "\\\\") if is_escaped else name
    value = f'Digest username="{written}", realm="{REALM}", nonce="{NONCE}", uri="{uri}", response="{response}"'
    asked = replace(ASKED, ways=LoginWays(basic="always"))
    assert authorized_user(value, method="DESCRIBE", uri=uri, asked=asked, passwords={name: "pass word"}) == name
    basic = "Basic " + base64.b64encode(f"{name}:pass word".encode()).decode()
    assert authorized_user(basic, method="DESCRIBE", uri=uri, asked=asked, passwords={name: "pass word"}) == name


# -- other ways --------------------------------------------------------------------------------------------------------


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_sha256_goes_before_md5_where_it_is_offered() -> None:
    """ffmpeg answers the last Digest that it sees, and knows no SHA-256."""
    asked = replace(ASKED, ways=LoginWays(sha256=True, basic="always"))
    values = asked.challenges()
    assert [value.partition(" ")[0] for value in values] == ["Basic", "Digest", "Digest"]
    assert "algorithm=SHA-256" in values[1]
    assert "algorithm" not in values[2]
    assert [each.algorithm for each in parse_challenges(values)] == ["SHA-256", "MD5", "BASIC"]


@pytest.mark.parametrize(("offered", "expected"), [(True, "viewer"), (False, None)])
def test_sha256_of_rfc_7616(offered: bool, expected: str | None) -> None:
    uri = "rtsp://gw/front"
    response = sha256(f"{sha256(f'viewer:{REALM}:Test-1234')}:{NONCE}:{sha256(f'DESCRIBE:{uri}')}")
    value = (
        f'Digest username="viewer", realm="{REALM}", nonce="{NONCE}", uri="{uri}", algorithm=SHA-256, '
        f'response="{response}"'
    )
    asked = replace(ASKED, ways=LoginWays(sha256=offered))
    assert authorized_user(value, method="DESCRIBE", uri=uri, asked=asked, passwords=PASSWORDS) == expected


BASIC = "Basic dmlld2VyOlRlc3QtMTIzNA=="


@pytest.mark.parametrize(
    ("basic", "is_secure", "taken"),
    [("tls", True, True), ("tls", False, False), ("always", False, True), ("never", True, False)],
)
def test_a_password_as_it_is_is_taken_where_that_is_wanted(basic: str, is_secure: bool, taken: bool) -> None:
    asked = replace(ASKED, ways=LoginWays(basic=basic), is_secure=is_secure)  # type: ignore[arg-type]
    assert any(value.startswith("Basic ") for value in asked.challenges()) == taken
    user = authorized_user(BASIC, method="PLAY", uri="rtsp://gw/front", asked=asked, passwords=PASSWORDS)
    assert user == ("viewer" if taken else None)
    assert claimed_user(BASIC, asked) == ("viewer" if taken else None), "a guess is a guess where it is looked at"


@pytest.mark.parametrize("text", ["viewer:wrong", "nobody:Test-1234", "viewer", ":Test-1234", "viewer:", ""])
def test_wrong_passwords_as_they_are(text: str) -> None:
    value = "Basic " + base64.b64encode(text.encode()).decode()
    asked = replace(ASKED, is_secure=True)
    assert authorized_user(value, method="PLAY", uri="rtsp://gw/front", asked=asked, passwords=PASSWORDS) is None
