"""The scanner finds what a search through all of the data finds, whatever the pieces."""

import random

import pytest

from transcoder.lab.cameras.canary import Canary
from transcoder.lab.cameras.canary_search import base64_forms, find
from transcoder.lab.reader.scanner import MAX_TAIL, Scanner

CANARY = Canary(name="mark", where="here", value=b"0123456789abcdef")
OTHER = Canary(name="other", where="there", value=b"fedcba9876543210")


@pytest.mark.parametrize(
    "form",
    [
        CANARY.value,
        CANARY.value.upper(),
        CANARY.value.hex().encode(),
        CANARY.value.hex().upper().encode(),
        *base64_forms(CANARY.value),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_every_form_in_every_piece_size(form: bytes, size: int) -> None:
    noise = random.Random(form).randbytes(5000)
    data = noise[:2500] + b"xx" + form + b"yy" + noise[2500:]
    scanner = Scanner()
    for start in range(0, len(data), size):
        scanner.feed(data[start : start + size])
    assert scanner.found([CANARY, OTHER]) == [CANARY]
    assert {finding.canary for finding in find(data, [CANARY, OTHER])} == {CANARY}
    assert scanner.size == len(data)


def test_the_end_counts() -> None:
    scanner = Scanner()
    scanner.feed(b"\0\0" + CANARY.value)
    assert scanner.found([CANARY]) == [CANARY]


def test_nothing_in_noise_nor_in_parts_that_are_not_together() -> None:
    scanner = Scanner()
    scanner.feed(random.Random(1).randbytes(1_000_000))
    scanner.feed(CANARY.value[:8] + b"\0" + CANARY.value[8:])
    assert scanner.found([CANARY]) == []


def test_a_long_run_is_kept_in_parts_that_overlap() -> None:
    scanner = Scanner()
    for _ in range(50):
        scanner.feed(b"z" * (MAX_TAIL // 3))
    scanner.feed(CANARY.value)
    for _ in range(50):
        scanner.feed(b"z" * (MAX_TAIL // 3))
    assert scanner.found([CANARY]) == [CANARY]


def test_more_than_it_keeps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.lab.reader.scanner.MAX_RUNS", 3)
    scanner = Scanner()
    scanner.feed(b"\0".join(b"%016d" % number for number in range(3)) + b"\0")
    assert not scanner.overflown
    scanner.feed(b"a" * 16 + b"\0")
    assert scanner.overflown
