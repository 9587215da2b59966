"""The answer of an HTTP server is read within a time and a size, as JSON; whatever listens at a port may be there.

A server that sends a byte a second, or brackets without an end, is no gateway, and must not hold a command or end it
with a traceback.
"""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def within(connection: http.client.HTTPConnection, seconds: float) -> Iterator[None]:
    """Connect, and end a connection that takes longer than a time for everything together, however often a byte comes.

    Args:
        connection: the connection, not connected yet.
        seconds: the time.

    Raises:
        TimeoutError: the time is over.
    """
    connection.connect()
    held = connection.sock  # the connection forgets it where the answer is the last one
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with contextlib.suppress(OSError):  # it may be closed by now
            held.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
        if is_over.is_set():  # an answer without a length ends where the connection does
            raise TimeoutError
    except (OSError, http.client.HTTPException, ValueError):
        if is_over.is_set():
            raise TimeoutError(f"no answer in {seconds:g} s") from None
        raise
    finally:
        timer.cancel()


def parse_json(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is none, or is nested too deep for anything that a gateway says.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deep") from None
