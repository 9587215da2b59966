"""So many connections a second, and so many at once."""

from itertools import pairwise

import pytest

from transcoder.discover.pace import Pace


def test_the_rate_holds() -> None:
    pace, now, begun = Pace(rate=10, at_once=1000), 100.0, []
    while now < 102.0:
        now += pace.wait_s(now)
        pace.begin(now)
        begun.append(now)
    assert all(later - earlier >= 0.1 - 1e-9 for earlier, later in pairwise(begun))
    assert len(begun) in {20, 21, 22}


def test_time_that_was_lost_is_not_made_up_for() -> None:
    pace = Pace(rate=10, at_once=1000)
    pace.begin(100.0)
    pace.begin(200.0)
    assert pace.wait_s(200.0) == pytest.approx(0.1)


def test_no_more_than_so_many_at_once() -> None:
    pace = Pace(rate=10, at_once=2)
    pace.begin(0.0)
    assert not pace.is_full
    pace.begin(0.1)
    assert pace.is_full
    pace.end()
    assert not pace.is_full
