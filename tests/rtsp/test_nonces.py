"""Nonces are told from anybody else's, for a time and an address."""

import pytest

from transcoder.rtsp import nonces as module
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


def test_each_count_of_a_nonce_is_taken_once() -> None:
    # RFC 7616 section 3.4: "If the same nc value is seen twice, then the request is a replay"
    nonces = Nonces()
    first, second = nonces.make("192.0.2.7", 100.0), nonces.make("192.0.2.7", 100.0)
    taken = [nonces.use(first, count, 100.0) for count in (1, 1, 2, 5, 4, 2, 6)]
    assert taken == [True, False, True, True, False, False, True]
    assert nonces.is_used(first, 6)
    assert not nonces.is_used(first, 7)
    assert nonces.use(second, 1, 100.0)


def test_counts_are_forgotten_with_their_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_COUNTED", 3)
    nonces = Nonces()
    old = nonces.make("192.0.2.7", 100.0)
    nonces.use(old, 1, 100.0)
    later = nonces.make("192.0.2.7", 100.0 + LIFE_S)
    nonces.use(later, 1, 101.0 + LIFE_S)
    assert not nonces.is_fresh(old, "192.0.2.7", 101.0 + LIFE_S)
    assert not nonces.is_used(old, 1)
    for _ in range(3):
        nonces.use(nonces.make("192.0.2.7", 101.0 + LIFE_S), 1, 101.0 + LIFE_S)
    assert not nonces.is_used(later, 1), "the one that was used first made room"
