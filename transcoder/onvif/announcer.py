"""The announcer has devices found on the networks that they listen on: on no other, and never by a camera."""

import asyncio
import ipaddress
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import structlog

from transcoder import clock
from transcoder.config import Config
from transcoder.config.this_machine import own_addresses
from transcoder.net.discovery_socket import GROUP, PORT, DiscoverySocket, Peer
from transcoder.onvif.device import Device
from transcoder.onvif.device_service import PATHS
from transcoder.onvif.discovery import Advertised, Discovery, DiscoveryCounts
from transcoder.onvif.namespaces import DEVICE

MAX_NETWORKS: Final = 16
"""Networks that devices are told on at most."""
MAX_WAITING: Final = 8192
"""Datagrams that wait to be sent at most: the answers of 512 devices to a second of questions."""
GAP_S: Final = 0.002
"""Seconds between datagrams: 500 a second of 1.5 kB, which a recorder's socket takes."""

log = structlog.get_logger()


class Announcer:
    """Tells of devices, and answers who asks.

    Args:
        config: returns the configuration in force.
        device: describes a device by its name.
        ports: the devices that there are: their names by port.
    """

    def __init__(self, config: Callable[[], Config], device: Callable[[str], Device], ports: Mapping[int, str]) -> None:
        self._config = config
        self._device = device
        self._ports = ports
        self._core = Discovery(uuid.uuid4, int(clock.wall_clock()))
        self._sockets: list[DiscoverySocket] = []
        self._waiting: deque[tuple[DiscoverySocket, bytes, Peer]] = deque(maxlen=MAX_WAITING)
        self._task: asyncio.Task[None] | None = None
        self._told: dict[int, str] = {}

    async def start(self) -> None:
        """Join the networks, and tell that the devices are there; where one has no multicast, the log says so."""
        for address in self._addresses():
            made = DiscoverySocket(address, self._on_datagram)
            try:
                await made.open()
            except OSError as error:
                log.warning("ONVIF devices are not found by WS-Discovery there", address=address, reason=str(error))
            else:
                self._sockets.append(made)
        self.look()

    @property
    def counts(self) -> DiscoveryCounts:
        """Return the counts of questions."""
        return self._core.counts

    def _addresses(self) -> list[str]:
        """Return the addresses whose networks hear of devices: listened on, and not for cameras alone."""
        config = self._config()
        found: dict[str, None] = {}
        for endpoint in config.onvif.listen if config.onvif is not None else ():
            if endpoint.is_everywhere:
                found |= dict.fromkeys(each for each in sorted(own_addresses()) if not _is_loopback(each))
            else:
                found[endpoint.host] = None
        of_cameras = {stream.source.bind_address for stream in config.streams.values()}
        return [each for each in found if each not in of_cameras and _is_ipv4(each)][:MAX_NETWORKS]

    def look(self) -> None:
        """Tell of devices that came or went since the last look."""
        present = dict(self._ports)
        for port, name in self._told.items():
            if present.get(port) != name:
                self._tell(self._core.bye, port, name)
        for port, name in present.items():
            if self._told.get(port) != name:
                self._tell(self._core.hello, port, name)
        self._told = present

    def _tell(self, make: Callable[[Advertised], bytes], port: int, name: str) -> None:
        for sock in self._sockets:
            self._send(sock, make(self._advertised(sock.address, port, name)), (GROUP, PORT))

    def _advertised(self, address: str, port: int, name: str) -> Advertised:
        return Advertised(device=self._device(name), address=f"http://{address}:{port}{PATHS[DEVICE]}")

    def _on_datagram(self, data: bytes, peer: Peer, sock: DiscoverySocket) -> None:
        def devices() -> Iterable[Advertised]:
            if any(peer[0] == stream.source.host for stream in self._config().streams.values()):
                return []  # a camera asks: it has no business with its own copy
            return [self._advertised(sock.address, port, name) for port, name in self._ports.items()]

        for answer in self._core.answers(data, devices, clock.monotonic()):
            self._send(sock, answer, peer)

    def _send(self, sock: DiscoverySocket, data: bytes, peer: Peer) -> None:
        self._waiting.append((sock, data, peer))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain())

    async def _drain(self) -> None:
        while self._waiting:
            sock, data, peer = self._waiting.popleft()
            sock.send(data, peer)
            await asyncio.sleep(GAP_S)

    async def stop(self) -> None:
        """Tell that the devices go, and leave the networks."""
        if self._task is not None:
            self._task.cancel()
        for sock in self._sockets:
            for port, name in self._told.items():
                sock.send(self._core.bye(self._advertised(sock.address, port, name)))
            sock.close()
        self._sockets = []


def _is_ipv4(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 4
    except ValueError:
        return False


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback
