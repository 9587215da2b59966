"""A connection gives the received bytes to its owner in portions, one portion a turn of the event loop.

Without this, whoever sends fast holds the loop: all that a socket holds would be parsed before others have their turn.
"""

import asyncio
from collections.abc import Callable

from transcoder.rtsp.messages import TURN_BYTES


class Portions:
    """Cuts the bytes of one connection into portions, and stops the connection's reading while some of them wait.

    A read that fits a portion costs one call more than it would without this class. A turn has one portion, because
    both event loops read again in the same turn only when a read filled their buffer, which holds more than a portion.

    Args:
        transport: the connection.
        take: takes bytes and returns whether the owner holds more of them than it looked at; it is called again with
            no bytes for the rest.
        size: the bytes of a portion.

    Attributes:
        is_idle: whether nothing waits, so that a small read may go to the owner at once.
    """

    def __init__(self, transport: asyncio.Transport, take: Callable[[bytes], bool], size: int = TURN_BYTES) -> None:
        self._size = size
        self._transport = transport
        self._take = take
        self._rest = b""
        self._has_more = False
        self._turn: asyncio.Handle | None = None
        self._is_stopped = False
        self.is_idle = True

    def receive(self, data: bytes) -> None:
        """Take bytes that the connection received."""
        if self.is_idle and len(data) <= self._size:
            if self._take(data):
                self.wait()
            return
        self._rest += data  # little: both loops read a buffer at most before they heed the pause
        if self._turn is None and not self._is_stopped:
            self._next()

    def wait(self) -> None:
        """Ask the owner again in the next turn: it holds more than it looked at."""
        self._has_more = True
        self._wait()

    def stop(self) -> None:
        """Take nothing more from the connection until go_on()."""
        if not self._is_stopped:
            self._is_stopped, self.is_idle = True, False
            self._pause()

    def go_on(self) -> None:
        """Take from the connection again."""
        if not self._is_stopped:
            return
        self._is_stopped = False
        if self._turn is not None:
            return
        if self._rest or self._has_more:
            self._wait()
        else:
            self._resume()

    def close(self) -> None:
        """Forget the bytes that wait, because the connection is closed."""
        self._rest, self._has_more = b"", False
        self._is_stopped, self.is_idle = True, False
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _next(self) -> None:
        if self._has_more:
            data = b""
        else:
            data, self._rest = self._rest[: self._size], self._rest[self._size :]
        self._has_more = self._take(data)
        if self._rest or self._has_more:
            self._wait()

    def _wait(self) -> None:
        self.is_idle = False
        self._pause()
        if not self._transport.is_closing() and self._turn is None and not self._is_stopped:
            self._turn = asyncio.get_running_loop().call_soon(self._on_turn)

    def _on_turn(self) -> None:
        self._turn = None
        if self._is_stopped or self._transport.is_closing():
            return
        self._next()
        if self._turn is None and not self._is_stopped:
            self._resume()

    def _pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume(self) -> None:
        self.is_idle = True
        if not self._transport.is_closing():
            self._transport.resume_reading()
