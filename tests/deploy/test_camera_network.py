"""The rules for the network of the cameras, in four namespaces: a camera, the gateway's machine, the VMS, the internet.

The gateway's machine forwards packets, as one does that somebody set up carelessly. Without the rules a camera reaches
everybody, which shows that the attempts are real.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.process, pytest.mark.xdist_group("camera network")]

PEER = Path(__file__).with_name("peer.py")
CAMERA, GATEWAY, VMS, INTERNET = "192.168.10.21", "192.168.10.1", "10.20.0.5", "203.0.113.9"
SPOOFED = "172.31.9.9"
HOME = [f"tcp:{INTERNET}:443", f"udp:{INTERNET}:53", f"tcp:{VMS}:8000"]
"""Whom a camera that calls home asks: its maker's cloud, a DNS tunnel, another machine."""
PORTS = [f"tcp:{GATEWAY}:8080", f"tcp:{GATEWAY}:8554", f"udp:{GATEWAY}:53", "tcp:10.20.0.1:8080"]
"""Ports of the gateway's machine: the API, the served streams, DNS, and the API at its address towards the VMS."""
CLOCK = f"udp:{GATEWAY}:123"
FALSE = f"{CLOCK}:{SPOOFED}"
PULLED = [f"tcp:{CAMERA}:554", f"udp:{CAMERA}:6970"]


