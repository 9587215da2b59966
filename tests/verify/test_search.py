"""Canaries wherever and however they stand."""

import base64

import pytest

from transcoder.verify.search import MARKS, Search, canary_patterns, short_marks

VALUE = b"canary-0123456789"


def found(*pieces: bytes, stream: str = "s") -> set[tuple[str, str]]:
    search = Search(canary_patterns("c", VALUE))
    for piece in pieces:
        search.feed(stream, piece)
    search.finish()
    return {(name, form) for name, form, _ in search.found}


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("after", range(4))
def test_base64_wherever_it_stands(before: int, after: int) -> None:
    text = base64.b64encode(b"\xf3" * before + VALUE + b"\x9d" * after)
    assert found(b"sprop=" + text) == {("c", "base64")}


def test_forms() -> None:
    assert found(b"x" + VALUE.upper()) == {("c", "raw")}
    assert found(VALUE.hex().upper().encode()) == {("c", "hex")}
    assert found(base64.b64encode(VALUE).lower()) == set()
    assert found(VALUE[:-1] + b"?" * 100) == set()


def test_over_pieces_and_blocks() -> None:
    assert found(VALUE[:5], VALUE[5:]) == {("c", "raw")}
    filler = bytes(300 << 10)
    assert found(filler + VALUE[:5], VALUE[5:] + filler) == {("c", "raw")}
    search = Search(canary_patterns("c", VALUE))
    search.feed("one", VALUE[:5])
    search.feed("two", VALUE[5:])
    search.finish()
    assert not search.found


@pytest.mark.parametrize("name", MARKS)
def test_marks(name: str) -> None:
    assert found(b"..", MARKS[name], b"..") == {(f"mark {name}", "raw")}


def test_short_marks() -> None:
    assert short_marks(b'realm="Login to 7F"') == ["Login to"]
    assert short_marks(b"Server: transcoder") == []
