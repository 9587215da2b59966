"""A reader in a network of its own joins the group of a stream, and packets stop when it leaves."""

import asyncio
import contextlib
import functools
import ipaddress
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.coded_video import encode
from tests.support.served import Catalogue, Stream
from transcoder.codecs.nal import Codec, nal_unit_type, split_byte_stream
from transcoder.net.reader_groups import Multicast
from transcoder.net.reader_listeners import Listener
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.multicast_groups import MulticastGroups

pytestmark = pytest.mark.process

OURS, THEIRS = "198.18.113.1", "198.18.113.2"
IGMP, IGMPV2_REPORT, IGMPV3_REPORT = 2, 0x16, 0x22
PORT = 28_730


@dataclass(frozen=True)
class Network:
    """A namespace, and our end of the cable to it."""

    namespace: str
    end: str

    def run(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command]


@pytest.fixture
def network() -> Iterator[Network]:
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("a network of its own needs root and the program ip")
    made = Network(f"mc{os.getpid()}", f"mc{os.getpid()}v")
    commands = [
        ["ip", "netns", "add", made.namespace],
        ["ip", "link", "add", made.end, "type", "veth", "peer", "name", "eth0", "netns", made.namespace],
        ["ip", "address", "add", f"{OURS}/30", "dev", made.end],
        ["ip", "link", "set", made.end, "up"],
        made.run("ip", "address", "add", f"{THEIRS}/30", "dev", "eth0"),
        made.run("ip", "link", "set", "eth0", "up"),
        made.run("ip", "link", "set", "lo", "up"),
        made.run("ip", "route", "add", "default", "via", OURS),
    ]
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
            if done.returncode:
                pytest.skip(f"no network of its own here: {done.stderr.strip()}")
        yield made
    finally:
        subprocess.run(["ip", "netns", "del", made.namespace], capture_output=True, timeout=10, check=False)


class Wire:
    """What is seen on our end of the cable."""

    def __init__(self, end: str, group: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self._socket.bind((end, 0))
        self._socket.setblocking(False)
        self._group = socket.inet_aton(group)

    def close(self) -> None:
        self._socket.close()

    def packets(self) -> tuple[list[bytes], int]:
        """The membership reports of the reader for the group, and how many packets went to the group."""
        reports, sent = [], 0
        with contextlib.suppress(BlockingIOError):
            while True:
                data, where = self._socket.recvfrom(2048)
                if where[1] != 0x0800:
                    continue
                payload = data[4 * (data[0] & 15) :]
                if data[9] == IGMP and data[12:16] == socket.inet_aton(THEIRS) and self._group in payload:
                    reports.append(payload)
                sent += data[9] == socket.IPPROTO_UDP and data[16:20] == self._group
        return reports, sent


FFMPEG = (
    "ffmpeg -nostdin -v error -analyzeduration 1 -rtsp_transport udp_multicast -i URL -c copy -frames:v 4 -f null -"
)
GSTREAMER = (
    "gst-launch-1.0 -q rtspsrc location=URL protocols=udp-mcast latency=0 ! rtph264depay ! fakesink num-buffers=4"
)


class Pictures(Stream):
    """A stream with pictures that any program can read: an IDR, again and again."""

    def __init__(self) -> None:
        super().__init__()
        [coded] = encode("H264", (320, 192), 1)
        self._units = [unit for unit in split_byte_stream(coded) if nal_unit_type(Codec.H264, unit) in {5, 7, 8}]

    def send(self, size: int = 0, *, idr: bool | None = None) -> None:
        self.fanout.send(Codec.H264, self._units, round(time.monotonic() * 90_000), random_access=True)


async def test_readers_join_the_group_and_packets_stop_when_they_leave(network: Network) -> None:
    catalogue, groups = Catalogue(), MulticastGroups([ipaddress.ip_network("239.192.0.0/16")], PORT, 1)
    stream = catalogue.streams["front"] = Pictures()
    server = RtspServer(catalogue, [Listener(host=OURS, port=0)], (0, 0), multicast=Multicast(groups=groups))
    await server.start()
    wire = Wire(network.end, "239.192.246.175")  # printf front | sha256sum: digits 29 to 32 are f6af
    url = server.url(OURS, "front")
    commands = [line.replace("URL", url).split() for line in (FFMPEG, GSTREAMER) if shutil.which(line.split()[0])]
    sending = asyncio.create_task(stream.send_for(60))
    try:
        for command in commands:
            run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=20, check=False)
            done = await asyncio.to_thread(run, network.run(*command))
            assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
            reports, sent = wire.packets()
            assert reports, f"{command[0]} joined no group that a switch would have seen"
            assert {report[0] for report in reports} <= {IGMPV2_REPORT, IGMPV3_REPORT}
            assert sent >= 4, command[0]
            await asyncio.sleep(0.1)
            wire.packets()
            await asyncio.sleep(0.3)
            assert wire.packets()[1] == 0, f"packets go on after {command[0]} left"
    finally:
        sending.cancel()
        wire.close()
        await server.stop()
