"""The network is looked at here: connections at a pace, and questions to everybody on the interface."""

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final
from uuid import uuid4

from typing_extensions import override

from transcoder import clock
from transcoder.discover.pace import Pace
from transcoder.discover.rtsp_look import RtspLook, RtspSeen
from transcoder.discover.ws_discovery import AGAIN_S, REPEATS, WAIT_S, Announced, Questions
from transcoder.net.discovery_socket import GROUP, PORT
from transcoder.net.sockets import Binding, connect

CONNECT_S: Final = 1.5
"""Seconds for a connection: a host of the same network answers in milliseconds, one behind a VPN within a second."""
ANSWER_S: Final = 3.0
"""Seconds for one answer; old cameras take a second for a description."""
LOOK_S: Final = 12.0
"""Seconds for everything at one port."""
MAX_OF_ONE: Final = 64
"""Datagrams of one address that are read: two answers to each of two questions of sixteen devices behind it. A device
that floods does not use up what is read of all together (`ws_discovery.MAX_READ`)."""
_READ: Final = 8192

OnSeen = Callable[[str, RtspSeen], None]
OnAnnounced = Callable[[str, Announced], None]


async def sweep(
    targets: Iterable[tuple[str, int]],
    pace: Pace,
    binding: Binding,
    on_looked: Callable[[], None],
    on_seen: OnSeen,
) -> None:
    """Look at each address and port.

    Args:
        targets: the addresses and ports, in the order in which they are looked at.
        pace: says when the next connection may begin.
        binding: the interface.
        on_looked: is called after each look.
        on_seen: is told what speaks RTSP.
    """
    ended = asyncio.Event()

    async def turn(host: str, port: int) -> None:
        try:
            found = await _look(host, port, binding)
            if found is not None:
                on_seen(host, found)
        finally:
            pace.end()
            ended.set()
            on_looked()

    async with asyncio.TaskGroup() as group:
        for host, port in targets:
            while pace.is_full:
                ended.clear()
                await ended.wait()
            await asyncio.sleep(pace.wait_s(clock.monotonic()))
            pace.begin(clock.monotonic())
            group.create_task(turn(host, port))


async def _look(host: str, port: int, binding: Binding) -> RtspSeen | None:
    """Return what speaks RTSP at a port, None for nothing."""
    look = RtspLook(host, port)
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(LOOK_S):
            async with asyncio.timeout(CONNECT_S):
                sock = await connect(host, port, binding)
            reader, writer = await asyncio.open_connection(sock=sock, limit=_READ)
            try:
                await _ask(look, reader, writer)
            finally:
                writer.close()
    return look.seen()


async def _ask(look: RtspLook, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not look.is_done:
        writer.write(look.request())
        async with asyncio.timeout(ANSWER_S):
            is_answered = False
            while not is_answered:
                data = await reader.read(_READ)
                if not data:
                    return
                is_answered = look.receive_data(data)


class _Answers(asyncio.DatagramProtocol):
    """Takes answers to questions to everybody, from allowed addresses alone."""

    def __init__(self, questions: Questions, allowed: Callable[[str], bool], on_announced: OnAnnounced) -> None:
        self._questions, self._allowed, self._on_announced = questions, allowed, on_announced
        self._received: Counter[str] = Counter()

    @override
    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._received[addr[0]] < MAX_OF_ONE and self._allowed(addr[0]):
            self._received[addr[0]] += 1
            for each in self._questions.receive(data):
                self._on_announced(addr[0], each)

    @override
    def error_received(self, exc: Exception) -> None:
        pass  # nobody listens there


async def ask_everybody(interface: str, near: str, allowed: Callable[[str], bool], on_announced: OnAnnounced) -> None:
    """Ask every device on one network what it is.

    Args:
        interface: the interface, "" for that which the kernel takes for the address `near`.
        near: an IPv4 address of the network.
        allowed: says whether an answer from an address counts.
        on_announced: is told each device with the address that the answer came from.

    Raises:
        OSError: the interface is not known, or has no multicast.
    """
    questions = Questions(uuid4)
    sock = _multicast_socket(interface, near)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Answers(questions, allowed, on_announced), sock=sock)
    try:
        for _ in range(REPEATS):
            for message in questions.messages:
                transport.sendto(message, (GROUP, PORT))
            await asyncio.sleep(AGAIN_S)
        await asyncio.sleep(WAIT_S)
    finally:
        transport.close()


def _multicast_socket(interface: str, near: str) -> socket.socket:
    """Return a socket whose questions leave by one interface and go no further than its network."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        if interface:
            index = struct.pack("=4s4si", b"\0" * 4, b"\0" * 4, socket.if_nametoindex(interface))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, index)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(_own_address(near)))
        sock.bind(("0.0.0.0", 0))
    except BaseException:
        sock.close()
        raise
    return sock


def _own_address(near: str) -> str:
    """Return the address of this machine that the kernel takes for a host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((near, PORT))
        return str(ipaddress.ip_address(sock.getsockname()[0]))
