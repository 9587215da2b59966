"""A connection's bytes come in portions, one a turn; reading is paused while some of them wait."""

import asyncio
from typing import Any

from transcoder.net.portions import Portions


class FakeTransport:
    def __init__(self) -> None:
        self.reads = True
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Owner:
    """Looks at three bytes a call."""

    transport: Any

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.calls: list[bytes] = []
        self.held = 0
        self.portions = Portions(self.transport, self.take, 10)

    def take(self, data: bytes) -> bool:
        self.calls.append(data)
        self.held = max(self.held + len(data) - 3, 0)
        return self.held > 0

    @property
    def taken(self) -> bytes:
        return b"".join(self.calls)


async def turns(count: int = 1) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_fits_is_taken_at_once_and_reading_goes_on() -> None:
    owner = Owner()
    owner.portions.receive(b"abc")
    assert (owner.calls, owner.transport.reads, owner.portions.is_idle) == ([b"abc"], True, True)


async def test_a_turn_takes_one_portion_and_reading_waits_for_the_last() -> None:
    owner = Owner()
    owner.portions.receive(b"0123456789abcdefghij")
    assert owner.calls == [b"0123456789"]
    await turns()
    assert owner.calls == [b"0123456789", b""]
    assert not owner.transport.reads
    await turns(10)
    assert owner.taken == b"0123456789abcdefghij"
    assert owner.held == 0
    assert owner.transport.reads
    assert owner.portions.is_idle


async def test_bytes_that_come_though_reading_waits_keep_their_place() -> None:
    owner = Owner()
    owner.portions.receive(b"0123456789abc")
    owner.portions.receive(b"d")
    assert owner.calls == [b"0123456789"]
    await turns(10)
    assert owner.taken == b"0123456789abcd"


async def test_stopped_it_takes_nothing_until_it_goes_on() -> None:
    owner = Owner()
    owner.portions.stop()
    owner.portions.receive(b"abcd")
    await turns(3)
    assert not owner.calls
    assert not owner.transport.reads
    owner.portions.go_on()
    await turns(4)
    assert owner.taken == b"abcd"
    assert owner.transport.reads


async def test_nothing_is_taken_of_a_connection_that_is_closed() -> None:
    for is_closed in (False, True):
        owner = Owner()
        owner.portions.receive(b"0123456789abc")
        if is_closed:
            owner.portions.close()
        else:
            owner.transport.closing = True
        await turns(5)
        assert owner.calls == [b"0123456789"]
