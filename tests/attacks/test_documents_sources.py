"""Sources that make the gateway talk to itself: in the file, from remote, by an odd spelling, by a redirect."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.source_world import World
from transcoder.config import load_file
from transcoder.config.overlay import EffectiveConfig
from transcoder.control.controller import Controller
from transcoder.errors import ConfigError, NotConnected, RemoteProtocolError
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import is_this_machine
from transcoder.net.source_options import SourceOptions
from transcoder.rejection import Code, Rejected
from transcoder.rtsp.urls import parse_url
from transcoder.service import source as service_source
from transcoder.service.gateway import Gateway
from transcoder.service.settings import networked_settings, source_options
from transcoder.service.source import Source

SERVERS = "rtsp: {listen: '127.0.0.1:8554'}\nhttp: {listen: '127.0.0.1:8080'}\n"
OWN = (
    "rtsp://127.0.0.1:8554/front",
    "rtsp://127.0.0.1:8080/api/v1/streams",
    "rtsp://localhost:8554/",
    "rtsp://LOCALHOST:8080/",
    "rtsp://127.1.2.3:8554/",
    "rtsp://[::1]:8554/",
    "rtsp://[::ffff:127.0.0.1]:8080/",
)
OTHERS = ("rtsp://127.0.0.1:8555/", "rtsp://10.0.0.2:8554/", "rtsp://127.0.0.1/")


def config(folder: Path, url: str = "rtsp://10.0.0.2/") -> Any:
    path = folder / "gateway.yaml"
    path.write_text(f"{SERVERS}streams: {{a: {{source: '{url}'}}}}\n")
    return load_file(path)


@pytest.mark.parametrize("url", OWN)
def test_no_stream_of_the_file_is_a_listener(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="listener of this gateway") as caught:
        config(tmp_path, url)
    assert caught.value.problems[0].startswith("streams.a.source")


@pytest.mark.parametrize("url", OWN)
def test_no_stream_from_remote_is_a_listener(tmp_path: Path, url: str) -> None:
    effective = EffectiveConfig.build(config(tmp_path), {})
    for edit in (
        lambda: effective.add("new", {"source": url}),
        lambda: effective.update("a", {"source": {"url": url}}),
        lambda: effective.replace("a", {"source": url}),
        lambda: effective.source_of(url),
    ):
        with pytest.raises(Rejected, match="listener of this gateway") as caught:
            edit()
        assert caught.value.code is Code.INVALID


@pytest.mark.parametrize("url", OTHERS)
def test_cameras_on_other_ports_and_hosts_are_taken(tmp_path: Path, url: str) -> None:
    assert config(tmp_path, url).config.streams["a"].source.url == url
    EffectiveConfig.build(config(tmp_path), {}).source_of(url)


def test_the_addresses_of_this_machine_are_known() -> None:
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::"):  # not bound
        assert is_this_machine(address), address
    for address in ("192.0.2.7", "2001:db8::7", "camera.example", ""):
        assert not is_this_machine(address), address
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.7", 9))
        assert is_this_machine(sock.getsockname()[0])


class Bait:
    """A listener that counts who comes."""

    def __init__(self) -> None:
        self.visits = 0
        self.port = 0

    async def visit(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def bait() -> AsyncIterator[Bait]:
    made = Bait()
    server = await asyncio.start_server(made.visit, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


async def pull(url: str, **options: Any) -> str:
    keys = {"transport": "tcp", **options}
    made = SourceOptions(url=parse_url(url), credentials=None, allowed=lambda _: True, **keys)
    try:
        async with asyncio.timeout(10):
            await RtspSource(made, Ledger(), lambda _: None).run()
    except Exception as error:  # noqa: BLE001  # whatever ends it
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("transport_name", ["127.0.0.1", "localhost"])
async def test_a_listener_is_not_connected_to_by_any_name(tmp_path: Path, bait: Bait, transport_name: str) -> None:
    gateway = Gateway(config(tmp_path).config)
    gateway.other_ports = [(bait.port,)]
    reason = await pull(f"rtsp://{transport_name}:{bait.port}/x", is_own=gateway.is_own)
    assert NotConnected.__name__ in reason
    assert "listener of this gateway" in reason
    assert bait.visits == 0


async def test_without_the_check_it_is_connected_to(bait: Bait) -> None:
    await pull(f"rtsp://127.0.0.1:{bait.port}/x")
    assert bait.visits == 1


@contextlib.asynccontextmanager
async def redirecting_camera(port: int) -> AsyncIterator[str]:
    """A camera that sends everybody to another port of its host; its URL."""

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        number = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
        location = f"rtsp://127.0.0.1:{port}/x".encode()
        writer.write(b"RTSP/1.0 302 Moved\r\n" + number + b"\r\nLocation: " + location + b"\r\n\r\n")

    camera = await asyncio.start_server(redirect, "127.0.0.1", 0)
    yield f"rtsp://127.0.0.1:{camera.sockets[0].getsockname()[1]}/live"
    camera.close()


async def test_a_redirect_to_a_listener_is_not_followed(tmp_path: Path, bait: Bait) -> None:
    gateway = Gateway(config(tmp_path).config)
    gateway.other_ports = [(bait.port,)]
    named = {"redirect_ports": (bait.port,)}
    async with redirecting_camera(bait.port) as url:
        assert "listener of this gateway" in await pull(url, is_own=gateway.is_own, **named)
        assert bait.visits == 0
        await pull(url, **named)  # without the check
        assert bait.visits >= 1


@pytest.mark.parametrize("transport", ["tcp", "http"])
async def test_a_redirect_to_another_port_is_not_followed(bait: Bait, transport: str) -> None:
    async with redirecting_camera(bait.port) as url:
        if transport == "tcp":
            assert "redirects to port" in await pull(url)
        else:  # the camera answers no tunnel, so it has no redirect to give either
            await pull(url, transport=transport)
        assert bait.visits == 0


async def test_a_redirect_to_a_port_that_the_source_names_is_followed(bait: Bait) -> None:
    """The control: the same redirect, and the owner's leave."""
    async with redirecting_camera(bait.port) as url:
        await pull(url, redirect_ports=(bait.port,))
    assert bait.visits >= 1


