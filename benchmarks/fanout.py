"""Measure serving alone: access units that exist already go to many readers, against GStreamer's RTSP server.

There is no camera and no encoder: one process serves streams of a given bitrate. Readers count pictures and decode
none; those of the side `gateway-tls` read over TLS. The delay is the time from an access unit's hand-over to the
fan-out until its last packet arrives; GStreamer does not tell when it was handed an access unit, so only its processor
time and pictures are compared.
"""

import argparse
import asyncio
import contextlib
import functools
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any, TypeAlias

import uvloop
from typing_extensions import override

from benchmarks import peers, report
from benchmarks.ingest import FPS, GOP
from transcoder.codecs.nal import Codec
from transcoder.lab.bench import processes
from transcoder.lab.bench.capacity import DELIVERED
from transcoder.lab.child import Child
from transcoder.lab.json_lines import answer_until_end, emit
from transcoder.net.rtsp_server import Catalogue, Listener, RtspServer, ServedStream
from transcoder.net.server_certificate import ServerCertificate
from transcoder.output.fanout import Fanout
from transcoder.rtp.sender import FRAMING_SIZE, VIDEO_PAYLOAD_TYPE, RtpSender, prepare
from transcoder.sdp import ServedVideo, serialize_served

SETTLE_S = 2.0
CONNECT_S = 60.0
BURST = 24
"""Packets sent together over UDP: a buffer of Linux's default size (rmem_max) holds about 90, an IDR has 145."""

_Measure: TypeAlias = Callable[[int, int, argparse.Namespace], Awaitable[dict[str, Any]]]
_SETS = (b"\x67\x42\xc0\x28\xda\x01\xe0\x08\x9f\x95", b"\x68\xce\x3c\x80")
"""The parameter sets of a 1080p stream with profile_idc of Baseline."""


