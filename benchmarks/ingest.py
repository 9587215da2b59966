"""Measure reception alone: RTSP or UDP, RTP and depacketizing, in packets a second a core.

`core` feeds the bytes of a camera's connection to the parser, the receiver and the allow-list without a socket, and so
measures the cost of our own code. `tcp` pulls 400 cameras through sockets in one process, with everything of the
service but the worker, and so shows what the system's calls and the event loop add. These cameras are streams of one
serving process (100, each pulled four times, at evenly spread times), because 400 simulated cameras would not leave a
small machine time for anything else. `udp` likewise pulls simulated cameras, and fewer.
"""

import argparse
import asyncio
import secrets
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any

import uvloop

from benchmarks import report
from transcoder.codecs.access_unit import AccessUnit, filter_nal_units
from transcoder.codecs.nal import Codec, is_allowed, join_byte_stream
from transcoder.lab.bench import processes
from transcoder.lab.bench.load import CameraOptions
from transcoder.lab.child import Child
from transcoder.lab.json_lines import answer_until_end, emit
from transcoder.ledger import Ledger
from transcoder.net.rtsp_source import RtspSource
from transcoder.net.source_options import SourceOptions
from transcoder.rtp.sender import VIDEO_PAYLOAD_TYPE, RtpSender, prepare
from transcoder.rtp.video import VideoReceiver
from transcoder.rtsp.messages import RtspParser
from transcoder.rtsp.urls import parse_url
from transcoder.source.events import Event

TARGET_CAMERAS = 400
TARGET_KBPS = 4000
FPS = 25
GOP = 100
PULLED_EACH = 4
"""The number of connections to each stream of the serving process."""
START_S = 60.0
"""Seconds within which all cameras have to send: streams of the serving process begin with an IDR, which comes every
four seconds."""
READ_SIZE = 65_536
"""Bytes of one read at most: what asyncio and uvloop ask for, or less."""


class Sink:
    """Takes access units as the service does, up to the worker: allow-list and byte stream."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.access_units = 0
        self.bytes = 0

    def on_access_unit(self, access_unit: AccessUnit) -> None:
        """Take an access unit."""
        data = join_byte_stream(filter_nal_units(access_unit, self._ledger, is_allowed, "nal_in"))
        self.access_units += 1
        self.bytes += len(data)

    def on_event(self, event: Event) -> None:
        """Take an event of a session."""
        if type(event) is AccessUnit:
            self.on_access_unit(event)


def connection_bytes(seconds: float, kbps: int) -> list[bytes]:
    """Return the reads of a camera's connection: each holds an access unit as a camera sends it, cut at READ_SIZE."""
    sender = RtpSender(
        ssrc=secrets.randbits(32), sequence_number=1, cname="camera", timestamp_offset=0, report_interval_s=5.0
    )
    mean = kbps * 125 // FPS
    reads = []
    for index in range(round(seconds * FPS)):
        first = index % GOP == 0
        # every fourth second an IDR is ten times the mean, as cameras send it; its bytes hold no start code
        size = mean * 10 if first else mean * (GOP - 10) // (GOP - 1)
        slice_unit = bytes((0x65 if first else 0x41, 0x88)) + b"\xa5" * size
        units = [b"\x67\x42\x00\x28" + b"\xa5" * 20, b"\x68\xa5\xa5\xa5", slice_unit] if first else [slice_unit]
        unit = prepare(Codec.H264, units, index * 3600, random_access=first)
        data = bytes(sender.number(unit, 0))
        reads += [data[start : start + READ_SIZE] for start in range(0, len(data), READ_SIZE)]
    return reads


def run_core(reads: list[bytes]) -> dict[str, float]:
    """Feed one connection's bytes to the cores."""
    ledger = Ledger()
    video = VideoReceiver(
        codec=Codec.H264,
        payload_types=frozenset({VIDEO_PAYLOAD_TYPE}),
        clock_rate=90_000,
        ledger=ledger,
        reorder=False,
        ssrc=1,
        cname="bench",
    )
    parser, sink = RtspParser(), Sink(ledger)
    parser.channels = frozenset({0})
    packets = 0
    start = time.thread_time()
    for number, read in enumerate(reads):
        now = number / FPS
        parser.receive_data(read)
        while (frames := parser.next_frames()) is not None:
            packets += len(frames.spans)
            index = 0
            while index < len(frames.spans):
                index = video.receive_packets(frames.buffer, frames.spans, index, now)
                while (unit := video.next_access_unit()) is not None:
                    sink.on_access_unit(unit)
    cpu_s = time.thread_time() - start
    assert sink.access_units >= len(reads) * 0.9 - 2
    return {"packets": packets, "cpu_s": cpu_s, "us_a_packet": cpu_s / packets * 1e6, "bytes": sink.bytes}


