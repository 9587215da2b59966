"""Which of many equal faults the log tells: each reason at once, then fewer and fewer, with a count."""

import pytest
import structlog

from transcoder import clock
from transcoder.service.outage import CALM_S, STILL_AWAY_S
from transcoder.service.recurrence import MAX_REASONS, Recurrence, RepeatedLine

DAY_S = 86400


def test_a_fault_of_each_second_has_eight_lines_a_day() -> None:
    recurrence = Recurrence(at_once=1)
    told = [(now, line) for now in range(DAY_S) if (line := recurrence.note("no memory", float(now)))]
    assert [at for at, _ in told] == [0, *STILL_AWAY_S, 2 * STILL_AWAY_S[-1], 3 * STILL_AWAY_S[-1]]
    assert [line.times for _, line in told] == [at + 1 for at, _ in told]
    assert [line.is_again for _, line in told] == [False] + [True] * (len(told) - 1)


def test_the_first_ones_are_told_each() -> None:
    recurrence = Recurrence(at_once=3)
    told = [recurrence.note("died", now) for now in (0.0, 1.0, 2.0, 3.0, 4.0, 60.0, 61.0)]
    assert [line and (line.times, line.is_again) for line in told] == [
        (1, False),
        (2, False),
        (3, False),
        None,
        None,
        (6, True),
        None,
    ]


def test_new_reasons_are_told_at_once_and_are_few() -> None:
    recurrence = Recurrence(at_once=1)
    told = [recurrence.note(number % 100, float(number) / 100) for number in range(5000)]
    assert sum(line is not None for line in told) == MAX_REASONS


def test_after_a_while_of_calm_it_is_another_fault() -> None:
    recurrence = Recurrence(at_once=1)
    assert recurrence.note("died", 0.0)
    assert recurrence.note("died", 1.0) is None
    again = recurrence.note("died", 1.0 + CALM_S)
    assert again is not None
    assert (again.since_s, again.times, again.is_again) == (0.0, 1, False)


def test_a_line_says_how_often_and_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    monkeypatch.setattr(clock, "wall_clock", lambda: 1_800_000_000.0 + now)
    monkeypatch.setenv("TZ", "UTC")
    with structlog.testing.capture_logs() as lines:
        line = RepeatedLine(structlog.get_logger(), "error", about="front")
        for _ in range(61):
            line.tell("worker not started", "no memory", retry_in_s=1.0)
            now += 1.0
    first, *between, second = lines
    assert [line["log_level"] for line in between] == ["debug"] * 59
    assert first == {"event": "worker not started", "log_level": "error", "reason": "no memory", "retry_in_s": 1.0}
    assert (second["event"], second["times"]) == ("worker not started", 61)
    assert second["since"] == "2027-01-15T08:16:40.000Z"
    assert second["words"].startswith("front: worker not started, 61 times since ")
    assert second["words"].endswith(": no memory")
