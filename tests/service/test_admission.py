"""Whether there is time for one more stream."""

import pytest

from transcoder.service.admission import MEASURED_PICTURES, refusal, room, shares
from transcoder.service.status import Rates, StreamState, StreamStatus


def stream(
    cpu: float, *, state: StreamState = StreamState.PLAYING, pictures: int = 1000, divisor: int = 1
) -> StreamStatus:
    status = StreamStatus(name="s", state=state)
    status.rates = Rates(cpu=cpu)
    status.output.pictures = pictures
    status.rate_divisor = divisor
    return status


def test_an_empty_machine_has_room() -> None:
    assert refusal([], cores=1) is None


def test_streams_are_taken_at_what_they_were_measured_at() -> None:
    assert shares([stream(0.2), stream(0.4)]) == [0.2, 0.4]


def test_one_that_was_not_measured_yet_is_taken_for_a_typical_one() -> None:
    new = stream(0.01, pictures=MEASURED_PICTURES - 1)
    away = stream(0.0, state=StreamState.AWAY)
    assert shares([stream(0.2), stream(0.4), new, away]) == pytest.approx([0.2, 0.4, 0.3, 0.3])


def test_a_disabled_one_takes_nothing() -> None:
    assert shares([stream(0.0, state=StreamState.DISABLED)]) == []


def test_one_that_sheds_would_take_more() -> None:
    assert shares([stream(0.2, divisor=4)]) == [0.8]


def test_room_is_what_the_reserve_leaves() -> None:
    free, needed = room([stream(0.3)] * 4, cores=2)
    assert (free, needed) == pytest.approx((1.8 - 1.2, 0.3))
    assert refusal([stream(0.3)] * 5, cores=2) is None
    assert "0.30 of a core" in str(refusal([stream(0.3)] * 6, cores=2))
