"""This module opens a camera's UDP ports: one pair for all its media and readers."""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable

from transcoder.errors import TransportError
from transcoder.lab.cameras.defects.delivery import Interference
from transcoder.lab.cameras.dialog import Delivery
from transcoder.lab.cameras.packets import FRAME_HEADER, Burst

CHUNK = 32
"""Packets that are sent in a row; a receiver's default socket buffer holds about 90."""
CHUNK_PAUSE_S = 0.002
MAX_WAITING = 16_384
"""Packets that wait to be sent at most: one second at CHUNK packets each CHUNK_PAUSE_S. The oldest are lost first."""
_ATTEMPTS = 64
_MAX_REPORT = 2048


class UdpPorts:
    """Opens an even RTP port and the odd RTCP port after it (RFC 3550 section 11).

    Args:
        host: address to bind.
        heard: called with a host's address when it sent RTCP.

    Raises:
        TransportError: no pair is free.
    """

    def __init__(self, host: str, heard: Callable[[str], None]) -> None:
        self._rtp, self._rtcp = _bind_pair(host)
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[socket.socket, bytes | memoryview, tuple[str, int]]] = deque(maxlen=MAX_WAITING)
        self._timer: asyncio.TimerHandle | None = None
        for each in (self._rtp, self._rtcp):
            self._loop.add_reader(each, self._read, each)

    @property
    def ports(self) -> tuple[int, int]:
        """Return the RTP and RTCP ports."""
        return self._rtp.getsockname()[1], self._rtcp.getsockname()[1]

    def send(self, burst: Burst, address: str, place: Delivery, interference: Interference | None = None) -> None:
        """Send a burst, a large one in chunks with pauses, as a camera's network chip would.

        Args:
            burst: burst of one track.
            address: address of the client, or of a group.
            place: ports of the client.
            interference: the network that loses and reorders RTP; None: all packets arrive in order.
        """
        sender, port = (self._rtcp, place.rtcp) if burst.rtcp else (self._rtp, place.rtp)
        view = memoryview(burst.data)
        packets = [view[offset + FRAME_HEADER : offset + FRAME_HEADER + size] for offset, size in burst.packets]
        for packet in packets if burst.rtcp or interference is None else interference.datagrams(packets):
            self._waiting.append((sender, packet, (address, port)))
        if self._timer is None:
            self._drain()

    def _drain(self) -> None:
        for _ in range(min(CHUNK, len(self._waiting))):
            sender, packet, address = self._waiting.popleft()
            with contextlib.suppress(OSError):  # a reader that is gone or has a full buffer loses packets
                sender.sendto(packet, address)
        self._timer = self._loop.call_later(CHUNK_PAUSE_S, self._drain) if self._waiting else None

    def close(self) -> None:
        """Close both ports; packets that wait are not sent."""
        if self._timer:
            self._timer.cancel()
        for each in (self._rtp, self._rtcp):
            self._loop.remove_reader(each)
            each.close()

    def _read(self, each: socket.socket) -> None:
        with contextlib.suppress(OSError):
            _, (address, _) = each.recvfrom(_MAX_REPORT)
            self._heard(address)


def _bind_pair(host: str) -> tuple[socket.socket, socket.socket]:
    for _ in range(_ATTEMPTS):
        first = _bound(host, 0)
        port = first.getsockname()[1] if first else 0
        if first and port % 2 == 0:
            second = _bound(host, port + 1)
            if second:
                return first, second
        if first:
            first.close()
    raise TransportError("no pair of UDP ports is free")


def _bound(host: str, port: int) -> socket.socket | None:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    with contextlib.suppress(OSError):  # the group is on the network that the camera is on
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(host))
    try:
        opened.bind((host, port))
    except OSError:
        opened.close()
        return None
    return opened
