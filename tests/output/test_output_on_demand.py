"""An output that is made on demand sleeps while nobody wants it."""

import pytest

from tests.support.outputs import (
    IDR,
    Served,
    reader,
    track,
)
from transcoder.output.fanout import Reader
from transcoder.output.output import (
    WAKE_WAIT_S,
)
from transcoder.worker_options import OutputOptions


@pytest.fixture
def on_demand(served: Served) -> Served:
    served.configure(1, OutputOptions(on_demand=True))
    served.pass_time(1)
    return served


def awake(served: Served) -> list[bool]:
    assert {number for number, _ in served.maker.awake} <= {1}
    return [is_awake for _, is_awake in served.maker.awake]


async def test_an_output_on_demand_sleeps_until_it_is_described(on_demand: Served) -> None:
    assert awake(on_demand)[-1] is False
    on_demand.timing.while_waiting = lambda: on_demand.give(*IDR)
    assert await on_demand.sdp()
    assert awake(on_demand)[-2:] == [False, True]
    on_demand.pass_time(15)
    assert awake(on_demand)[-2:] == [True, False]
    told = len(on_demand.maker.awake)
    assert await on_demand.sdp(), "what it told stays true"
    assert len(on_demand.maker.awake) == told


async def test_an_output_on_demand_is_awake_as_long_as_it_is_read(on_demand: Served) -> None:
    on_demand.give(*IDR)
    one = reader(track(on_demand.fanout.new_sender(5.0)))
    on_demand.fanout.add(one)
    assert awake(on_demand)[-1] is True
    on_demand.pass_time(60)
    assert awake(on_demand)[-1] is True
    on_demand.fanout.remove(one)
    on_demand.pass_time(5)
    assert awake(on_demand)[-1] is True
    on_demand.pass_time(6)
    assert awake(on_demand)[-1] is False


async def test_the_gateways_own_reader_wakes_it_too(on_demand: Served) -> None:
    sender = on_demand.fanout.new_sender(5.0)
    on_demand.fanout.add(Reader({0: track(sender)}, None, is_counted=False))
    on_demand.pass_time(30)
    assert (awake(on_demand)[-1], on_demand.status.readers) == (True, 0)


async def test_a_slate_comes_where_no_picture_does_after_it_woke(on_demand: Served) -> None:
    on_demand.give(*IDR)
    on_demand.pass_time(30)
    before = len(on_demand.maker.repeats)
    on_demand.fanout.add(reader(track(on_demand.fanout.new_sender(5.0))))
    assert len(on_demand.maker.repeats) == before, "the camera's picture is given time"
    on_demand.pass_time(1)
    assert len(on_demand.maker.repeats) > before


async def test_whoever_wakes_it_waits_for_its_picture(on_demand: Served) -> None:
    waits: list[float] = []
    on_demand.timing.waits = waits
    on_demand.timing.while_waiting = lambda: on_demand.give(*IDR)
    await on_demand.wake()
    await on_demand.wake()
    assert waits == [WAKE_WAIT_S]
