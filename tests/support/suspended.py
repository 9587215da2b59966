"""This module helps tests that walk through all awaits of a coroutine."""

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Suspended:
    """Wraps a coroutine and calls a hook whenever the coroutine is suspended, with the number of the suspension.

    The hook runs before the loop does anything else: the effects of the hook happen during that await.
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
        """Return the coroutine, for a task."""
        await self
