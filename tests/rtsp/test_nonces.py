"""Nonces are told from anybody else's, for a time and an address."""

import pytest

from transcoder.rtsp.nonces import LIFE_S, Nonces


def test_a_nonce_is_good_for_its_address_and_for_a_time() -> None:
    nonces = Nonces()
    nonce = nonces.make("192.0.2.7", 1000.0)
    assert nonces.is_fresh(nonce, "192.0.2.7", 1000.0)
    assert nonces.is_fresh(nonce, "192.0.2.7", 1000.0 + LIFE_S - 1)
    assert not nonces.is_fresh(nonce, "192.0.2.7", 1000.0 + LIFE_S + 1)
    assert not nonces.is_fresh(nonce, "192.0.2.8", 1000.0)
    assert not Nonces().is_fresh(nonce, "192.0.2.7", 1000.0), "another process"


def test_no_two_are_alike() -> None:
    nonces = Nonces(b"secret")
    assert len({nonces.make("192.0.2.7", 1000.0) for _ in range(100)}) == 100


def test_it_needs_no_quoting() -> None:
    assert Nonces().make("2001:db8::1", 5.0).isalnum()


@pytest.mark.parametrize("text", ["", "0", "ä" * 60, "0" * 60, "-" * 60, "g" * 60, "0" * 1000])
def test_what_was_not_made_here_is_not_fresh(text: str) -> None:
    assert not Nonces().is_fresh(text, "192.0.2.7", 1000.0)


def test_every_changed_digit_is_seen() -> None:
    nonces = Nonces()
    nonce = nonces.make("192.0.2.7", 1000.0)
    for place in range(len(nonce)):
        changed = nonce[:place] + ("0" if nonce[place] != "0" else "1") + nonce[place + 1 :]
        assert not nonces.is_fresh(changed, "192.0.2.7", 1000.0)
