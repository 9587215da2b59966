"""Still pictures are asked of a worker here, no more of them a second than a worker may send."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from transcoder import clock
from transcoder.errors import CommandRejected
from transcoder.ipc.thumbnails import Thumbnail

RATE: Final = 10.0
"""Pictures of each kind a second: half of what a worker may send (`service.worker_budget.MESSAGES`)."""
BURST: Final = 10
"""Pictures that may be asked for at once after a second without any."""


class Pace:
    """Says how long the next of many requests has to wait, so that they come at RATE after a burst. Sans-IO."""

    def __init__(self) -> None:
        self._next = 0.0

    def take(self, now: float, limit_s: float) -> float | None:
        """Return the seconds that a request has to wait, None where they are more than `limit_s`."""
        due = max(self._next, now - (BURST - 1) / RATE)
        wait_s = max(due - now, 0.0)
        if wait_s > limit_s:
            return None
        self._next = due + 1 / RATE
        return wait_s


class Wanted(NamedTuple):
    """Says which picture is asked for.

    Attributes:
        kind: a snapshot in the output's own size, or a thumbnail.
        output_number: the number of the output.
        width: the width of a thumbnail.
        known: the version of the thumbnail that the asker has, 0 for none.
    """

    kind: Literal["snapshot", "thumbnail"]
    output_number: int
    width: int = 0
    known: int = 0

    def is_answered_by(self, kind: str, picture: Thumbnail) -> bool:
        """Return whether a picture of a worker is the one that was asked for."""
        is_same = (self.kind, self.output_number, self.width) == (kind, picture.output_number, picture.width)
        # one without a JPEG is for those alone who have that version
        return is_same and (bool(picture.jpeg) or picture.version in {0, self.known})


class Stills:
    """Asks one worker for pictures, and gives each of them to all who wait for it."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Wanted, asyncio.Future[Thumbnail]]] = []
        self._paces = {kind: Pace() for kind in ("snapshot", "thumbnail")}

    async def take(self, stream: str, wanted: Wanted, send: Callable[[], None], limit_s: float) -> Thumbnail:
        """Return a picture; its JPEG is empty where the asker has that version.

        Args:
            stream: the stream's name, for the error.
            wanted: the picture.
            send: sends the request to the worker; it is not called where the same one is under way.
            limit_s: seconds to wait, at most.

        Raises:
            CommandRejected: there is no picture.
        """
        loop = asyncio.get_running_loop()
        if all(wanted != other for other, _ in self._waiting):
            wait_s = self._paces[wanted.kind].take(clock.monotonic(), limit_s)
            if wait_s is None:
                raise CommandRejected(f"stream {stream} is asked for too many pictures")
            if wait_s:
                loop.call_later(wait_s, send)  # not by whoever asked first, who may go while others wait
            else:
                send()
        waiting: tuple[Wanted, asyncio.Future[Thumbnail]] = wanted, loop.create_future()
        self._waiting.append(waiting)
        try:
            async with asyncio.timeout(limit_s):
                picture = await waiting[1]
        except TimeoutError:
            raise CommandRejected(f"stream {stream} made no snapshot in {limit_s:g} s") from None
        finally:
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        if not picture.version:
            raise CommandRejected(f"stream {stream} has no picture yet")
        return picture

    def answer(self, kind: Literal["snapshot", "thumbnail"], picture: Thumbnail) -> None:
        """Give a picture of the worker to all who wait for it."""
        for wanted, future in self._waiting:
            if not future.done() and wanted.is_answered_by(kind, picture):
                future.set_result(picture)

    def stop(self) -> None:
        """Tell all who wait that there is no worker any more."""
        for _, future in self._waiting:
            if not future.done():  # an error, because to cancel it would cancel whoever waits for it
                future.set_exception(CommandRejected("the stream was stopped before it made a snapshot"))
        self._waiting.clear()
