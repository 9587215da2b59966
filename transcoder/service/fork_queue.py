"""Streams get their workers one after another, and the stream that needs its worker most comes first."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple


class Urgency(NamedTuple):
    """Tells how much a stream needs a worker; the greater, the sooner.

    Attributes:
        has_readers: whether somebody watches the stream.
        has_played: whether the stream had pictures of its camera before.
        owes_slate: whether somebody waits for a slate.
    """

    has_readers: bool = False
    has_played: bool = False
    owes_slate: bool = False


class _Place:
    def __init__(self, urgency: Callable[[], Urgency], order: int) -> None:
        self.urgency = urgency
        self.order = order
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def rank(self) -> tuple[Urgency, int]:
        return self.urgency(), -self.order


class ForkQueue:
    """Gives a lock to the most urgent waiter, and among equals to the first."""

    def __init__(self) -> None:
        self._waiting: list[_Place] = []
        self._current: _Place | None = None
        self._order = itertools.count()

    @contextlib.asynccontextmanager
    async def turn(self, urgency: Callable[[], Urgency]) -> AsyncIterator[None]:
        """Wait for one's turn, and keep it until the end of the block.

        Args:
            urgency: is asked whenever a turn begins, because readers come and go while a stream waits.
        """
        place = _Place(urgency, next(self._order))
        self._waiting.append(place)
        self._begin_next()
        try:
            await place.turn
            yield
        finally:
            if self._current is place:
                self._current = None
            else:  # the waiter was cancelled
                self._waiting.remove(place)
            self._begin_next()

    def _begin_next(self) -> None:
        waiting = [place for place in self._waiting if not place.turn.done()]
        if self._current is None and waiting:
            self._current = max(waiting, key=_Place.rank)
            self._waiting.remove(self._current)
            self._current.turn.set_result(None)
