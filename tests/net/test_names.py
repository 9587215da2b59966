"""Names of cameras, with a resolver that says what a test wants: addresses in turns, and a name server that is dead."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from transcoder.errors import ConnectionRefused, NotConnected
from transcoder.ledger import Ledger
from transcoder.net import names, sockets
from transcoder.net.names import MAX_LOOKUPS, in_turns, look_up
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.sockets import Binding, connect_any
from transcoder.net.source_options import SourceOptions
from transcoder.rtsp.urls import parse_url

Answers = dict[str, list[str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """The addresses of each name; an empty list is never answered."""
    found: Answers = {}

    async def ask(host: str, port: int) -> list[tuple[object, ...]]:
        if not found[host]:
            await asyncio.get_running_loop().create_future()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found[host]]

    monkeypatch.setattr(names, "_getaddrinfo", ask)
    return found


@pytest.fixture
async def camera() -> AsyncIterator[int]:
    """A port of 127.0.0.1 alone that takes connections."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_the_families_take_turns() -> None:
    """RFC 8305 section 4: one address of the preferred family, then one of the other."""
    assert in_turns(["fd00::1", "fd00::2", "fd00::3", "10.0.0.1"]) == ["fd00::1", "10.0.0.1", "fd00::2", "fd00::3"]
    assert in_turns(["10.0.0.1", "10.0.0.2", "fd00::1"]) == ["10.0.0.1", "fd00::1", "10.0.0.2"]
    assert in_turns(["10.0.0.1"]) == ["10.0.0.1"]


async def test_an_address_needs_no_look_up() -> None:
    assert await look_up("192.0.2.1", 554) == ["192.0.2.1"]
    assert await look_up("2001:db8::1", 554) == ["2001:db8::1"]


async def test_a_name_server_that_is_dead(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name is waited for longer than the limit, and look-ups that hang let no more of them begin."""
    monkeypatch.setattr(names, "LOOKUP_S", 0.05)
    answers |= {f"camera{number}.example": [] for number in range(10)}
    results = await asyncio.gather(*(look_up(name, 554) for name in answers), return_exceptions=True)
    assert all(isinstance(result, NotConnected) and "no answer in 0.05 s" in str(result) for result in results)
    hanging = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert len(hanging) == MAX_LOOKUPS
    assert await look_up("192.0.2.1", 554) == ["192.0.2.1"]
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    answers["camera0.example"] = ["192.0.2.7"]
    assert await look_up("camera0.example", 554) == ["192.0.2.7"]


async def test_one_address_after_the_other(camera: int) -> None:
    sock, address = await connect_any(["127.0.0.2", "127.0.0.1"], camera, Binding())
    sock.close()
    assert address == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        await connect_any(["127.0.0.2", "127.0.0.3"], camera, Binding())


async def test_an_address_that_says_nothing_holds_up_no_other(camera: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 8305 section 5: the next attempt begins a quarter of a second after the one before."""
    real = sockets.connect
    tried: list[tuple[str, float]] = []

    async def connect(host: str, port: int, binding: Binding) -> socket.socket:
        tried.append((host, asyncio.get_running_loop().time()))
        if host == "2001:db8::1":
            await asyncio.get_running_loop().create_future()
        return await real(host, port, binding)

    monkeypatch.setattr(sockets, "connect", connect)
    sock, address = await connect_any(["2001:db8::1", "127.0.0.1"], camera, Binding())
    sock.close()
    assert address == "127.0.0.1"
    assert [host for host, _ in tried] == ["2001:db8::1", "127.0.0.1"]
    assert 0.2 < tried[1][1] - tried[0][1] < 2


def options(allowed: Callable[[str], bool], port: int = 554) -> SourceOptions:
    return SourceOptions(
        url=parse_url(f"rtsp://camera.example:{port}/live"), credentials=None, transport="tcp", allowed=allowed
    )


async def test_only_addresses_that_are_allowed_are_tried(answers: Answers) -> None:
    answers["camera.example"] = ["203.0.113.1", "10.0.0.1", "fd00::1"]
    made = options(lambda address: not address.startswith("203"))
    assert await made.resolve(made.url) == ("fd00::1", "10.0.0.1")


async def test_a_camera_that_answers_at_its_second_address(answers: Answers, camera: int) -> None:
    """The name has an IPv6 address and the camera answers on IPv4 (HomeAssistant-Tapo-Control#1148)."""
    answers["camera.example"] = ["::1", "127.0.0.1"]
    source = RtspSource(options(lambda _: True, camera), Ledger(), lambda _: None)
    with pytest.raises(Exception, match="the camera closed the connection"):
        await asyncio.wait_for(source.run(), 5)
    answers["camera.example"] = ["::1", "127.0.0.2"]
    with pytest.raises(ConnectionRefused):
        await asyncio.wait_for(RtspSource(options(lambda _: True, camera), Ledger(), lambda _: None).run(), 5)