def test_redirects_lead_to_the_own_port_to_554_and_to_named_ports(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(f"{SERVERS}streams: {{a: {{source: {{url: 'rtsp://10.0.0.2:8000/', redirect_ports: [9000]}}}}}}\n")
    options = source_options(load_file(path).config.streams["a"], lambda _: True)
    for port in (8000, 554, 9000):
        url = parse_url(f"rtsp://10.0.0.2:{port}/x")
        assert options.redirected(url) is url
    for port in (22, 80, 8080, 8554, 9001):
        with pytest.raises(RemoteProtocolError, match=f"redirects to port {port}"):
            options.redirected(parse_url(f"rtsp://10.0.0.2:{port}/x"))


# -- probes ------------------------------------------------------------------------------------------------------------

ALLOW = "sources: {allow: ['127.0.0.0/8', '10.0.0.0/8']}\n"


@contextlib.asynccontextmanager
async def loopback_ports() -> AsyncIterator[dict[str, int]]:
    """A closed port, one that speaks HTTP, one that speaks RTSP, and one that takes everything and says nothing."""

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def rtsp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                number = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"cseq"))
                writer.write(b"RTSP/1.0 404 Not Found\r\n" + number + b"\r\n\r\n")
        writer.close()

    servers = {
        name: await asyncio.start_server(each, "127.0.0.1", 0) for name, each in (("http", http), ("rtsp", rtsp))
    }
    ports = {name: int(server.sockets[0].getsockname()[1]) for name, server in servers.items()}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield {**ports, "closed": int(closed.getsockname()[1])}
    for server in servers.values():
        server.close()


async def answers(folder: Path, head: str, urls: Iterable[str]) -> list[str]:
    """What somebody elsewhere learns about each URL."""
    path = folder / "gateway.yaml"
    path.write_text(f"{head}{SERVERS}streams: {{a: {{source: 'rtsp://10.0.0.2/'}}}}\n")
    controller = Controller(EffectiveConfig.build(load_file(path), {}), None, b"")
    return [str((await controller.probe(url)).reason) for url in urls]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3", "[::ffff:127.0.0.1]"])
async def test_a_probe_tells_nothing_of_the_ports_of_this_machine(tmp_path: Path, host: str) -> None:
    async with loopback_ports() as ports:
        told = await answers(tmp_path, "", [f"rtsp://{host}:{port}/" for port in ports.values()])
    assert len(set(told)) == 1
    assert "sources.allow" in told[0]


