"""Tests that walk through all awaits of a coroutine."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Suspended:
    """A coroutine with a hook that is called whenever it is suspended, with the number of that suspension.

    The hook runs before the loop does anything else: what it makes happen, happens during that await.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, None], hook: Callable[[int], None]) -> None:
        self._coroutine = coroutine
        self._hook = hook

    def __await__(self) -> Generator[Any, Any, None]:
        number = 0
        thrown: BaseException | None = None
        while True:
            try:
                awaited = self._coroutine.send(None) if thrown is None else self._coroutine.throw(thrown)
            except StopIteration:
                return
            self._hook(number)
            number += 1
            try:
                yield awaited
                thrown = None
            except BaseException as error:  # noqa: BLE001  # handed on
                thrown = error

    async def run(self) -> None:
        """The coroutine, for a task."""
        await self
