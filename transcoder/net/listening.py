"""Listening sockets are made here, for RTSP and HTTP alike."""

import asyncio
import contextlib
import errno
import socket
from typing import Final

BACKLOG: Final = 1024
"""Connections that wait to be accepted: a recorder that begins connects a hundred times at once."""


_NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


async def listening_sockets(host: str, port: int, backlog: int = BACKLOG) -> list[socket.socket]:
    """Listen on every address that a host has; `::` takes IPv4 too.

    Of a name with several addresses, those that this machine does not have are left out: `localhost` without IPv6.

    Args:
        host: a name or an address, without brackets.
        port: the port, 0 for any; all sockets have one port.
        backlog: connections that may wait to be accepted.

    Raises:
        OSError: an address is taken or not ours, or the name has none.
    """
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with contextlib.ExitStack() as opened:
        made: list[socket.socket] = []
        missing: OSError | None = None
        for family, _, _, _, address in dict.fromkeys(infos):
            number = made[0].getsockname()[1] if made else port
            try:
                sock = _listening(family, (str(address[0]), number, *address[2:]), backlog)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                made.append(opened.enter_context(sock))
        if not made and missing is not None:
            raise missing
        opened.pop_all()
        return made


def _listening(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    is_everything = family == socket.AF_INET6 and address[0] == "::"
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not is_everything)
        sock.bind(address)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def plain_host(address: str) -> str:
    """Return an address as its peer has it: without the mapping of IPv4 to IPv6 (RFC 4291 section 2.5.5.2)."""
    prefix, _, plain = address.rpartition(":")
    return plain if prefix.lower() == "::ffff" and "." in plain else address
