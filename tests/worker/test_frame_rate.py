"""The announced frame rate, and the cap."""

import pytest

from transcoder.worker.frame_rate import RATE_PICTURES, FrameRateCap, FrameRateEstimate


def estimate(times: list[float], cap: float | None = None) -> float | None:
    made = FrameRateEstimate()
    for time in times:
        made.add(round(time * 90_000))
    return made.rate(cap)


@pytest.mark.parametrize("rate", [1, 5, 10, 12.5, 25, 30, 50])
def test_the_rate_of_even_pictures(rate: float) -> None:
    assert estimate([100 + index / rate for index in range(RATE_PICTURES)]) == rate


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 1 / 29.97, 2 / 29.97, 3 / 29.97], 30),  # a rate near a common one is that one
        ([0, 0.04, 0.08, 0.4], 25),  # a gap is no rate
        ([0.04, 0, 0.12, 0.08], 25),  # presentation times come in any order
        ([0, 0.145, 0.29, 0.435], 6.9),
        ([0, 0, 0, 0], 25),  # times that say nothing
        ([0, 1 / 200, 2 / 200, 3 / 200], 60),
        ([0, 5], 0.5),
    ],
)
def test_rates_of_cameras(times: list[float], expected: float) -> None:
    assert estimate(times) == expected


@pytest.mark.parametrize(
    ("times", "known"), [([0.0], False), ([0, 0.04, 0.08], False), ([0, 0.59], False), ([0, 0.6], True)]
)
def test_too_few_pictures_tell_nothing_unless_they_took_long(times: list[float], known: bool) -> None:
    assert (estimate(times) is not None) is known


def test_no_more_than_the_cap_is_announced() -> None:
    times = [index / 25 for index in range(4)]
    assert estimate(times, cap=10) == 10
    assert estimate(times, cap=30) == 25
    assert estimate([0, 0, 0, 0], cap=10) == 10


@pytest.mark.parametrize(("rate", "cap"), [(25, 5), (25, 12), (25, 24), (30, 29.5), (10, 7.5)])
def test_the_mean_rate_is_the_cap(rate: float, cap: float) -> None:
    made = FrameRateCap()
    kept = sum(made.admits(round(90_000 * (50 + index / rate)), cap, wanted=False) for index in range(1000))
    assert kept == pytest.approx(1000 * cap / rate, abs=2)


def test_nothing_is_left_out_under_the_cap_despite_jitter() -> None:
    made = FrameRateCap()
    jitter = [0, 200, -150, 250, -250, 100, 0, -200]
    assert all(made.admits(90_000 + 3600 * index + jitter[index % 8], 25, wanted=False) for index in range(400))


def test_a_picture_that_is_needed_at_once_is_admitted() -> None:
    made = FrameRateCap()
    assert made.admits(9_000_000, 1, wanted=False)
    assert not made.admits(9_003_600, 1, wanted=False)
    assert made.admits(9_003_600, 1, wanted=True)


@pytest.mark.parametrize(("stamped", "sent", "announced"), [(12.5, 10.5, 10.5), (25, 21, 21.0), (30, 10, 10.0)])
def test_a_rate_that_timestamps_overstate(stamped: float, sent: float, announced: float) -> None:
    """open-nvr#229: 25 a second are stamped and 21 come."""
    made = FrameRateEstimate()
    for index in range(40):
        made.add(round(index / stamped * 90_000), 50 + index / sent)
        if (rate := made.rate(None)) is not None:
            break
    assert rate == announced
    assert index / sent < 1.7


def test_a_network_that_hesitates_costs_no_rate() -> None:
    made = FrameRateEstimate()
    for index in range(16):
        made.add(index * 3600, 50 + index / 25 + (0.05 if index > 1 else 0.0))
        rate = made.rate(None)
    assert rate == 25.0
