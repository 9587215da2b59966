"""Delays: what share of the last pictures was at most so late."""

import pytest

from transcoder.output.status import DELAY_SPAN_S, OutputStatus


def with_delays(*pictures: tuple[float, float]) -> OutputStatus:
    status = OutputStatus()
    for now, delay_s in pictures:
        status.note_delay(now, delay_s)
    return status


def test_without_a_picture_there_is_no_delay() -> None:
    assert OutputStatus().delay_s() is None


def test_the_median_by_default() -> None:
    assert with_delays((1.0, 0.03), (1.1, 0.5), (1.2, 0.01), (1.3, 0.02), (1.4, 0.04)).delay_s() == 0.03


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_the_share_did_not_exceed_it_and_it_is_one_of_them(share: float) -> None:
    delays = [((37 * index) % 101) / 1000 for index in range(101)]  # each of 0 to 100 ms once
    status = with_delays(*((index / 25, delay) for index, delay in enumerate(delays)))
    delay = status.delay_s(share)
    assert delay in delays
    assert sum(one <= delay for one in delays) >= share * len(delays)
    assert delay == pytest.approx(share * 0.1, abs=0.0011)


def test_pictures_from_before_the_span_do_not_count() -> None:
    old = [(index / 10, 3.0) for index in range(20)]
    status = with_delays(*old, (100.0, 0.02))
    assert status.delay_s(1.0) == 0.02
    assert with_delays((100.0, 3.0), (100.0 + DELAY_SPAN_S, 0.02)).delay_s(1.0) == 3.0
    assert with_delays((100.0, 3.0), (100.1 + DELAY_SPAN_S, 0.02)).delay_s(1.0) == 0.02


def test_all_pictures_are_counted_and_their_delays_never_fall() -> None:
    status = with_delays((1.0, 0.25), (1.1, -0.001), (100.0, 0.5))
    assert (status.delayed, status.delay_sum_s) == (3, 0.75)


def test_memory_is_bounded() -> None:
    status = with_delays(*((0.001 * index, 0.02) for index in range(5000)))
    assert len(status.delays) <= 1000
