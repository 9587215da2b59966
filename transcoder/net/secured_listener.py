"""Listens for connections over TLS: few handshakes at a time, and each has a deadline.

An event loop's own server tells of a connection only when its handshake is done. Whoever connects and says nothing has
a descriptor that no limit counts, and a thousand of them keep cameras and readers out.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from transcoder.login_brake import site_of
from transcoder.regular_file import check_regular

MAX_HANDSHAKES: Final = 256
"""Handshakes at a time. One takes some milliseconds of work, and the way there and back twice."""
ADDRESS_HANDSHAKES: Final = 128
"""Handshakes at a time of one address: a recorder that begins connects a hundred times at once."""
HANDSHAKE_S: Final = 10.0
"""The seconds that a handshake may take."""
REST_S: Final = 0.5
"""The seconds for which nobody is let in where there is no descriptor left."""


def server_context(cert_file: Path, key_file: Path | None) -> ssl.SSLContext:
    """Return the settings of TLS for a server: 1.2 or 1.3.

    Raises:
        OSError: a file can't be used; ssl.SSLError is one.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    check_regular(cert_file, *([] if key_file is None else [key_file]))
    made.load_cert_chain(cert_file, key_file)
    return made


class SecuredListener:
    """Accepts connections, secures them and gives them to protocols. Where there are too many, the oldest makes way.

    Args:
        listener: the listening socket, which is closed with this.
        context: the certificate and the settings of TLS.
        make: makes the protocol of a connection that is secured.
    """

    def __init__(
        self,
        listener: socket.socket,
        context: ssl.SSLContext,
        make: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listener = listener
        self._context = context
        self._make = make
        self._under_way: dict[socket.socket, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        listener.setblocking(False)
        self._task = asyncio.get_running_loop().create_task(self._accept())

    def __len__(self) -> int:
        """Return how many handshakes are under way."""
        return len(self._under_way)

    def close(self) -> None:
        """Let nobody in any more, and end the handshakes that are under way."""
        self._task.cancel()
        self._listener.close()
        for sock in list(self._under_way):
            self._end(sock)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(self._listener)
            except OSError:  # it was closed on the way, or there is no descriptor left
                await asyncio.sleep(REST_S)
                continue
            self._make_way(site := site_of(peer[0]))
            self._under_way[sock] = site
            task = loop.create_task(self._secure(sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _make_way(self, site: str) -> None:
        same = [sock for sock, other in self._under_way.items() if other == site]
        if len(same) >= ADDRESS_HANDSHAKES:
            self._end(same[0])
        elif len(self._under_way) >= MAX_HANDSHAKES:
            self._end(next(iter(self._under_way)))

    def _end(self, sock: socket.socket) -> None:
        """End a handshake: it reads the end of its connection, whether or not it has begun."""
        self._under_way.pop(sock, None)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    async def _secure(self, sock: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # no TLS, too slow, or gone
                await asyncio.get_running_loop().connect_accepted_socket(
                    self._make, sock, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
                )
        finally:
            self._under_way.pop(sock, None)