async def _serve(transport: str, urls: list[str]) -> None:
    """Pull cameras in the child process, and report."""
    sinks, sources = [], []
    for url in urls:
        ledger = Ledger()
        sink = Sink(ledger)
        options = SourceOptions(url=parse_url(url), credentials=None, transport=transport, allowed=lambda _: True)
        source = RtspSource(options, ledger, sink.on_event)
        sinks.append(sink)
        sources.append(source)
    tasks = [asyncio.create_task(source.run()) for source in sources]

    def state() -> dict[str, Any]:
        receivers = [source.session.video.receiver for source in sources if source.session.video is not None]
        return {
            "at": time.monotonic(),
            "cpu_s": time.process_time(),
            "packets": sum(receiver.received for receiver in receivers),
            "lost": sum(receiver.lost for receiver in receivers),
            "bytes": sum(source.session.received_bytes for source in sources),
            "access_units": sum(sink.access_units for sink in sinks),
            "playing": sum(receiver.received > 0 for receiver in receivers),
        }

    emit("ready")
    await answer_until_end(state)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_sockets(transport: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Pull cameras in a child process."""
    cameras = CameraOptions(width=640, height=360, fps=FPS, bitrate_kbps=arguments.kbps, noise=arguments.noise)
    async with AsyncExitStack() as stack:
        if transport == "tcp":
            streams = max(arguments.cameras // PULLED_EACH, 1)
            fleet = Child("benchmarks.fanout", "--serve", str(streams), str(arguments.kbps), "plain")
            await stack.enter_async_context(fleet)
            base = str(fleet.ready["url"]).rstrip("/")
            urls = [f"{base}/s{number % streams}" for number in range(arguments.cameras)]
        else:
            fleet = Child("transcoder.lab.cameras", *cameras.arguments(arguments.udp_cameras))
            await stack.enter_async_context(fleet)
            urls = fleet.ready["urls"]
        child = await stack.enter_async_context(Child("benchmarks.ingest", "--serve", transport, *urls))
        for _ in range(round(START_S / 0.5)):
            await asyncio.sleep(0.5)
            if (await child.report())["playing"] == len(urls):
                break
        else:
            raise SystemExit(f"not every one of {len(urls)} cameras over {transport} sends after {START_S:g} s")
        await asyncio.sleep(1.0)
        before = await child.report()
        fleet_cpu = processes.cpu_seconds(fleet.pid)
        await asyncio.sleep(arguments.seconds)
        after = await child.report()
        fleet_cpu = processes.cpu_seconds(fleet.pid) - fleet_cpu
    span = after["at"] - before["at"]
    packets = after["packets"] - before["packets"]
    cpu_s = after["cpu_s"] - before["cpu_s"]
    return {
        "cameras": after["playing"],
        "packets_s": packets / span,
        "kbps_a_camera": (after["bytes"] - before["bytes"]) / span / 125 / max(after["playing"], 1),
        "us_a_packet": cpu_s / packets * 1e6,
        "cores": cpu_s / span,
        "lost": after["lost"] - before["lost"],
        "camera_cores": fleet_cpu / span,
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cameras", type=int, default=TARGET_CAMERAS, help="pulled over TCP at once")
    parser.add_argument("--udp-cameras", type=int, default=20, help="simulated ones; they cost processor time too")
    parser.add_argument("--kbps", type=int, default=TARGET_KBPS, help="of each camera")
    parser.add_argument("--noise", type=float, default=5.0, help="of the simulated ones' scene: enough for the bitrate")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--repeats", type=int, default=5, help="of the core")
    parser.add_argument("--transports", default="tcp,udp")
    parser.add_argument("--serve", nargs="+", help=argparse.SUPPRESS)
    report.add_options(parser)
    arguments = parser.parse_args()
    if arguments.serve:
        uvloop.run(_serve(arguments.serve[0], arguments.serve[1:]))
        return
    reads = connection_bytes(8.0, arguments.kbps)
    runs = [run_core(reads) for _ in range(arguments.repeats)]
    costs = [run["us_a_packet"] for run in runs]
    packets_s = runs[0]["packets"] / 8.0 * TARGET_CAMERAS
    result: dict[str, Any] = {
        "target": {"cameras": TARGET_CAMERAS, "kbps": arguments.kbps, "packets_s": packets_s},
        "core": {**runs[0], "us_a_packet": statistics.median(costs), "spread": [min(costs), max(costs)]},
    }
    table = report.Table(
        "Reception and depacketizing",
        "path",
        "cameras",
        "us a packet",
        "packets/s a core",
        f"cores for {TARGET_CAMERAS} cameras",
        "lost",
    )
    core_us = result["core"]["us_a_packet"]
    table.add("core, no sockets", 1, core_us, f"{1e6 / core_us:.0f}", packets_s * core_us / 1e6, None)
    for transport in filter(None, arguments.transports.split(",")):
        measured = asyncio.run(run_sockets(transport, arguments))
        result[transport] = measured
        cost = measured["us_a_packet"]
        table.add(
            transport, measured["cameras"], cost, f"{1e6 / cost:.0f}", packets_s * cost / 1e6, str(measured["lost"])
        )
    notes = [f"{TARGET_CAMERAS} cameras at {arguments.kbps} kbit/s are {packets_s:.0f} packets/s."]
    report.finish(arguments, "ingest", result, [table], notes)


if __name__ == "__main__":
    main()
