"""The ONVIF server listens for every device, and follows the configuration: streams come and go, their ports stay."""

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from transcoder import clock
from transcoder.config.listen import MAX_PORT, Endpoint
from transcoder.config.listeners import tcp_listeners
from transcoder.control.controller import Controller
from transcoder.control.numbers import OnvifNumbers
from transcoder.errors import TransportError, not_bound
from transcoder.http_server.guard import HttpCounts, HttpLimits
from transcoder.http_server.server import BACKLOG, AppServer
from transcoder.net.listening import listening_sockets
from transcoder.onvif.announcer import Announcer
from transcoder.onvif.application import Application
from transcoder.onvif.gateway_view import ONE_DEVICE, GatewayView, finding_of
from transcoder.service.line_limit import LineLimit

if TYPE_CHECKING:
    import socket

    from transcoder.config import OnvifConfig
    from transcoder.net.secured_listener import SecuredListener

LIMITS: Final = HttpLimits(connections=2048, per_address=1024, running=2048)
"""A recorder with 400 cameras has a connection to each that waits for events, and another one for questions."""
MAX_TOLD: Final = 200
"""Devices whose ports the log of a start tells; the others' follow."""
LOOK_S: Final = 1.0
"""Seconds between looks whether streams came or went."""
RETRY_S: Final = 30.0
"""Seconds after which a port that was taken is tried again."""
FAULT_SPAN_S: Final = 60.0
"""Seconds between lines about faults of the look after devices, which may come with each look."""

log = structlog.get_logger()


