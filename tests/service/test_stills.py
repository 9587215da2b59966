"""Pictures that are asked of a worker: one request for all who wait, and no more than a worker may answer."""

import asyncio

import pytest

from transcoder.errors import CommandRejected
from transcoder.ipc.messages import MessageType
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.service.stills import BURST, RATE, Pace, Stills, Wanted
from transcoder.service.worker_budget import MESSAGE_BURST_S, MESSAGES

SMALL = Wanted("thumbnail", 0, 320)


def picture(version: int = 5, jpeg: bytes = b"JPEG", *, number: int = 0, width: int = 320) -> Thumbnail:
    return Thumbnail(output_number=number, width=width, version=version, jpeg=jpeg)


class World:
    """Stills, what was sent, and those who wait."""

    def __init__(self) -> None:
        self.stills, self.sent = Stills(), list[Wanted]()

    def ask(self, wanted: Wanted, limit_s: float = 3.0) -> asyncio.Task[Thumbnail]:
        return asyncio.create_task(self.stills.take("front", wanted, lambda: self.sent.append(wanted), limit_s))


async def test_many_who_want_the_same_picture_cost_one_request() -> None:
    world = World()
    tasks = [world.ask(SMALL) for _ in range(64)]
    await asyncio.sleep(0)
    assert world.sent == [SMALL]
    world.stills.answer("thumbnail", picture())
    assert await asyncio.gather(*tasks) == [picture()] * 64
    task = world.ask(SMALL)  # a later one is made anew
    await asyncio.sleep(0)
    assert world.sent == [SMALL] * 2
    world.stills.stop()
    with pytest.raises(CommandRejected, match="stopped"):
        await task


async def test_each_gets_the_picture_that_was_asked_for() -> None:
    world = World()
    wanted = [SMALL, Wanted("thumbnail", 1, 320), Wanted("thumbnail", 0, 160), Wanted("snapshot", 0), SMALL]
    tasks = [world.ask(each) for each in wanted]
    await asyncio.sleep(0)
    assert world.sent == wanted[:4]
    world.stills.answer("snapshot", picture(1, b"large", width=0))
    world.stills.answer("thumbnail", picture(2, b"tiny", width=160))
    world.stills.answer("thumbnail", picture(3, b"other", number=1))
    world.stills.answer("thumbnail", picture(4, b"small"))
    assert [found.jpeg for found in await asyncio.gather(*tasks)] == [b"small", b"other", b"tiny", b"large", b"small"]


async def test_an_answer_without_a_picture_is_for_those_who_have_it() -> None:
    world = World()
    has, has_not = world.ask(SMALL._replace(known=5)), world.ask(SMALL)
    await asyncio.sleep(0)
    assert len(world.sent) == 2
    world.stills.answer("thumbnail", picture(5, b""))
    assert (await has).jpeg == b""
    assert not has_not.done()
    world.stills.answer("thumbnail", picture(5))
    assert (await has_not).jpeg == b"JPEG"
    nothing = world.ask(SMALL._replace(known=5))
    await asyncio.sleep(0)
    world.stills.answer("thumbnail", picture(0, b""))
    with pytest.raises(CommandRejected, match="no picture yet"):
        await nothing


async def test_whoever_goes_takes_nothing_from_the_others_and_nobody_waits_for_ever() -> None:
    world = World()
    for number in range(BURST):
        world.ask(Wanted("thumbnail", number, 320), 0.05)
    first, second = world.ask(SMALL._replace(width=160)), world.ask(SMALL._replace(width=160))
    await asyncio.sleep(0)
    assert len(world.sent) == BURST  # the next one waits a tenth of a second
    first.cancel()
    await asyncio.sleep(1.5 / RATE)
    assert world.sent[BURST:] == [SMALL._replace(width=160)]
    world.stills.answer("thumbnail", picture(width=160))
    assert (await second).jpeg == b"JPEG"
    with pytest.raises(CommandRejected, match=r"made no snapshot in 0\.05 s"):
        await world.ask(SMALL, 0.05)


def test_requests_come_at_a_pace_that_a_worker_may_answer() -> None:
    for kind in (MessageType.SNAPSHOT_TAKEN, MessageType.THUMBNAIL_TAKEN):
        assert MESSAGES[kind] > RATE
        assert MESSAGES[kind] * MESSAGE_BURST_S > BURST
    pace = Pace()
    waits = [pace.take(100.0, 3.0) for _ in range(100)]
    assert waits[:BURST] == [0.0] * BURST
    assert waits[BURST] == pytest.approx(1 / RATE)
    allowed = [wait for wait in waits if wait is not None]
    assert len(allowed) == BURST + 3 * RATE
    assert max(allowed) <= 3.0
    assert pace.take(200.0, 3.0) == 0.0
