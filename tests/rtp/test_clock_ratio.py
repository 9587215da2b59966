"""The ratio of two clocks, measured behind networks of several kinds; every time is given."""

import pytest

from transcoder.rtp.clock_ratio import COARSE_S, MIN_SPAN_S, WINDOW_S, ClockRatio


def measured(pictures: list[tuple[float, float]]) -> ClockRatio:
    clock = ClockRatio()
    for position_s, arrival in pictures:
        clock.add(position_s, arrival)
    return clock


@pytest.mark.parametrize("ratio", [0.05, 0.5, 0.84, 1.0, 1.19, 3.0, 11.25])
def test_a_line(ratio: float) -> None:
    assert measured([(index / 10, 50 + index / 10 * ratio) for index in range(900)]).ratio == pytest.approx(ratio)


@pytest.mark.parametrize("khz", [1, 8, 1000])
def test_other_units_than_90_khz(khz: int) -> None:
    """Milliseconds, samples of telephone sound and microseconds."""
    pictures = [(index / 10 * khz / 90, 50 + index / 10) for index in range(300)]
    assert measured(pictures).ratio == pytest.approx(90 / khz)


@pytest.mark.parametrize("ratio", [1.0, 1.19])
@pytest.mark.parametrize("burst", [5, 13])
def test_bursts_are_measured_by_their_last_pictures(ratio: float, burst: int) -> None:
    pictures = [(index / 25, 50 + (index // burst + 1) * burst / 25 * ratio) for index in range(1500)]
    assert measured(pictures).ratio == pytest.approx(ratio, rel=0.01)


def test_a_second_of_catching_up_is_no_other_clock() -> None:
    """A recorder sends its last group at three times the rate for less than MIN_SPAN_S."""
    caught_up = [(index / 25, 50 + index / 75) for index in range(round(75 * MIN_SPAN_S) - 20)]
    end_s, end_at = caught_up[-1]
    clock = measured([*caught_up, *((end_s + index / 25, end_at + index / 25) for index in range(1, 1000))])
    assert clock.ratio == 1.0


def test_seconds_of_catching_up_are_made_good() -> None:
    caught_up = [(index / 25, 50 + index / 75) for index in range(75 * 3)]
    end_s, end_at = caught_up[-1]
    clock = measured(caught_up)
    assert clock.ratio == pytest.approx(1 / 3)
    for index in range(1, round(25 * (WINDOW_S + COARSE_S))):
        clock.add(end_s + index / 25, end_at + index / 25)
    assert clock.ratio == pytest.approx(1.0, abs=0.004)


def test_a_stalled_network_changes_nothing() -> None:
    pictures = [(index / 25, 50 + max(index / 25, 12.0 if 200 <= index < 300 else 0.0)) for index in range(1000)]
    assert measured(pictures).ratio == 1.0


def test_what_was_forgotten_leaves_the_ratio() -> None:
    clock = measured([(index / 10, 50 + index / 10 * 1.19) for index in range(300)])
    clock.forget()
    clock.add(0.0, 1000.0)
    assert clock.ratio == pytest.approx(1.19)


def test_a_position_that_stands_still_or_runs_back() -> None:
    assert measured([(7.0, 50 + index / 10) for index in range(300)]).ratio == 1.0
    assert measured([(-index / 10, 50 + index / 10) for index in range(300)]).ratio == 1.0
    assert measured([(1e9 * index, 50 + index / 10) for index in range(300)]).ratio == 1.0


def test_memory_is_bounded() -> None:
    clock = measured([(index / 1000, 50 + index / 1000) for index in range(100_000)])
    assert len(clock._points) <= 51
