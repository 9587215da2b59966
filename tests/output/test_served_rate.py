"""The rate that later readers are told, measured while pictures are served; every time is given."""

import random

import pytest

from transcoder.output.served_rate import MAX_PICTURES, ServedRate


def told(begin: float, times: list[float]) -> list[tuple[float, float]]:
    """Return when another rate was told, in seconds after the first picture, and which."""
    rate = ServedRate()
    rate.begin(begin)
    return [(time - times[0], rate.told or 0.0) for time in times if rate.note(time)]


def even(rate: float, seconds: float, begin: float = 500.0) -> list[float]:
    return [begin + index / rate for index in range(round(rate * seconds))]


@pytest.mark.parametrize(
    ("claimed", "sent"), [(25, 21), (12.5, 10.5), (30, 10), (25, 5), (10, 30), (1, 2), (1, 1.5), (25, 1)]
)
def test_the_true_rate_is_told_within_10_seconds(claimed: float, sent: float) -> None:
    """open-nvr#229: 25 a second are claimed, 21 come."""
    [(after_s, rate)] = told(claimed, even(sent, 60))
    assert after_s < 10
    assert rate == sent


@pytest.mark.parametrize("jitter_s", [0.03, 0.1])
@pytest.mark.parametrize("sent", [5, 10, 12.5, 25, 29.97])
def test_a_true_rate_stays_behind_any_network(sent: float, jitter_s: float) -> None:
    chance = random.Random(3)
    assert told(sent, sorted(time + chance.random() * jitter_s for time in even(sent, 120))) == []


def test_a_burst_at_the_start_is_no_rate() -> None:
    """A recorder sends its last 2 s at once, and some cameras catch up after a stall."""
    assert told(25, [500.0] * 50 + even(25, 60)) == []
    assert told(25, even(25, 20) + [523.0] * 75 + even(25, 30, 523.0)) == []


def test_a_slow_camera_has_the_rate_of_the_repeated_picture() -> None:
    """The last picture is repeated once a second while a camera sends one in 8 s."""
    slow = [500.0 + 8 * index for index in range(20)]
    assert told(1.0, slow) == []
    assert told(0.5, slow) == []
    night = even(25, 30) + [540.0 + 8 * index for index in range(5)]
    assert [rate for _, rate in told(25, night)] == [1.0]


def test_a_camera_that_was_away_has_the_rate_of_before() -> None:
    assert told(25, even(25, 30) + even(25, 30, 600.0) + [700.0, *even(25, 30, 703.0)]) == []


def test_a_rate_that_changes_all_the_time_is_none() -> None:
    varied = [500.0]
    for second in range(100):
        varied += [varied[-1] + (0.04 if second // 3 % 2 else 0.2)] * (25 if second // 3 % 2 else 5)
    assert len(told(25, sorted(varied))) <= 2


def test_nothing_is_told_before_a_format() -> None:
    rate = ServedRate()
    assert not any(rate.note(time) for time in even(10, 20))
    assert rate.told is None


def test_memory_is_bounded() -> None:
    rate = ServedRate()
    for time in even(1000, 20):
        rate.note(time)
    assert len(rate._times) == MAX_PICTURES
