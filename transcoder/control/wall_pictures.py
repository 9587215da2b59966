"""Small pictures of streams for all who look at a wall: each is asked for once a second, however many look at it.

Nothing is asked for while nobody looks, nor where the output has shown no other picture since. What a watcher has not
taken yet is replaced by the next picture of the same stream: a slow one skips pictures and keeps nobody waiting.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

from transcoder import clock
from transcoder.errors import CommandRejected
from transcoder.ipc.thumbnails import Thumbnail
from transcoder.rejection import Code, Rejected
from transcoder.service.status import StreamStatus
from transcoder.worker_options import MAIN

MAX_WATCHERS: Final = 64
WIDTHS: Final = (160, 320, 640)
"""The widths that are made: a watcher gets the next larger one, so that watchers of other screens share pictures."""
SPAN_S: Final = 1.0
"""Seconds from one picture of a stream to the next."""
LINGER_S: Final = 5.0
"""Seconds for which a picture is kept that nobody sees any more: a page that is scrolled back has it at once, and one
that is scrolled back and forth has none made twice a second."""
TURNS: Final = 10
"""Parts of a second over which the pictures of the streams are spread: sixteen workers do not scale at once."""


class Pictured(Protocol):
    """This is the part of a stream that gives pictures."""

    status: StreamStatus

    async def thumbnail(self, output: str, width: int, known: int = 0) -> Thumbnail:
        """Return the last picture of an output, scaled down; it has no JPEG where its version is known."""


class _Tile:
    """Holds the last picture of one stream in one width, and when it was asked for.

    Args:
        turn: says in which part of a second the picture is asked for.
    """

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.message = b""
        """The picture as it is sent to watchers, empty before the first one."""
        self.version = 0
        self.pictures = -1
        """The pictures that the output had shown when this one was asked for."""
        self.due = 0.0
        """Monotonic seconds from which the next one may be asked for."""
        self.task: asyncio.Task[None] | None = None


Key = tuple[str, int]
"""A stream and a width."""


class WallPictures:
    """Gives watchers the pictures of the streams that they see.

    Args:
        streams: returns the streams that there are, by id.
    """

    def __init__(self, streams: Callable[[], Mapping[str, Pictured]]) -> None:
        self._streams = streams
        self._tiles: dict[Key, _Tile] = {}
        self._watchers: set[Watcher] = set()
        self._seen: Counter[Key] = Counter()
        """How many watchers see each stream in each width."""
        self._turn = 0
        self._task: asyncio.Task[None] | None = None

    def look(self) -> "Watcher":
        """Return a watcher, who sees no stream yet.

        Raises:
            Rejected: there are too many.
        """
        if len(self._watchers) >= MAX_WATCHERS:
            raise Rejected(Code.BUSY, f"{MAX_WATCHERS} walls are looked at already")
        watcher = Watcher(self)
        self._watchers.add(watcher)
        return watcher

    def leave(self, watcher: "Watcher") -> None:
        """Forget a watcher."""
        self._watchers.discard(watcher)

    def forget(self, streams: Iterable[str]) -> None:
        """Forget the pictures of streams that have other settings now, such as other masks, and ask anew."""
        gone = set(streams)
        for key in [key for key in self._tiles if key[0] in gone]:
            self._drop(key)

    def change(self, before: frozenset[Key], after: frozenset[Key]) -> None:
        """Take note that a watcher sees others than before; that costs by what this one sees, not by what all see."""
        self._seen.update(after - before)
        for key in before - after:
            self._seen[key] -= 1
            if not self._seen[key]:
                del self._seen[key]
        if self._seen and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def _drop(self, key: Key) -> None:
        tile = self._tiles.pop(key)
        if tile.task is not None:
            tile.task.cancel()

    async def _run(self) -> None:
        """Ask for what is due, as long as anybody looks, and until the last picture is forgotten."""
        try:
            while self._seen or self._tiles:
                self._ask(clock.monotonic())
                await asyncio.sleep(SPAN_S / TURNS)
        finally:
            self._task = None

    def _ask(self, now: float) -> None:
        streams = self._streams()
        for key in self._seen:
            # nothing is kept of ids that are no stream's: a client may make them up
            if (stream := streams.get(key[0])) is not None:
                self._look_after(key, stream, now)
        for key in [key for key, tile in self._tiles.items() if key not in self._seen and now >= tile.due + LINGER_S]:
            self._drop(key)

    def _look_after(self, key: Key, stream: Pictured, now: float) -> None:
        tile = self._tiles.get(key)
        if tile is None:
            self._turn += 1
            tile = self._tiles[key] = _Tile(self._turn)
        if now < tile.due or tile.task is not None:
            return
        if tile.message and stream.status.output.pictures == tile.pictures:
            return
        tile.due = _next_turn(now, tile.turn)  # the first picture comes at once, those behind it in their turn
        tile.task = asyncio.get_running_loop().create_task(self._take(key, tile, stream))

    async def _take(self, key: Key, tile: _Tile, stream: Pictured) -> None:
        pictures = stream.status.output.pictures
        try:
            found = await stream.thumbnail(MAIN, key[1], tile.version)
        except CommandRejected:
            return  # there is none yet, or no worker now: the page says why, and the last one stays
        finally:
            tile.task = None
        tile.pictures = pictures
        if not found.jpeg or self._tiles.get(key) is not tile:
            return
        tile.version, tile.message = found.version, framed(key[0], found.jpeg)
        for watcher in self._watchers:
            watcher.offer(key, tile.message)

    def last(self, key: Key) -> bytes:
        """Return the message with the last picture, empty where there is none."""
        tile = self._tiles.get(key)
        return b"" if tile is None else tile.message

    def close(self) -> None:
        """End all watchers."""
        for watcher in list(self._watchers):
            watcher.close()
        for key in list(self._tiles):
            self._drop(key)
        if self._task is not None:
            self._task.cancel()


def _next_turn(now: float, turn: int) -> float:
    """Return the first time in SPAN_S, or nearly, that is the turn of the stream with this place."""
    phase = turn % TURNS * SPAN_S / TURNS
    earliest = now + SPAN_S - SPAN_S / TURNS  # asked for a little late, it comes no later the next time
    return phase + math.ceil((earliest - phase) / SPAN_S) * SPAN_S


class Watcher:
    """Holds what one watcher of a wall sees, and the messages that wait for the watcher: one a stream at most.

    Attributes:
        keys: the streams and their width.
    """

    def __init__(self, wall: WallPictures) -> None:
        self._wall = wall
        self._waiting: dict[Key, bytes] = {}
        self._changed = asyncio.Event()
        self._is_closed = False
        self.keys: frozenset[Key] = frozenset()

    def see(self, streams: Iterable[str], width: int) -> None:
        """See these streams from now on, and no others.

        Pictures that are there already are given at once, those apart that the watcher saw before.

        Args:
            streams: the streams' ids.
            width: the width that pictures are shown in.
        """
        size = next((each for each in WIDTHS if each >= width), WIDTHS[-1])
        before, self.keys = self.keys, frozenset((stream, size) for stream in streams)
        self._waiting = {key: message for key, message in self._waiting.items() if key in self.keys}
        self._wall.change(before, self.keys)
        for key in self.keys - before:
            if message := self._wall.last(key):
                self.offer(key, message)

    def offer(self, key: Key, message: bytes) -> None:
        """Take a picture, in place of an older one of the same stream, if the watcher sees it."""
        if key in self.keys:
            self._waiting[key] = message
            self._changed.set()

    async def next(self) -> bytes | None:
        """Return the next message, None when there will be no more; wait for it where there is none."""
        while not self._waiting and not self._is_closed:
            self._changed.clear()
            await self._changed.wait()
        if self._is_closed:
            return None
        return self._waiting.pop(next(iter(self._waiting)))

    def close(self) -> None:
        """See nothing any more."""
        self._is_closed = True
        self._changed.set()
        self._waiting.clear()
        before, self.keys = self.keys, frozenset()
        self._wall.change(before, self.keys)
        self._wall.leave(self)


def framed(stream: str, jpeg: bytes) -> bytes:
    """Return a picture as it is sent: the length of the stream's id in a byte, the id, and the JPEG."""
    name = stream.encode()
    return bytes((len(name),)) + name + jpeg
