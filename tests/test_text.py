"""Text of a peer, and spans of time, made fit to be shown."""

import pytest

from transcoder.text import printable, span_text


def test_what_a_camera_called_something_is_shown_as_text() -> None:
    assert printable("ok", 10) == "ok"
    assert printable("a\x1b[31m\nb\ud800", 20) == "a?[31m?b?"
    assert printable("x" * 100, 10) == "x" * 9 + "…"


def test_a_text_of_the_limit_is_whole() -> None:
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("", 10) == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.52, "0.5 s"),
        (9.4, "9.4 s"),
        (12.3, "12 s"),
        (89, "89 s"),
        (298, "5 min"),
        (5340, "89 min"),
        (5400, "1 h 30 min"),
        (7200, "2 h"),
        (3 * 86400, "3 d"),
        (3 * 86400 + 3600, "3 d 1 h"),
    ],
)
def test_a_span_is_told_in_one_unit_or_two(seconds: float, words: str) -> None:
    assert span_text(seconds) == words