class Network:
    """Four machines and their answers."""

    def __init__(self, nft: str, ip: str) -> None:
        self._nft, self._ip = nft, ip
        self._servers: list[subprocess.Popen[str]] = []

    def name(self, machine: str) -> str:
        return f"tc-{machine}-{os.getpid()}"

    def call(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout

    def inside(self, machine: str, *command: str) -> str:
        return self.call(self._ip, "netns", "exec", self.name(machine), *command)

    def build(self) -> None:
        for machine in ("camera", "gateway", "vms", "internet"):
            self.call(self._ip, "netns", "add", self.name(machine))
            self.inside(machine, self._ip, "link", "set", "lo", "up")
        links = {"camera": ("cameras0", CAMERA, GATEWAY), "vms": ("vms0", VMS, "10.20.0.1")}
        links["internet"] = ("internet0", INTERNET, "203.0.113.1")
        for machine, (interface, address, hop) in links.items():
            ends = ["type", "veth", "peer", "name", "eth0", "netns", self.name(machine)]
            self.inside("gateway", self._ip, "link", "add", interface, *ends)
            for place, device, own in (("gateway", interface, hop), (machine, "eth0", address)):
                self.inside(place, self._ip, "address", "add", f"{own}/24", "dev", device)
                self.inside(place, self._ip, "link", "set", device, "up")
            self.inside(machine, self._ip, "route", "add", "default", "via", hop)
        self.inside("camera", self._ip, "address", "add", f"{SPOOFED}/32", "dev", "eth0")
        self.inside("gateway", self._ip, "route", "add", SPOOFED, "dev", "cameras0")
        self.inside("gateway", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        self.serve("camera", "tcp:554", "udp:6970")
        self.serve("gateway", "tcp:8080", "tcp:8554", "udp:53", "udp:123")
        self.serve("vms", "tcp:8000")
        self.serve("internet", "tcp:443", "udp:53")

    def serve(self, machine: str, *places: str) -> None:
        command = [self._ip, "netns", "exec", self.name(machine), sys.executable, str(PEER), "serve", *places]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._servers.append(server)
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"

    def answers(self, machine: str, *places: str) -> set[str]:
        found: dict[str, bool] = json.loads(self.inside(machine, sys.executable, str(PEER), "try", *places))
        return {place for place, answered in found.items() if answered}

    def load(self, rules: Path) -> None:
        self.inside("gateway", self._nft, "-f", str(rules))

    def close(self) -> None:
        for server in self._servers:
            server.kill()
            server.communicate()
        for machine in ("camera", "gateway", "vms", "internet"):
            subprocess.run([self._ip, "netns", "del", self.name(machine)], capture_output=True, check=False)


@pytest.fixture(scope="module")
def network(program: Callable[[str], str]) -> Iterator[Network]:
    made = Network(program("nft"), program("ip"))
    try:
        made.build()
    except OSError as error:
        made.close()
        pytest.skip(f"no network namespaces here: {error}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def leaks(network: Network) -> set[str]:
    """Whom a camera reaches without the rules; asked before they are loaded."""
    return network.answers("camera", *HOME, *PORTS, CLOCK, FALSE) | network.answers("vms", *PULLED)


@pytest.fixture(scope="module")
def guarded(network: Network, leaks: set[str], deploy: Path) -> Network:
    """The network with the rules, which are loaded twice as after a change."""
    for _ in range(2):
        network.load(deploy / "nftables/camera-egress.nft")
    return network


def counters(network: Network, deploy: Path) -> dict[str, int]:
    text = network.inside("gateway", str(deploy / "nftables/export-counters.sh"))
    return {name: int(count) for name, count in re.findall(r'_total\{reason="(\w+)"\} (\d+)', text)}


def test_without_the_rules_a_camera_reaches_everybody(leaks: set[str]) -> None:
    assert leaks == {*HOME, *PORTS, CLOCK, FALSE, *PULLED}


def test_a_camera_calls_nobody_and_that_is_counted(guarded: Network, deploy: Path) -> None:
    before = counters(guarded, deploy)
    assert guarded.answers("camera", *HOME) == set()
    after = counters(guarded, deploy)
    assert after["calls_home"] >= before["calls_home"] + len(HOME)
    assert after["to_gateway"] == before["to_gateway"]
    assert CAMERA in guarded.inside(
        "gateway", shutil.which("nft") or "nft", "list", "set", "inet", *["transcoder_cameras", "callers"]
    )


def test_a_camera_reaches_no_port_of_the_gateway(guarded: Network, deploy: Path) -> None:
    before = counters(guarded, deploy)
    assert guarded.answers("camera", *PORTS) == set()
    assert counters(guarded, deploy)["to_gateway"] >= before["to_gateway"] + len(PORTS)


def test_a_camera_gets_the_time(guarded: Network) -> None:
    assert guarded.answers("camera", CLOCK) == {CLOCK}


def test_a_camera_has_no_other_address(guarded: Network, deploy: Path) -> None:
    before = counters(guarded, deploy)["spoofed"]
    assert guarded.answers("camera", FALSE) == set()
    assert counters(guarded, deploy)["spoofed"] > before


def test_the_gateway_pulls_over_tcp_and_udp(guarded: Network) -> None:
    assert guarded.answers("gateway", *PULLED) == set(PULLED)


@pytest.mark.long
def test_the_product_pulls_over_tcp_and_udp(guarded: Network, tmp_path: Path) -> None:
    """A simulated camera, for which nothing else is open than for others, and `transcoder probe`."""
    size = ["--width", "192", "--height", "96", "--fps", "10", "--seconds", "2", "--cache", str(tmp_path)]
    place = ["--cameras", "1", "--family", "hikvision", "--host", CAMERA, "--port-base", "9554"]
    python = [sys.executable, "-m"]
    inside = [shutil.which("ip") or "ip", "netns", "exec", guarded.name("camera")]
    camera = subprocess.Popen(
        [*inside, *python, "transcoder.lab.cameras", *place, *size],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert camera.stdout is not None
        while '"ready"' not in (line := camera.stdout.readline()):
            assert line, "the camera ended"
        for transport in ("tcp", "udp"):
            options = ["--seconds", "3", "--transport", transport]
            url = f"rtsp://{CAMERA}:9554/Streaming/Channels/101"
            said = guarded.inside("gateway", *python, "transcoder", "probe", *options, url)
            assert re.search(r"packets: [1-9]\d+ received, 0 lost", said), said
    finally:
        camera.kill()
        camera.communicate()


def test_nobody_else_reaches_a_camera(guarded: Network, deploy: Path) -> None:
    assert guarded.answers("vms", *PULLED) == set()
    assert counters(guarded, deploy)["to_cameras"] >= len(PULLED)


def test_the_vms_reaches_the_gateway(guarded: Network) -> None:
    assert guarded.answers("vms", "tcp:10.20.0.1:8554") == {"tcp:10.20.0.1:8554"}


def test_rules_that_are_wrong_are_refused_and_the_old_ones_stay(guarded: Network, deploy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.nft"
    text = (deploy / "nftables/camera-egress.nft").read_text(encoding="utf-8")
    broken.write_text(text.replace("counter name calls_home drop", "counter name calls_home dorp"))
    with pytest.raises(OSError, match="syntax error"):
        guarded.load(broken)
    assert guarded.answers("camera", *HOME) == set()
