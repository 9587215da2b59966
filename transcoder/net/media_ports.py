"""The UDP ports of one camera's session: each media has a pair for RTP and RTCP, unicast or in a multicast group."""

import asyncio
import functools
import socket
from collections.abc import Callable

from transcoder.errors import TransportError
from transcoder.net.sockets import Binding, is_multicast, multicast_socket, port_pair

_PUNCH = b"\x80\x00" + bytes(10)
"""The datagram of a hole punch: an RTP header and nothing else."""


class MediaPorts:
    """Holds pairs of ports in the order in which media are set up.

    Args:
        host: the camera's address.
        binding: the local end.
        on_packet: gets the media's index, 0 for RTP and 1 for RTCP, and a datagram of the camera.
        on_foreign: gets the size of a datagram of any other host.

    Attributes:
        pairs: the port numbers of each media, RTP and RTCP.
    """

    def __init__(
        self,
        host: str,
        binding: Binding,
        on_packet: Callable[[int, int, bytes], None],
        on_foreign: Callable[[int], None],
    ) -> None:
        self._host = host
        self._binding = binding
        self._on_packet = on_packet
        self._on_foreign = on_foreign
        self._ports: list[asyncio.DatagramTransport] = []
        self.pairs: list[tuple[int, int]] = []

    async def open(self) -> None:
        """Open a pair of unicast ports.

        Raises:
            OSError: there is no free pair.
        """
        await self._listen(port_pair(self._host, self._binding))

    async def join(self, group: str, ports: tuple[int, int]) -> None:
        """Open a pair of ports in a multicast group.

        Raises:
            TransportError: the address is no group's, or the group can't be joined.
        """
        if not is_multicast(group) or not ports[0]:
            raise TransportError("the camera names no multicast group")
        try:
            first = multicast_socket(group, ports[0], self._binding)
            await self._listen((first, multicast_socket(group, ports[1], self._binding)))
        except OSError as error:
            raise TransportError(f"the multicast group can't be joined: {error.strerror or error}") from None

    def punch(self, media: int, ports: tuple[int, int]) -> None:
        """Open the way through NAT and firewalls to the camera's ports; an answer does not matter."""
        for transport, port in zip(self._ports[2 * media : 2 * media + 2], ports, strict=False):
            if port:
                transport.sendto(_PUNCH, (self._host, port))

    def send_rtcp(self, media: int, report: bytes, port: int) -> None:
        """Send a report to the camera's RTCP port; do nothing where a port is missing."""
        if port and 2 * media + 1 < len(self._ports):
            self._ports[2 * media + 1].sendto(report, (self._host, port))

    def close(self) -> None:
        """Close all ports."""
        for port in self._ports:
            port.close()
        self._ports, self.pairs = [], []

    async def _listen(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self.pairs.append((pair[0].getsockname()[1], pair[1].getsockname()[1]))
        loop = asyncio.get_running_loop()
        for sock in pair:
            receive = functools.partial(_Port, self._on_datagram, len(self._ports))
            port, _ = await loop.create_datagram_endpoint(receive, sock=sock)
            self._ports.append(port)

    def _on_datagram(self, index: int, data: bytes, address: tuple[str, int]) -> None:
        if address[0].removeprefix("::ffff:") == self._host:
            self._on_packet(index // 2, index % 2, data)
        else:
            self._on_foreign(len(data))


class _Port(asyncio.DatagramProtocol):
    """Receives at one port, and ignores errors that ICMP reports (a refused hole punch)."""

    def __init__(self, on_datagram: Callable[[int, bytes, tuple[str, int]], None], index: int) -> None:
        self._on_datagram = on_datagram
        self._index = index

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._on_datagram(self._index, data, addr)
