"""Tokens of real clients are taken once and in time; what a wrong one is told says nothing of passwords."""

import base64
import hashlib

import pytest

from tests.support.onvif_world import NODE_ONVIF, NPM_ONVIF, PASSWORD, SIGNED_AT, ZEEP
from transcoder.onvif import login
from transcoder.onvif.faults import Fault
from transcoder.onvif.soap import parse_request

USERS = {"vms": PASSWORD}


def token(text: str) -> login.UsernameToken:
    found = login.username_token(parse_request(text.encode()).security)
    assert found is not None
    return found


@pytest.mark.parametrize("text", [NPM_ONVIF, NODE_ONVIF, ZEEP], ids=["npm onvif", "node-onvif", "zeep"])
def test_a_token_is_taken_once(text: str) -> None:
    logins = login.TokenLogin()
    assert logins.user(token(text), USERS, SIGNED_AT) == "vms"
    with pytest.raises(Fault, match="used before"):
        logins.user(token(text), USERS, SIGNED_AT + 1)
    assert logins.counts.replayed == 1


def test_a_token_with_its_nonce_written_in_another_way_is_the_same_token() -> None:
    # the last four bits of the last letter stand for nothing (RFC 4648 section 3.5)
    again = ZEEP.replace("dm5i7A1MFekA0bnQuRZWlw==", "dm5i7A1MFekA0bnQuRZWlx==")
    assert again != ZEEP
    logins = login.TokenLogin()
    assert logins.user(token(ZEEP), USERS, SIGNED_AT) == "vms"
    with pytest.raises(Fault, match="used before"):
        logins.user(token(again), USERS, SIGNED_AT + 1)


def test_what_is_appended_to_a_long_nonce_makes_no_other_token() -> None:
    nonce, created = bytes(login.MAX_NONCE * 3 // 4), b"2026-11-29T13:16:52Z"
    signed = base64.b64encode(hashlib.sha1(nonce + created + PASSWORD.encode()).digest()).decode()  # noqa: S324  # as the profile has it
    text = ZEEP.replace("0ybIzBl0ckref70eT34GvqvTV18=", signed)
    logins = login.TokenLogin()
    written = base64.b64encode(nonce).decode()
    assert logins.user(token(text.replace("dm5i7A1MFekA0bnQuRZWlw==", written)), USERS, SIGNED_AT) == "vms"
    with pytest.raises(Fault, match="used before"):
        logins.user(token(text.replace("dm5i7A1MFekA0bnQuRZWlw==", written + "AAAA")), USERS, SIGNED_AT)


@pytest.mark.parametrize("users", [{"vms": "other"}, {"somebody": PASSWORD}, {}])
def test_a_wrong_password_and_an_unknown_user_are_told_the_same(users: dict[str, str]) -> None:
    with pytest.raises(login.WrongPassword, match="the user name or the password is wrong"):
        login.TokenLogin().user(token(ZEEP), users, SIGNED_AT)


@pytest.mark.parametrize(("late_s", "way"), [(1000, "behind"), (-1000, "ahead")])
def test_a_clock_that_is_off_is_told_the_time(late_s: float, way: str) -> None:
    logins = login.TokenLogin()
    with pytest.raises(Fault, match=rf"is (99|100)\d s {way}, and 300 s are taken: it is 2026-11-29T1"):
        logins.user(token(NPM_ONVIF), USERS, SIGNED_AT + late_s)
    assert (logins.counts.skewed, logins.counts.wrong) == (1, 0)


@pytest.mark.parametrize("written", ["2026-11-29T13:16:52+00:00", "2026-11-29T13:16:52", "2026-11-29T14:16:52.5+01:00"])
def test_the_time_of_a_token_may_be_written_as_clients_do(written: str) -> None:
    nonce, created = base64.b64decode("dm5i7A1MFekA0bnQuRZWlw=="), written.encode()
    signed = base64.b64encode(hashlib.sha1(nonce + created + PASSWORD.encode()).digest()).decode()  # noqa: S324  # as the profile has it
    text = ZEEP.replace("2026-11-29T13:16:52Z", written).replace("0ybIzBl0ckref70eT34GvqvTV18=", signed)
    assert login.TokenLogin().user(token(text), USERS, SIGNED_AT) == "vms"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("2026-11-29T13:16:52Z", "now", "no time"),
        ("2026-11-29T13:16:52Z", "", "no time"),
        ("dm5i7A1MFekA0bnQuRZWlw==", "%%%", "no base64"),
        ("dm5i7A1MFekA0bnQuRZWlw==", "", "is wrong"),
        ("#PasswordDigest", "#PasswordText", "as a digest"),
    ],
)
def test_a_token_that_is_none_is_refused(old: str, new: str, reason: str) -> None:
    with pytest.raises(Fault, match=reason):
        login.TokenLogin().user(token(ZEEP.replace(old, new)), USERS, SIGNED_AT)


def test_a_password_as_it_is_is_taken_where_that_is_allowed() -> None:
    text = ZEEP.replace("#PasswordDigest", "#PasswordText").replace("0ybIzBl0ckref70eT34GvqvTV18=", PASSWORD)
    assert login.TokenLogin().user(token(text), USERS, SIGNED_AT, takes_text=True) == "vms"
    with pytest.raises(login.WrongPassword):
        login.TokenLogin().user(token(text.replace(PASSWORD, "guess")), USERS, SIGNED_AT, takes_text=True)


def test_strangers_push_no_token_out() -> None:
    logins = login.TokenLogin()
    assert logins.user(token(NPM_ONVIF), USERS, SIGNED_AT) == "vms"
    for _ in range(3):
        with pytest.raises(login.WrongPassword):
            logins.user(token(ZEEP), {"vms": "other"}, SIGNED_AT)
    assert len(logins._used) == 1
