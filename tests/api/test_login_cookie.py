"""A cookie stands for a token, and for nothing else."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcoder.api.login_cookie import LIFE_S, MAX_COOKIE, key_of, make, parse

KEY = key_of(hashlib.sha256(b"token-of-ops").digest())
OTHER = key_of(hashlib.sha256(b"token-of-opt").digest())
NOW = 1_796_000_000.0


def test_a_cookie_is_the_hmac_that_it_says() -> None:
    """By RFC 2104 written out here: the key is made of the token's digest."""
    digest = hashlib.sha256(b"token-of-ops").digest()
    key = hmac.new(digest, b"transcoder login cookie", hashlib.sha256).digest()
    signed = base64.urlsafe_b64encode(b"ops").rstrip(b"=") + b"." + str(int(NOW) + 12 * 3600).encode()
    code = base64.urlsafe_b64encode(hmac.new(key, b"code:" + signed, hashlib.sha256).digest()).rstrip(b"=")
    assert make("ops", KEY, NOW).value == (signed + b"." + code).decode()


@given(st.text(min_size=1, max_size=64).filter(lambda text: text.isprintable()))
def test_a_cookie_of_any_name_comes_back(name: str) -> None:
    made = make(name, KEY, NOW)
    assert len(made.value) <= MAX_COOKIE
    assert parse(made.value) == made
    assert made.is_of(KEY)
    assert not made.is_of(OTHER)


def test_a_cookie_says_nothing_of_its_token() -> None:
    assert "token-of-ops" not in make("ops", KEY, NOW).value
    assert hashlib.sha256(b"token-of-ops").hexdigest()[:8] not in make("ops", KEY, NOW).value


def test_a_cookie_ends_after_twelve_hours() -> None:
    made = make("ops", KEY, NOW)
    assert made.is_current(NOW)
    assert made.is_current(NOW + LIFE_S - 1)
    assert not made.is_current(NOW + LIFE_S)
    assert not made.is_current(float("inf"))
    assert not made.is_current(NOW - 60)  # made by a clock that was ahead: it would last too long


@pytest.mark.parametrize("place", range(len(make("ops", KEY, NOW).value)))
def test_a_cookie_with_another_character_is_none(place: int) -> None:
    value = make("ops", KEY, NOW).value
    for other in "A1":
        changed = value[:place] + other + value[place + 1 :]
        found = parse(changed)
        assert changed == value or found is None or not found.is_of(KEY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "...",
        "b3Bz",
        "b3Bz.1",
        "b3Bz.x.y",
        "b3Bz.-1.y",
        "b3Bz.1e9.y",
        "b3Bz.²3.y",
        "b3B\udc80.1.y",
        "/w.1.y",
        "_w.1.y",
        "b3Bz.123456789012.y",
        "a" * 5000,
        "b3Bz.1.2.3",
        "b3Bz .1.y",
    ],
)
def test_what_is_no_cookie_of_ours(value: str) -> None:
    found = parse(value)
    assert found is None or not found.is_of(KEY)


@given(st.text(max_size=80))
def test_no_text_is_a_cookie(value: str) -> None:
    found = parse(value)
    assert found is None or not found.is_of(KEY)


def test_the_text_against_forged_changes_is_of_the_cookie_and_the_token() -> None:
    first, later = make("ops", KEY, NOW), make("ops", KEY, NOW + 1)
    assert len({first.csrf(KEY), later.csrf(KEY), first.csrf(OTHER), first.code}) == 4
