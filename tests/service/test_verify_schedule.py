"""One stream at a time, the one longest unseen first, spread over the day; times are handed in."""

from itertools import pairwise

import pytest

from transcoder.service.verify_schedule import GAP_S, PAUSE_S, RETRY_S, START_S, Last, VerifySchedule

DAY = 86_400.0
WALL = 1_790_000_000.0


def run(streams: dict[str, bool], hours: float, seconds: float = 60.0) -> list[tuple[float, str]]:
    """When each stream was read, in seconds from the start."""
    schedule, last, read = VerifySchedule(0.0), dict[str, Last](), list[tuple[float, str]]()
    now = 0.0
    while now < hours * 3600:
        name = schedule.due(now, WALL + now, streams, last, DAY)
        if name is None:
            now += 5
            continue
        if streams[name]:
            schedule.note_start(now, len(streams), DAY, seconds)
            read.append((now, name))
            now += seconds
        last[name] = Last(at=WALL + now, was_read=streams[name])
    return read


def test_each_stream_once_a_day() -> None:
    names = [f"s{number}" for number in range(12)]
    read = run(dict.fromkeys(names, True), 47)
    assert sorted(name for _, name in read) == sorted(names * 2)


def test_nothing_at_the_start_and_a_gap_between_two() -> None:
    read = run({f"s{number}": True for number in range(12)}, 24)
    assert read[0][0] >= START_S
    assert min(b - a for (a, _), (b, _) in pairwise(read)) >= GAP_S


def test_more_streams_than_a_day_has_minutes() -> None:
    """Then one follows the other, none twice before all had their turn."""
    names = [f"s{number}" for number in range(2000)]
    read = run(dict.fromkeys(names, True), 24)
    assert len({name for _, name in read}) == len(read)
    assert read[1][0] - read[0][0] <= 60 + PAUSE_S + 5
    assert len(read) > 1200


def test_a_stream_that_does_not_play_holds_nobody_up() -> None:
    read = run({"a-away": False, "front": True}, 1)
    assert [name for _, name in read] == ["front"]


@pytest.mark.parametrize(
    ("age_s", "was_read", "is_playing", "expected"),
    [
        (DAY - 1, True, True, False),
        (DAY, True, True, True),
        (RETRY_S, False, True, True),
        (RETRY_S - 1, False, True, False),
        (RETRY_S, False, False, False),  # still away: it is told once a day
        (DAY, False, False, True),
        (-5, True, True, True),  # the clock was put back
    ],
)
def test_when_a_stream_is_due(age_s: float, was_read: bool, is_playing: bool, expected: bool) -> None:
    last = {"front": Last(at=WALL - age_s, was_read=was_read)}
    due = VerifySchedule(0.0).due(START_S, WALL, {"front": is_playing}, last, DAY)
    assert (due == "front") is expected


def test_the_one_longest_unseen_is_first() -> None:
    last = {"a": Last(at=WALL - 2 * DAY, was_read=True), "b": Last(at=WALL - 3 * DAY, was_read=True)}
    schedule = VerifySchedule(0.0)
    assert schedule.due(START_S, WALL, {"a": True, "b": True}, last, DAY) == "b"
    assert schedule.due(START_S, WALL, {"a": True, "b": True, "c": True}, last, DAY) == "c"