class OnvifServer:
    """Serves the devices.

    Args:
        controller: carries out changes, and has the gateway.

    Attributes:
        ports: the ports that are listened on, each with the name of its device.
        counts: counts what clients of HTTP did not get.
    """

    def __init__(self, controller: Controller) -> None:
        onvif = controller.config.onvif
        assert onvif is not None  # noqa: S101  # there is no server without the section
        self._onvif: OnvifConfig = onvif  # where to listen is taken up at the next start
        self._controller = controller
        self._numbers = controller.gateway.gate.memory.devices
        self.ports: dict[int, str] = {}
        self.counts = HttpCounts()
        view = GatewayView(lambda: controller.config, controller.gateway)
        self.application = Application(controller, view, self.ports)
        self._announcer = Announcer(lambda: controller.config, lambda name: view.device(name, None), self.ports)
        self._server = AppServer(self.application, LIMITS, self.counts)
        self._listening: dict[str, list[asyncio.Server | SecuredListener]] = {}
        self._wanted: dict[str, tuple[Endpoint, ...]] = {}
        self._retry: dict[str, float] = {}
        self._fault_lines = LineLimit[str](1, FAULT_SPAN_S)
        self._task: asyncio.Task[None] | None = None

    @property
    def numbers(self) -> OnvifNumbers:
        """Return the numbers of all devices since the start."""
        application, questions = self.application, self._announcer.counts
        logins = application.tokens.counts
        return OnvifNumbers(
            requests=dict(application.counts.requests),
            faults=dict(application.counts.faults),
            refused_logins={"wrong": logins.wrong, "skewed": logins.skewed, "replayed": logins.replayed},
            subscriptions=len(application.events.subscriptions),
            dropped_messages=application.events.subscriptions.dropped,
            aborted=self.counts.aborted,
            questions=questions.asked,
            refused_questions=questions.refused,
        )

    async def start(self) -> None:
        """Begin to listen for every device.

        Raises:
            TransportError: an address is taken, or not ours.
        """
        await self._server.start()
        for name, endpoints in self._devices().items():
            await self._open(name, endpoints)
        self._controller.gateway.other_ports.append(self.ports)
        log.info(
            "ONVIF",
            words=f"ONVIF: {self._described()}",
            devices={name: port for port, name in list(self.ports.items())[:MAX_TOLD]},
        )
        if self._onvif.discovery:
            await self._announcer.start()
        self._task = asyncio.get_running_loop().create_task(self._look_again_and_again())

    def _described(self) -> str:
        if self._onvif.mode == "one_device":
            return f"one device at port {', '.join(map(str, self.ports))}"
        return f"{len(self._listening)} devices at ports from {min(self.ports, default=0)} on"

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Return the task that follows the configuration, once started."""
        return [self._task] if self._task is not None else []

    def _devices(self) -> dict[str, tuple[Endpoint, ...]]:
        """Return where each device is to listen."""
        if self._onvif.mode == "one_device":
            return {ONE_DEVICE: self._onvif.listen}
        config = self._controller.config
        elsewhere = [endpoint for key, endpoint in tcp_listeners(config) if key != "onvif.listen"]

        def is_free(number: int) -> bool:
            own = self._counted_up(number)
            return own[0].port <= MAX_PORT and not any(one.meets(other) for one in own for other in elsewhere)

        found: dict[str, tuple[Endpoint, ...]] = {}
        for name, stream in config.streams.items():
            port = stream.onvif.port
            if port is not None:
                found[name] = tuple(Endpoint(host=each.host, port=port) for each in self._onvif.listen)
                continue
            number = self._numbers.number(name, config.streams, is_free)
            if number is not None:
                found[name] = self._counted_up(number)
        return found

    def _counted_up(self, number: int) -> tuple[Endpoint, ...]:
        """Return where the device of a number listens; the port 0 stands for any free one, whatever the number."""
        return tuple(
            Endpoint(host=each.host, port=each.port + number if each.port else 0) for each in self._onvif.listen
        )

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(clock.monotonic())
                self._announcer.look()
                self.look_at_streams(clock.monotonic(), clock.wall_clock())
            except Exception as error:  # a fault here must not end the service with all its streams
                faults = self._fault_lines.take("", clock.monotonic())
                if faults:
                    log.error("ONVIF devices could not be looked after", faults=faults, exc_info=error)

    async def look(self, now: float) -> None:
        """Listen for devices that are new, and no more for those that are gone or moved."""
        wanted = self._devices()
        self._retry = {name: at for name, at in self._retry.items() if name in wanted}
        for name in [each for each, endpoints in self._wanted.items() if wanted.get(each) != endpoints]:
            self._close(name)
        for name, endpoints in wanted.items():
            if name in self._listening or self._retry.get(name, now) > now:
                continue
            try:
                await self._open(name, endpoints)
            except TransportError as error:
                if name not in self._retry:
                    log.error("a device can't be reached by ONVIF", stream=name, reason=str(error))
                self._retry[name] = now + RETRY_S

    def look_at_streams(self, now: float, wall: float) -> None:
        """Tell clients of what changed in any stream."""
        states = self.application.events.states
        streams = self._controller.gateway.streams
        states.forget(frozenset(streams))
        for name, stream in list(streams.items()):
            self.application.publish(states.look(name, finding_of(stream.status), now, wall))

    async def _open(self, name: str, endpoints: tuple[Endpoint, ...]) -> None:
        sockets: list[socket.socket] = []
        for endpoint in endpoints:
            try:
                sockets += await listening_sockets(endpoint.host, endpoint.port, BACKLOG)
            except OSError as error:
                for sock in sockets:
                    sock.close()
                raise not_bound(f"onvif.listen {endpoint}", error) from None
        ports = [sock.getsockname()[1] for sock in sockets]
        listening: list[asyncio.Server | SecuredListener] = []
        try:
            for sock in sockets:
                listening += [await self._server.listen(sock)]
        except BaseException:
            for server in listening:
                server.close()
            for sock in sockets:
                sock.close()
            raise
        self._retry.pop(name, None)
        self._wanted[name], self._listening[name] = endpoints, listening
        for port in ports:
            self.ports[port] = name

    def _close(self, name: str) -> None:
        del self._wanted[name]
        for server in self._listening.pop(name):
            server.close()
        for port in [each for each, device in self.ports.items() if device == name]:
            del self.ports[port]

    async def stop(self) -> None:
        """Finish the requests that were begun, and close."""
        if self._task is not None:
            self._task.cancel()
        self.application.end_waits()
        await self._announcer.stop()
        await self._server.stop()
