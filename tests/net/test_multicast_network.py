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
from tests.support.gstreamer_reader import gstreamer_pipeline
from tests.support.served import Catalogue, Stream
from transcoder.codecs.nal import Codec, nal_unit_type, split_byte_stream
from transcoder.formats.served_audio import ServedAudio
from transcoder.net.reader_groups import Multicast
from transcoder.net.reader_listeners import Listener
from transcoder.net.rtsp_server import RtspServer
from transcoder.rtsp.multicast_groups import MulticastGroups
from transcoder.sdp import ServedVideo, serialize_served

pytestmark = [pytest.mark.process, pytest.mark.e2e]

IGMP, ICMPV6, HOP_BY_HOP = 2, 58, 0
IGMPV2_REPORT, IGMPV3_REPORT, MLDV2_REPORT = 0x16, 0x22, 143
PORT, TTL = 28_730, 3


@dataclass(frozen=True)
class Network:
    """A namespace, our end of the cable to it, and the addresses of both ends, by the version of IP."""

    namespace: str
    end: str
    ours: dict[int, str]
    theirs: dict[int, str]

    def run(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *command]


@pytest.fixture
def network() -> Iterator[Network]:
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("a network of its own needs root and the program ip")
    number = os.getpid() % 250  # several test runs on one machine have networks of their own
    ours = {4: f"198.18.{number}.1", 6: f"fd53:{number:x}::1"}
    theirs = {4: f"198.18.{number}.2", 6: f"fd53:{number:x}::2"}
    made = Network(f"mc{os.getpid()}", f"mc{os.getpid()}v", ours, theirs)
    commands = [
        ["ip", "netns", "add", made.namespace],
        ["ip", "link", "add", made.end, "type", "veth", "peer", "name", "eth0", "netns", made.namespace],
        ["ip", "address", "add", f"{ours[4]}/30", "dev", made.end],
        ["ip", "address", "add", f"{ours[6]}/64", "dev", made.end, "nodad"],
        ["ip", "link", "set", made.end, "up"],
        made.run("ip", "address", "add", f"{theirs[4]}/30", "dev", "eth0"),
        made.run("ip", "address", "add", f"{theirs[6]}/64", "dev", "eth0", "nodad"),
        made.run("ip", "link", "set", "eth0", "up"),
        made.run("ip", "link", "set", "lo", "up"),
        made.run("ip", "route", "add", "default", "via", ours[4]),
    ]
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
            if done.returncode:
                pytest.skip(f"no network of its own here: {done.stderr.strip()}")
        yield made
    finally:
        for command in (["ip", "link", "del", made.end], ["ip", "netns", "del", made.namespace]):
            subprocess.run(command, capture_output=True, timeout=10, check=False)


class Wire:
    """What is seen on our end of the cable."""

    def __init__(self, network: Network, group: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self._socket.bind((network.end, 0))
        self._socket.setblocking(False)
        self._group = ipaddress.ip_address(group).packed

    def close(self) -> None:
        self._socket.close()

    def packets(self) -> tuple[list[int], int]:
        """The types of the reader's membership reports for the group, and how many packets went to the group."""
        reports, sent = [], 0
        with contextlib.suppress(BlockingIOError):
            while True:
                data, where = self._socket.recvfrom(2048)
                if where[1] == 0x0800:
                    ttl, protocol, target, payload = data[8], data[9], data[16:20], data[4 * (data[0] & 15) :]
                elif where[1] == 0x86DD:
                    ttl, protocol, target, payload = data[7], data[6], data[24:40], data[40:]
                    if protocol == HOP_BY_HOP:  # a router alert goes before a report (RFC 3810 section 5)
                        protocol, payload = payload[0], payload[8:]
                else:
                    continue
                is_ours = where[2] == socket.PACKET_OUTGOING  # the server joins, too, to hear reports
                if protocol in {IGMP, ICMPV6} and self._group in payload and not is_ours:
                    reports.append(payload[0])
                if protocol == socket.IPPROTO_UDP and target == self._group and is_ours:
                    assert ttl == TTL
                    sent += 1
        return reports, sent


FFMPEG = (
    "ffmpeg -nostdin -v error -analyzeduration 1 -rtsp_transport udp_multicast -i URL "
    "-map 0:v -map 0:a -c copy -t 0.5 -f null -"
)
GSTREAMER = "rtspsrc location=URL protocols=udp-mcast latency=0 ! rtph264depay ! fakesink num-buffers=4"


AUDIO = ServedAudio(clock_rate=16_000, config=b"\x14\x08")


class Pictures(Stream):
    """A stream that any program can read: an IDR, again and again, and silence."""

    def __init__(self) -> None:
        super().__init__()
        [coded] = encode("H264", (320, 192), 1)
        self._units = [unit for unit in split_byte_stream(coded) if nal_unit_type(Codec.H264, unit) in {5, 7, 8}]

        self.fanout.set_audio(AUDIO)

    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        video = ServedVideo(
            codec=Codec.H264, payload_type=96, parameter_sets=tuple(self._units[:2]), bitrate_kbps=500, frame_rate=None
        )
        return serialize_served(video, session_id=1, address=address, audio=AUDIO)

    def send(self, size: int = 0, *, idr: bool | None = None) -> None:
        pts = round(time.monotonic() * 90_000)
        self.fanout.send(Codec.H264, self._units, pts, random_access=True)
        self.fanout.send_audio(pts, AUDIO.codec.silent_frame)


GROUPS = {4: ("239.192.0.0/16", "239.192.246.175"), 6: ("ff15::/112", "ff15::f6af")}
"""Networks, and the group of `front`: printf front | sha256sum has f6af for its digits 29 to 32."""


@pytest.mark.parametrize(("version", "is_named"), [(4, False), (4, True), (6, False)])
async def test_readers_join_the_group_and_packets_stop_when_they_leave(
    network: Network, version: int, is_named: bool
) -> None:
    names, group = GROUPS[version]
    host = network.ours[version]
    catalogue, groups = Catalogue(), MulticastGroups([ipaddress.ip_network(names)], PORT, TTL)
    stream = catalogue.streams["front"] = Pictures()
    multicast = Multicast(groups=groups, interface=network.end if is_named else None)
    server = RtspServer(catalogue, [Listener(host=host, port=0)], (0, 0), multicast=multicast)
    await server.start()
    wire = Wire(network, group)
    url = server.url(host, "front")
    commands = [FFMPEG.replace("URL", url).split()] if shutil.which("ffmpeg") else []
    if gstreamer := await asyncio.to_thread(gstreamer_pipeline):
        commands.append([*gstreamer, *GSTREAMER.replace("URL", url).split()])
    sending = asyncio.create_task(stream.send_for(60))
    try:
        for command in commands:
            run = functools.partial(subprocess.run, capture_output=True, text=True, timeout=20, check=False)
            done = await asyncio.to_thread(run, network.run(*command))
            assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
            reports, sent = wire.packets()
            assert reports, f"{command[0]} joined no group that a switch would have seen"
            assert {*reports} <= {IGMPV2_REPORT, IGMPV3_REPORT, MLDV2_REPORT}
            assert sent >= 4, command[0]
            await asyncio.sleep(0.1)
            wire.packets()
            await asyncio.sleep(0.3)
            assert wire.packets()[1] == 0, f"packets go on after {command[0]} left"
    finally:
        sending.cancel()
        wire.close()
        await server.stop()
