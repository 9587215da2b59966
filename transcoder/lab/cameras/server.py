"""This module is the asyncio shell of a simulated camera: listener, connections, timer, UDP sockets."""

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import quote

from typing_extensions import override

from transcoder import clock
from transcoder.lab.cameras.access_units import Content
from transcoder.lab.cameras.behaviour import CameraBehaviour
from transcoder.lab.cameras.camera import Camera
from transcoder.lab.cameras.canary import Canary
from transcoder.lab.cameras.certificate import Certificate
from transcoder.lab.cameras.connection import CameraConnection, ConnectionOwner
from transcoder.lab.cameras.defects.delivery import Interference
from transcoder.lab.cameras.dialog import CameraDialog
from transcoder.lab.cameras.udp import UdpPorts
from transcoder.rtsp.auth import Credentials


class SimulatedCamera(ConnectionOwner):
    """Runs a camera on the network: `async with SimulatedCamera(behaviour, content) as camera: camera.url`.

    Args:
        behaviour: its switches.
        content: the pictures that it shows.
        host: address to listen on.
        port: port to listen on; 0: any; kept over `stop` and `start`.
        username: username of the login.
        password: None: no login is asked for.
        seed: seed of canaries and random numbers.
        name: name of the camera in reports.
        other: content to which the picture changes, if the behaviour says so.

    Attributes:
        camera: the core of the camera.
        port: the port on which it listens.
    """

    def __init__(
        self,
        behaviour: CameraBehaviour,
        content: Content,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str = "admin",
        password: str | None = None,
        seed: str = "1",
        name: str = "camera",
        other: Content | None = None,
    ) -> None:
        self.camera = Camera(behaviour, content, seed, other)
        self.host = host
        self.port = port
        self.name = name
        self.credentials = None if password is None else Credentials(username=username, password=password)
        self._seed = seed
        self._server: asyncio.Server | None = None
        self._moved: asyncio.Server | None = None
        self._connections: set[CameraConnection] = set()
        self._connection_count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._udp: UdpPorts | None = None
        self.certificate: Certificate | None = None
        """The certificate of a camera that speaks TLS; None: it makes one when it starts."""
        self.authority: Certificate | None = None
        """The authority that signs the certificate; None: the certificate is self-signed."""

    @property
    def url(self) -> str:
        """Return the live stream's URL, with credentials where a login is asked for."""
        user = self.credentials
        login = f"{quote(user.username, safe='')}:{quote(user.password, safe='')}@" if user else ""
        scheme = "rtsp" if self.camera.behaviour.session.tls == "none" else "rtsps"
        return f"{scheme}://{login}{self.host}:{self.port}{self.path}"

    @property
    def moved_port(self) -> int | None:
        """Return the port that clients are redirected to, None where the camera redirects to none."""
        return int(self._moved.sockets[0].getsockname()[1]) if self._moved else None

    @property
    def path(self) -> str:
        """Return the path and query of the live stream."""
        path = self.camera.behaviour.path
        if self.credentials and self.camera.behaviour.password_in_path:
            path = path.replace("user=admin&password=", f"user={self.credentials.username}&password={{}}")
            path = path.format(self.credentials.password)
        return path

    def canaries(self) -> list[Canary]:
        """Return every mark that a client gets if it is asked to log in, sets up every media and waits some seconds."""
        of_login = () if self.credentials else ("realm", "nonce")
        return [canary for canary in self.camera.canaries() if canary.name not in of_login]

    @property
    def readers(self) -> int:
        """Return the connections that play."""
        return sum(connection.dialog.playing for connection in self._connections)

    @property
    def listening(self) -> bool:
        """Return whether new connections are taken."""
        return self._server is not None

    @property
    def left_out(self) -> int:
        """Return the number of bursts that the present readers were too slow for."""
        return sum(connection.left_out for connection in self._connections)

    async def start(self) -> None:
        """Begin to listen; after `stop`, on the same port again."""
        loop = asyncio.get_running_loop()
        redirects = self.camera.behaviour.session.redirect == "port"
        if redirects:
            self._moved = await loop.create_server(lambda: CameraConnection(self), self.host, 0)
        self._server = await loop.create_server(
            lambda: CameraConnection(self, redirects=redirects), self.host, self.port, ssl=self._tls()
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def _tls(self) -> ssl.SSLContext | None:
        session = self.camera.behaviour.session
        if session.tls == "none":
            return None
        host = "other.example" if session.certificate == "other_host" else self.host
        self.certificate = self.certificate or Certificate(
            host, self.authority, expired=session.certificate == "expired"
        )
        return self.certificate.context(session.tls, session.client_certificate)

    async def stop(self) -> None:
        """Close the listener and cut every connection, as a camera does that loses its power."""
        for server in (self._server, self._moved):
            if server:
                server.close()
        self._server = self._moved = None
        for connection in list(self._connections):
            connection.abort()
        self._connections.clear()
        self._rest()
        if self._udp:
            self._udp.close()
            self._udp = None
        await asyncio.sleep(0)

    async def restart(self, down_s: float = 0.0) -> None:
        """Stop, stay away for a while, then come back on the same port."""
        await self.stop()
        await asyncio.sleep(down_s)
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @override
    def open_dialog(self, connection: CameraConnection) -> tuple[CameraDialog, Interference]:
        self._connections.add(connection)
        self._connection_count += 1
        number = self._connection_count
        moved = self.moved_port if connection.redirects else None
        dialog = CameraDialog(self.camera, self.credentials, number, self.udp_ports, moved)
        return dialog, Interference(self.camera.behaviour.delivery, f"{self._seed}/{number}")

    @override
    def connection_lost(self, connection: CameraConnection) -> None:
        self._connections.discard(connection)
        self.changed()

    def udp_ports(self) -> tuple[int, int]:
        """Return the RTP and RTCP ports, which are opened at first use."""
        if self._udp is None:
            self._udp = UdpPorts(self.host, self._heard)
        return self._udp.ports

    @override
    def changed(self) -> None:
        if not any(connection.dialog.playing for connection in self._connections):
            self._rest()
        elif self._timer is None:
            self._tick()

    def _rest(self) -> None:
        self.camera.stop()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _heard(self, address: str) -> None:
        """Note RTCP that came over UDP as a sign of life of the host's sessions."""
        for connection in self._connections:
            if connection.peer == address:
                connection.dialog.note_report(clock.monotonic())

    def _tick(self) -> None:
        self._timer = None
        now = clock.monotonic()
        playing = [connection for connection in self._connections if connection.dialog.playing]
        for connection in playing:
            if connection.dialog.expired(now) or connection.interference.ends(now):
                connection.abort()
        wanted: set[int] = set()
        for connection in playing:
            wanted |= connection.destinations().keys()
        bursts = self.camera.advance(now, clock.wall_clock(), sorted(wanted))
        for connection in playing:
            connection.send(bursts, self._udp, now)
        if self.camera.running:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self.camera.next_due - clock.monotonic()), self._tick)
