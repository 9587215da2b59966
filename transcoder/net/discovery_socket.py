"""A socket of WS-Discovery hears one network, that of the address it was made for, and sends there alone.

Source: WS-Discovery (April 2005) section 2.4 (the multicast address), ip(7) (IP_MULTICAST_ALL).
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final, cast

from typing_extensions import override

GROUP: Final = "239.255.255.250"
PORT: Final = 3702
MAX_DATAGRAM: Final = 8192
"""Bytes of a request that are looked at; a Probe has some 600, and WS-Discovery allows no more than one datagram."""
_IP_MULTICAST_ALL: Final = 49
"""<linux/in.h>; Python has no name for it."""

Peer = tuple[str, int]


class DiscoverySocket(asyncio.DatagramProtocol):
    """Hears the group on the network of one address.

    Args:
        address: the IPv4 address of this machine on that network.
        on_datagram: is told each datagram, its sender, and the address.
    """

    def __init__(self, address: str, on_datagram: Callable[[bytes, Peer, "DiscoverySocket"], None]) -> None:
        self.address = address
        self._on_datagram = on_datagram
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> None:
        """Join the group.

        Raises:
            OSError: that network has no multicast, or the port is taken by somebody who does not share it.
        """
        loop = asyncio.get_running_loop()
        sock = _joined(self.address)
        try:
            await loop.create_datagram_endpoint(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    @override
    def datagram_received(self, data: bytes, addr: Peer) -> None:
        if len(data) <= MAX_DATAGRAM:
            self._on_datagram(data, addr, self)

    @override
    def error_received(self, exc: Exception) -> None:
        pass  # somebody who asked does not listen any more

    def send(self, data: bytes, peer: Peer = (GROUP, PORT)) -> None:
        """Send a datagram, to the group by default; one that the kernel does not take is lost."""
        if self._transport is not None and not self._transport.is_closing():
            with contextlib.suppress(OSError):
                self._transport.sendto(data, peer)

    def close(self) -> None:
        """Leave the group."""
        if self._transport is not None:
            self._transport.close()


def _joined(address: str) -> socket.socket:
    """Return a socket that hears the group on the network of an address, and no other network.

    It is bound to the group: what is sent to the port otherwise is for others on this machine.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a VMS on this machine asks from the same port
        sock.bind((GROUP, PORT))
        local = socket.inet_aton(address)
        sock.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + local)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, local)
        # nothing leaves the network: an answer is ten times its question, whose sender can be made up
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
    except BaseException:
        sock.close()
        raise
    return sock
