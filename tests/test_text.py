"""Text of a peer, made fit to be shown."""

from transcoder.text import printable


def test_what_a_camera_called_something_is_shown_as_text() -> None:
    assert printable("ok", 10) == "ok"
    assert printable("a\x1b[31m\nb\ud800", 20) == "a?[31m?b?"
    assert printable("x" * 100, 10) == "x" * 9 + "…"


def test_a_text_of_the_limit_is_whole() -> None:
    assert printable("x" * 10, 10) == "x" * 10
    assert printable("", 10) == ""
