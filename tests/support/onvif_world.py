"""Requests of real clients as they came, and a server of devices over a gateway that is none."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.support.reader_dialog import OPTIONS
from transcoder.config import Config, parse
from transcoder.onvif.gateway_view import GatewayView
from transcoder.onvif.server import OnvifServer
from transcoder.rtsp.server_events import ServerContext
from transcoder.rtsp.session import SessionTable
from transcoder.service.device_numbers import DeviceNumbers

PASSWORD = "geheim"
SIGNED_AT = 1_795_958_210.0
"""UTC seconds at which the signed requests below were sent."""

_FOLDER = Path(__file__).parents[1] / "data" / "onvif"
NPM_ONVIF = (_FOLDER / "npm-onvif.xml").read_text(encoding="utf-8")
"""npm onvif 0.8.3: GetDeviceInformation, the token in default namespaces, its time with milliseconds."""
NODE_ONVIF = (_FOLDER / "node-onvif.xml").read_text(encoding="utf-8")
"""node-onvif 0.1.7: GetDeviceInformation."""
ZEEP = (_FOLDER / "zeep.xml").read_text(encoding="utf-8")
"""onvif-zeep-async 4.3.0: GetDeviceInformation, with prefixes, its time in whole seconds."""

CONFIG = """
node: gw1
rtsp: {listen: "127.0.0.1:8554", users: {vms: {password: geheim}, guard: {password: wache, streams: [back]}}}
onvif: {listen: "127.0.0.1:0", control: [vms]}
state_dir: null
streams:
  front:
    title: Front <door> & yard
    source: rtsp://192.168.10.21/a
    video: {size: 1280x720, fps: 10, gop_s: 2, bitrate_kbps: 2500}
    renditions: {sub: {size: 640x360, fps: 5, bitrate_kbps: 300}}
  back:
    source: rtsp://192.168.10.22/a
    video: {codec: h265, size: 1920x1080}
    audio: reencode
"""
SOAP = "http://www.w3.org/2003/05/soap-envelope"


def envelope(body: str, header: str = "") -> bytes:
    """A request in SOAP 1.2."""
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{SOAP}">{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def media(operation: str, inner: str = "") -> str:
    """The body of a request to the first media service."""
    return f'<t:{operation} xmlns:t="http://www.onvif.org/ver10/media/wsdl">{inner}</t:{operation}>'


def device(operation: str, inner: str = "") -> str:
    """The body of a request to the device service."""
    return f'<t:{operation} xmlns:t="http://www.onvif.org/ver10/device/wsdl">{inner}</t:{operation}>'


class Directory:
    """Users and rights as the configuration says."""

    def __init__(self, config: Config) -> None:
        self._users = config.rtsp.users

    def passwords(self) -> dict[str, str]:
        return {name: user.password.get_secret_value() for name, user in self._users.items()}

    def may_read(self, user: str, path: str) -> bool:
        return self._users[user].may_read(path)

    def find(self, _path: str) -> None:
        return None

    def aliased(self, _path: str) -> None:
        return None


class FakeController:
    """A controller that notes what it is told."""

    def __init__(self, text: str = CONFIG, kept: Mapping[str, Any] | None = None) -> None:
        self.config = parse(text, Path("/nowhere"), {})
        self.done: list[tuple[Any, ...]] = []
        context = ServerContext(
            directory=cast(Any, Directory(self.config)),
            sessions=SessionTable(OPTIONS, str),
            options=OPTIONS,
            udp_ports=None,
        )
        listeners = [SimpleNamespace(port=8554, certificate=None), SimpleNamespace(port=8322, certificate=object())]
        devices = DeviceNumbers()
        devices.load(kept or {})
        self.gateway: Any = SimpleNamespace(
            streams={},
            server=SimpleNamespace(context=context, listeners=listeners, group_of=lambda _path: None),
            gate=SimpleNamespace(memory=SimpleNamespace(devices=devices)),
            other_ports=[],
        )

    def keyframe(self, stream: str) -> None:
        self.done.append(("keyframe", stream))

    async def update(self, stream: str, keys: object, by: object) -> None:
        self.done.append(("update", stream, keys, str(by)))

    async def restart(self, stream: str, by: object) -> None:
        self.done.append(("restart", stream, str(by)))

    async def snapshot(self, stream: str, output: str = "main") -> bytes:
        return b"\xff\xd8 " + f"{stream}.{output}".encode()


def view_of(controller: FakeController) -> GatewayView:
    return GatewayView(lambda: controller.config, controller.gateway)


@contextlib.asynccontextmanager
async def serving(controller: FakeController) -> AsyncIterator[OnvifServer]:
    """A server on loopback."""
    made = OnvifServer(cast(Any, controller))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
