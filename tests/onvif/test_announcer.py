"""Devices are found on the network that they listen on, by whoever is no camera."""

import asyncio
import socket

import pytest

from tests.onvif.test_discovery import question
from tests.support.onvif_world import CONFIG, FakeController, serving
from transcoder.net.discovery_socket import GROUP, PORT
from transcoder.onvif.announcer import Announcer

pytestmark = pytest.mark.xdist_group("discovery")  # the devices of all tests answer questions to one group


def asking() -> socket.socket:
    """A client on loopback."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
    made.bind(("127.0.0.1", 0))
    made.settimeout(2)
    return made


async def test_each_device_answers_a_question_on_its_network() -> None:
    async with serving(FakeController()) as server:
        with asking() as client:
            client.sendto(question(), (GROUP, PORT))
            answers = [await asyncio.to_thread(client.recv, 65536) for _ in range(2)]
        assert all(b"ProbeMatches" in each for each in answers)
        for port in server.ports:
            assert any(f"http://127.0.0.1:{port}/onvif/device_service".encode() in each for each in answers)


async def test_a_camera_that_asks_is_not_answered() -> None:
    controller = FakeController(CONFIG.replace("192.168.10.21", "127.0.0.1"))
    async with serving(controller):
        with asking() as client:
            client.settimeout(0.5)
            client.sendto(question(), (GROUP, PORT))
            with pytest.raises(TimeoutError):
                await asyncio.to_thread(client.recv, 65536)


@pytest.mark.parametrize(
    ("listen", "bound", "addresses"),
    [
        ("0.0.0.0:0", None, ["10.1.0.5", "10.2.0.5"]),
        ("0.0.0.0:0", "10.2.0.5", ["10.1.0.5"]),  # where cameras are is no place to be found
        ("10.1.0.5:0", None, ["10.1.0.5"]),
        ("localhost:0", None, []),
        ("[::1]:0", None, []),
    ],
)
def test_the_networks_are_those_that_are_listened_on(
    listen: str, bound: str | None, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "transcoder.onvif.announcer.own_addresses", lambda: frozenset({"10.2.0.5", "127.0.0.1", "10.1.0.5", "fe80::1"})
    )
    source = f"{{url: 'rtsp://10.9.0.1/', bind_address: {bound}}}" if bound else "rtsp://10.9.0.1/"
    text = CONFIG.replace("127.0.0.1:0", listen).replace("rtsp://192.168.10.21/a", source)
    controller = FakeController(text)
    announcer = Announcer(lambda: controller.config, lambda _name: pytest.fail("nobody asks"), {})
    assert announcer._addresses() == addresses