def access_unit(index: int, kbps: int) -> tuple[list[bytes], bool]:
    """Return the NAL units of a stream's n-th picture, with slices of the right size that nobody decodes."""
    mean = kbps * 125 // FPS
    if index % GOP == 0:
        return [*_SETS, b"\x65\x88" + b"\xa5" * (mean * 10)], True
    return [b"\x41\x9a" + b"\xa5" * (mean * (GOP - 10) // (GOP - 1))], False


class _Stream:
    """Holds the part of a stream that the server needs."""

    is_enabled = True

    def __init__(self) -> None:
        self.fanout = Fanout("bench", lambda: None)
        self.fanout.set_cap(20_000)

    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        del audio
        video = ServedVideo(
            codec=Codec.H264, payload_type=VIDEO_PAYLOAD_TYPE, parameter_sets=_SETS, bitrate_kbps=4000, frame_rate=FPS
        )
        return serialize_served(video, session_id=1, address=address)


class OpenCatalogue(Catalogue):
    """Holds streams that everybody may read."""

    def __init__(self, count: int) -> None:
        self.streams = {f"s{index}": _Stream() for index in range(count)}

    @override
    def passwords(self) -> dict[str, str]:
        return {}

    @override
    def may_read(self, user: str, stream: str) -> bool:
        del user, stream
        return True

    @override
    def find(self, stream: str) -> ServedStream | None:
        return self.streams.get(stream)

    @override
    def aliased(self, path: str) -> str | None:
        del path
        return None


async def _serve(count: int, kbps: int, *, is_secure: bool) -> None:
    """Serve in the child process, and feed each stream at FPS, evenly spread."""
    catalogue = OpenCatalogue(count)
    listeners = [Listener(host="127.0.0.1", port=0)]
    if is_secure:
        certificate = ServerCertificate(None, None, None)
        certificate.load()
        listeners.append(Listener(host="127.0.0.1", port=0, certificate=certificate))
    server = RtspServer(catalogue, listeners, (0, 0))
    await server.start()

    async def feed(index: int, stream: _Stream) -> None:
        start = time.monotonic() + index / count / FPS
        for number in range(1 << 30):
            await asyncio.sleep(max(start + number / FPS - time.monotonic(), 0))
            units, random_access = access_unit(number, kbps)
            stream.fanout.send(Codec.H264, units, round(time.monotonic() * 90_000), random_access=random_access)

    tasks = [asyncio.create_task(feed(index, stream)) for index, stream in enumerate(catalogue.streams.values())]

    def state() -> dict[str, Any]:
        fanouts = [stream.fanout for stream in catalogue.streams.values()]
        return {
            "at": time.monotonic(),
            "cpu_s": time.process_time(),
            "dropped": sum(fanout.counters.dropped_access_units for fanout in fanouts),
            "timestamp_offsets": [fanout.timestamp_offset for fanout in fanouts],
        }

    used = server.listeners[-1]
    emit("ready", url=f"{used.scheme}://127.0.0.1:{used.port}")
    await answer_until_end(state)
    for task in tasks:
        task.cancel()
    await server.stop()


async def _count(urls: list[str], readers_each: int, seconds: float, look: Any) -> dict[str, Any]:
    """Let readers count pictures; `look` returns the server's state before and after."""
    all_urls = [url for url in urls for _ in range(readers_each)]
    async with Child("transcoder.lab.bench.readers", *all_urls) as readers:
        end = time.monotonic() + CONNECT_S
        while time.monotonic() < end:
            if all(reader["pictures"] for reader in (await readers.report())["readers"]):
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(SETTLE_S)
        before, first = await look(), await readers.report()
        await asyncio.sleep(seconds)
        after, second = await look(), await readers.report()
    span = second["at"] - first["at"]
    pictures = [new["pictures"] - old["pictures"] for old, new in zip(first["readers"], second["readers"], strict=True)]
    size = sum(new["bytes"] - old["bytes"] for old, new in zip(first["readers"], second["readers"], strict=True))
    return {
        "readers": len(all_urls),
        "span_s": span,
        "cores": (after["cpu_s"] - before["cpu_s"]) / (after["at"] - before["at"]),
        "mbit_s": size * 8 / span / 1e6,
        "delivered": min(pictures) / (FPS * span),
        "without": sum(count == 0 for count in pictures),
        "arrivals": [reader["arrivals"] for reader in second["readers"]],
        "offsets": after.get("timestamp_offsets"),
        "dropped": after.get("dropped", 0) - before.get("dropped", 0),
    }


async def gateway(
    count: int, readers_each: int, arguments: argparse.Namespace, *, is_secure: bool = False
) -> dict[str, Any]:
    """Measure our server."""
    way = "tls" if is_secure else "plain"
    async with Child("benchmarks.fanout", "--serve", str(count), str(arguments.kbps), way) as child:
        base = str(child.ready["url"]).rstrip("/")
        urls = [f"{base}/s{index}" for index in range(count)]
        found = await _count(urls, readers_each, arguments.seconds, child.report)
    delays = []
    for number, arrivals in enumerate(found.pop("arrivals")):
        offset = found["offsets"][number // readers_each]
        for at, timestamp in arrivals:
            ticks = (round(at * 90_000) + offset - timestamp) & 0xFFFF_FFFF
            delays.append(ticks / 90)
    delays.sort()
    del found["offsets"]
    found["delay_p50_ms"] = delays[len(delays) // 2] if delays else None
    found["delay_p99_ms"] = delays[int(0.99 * len(delays))] if delays else None
    return found


async def gstreamer(count: int, readers_each: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure GStreamer's server, which is fed with RTP over UDP."""
    ports = peers.free_ports(count)
    server = peers.Server("relay", *map(str, ports))
    senders = [
        RtpSender(ssrc=index + 1, sequence_number=0, cname="bench", timestamp_offset=0, report_interval_s=5.0)
        for index in range(count)
    ]
    outlet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def feed(index: int) -> None:
        start = time.monotonic() + index / count / FPS
        for number in range(1 << 30):
            await asyncio.sleep(max(start + number / FPS - time.monotonic(), 0))
            units, random_access = access_unit(number, arguments.kbps)
            unit = prepare(Codec.H264, units, round(time.monotonic() * 90_000), random_access=random_access)
            data = senders[index].number(unit)
            for packet, (begin, end) in enumerate(pairwise((*unit.offsets, len(data))), 1):
                if packet % BURST == 0:
                    await asyncio.sleep(0.001)
                with contextlib.suppress(OSError):
                    outlet.sendto(data[begin + FRAMING_SIZE : end], ("127.0.0.1", ports[index]))

    tasks = [asyncio.create_task(feed(index)) for index in range(count)]

    async def look() -> dict[str, Any]:
        return {"at": time.monotonic(), "cpu_s": processes.cpu_seconds(server.process.pid)}

    try:
        found = await _count(server.urls(count), readers_each, arguments.seconds, look)
    finally:
        for task in tasks:
            task.cancel()
        outlet.close()
        peers.stop([server.process])
    found.pop("arrivals")
    found.pop("offsets")
    return found


async def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[report.Table], list[str]]:
    """Measure every shape on every side; return the rows, and the faults of the rows that do not count."""
    result: dict[str, Any] = {"runs": []}
    lost: list[str] = []
    table = report.Table(
        f"Fan-out of streams of {arguments.kbps} kbit/s over TCP",
        "streams x readers", "server", "Mbit/s", "cores", "% of a core per 100 Mbit/s", "delivered", "delay p50 ms",
        "p99 ms",
    )  # fmt: skip
    known: dict[str, _Measure] = {"gateway": gateway, "gateway-tls": functools.partial(gateway, is_secure=True)}
    known |= {"gstreamer": gstreamer} if peers.available()["gstreamer"] else {}
    sides = [(name, known[name]) for name in arguments.sides.split(",") if name in known]
    for shape in arguments.shapes.split(","):
        count, each = map(int, shape.split("x"))
        for name, measure in sides:
            found = await measure(count, each, arguments)
            found["cores_per_100_mbit_s"] = found["cores"] / found["mbit_s"] * 100 if found["mbit_s"] else None
            result["runs"].append({"shape": shape, "side": name, **found})
            cost = found["cores_per_100_mbit_s"]
            table.add(
                f"{count} x {each}", name, found["mbit_s"], found["cores"], 100 * cost if cost is not None else None,
                f"{found['delivered']:.1%}", found.get("delay_p50_ms"), found.get("delay_p99_ms"),
            )  # fmt: skip
            if found["delivered"] < DELIVERED:
                lost.append(
                    f"{shape} {name} is not valid: a reader got {found['delivered']:.1%}, and {found['without']} of "
                    f"{found['readers']} readers got nothing."
                )
            report.progress(f"{shape} {name}: {found['cores']:.2f} cores, {found['mbit_s']:.0f} Mbit/s")
    return result, [table], lost


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["--serve"]:
        uvloop.run(_serve(int(sys.argv[2]), int(sys.argv[3]), is_secure=sys.argv[4] == "tls"))
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fanout", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shapes", default="1x200,100x2", help="STREAMSxREADERS of each, separated by commas")
    parser.add_argument("--kbps", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--sides", default="gateway,gateway-tls,gstreamer")
    report.add_options(parser)
    arguments = parser.parse_args()
    result, tables, notes = asyncio.run(run(arguments))
    report.finish(arguments, "fanout", result, tables, notes)


if __name__ == "__main__":
    main()