async def test_the_file_allows_probes_of_this_machine(tmp_path: Path) -> None:
    """The control: the ports differ for whoever may look at them."""
    async with loopback_ports() as ports:
        told = await answers(tmp_path, ALLOW, [f"rtsp://127.0.0.1:{port}/" for port in ports.values()])
    assert len(set(told)) == 3


async def test_a_camera_of_this_machine_that_is_configured_is_probed(tmp_path: Path) -> None:
    async with loopback_ports() as ports:
        path = tmp_path / "gateway.yaml"
        path.write_text(f"{SERVERS}streams: {{a: {{source: 'rtsp://127.0.0.1:{ports['rtsp']}/'}}}}\n")
        controller = Controller(EffectiveConfig.build(load_file(path), {}), None, b"")
        assert "404" in str((await controller.probe(f"rtsp://127.0.0.1:{ports['rtsp']}/b")).reason)
        assert "sources.allow" in str((await controller.probe(f"rtsp://127.0.0.1:{ports['http']}/b")).reason)


# -- streams -----------------------------------------------------------------------------------------------------------


async def problems(folder: Path, head: str, urls: Iterable[str], own: str = "rtsp://10.0.0.2/") -> list[str]:
    """The problem of a stream that somebody elsewhere adds, for each URL, and the half seconds until it stood there."""
    path = folder / "gateway.yaml"
    path.write_text(f"{head}{SERVERS}streams: {{a: {{source: '{own}'}}}}\n")
    pulled = []
    for number, url in enumerate(urls):
        verb = EffectiveConfig.add if number % 2 else EffectiveConfig.update
        stream = "new" if number % 2 else "a"
        effective = verb(EffectiveConfig.build(load_file(path), {}), stream, {"source": url})
        controller = Controller(effective, None, b"")
        gateway = controller.gateway
        options = networked_settings(controller.config.streams[stream], gateway.networks, gateway.is_own).source
        timeouts = replace(options.timeouts, reply_s=0.2)
        world = World()
        source = Source(
            replace(options, transport="tcp", timeouts=timeouts),
            Ledger(),
            world.status,
            structlog.get_logger(),
            world,
            gateway.gate,
        )
        pulled.append((source, world))

    async def problem(source: Source, world: World) -> str:
        began, task = time.monotonic(), asyncio.create_task(source.run())
        async with asyncio.timeout(10):
            while not world.lost:
                await asyncio.sleep(0.01)
        after = round((time.monotonic() - began) / 0.5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return f"{world.status.problem_code}: {world.lost[0][0]} after {after if not head else 0}"

    return list(await asyncio.gather(*(problem(*each) for each in pulled)))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_source, "CONCEALED_S", 1.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3", "[::ffff:127.0.0.1]"])
@pytest.mark.usefixtures("soon")
async def test_a_stream_from_remote_tells_nothing_of_the_ports_of_this_machine(tmp_path: Path, host: str) -> None:
    async with loopback_ports() as ports:
        told = await problems(tmp_path, "", [f"rtsp://{host}:{port}/" for port in ports.values()])
    assert len(told) == 3
    assert len(set(told)) == 1
    assert "sources.allow" in told[0]


async def test_the_file_allows_streams_of_this_machine(tmp_path: Path) -> None:
    """The control: the ports differ for whoever may look at them."""
    async with loopback_ports() as ports:
        told = await problems(tmp_path, ALLOW, [f"rtsp://127.0.0.1:{port}/" for port in ports.values()])
    assert len(set(told)) == 3


async def test_a_port_that_the_file_names_is_no_secret_and_one_that_a_stream_from_remote_names_is(
    tmp_path: Path,
) -> None:
    async with loopback_ports() as ports:
        url, other = f"rtsp://127.0.0.1:{ports['rtsp']}/", f"rtsp://127.0.0.1:{ports['http']}/"
        (told,) = await problems(tmp_path, "", [f"{url}other"], own=url)
        assert "404" in told
        path = tmp_path / "gateway.yaml"
        path.write_text(f"{SERVERS}streams: {{}}\n")
        effective = EffectiveConfig.build(load_file(path), {}).add("new", {"source": other})
        controller = Controller(effective, None, b"")
        for document in (await controller.probe(f"{other}b"), await controller.probe(stream="new")):
            assert "sources.allow" in str(document.reason)
