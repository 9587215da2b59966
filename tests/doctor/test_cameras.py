"""Cameras that answer, refuse and are unknown; nothing is ever sent to one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from transcoder.config import load_file
from transcoder.doctor import cameras as module
from transcoder.doctor.cameras import Place, Way, cameras, internet, mtu_findings, reached_findings, split
from transcoder.doctor.finding import Subject
from transcoder.net.sockets import Binding


@pytest.fixture
async def camera() -> AsyncIterator[tuple[int, list[bytes]]]:
    said: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], said
    server.close()


def refusing_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def subject(folder: Path, *lines: str, elsewhere: tuple[tuple[str, int], ...] = ()) -> Subject:
    path = folder / "gw.yaml"
    path.write_text("\n".join(("streams:", *(f"  {line}" for line in lines))) if lines else "streams: {}\n")
    return Subject(path=path, file=load_file(path), elsewhere=elsewhere)


async def test_channels_of_one_recorder_are_one_connection_over_which_nothing_is_sent(
    tmp_path: Path, camera: tuple[int, list[bytes]]
) -> None:
    port, said = camera
    lines = [f"{name}: {{source: 'rtsp://u:secret@127.0.0.1:{port}/{name}'}}" for name in ("a", "b", "c")]
    found = await cameras(subject(tmp_path, *lines))
    assert [(finding.level, finding.text) for finding in found] == [
        ("ok", "1 of 1 accept a connection"),
        ("ok", "65535 bytes"),  # the loopback interface
    ]
    for _ in range(100):
        if said:
            break
        await asyncio.sleep(0.01)
    assert said == [b""]


async def test_a_camera_that_is_away_is_named_and_is_no_error(tmp_path: Path, camera: tuple[int, list[bytes]]) -> None:
    here, away = camera[0], refusing_port()
    lines = [f"a: {{source: 'rtsp://127.0.0.1:{here}/'}}", f"b: {{source: 'rtsp://127.0.0.1:{away}/'}}"]
    found = await cameras(subject(tmp_path, *lines, "c: {source: 'rtsp://10.0.0.1/', enabled: false}"))
    assert [(finding.check, finding.level) for finding in found] == [
        ("cameras", "warning"),
        ("camera", "warning"),
        ("mtu", "ok"),
    ]
    assert found[0].text == "1 of 2 accept a connection"
    assert found[1].text == f"b at 127.0.0.1:{away}: no connection to port {away}: Connection refused"


async def test_no_camera_at_all_is_an_error_of_the_network(tmp_path: Path) -> None:
    found = await cameras(subject(tmp_path, f"a: {{source: 'rtsp://127.0.0.1:{refusing_port()}/'}}"))
    assert found[0].level == "error"
    assert (await cameras(subject(tmp_path)))[0].text == "no stream is enabled"
    assert await cameras(Subject()) == []


async def test_a_name_that_leads_elsewhere_is_not_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look_up(host: str, port: int) -> list[str]:
        assert (host, port) == ("camera.example", 554)
        return ["192.0.2.7"]  # RFC 5737

    async def connect_any(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(module, "look_up", look_up)
    monkeypatch.setattr(module, "connect_any", connect_any)
    found = await cameras(subject(tmp_path, "a: {source: 'rtsp://camera.example/'}"))
    assert "none of the networks of sources.allow" in found[1].text


def test_many_cameras_that_are_away_are_counted_and_some_named() -> None:
    places = {Place(f"10.0.0.{number}", 554, Binding()): [f"s{number}"] for number in range(100)}
    found = reached_findings(places, [Way()] + [Way(problem="no answer")] * 99)
    assert found[0].text == "1 of 100 accept a connection"
    assert len(found) == 1 + 20 + 1
    assert found[-1].text == "and 79 more are away"


@pytest.mark.parametrize(
    ("mtus", "level", "text"),
    [
        ([1500, 9000], "ok", "1500 to 9000 bytes"),
        ([1500, 1400], "warning", "1400 to 1500 bytes"),
        ([1500], "ok", "1500 b"),
    ],
)
def test_a_way_that_is_narrower_than_ethernet_is_told(mtus: list[int], level: str, text: str) -> None:
    [finding] = mtu_findings([*(Way(mtu=mtu) for mtu in mtus), Way(problem="away")])
    assert finding.level == level
    assert text in finding.text


async def test_without_a_bound_address_it_can_not_be_told(tmp_path: Path) -> None:
    [finding] = await internet(subject(tmp_path, "a: {source: 'rtsp://10.0.0.1/'}"))
    assert (finding.level, finding.text.startswith("can't be told")) == ("warning", True)


BOUND = "a: {source: {url: 'rtsp://10.0.0.1/', bind_address: 127.0.0.1}}"


async def test_an_address_that_is_reached_from_the_cameras_side_is_an_error(
    tmp_path: Path, camera: tuple[int, list[bytes]]
) -> None:
    [finding] = await internet(subject(tmp_path, BOUND, elsewhere=(("127.0.0.1", camera[0]),)))
    assert finding.level == "error"
    assert finding.text.startswith("from 127.0.0.1 127.0.0.1 is reached")


async def test_an_address_that_is_not_reached_is_all_right(tmp_path: Path) -> None:
    [finding] = await internet(subject(tmp_path, BOUND, elsewhere=(("127.0.0.1", refusing_port()),)))
    assert (finding.level, "can't be reached" in finding.text) == ("ok", True)


@pytest.mark.parametrize(("route", "level"), [(True, "warning"), (False, "ok")])
async def test_without_being_asked_only_the_kernel_is_asked_for_a_route(
    route: bool, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_has_route", lambda *_: route)
    [finding] = await internet(subject(tmp_path, BOUND))
    assert finding.level == level
    assert ("--internet" in finding.advice) == route


async def test_an_address_that_is_not_ours_is_an_error(tmp_path: Path) -> None:
    line = "a: {source: {url: 'rtsp://10.0.0.1/', bind_address: 192.0.2.7}}"
    [finding] = await internet(subject(tmp_path, line))
    assert (finding.level, finding.text) == ("error", "192.0.2.7 can't be used: Cannot assign requested address")


def test_addresses_are_split() -> None:
    assert split("192.0.2.1:443") == ("192.0.2.1", 443)
    assert split("[2001:db8::1]:53") == ("2001:db8::1", 53)
