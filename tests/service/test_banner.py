"""The banner of a slate: whose picture is missing, since when, and why."""

import time
from collections.abc import Iterator

import pytest

from transcoder.service.banner import banner, plain
from transcoder.service.status import StreamState, StreamStatus
from transcoder.source.problems import ProblemCode

NOON = 1_795_780_800.0
"""2026-11-27 12:00:00 UTC, by `date -u -d @1795780800`."""


@pytest.fixture(autouse=True)
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def lines(
    since: float | None, later_s: float = 60.0, code: ProblemCode | None = None, title: str = "Front door"
) -> list[str]:
    status = StreamStatus(name="front", state=StreamState.AWAY, problem_code=code, problem="what the camera says")
    return banner(title, status, since, NOON + later_s).splitlines()


@pytest.mark.parametrize("code", [None, "unreachable", "refused", "silent", "gateway"])
def test_no_signal_since_a_time_of_day(code: ProblemCode | None) -> None:
    assert lines(NOON, code=code) == ["Front door", "no signal since 13:00"]


def test_the_date_is_told_after_a_day() -> None:
    assert lines(NOON, 86_399.0)[1] == "no signal since 13:00"
    assert lines(NOON, 86_400.0)[1] == "no signal since 2026-11-27 13:00"


def test_no_picture_yet() -> None:
    assert lines(None) == ["Front door", "no picture yet"]


@pytest.mark.parametrize(("code", "words"), [("login", "login refused"), ("encrypted", "encrypted by the camera")])
def test_a_reason_that_is_known(code: ProblemCode, words: str) -> None:
    assert lines(None, code=code) == ["Front door", "no picture yet", words]


def test_a_camera_that_is_shown_has_none() -> None:
    assert banner("Front door", StreamStatus(name="front", state=StreamState.PLAYING), NOON, NOON) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tür Süd", "Tuer Sued"),
        ("Straße", "Strasse"),
        ("Café Ørsted", "Cafe Orsted"),
        ("门 1", "? 1"),
        ("Žižkov", "Zizkov"),
    ],
)
def test_other_letters_are_written_in_ascii(text: str, expected: str) -> None:
    assert plain(text) == expected
