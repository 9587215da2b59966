"""A worker of two processes while a reader plays: what the death of each one costs the reader."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import pytest

from tests.e2e.test_supervision import LOOP, camera, content, has_played
from tests.support.gateway_process import SLACK_S, GatewayProcess
from tests.support.rtsp_reader import AccessUnit, RtspReader
from transcoder.codecs.nal import H264_IDR, H264_PPS, H264_SLICE, H264_SPS
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.counter import read_counter

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("supervision")]

BACK_S = 0.5
"""Seconds to a new picture of the camera, which comes every 0.1 s; 0.1 s were measured."""

__all__ = ["content"]


GOP_TICKS = 90_000
"""RTP ticks from one of our own IDRs to the next, which comes after a second."""


def is_idr(unit: AccessUnit) -> bool:
    return [item[0] & 31 for item in unit.nal_units] == IDR


class Played:
    """A gateway with the stream "front", whose worker has two processes, and a reader.

    Attributes:
        back: the place among the reader's pictures of the first one after a death.
    """

    def __init__(self, gateway: GatewayProcess, reader: RtspReader) -> None:
        self.gateway = gateway
        self.reader = reader
        self.back = 0

    def pids(self) -> tuple[int | None, int | None]:
        """The decoding and the encoding process."""
        return self.gateway.decoding_process("front"), self.gateway.worker("front")

    async def kill(self, *killed: int | None) -> tuple[float, list[list[int]]]:
        """Kill processes; return the seconds to the next picture, and the types of the NAL units from there on."""
        before, since = len(self.reader.units()), time.monotonic()
        for pid in killed:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        await self.reader.until(lambda: len(self.reader.units()) > before + 8, 10)
        units = self.reader.units()
        # a picture that was encoded before the death may still be on its way
        self.back = next(index for index, unit in enumerate(units) if index >= before and unit.at - since > 0.02)
        units = units[self.back :]
        return units[0].at - since, [[unit[0] & 31 for unit in item.nal_units] for item in units]

    def is_back_with_due_idr(self) -> bool:
        """Whether the first picture after the death is an IDR that comes as long after the last as our own IDRs do."""
        *before, back = self.reader.units()[: self.back + 1]
        last = [unit for unit in before if is_idr(unit)][-1]
        return is_idr(back) and (back.timestamp - last.timestamp) % 2**32 > 0.9 * GOP_TICKS

    def assert_whole(self) -> None:
        """No packet is missing, time goes on, and every picture can be decoded."""
        units = self.reader.units()
        assert not self.reader.closed
        assert not any(unit.lost_before for unit in units)
        times = [unit.timestamp for unit in units]
        assert all(0 < (later - earlier) % 2**32 < 2**31 for earlier, later in itertools.pairwise(times))
        counters = [read_counter(picture) for picture in self.reader.pictures()]
        assert None not in counters


@pytest.fixture
async def played(content: Content, start_gateway) -> AsyncIterator[Played]:
    async with AsyncExitStack() as stack:
        source = await stack.enter_async_context(camera(content))
        gateway = await asyncio.to_thread(start_gateway, {"front": {"source": source.url}}, worker={"split": True})
        await asyncio.to_thread(gateway.wait_until_playing, "front")
        reader = await stack.enter_async_context(RtspReader(gateway.url("front")))
        await reader.play()
        await reader.until(partial(has_played, reader), 15)
        yield Played(gateway, reader)


IDR, P = [H264_SPS, H264_PPS, H264_IDR], [H264_SLICE]


async def test_a_killed_decoding_process_costs_readers_no_idr(played: Played) -> None:
    decoding, encoding = played.pids()
    for _ in range(50):  # away from our own IDR, which comes once a second
        if is_idr(played.reader.units()[-1]):
            break
        await asyncio.sleep(0.02)
    took_s, types = await played.kill(decoding)
    print(f"the next picture {took_s:.3f} s after the decoding process died: {types[0]}")
    if played.is_back_with_due_idr():  # a busy machine was not back before it
        del types[0]
    assert types[0] == P
    assert took_s < BACK_S + SLACK_S
    await asyncio.sleep(0.3)
    after = played.pids()
    assert after[0] not in {None, decoding}
    assert after[1] == encoding
    played.assert_whole()
    counters = [read_counter(picture) for picture in played.reader.pictures()]
    steps = {(later - earlier) % LOOP for earlier, later in itertools.pairwise(counters)}  # type: ignore[operator]
    assert max(steps) <= 5 + 10 * SLACK_S  # pictures that came meanwhile were decoded and not shown
    (lost,) = played.gateway.events("worker lost")
    assert lost["reason"].startswith("decoding process ")


async def test_a_killed_encoding_process_costs_an_idr_and_no_replay(played: Played) -> None:
    decoding, encoding = played.pids()
    took_s, types = await played.kill(encoding)
    print(f"the next picture {took_s:.3f} s after the encoding process died: {types[0]}")
    assert types[0] == IDR
    assert took_s < BACK_S + SLACK_S
    after = played.pids()
    assert after[0] == decoding
    assert after[1] not in {None, encoding}
    played.assert_whole()


async def test_both_killed_are_both_back(played: Played) -> None:
    before = played.pids()
    _, types = await played.kill(*before)
    assert types[0] == IDR
    after = played.pids()
    assert None not in after
    assert not set(before) & set(after)
    played.assert_whole()


async def test_a_killed_fork_server_costs_both_and_both_are_back(played: Played) -> None:
    before = played.pids()
    server = played.gateway.fork_server()
    assert server is not None
    os.kill(server, signal.SIGKILL)
    await played.reader.until(lambda: None not in played.pids() and not set(played.pids()) & set(before), 15)
    count = len(played.reader.units())
    await played.reader.until(lambda: len(played.reader.units()) > count + 8, 10)
    played.assert_whole()


@pytest.mark.parametrize("half", [0, 1], ids=["decoding", "encoding"])
async def test_a_half_that_hangs_is_replaced_alone(played: Played, half: int) -> None:
    before = played.pids()
    hung = before[half]
    assert hung is not None
    os.kill(hung, signal.SIGSTOP)
    await played.reader.until(lambda: played.pids()[half] not in {None, hung}, 10)
    assert played.pids()[1 - half] == before[1 - half]
    count = len(played.reader.units())
    await played.reader.until(lambda: len(played.reader.units()) > count + 8, 10)
    played.assert_whole()
