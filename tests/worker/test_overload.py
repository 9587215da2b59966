"""The rate ladder: how a stream without time loses pictures and gets them back."""

import itertools

import pytest

from transcoder.worker.overload import HIGH_S, LASTING_S, LOW_S, RateLadder
from transcoder.worker_options import MAX_DIVISOR

FPS = 25
LATE, BETWEEN, CALM = HIGH_S + 0.01, (HIGH_S + LOW_S) / 2, LOW_S / 2


def play(ladder: RateLadder, late_s: float, begin: float, seconds: float) -> list[tuple[float, int]]:
    """Pictures of one age at 25 fps: when the divisor changed, seconds after the first, and to what."""
    steps = []
    before = ladder.divisor
    for index in range(round(seconds * FPS)):
        ladder.keeps(late_s, begin + index / FPS)
        if ladder.divisor != before:
            before = ladder.divisor
            steps.append((round(index / FPS, 2), before))
    return steps


def test_with_time_every_picture_is_encoded() -> None:
    ladder = RateLadder()
    assert all(ladder.keeps(CALM, 100 + index / FPS) for index in range(100))


def test_without_time_the_rate_halves_once_a_second_down_to_a_sixteenth() -> None:
    ladder = RateLadder()
    times, divisors = zip(*play(ladder, LATE, 100.0, 10), strict=True)
    assert divisors == (2, 4, 8, 16)
    assert times[0] <= 0.5
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == pytest.approx([1.0] * 3, abs=0.05)
    assert ladder.divisor == MAX_DIVISOR == 16


def test_a_moment_without_time_costs_nothing() -> None:
    """However often it comes: a little less than LASTING_S late, one picture in time, and again."""
    ladder = RateLadder()
    late = round(LASTING_S * FPS) - 1
    for index in range(60 * FPS):
        ladder.keeps(CALM if index % late == 0 else LATE, 100 + index / FPS)
        assert ladder.divisor == 1


def test_one_picture_in_so_many_is_encoded() -> None:
    for divisor in (1, 2, 4, 8, 16):
        ladder = RateLadder(divisor)
        kept = [ladder.keeps(BETWEEN, 100 + index / FPS) for index in range(160)]
        places = [index for index, keep in enumerate(kept) if keep]
        assert len(places) == 160 // divisor
        assert {later - earlier for earlier, later in itertools.pairwise(places)} == {divisor}


def test_the_full_rate_is_back_within_ten_seconds() -> None:
    ladder = RateLadder(16)
    assert play(ladder, CALM, 100.0, 10) == [(2.0, 8), (4.0, 4), (6.0, 2), (8.0, 1)]


def test_a_step_up_waits_for_the_step_down_before_it() -> None:
    ladder = RateLadder()
    now = 100.0
    while ladder.divisor == 1:
        now += 1 / FPS
        ladder.keeps(LATE, now)
    assert play(ladder, CALM, now, 3) == [(2.0, 1)]


def test_between_the_limits_nothing_changes() -> None:
    ladder = RateLadder(4)
    assert play(ladder, BETWEEN, 100.0, 60) == []


def test_the_limits_themselves() -> None:
    """As old as HIGH_S is not too old, as old as LOW_S is calm."""
    high, low = RateLadder(4), RateLadder(4)
    assert play(high, HIGH_S, 100.0, 10) == []
    assert play(low, LOW_S, 100.0, 3) == [(2.0, 2)]


def test_one_picture_that_is_not_calm_begins_the_wait_anew() -> None:
    for late_s in (BETWEEN, LATE):
        ladder = RateLadder(16)
        assert play(ladder, CALM, 100.0, 1.96) == []
        ladder.keeps(late_s, 101.96)
        assert play(ladder, CALM, 102.0, 3) == [(2.0, 8)]


def test_an_edge_of_load_does_not_make_the_rate_flicker() -> None:
    """Half a second too late, half a second calm, for a minute: the rate goes down and stays."""
    ladder = RateLadder()
    divisors = []
    for index in range(60 * FPS):
        ladder.keeps(LATE if index * 2 // FPS % 2 == 0 else CALM, 100 + index / FPS)
        divisors.append(ladder.divisor)
    assert divisors == sorted(divisors)
