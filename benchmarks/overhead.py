"""Compare the processor time of a worker and of a bare PyAV loop, with the same settings, pictures and run.

The worker decodes and encodes as the bare loop does, and does everything else that makes it a product: messages,
allow-lists, copying pixels into pictures of its own, range, masks if asked for, packing the result. The two alternate,
so that a change of the machine's speed hits both.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.frame import PictureType

from benchmarks import encoding, machine, report
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import (
    Codec,
    is_allowed,
    is_random_access,
    join_byte_stream,
    nal_unit_type,
    split_byte_stream,
)
from transcoder.ipc.messages import RANDOM_ACCESS, MessageType, parse_coded, serialize_access_unit
from transcoder.service.forkserver import ForkServer
from transcoder.service.worker_connection import WorkerConnection
from transcoder.worker_options import Mask, OutputFormat, OutputOptions, WorkerOptions

WINDOW = 4
"""The most access units on their way: enough that the worker never waits, few enough that none is late."""
_MASK = Mask(polygon=((0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3)))


def read_access_units(path: Path, limit: int) -> tuple[Codec, list[tuple[bytes, bool]], float]:
    """Return a file's codec, its access units (Annex B, and whether decoding may start there), and its frame rate."""
    container = av.open(str(path))
    stream = container.streams.video[0]
    codec = Codec.H264 if stream.codec_context.name == "h264" else Codec.H265
    rate = float(stream.average_rate or 25)
    name = "h264_mp4toannexb" if codec is Codec.H264 else "hevc_mp4toannexb"
    units = []
    bitstream = av.BitStreamFilterContext(name, stream)
    for packet in container.demux(stream):
        for annexb in bitstream.filter(packet if packet.size else None):
            kept = [unit for unit in split_byte_stream(bytes(annexb)) if is_allowed(codec, nal_unit_type(codec, unit))]
            if kept:
                start = any(is_random_access(codec, nal_unit_type(codec, unit)) for unit in kept)
                units.append((join_byte_stream(kept), start))
            if len(units) >= limit:
                return codec, units, rate
    return codec, units, rate


def bare_loop(arguments: argparse.Namespace) -> dict[str, Any]:
    """Decode and encode in this process, and do nothing else."""
    codec, units, rate = read_access_units(arguments.file, arguments.frames)
    output = worker_options(arguments).outputs[0]
    decoder = av.CodecContext.create("h264" if codec is Codec.H264 else "hevc", "r")
    decoder.thread_count = 1
    encoder: Any = None
    gop = round(rate)
    count = size = 0
    before = resource.getrusage(resource.RUSAGE_SELF)
    for data, _ in units:
        for frame in decoder.decode(av.Packet(data)):
            if encoder is None:
                encoder = av.CodecContext.create("libx264" if output.codec is Codec.H264 else "libx265", "w")
                encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
                encoder.time_base, encoder.framerate = 1 / Fraction(rate), Fraction(rate)
                encoder.thread_count = 1
                encoder.max_b_frames = 0
                encoder.options = encoding.rate_factor_settings(output).ffmpeg_options(output.bitrate_kbps)
                encoder.open()
            frame.pts, frame.time_base = count, encoder.time_base
            frame.pict_type = PictureType.I if count % gop == 0 else PictureType.NONE
            size += sum(packet.size for packet in encoder.encode(frame))
            count += 1
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"frames": count, "cpu_s": cpu_s, "bytes": size, "width": frame.width, "height": frame.height}


def worker_options(arguments: argparse.Namespace, fixed: OutputFormat | None = None) -> WorkerOptions:
    """Return the settings that both sides use."""
    return WorkerOptions(
        masks=(_MASK,) if arguments.mask else (),
        memory_limit_mb=2048,
        outputs=(OutputOptions(codec=Codec(arguments.codec), bitrate_kbps=arguments.bitrate_kbps, fixed=fixed),),
    )


async def worker_loop(
    arguments: argparse.Namespace,
    server: ForkServer,
    material: tuple[Codec, list[tuple[bytes, bool]], float],
    size: tuple[int, int],
) -> dict[str, Any]:
    """Send the same pictures through a real worker."""
    codec, units, rate = material
    # the bare loop encodes from the first picture on, so the frame rate is given here instead of measured
    options = worker_options(arguments, OutputFormat(width=size[0], height=size[1], frame_rate=rate))
    done = asyncio.Event()
    space = asyncio.Semaphore(WINDOW)
    count = written = 0
    reports: list[float] = []
    gone: list[str] = []

    def on_message(kind: MessageType, body: memoryview) -> None:
        nonlocal count, written
        if kind is MessageType.CODED:
            message = parse_coded(body, 1)
            count += 1
            written += sum(map(len, message.nal_units))
            space.release()
        elif kind is MessageType.READY:
            done.set()

    def on_gone(reason: str) -> None:
        gone.append(reason)
        done.set()
        space.release()

    link = await WorkerConnection.start(server, "bench", options, on_message, on_gone)
    await done.wait()
    assert link.pid is not None
    start = machine.cpu_seconds(link.pid)
    for index, (data, random_access) in enumerate(units):
        try:
            async with asyncio.timeout(2.0):
                await space.acquire()
        except TimeoutError:  # the picture was not shown
            pass
        pts = round(index * VIDEO_CLOCK_RATE / rate)
        flags = RANDOM_ACCESS if random_access else 0
        link.send(serialize_access_unit(codec, flags, pts, time.monotonic(), data))
        if gone:
            raise SystemExit(f"the worker is gone: {gone[0]}")
    for _ in range(40):
        if count >= len(units):
            break
        await asyncio.sleep(0.05)
    cpu_s = machine.cpu_seconds(link.pid) - start
    reports.append(cpu_s)
    link.stop()
    return {"frames": count, "cpu_s": cpu_s, "bytes": written}


def run_bare() -> dict[str, Any]:
    """Run the bare loop in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--bare", *sys.argv[1:]]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


async def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both sides in turns."""
    material = read_access_units(arguments.file, arguments.frames)
    cache = Path(tempfile.gettempdir()) / "transcoder-bench-kernels"
    server = ForkServer(cache)
    await server.start()
    rounds = []
    try:
        for number in range(arguments.rounds):
            bare = await asyncio.get_running_loop().run_in_executor(None, run_bare)
            worker = await worker_loop(arguments, server, material, (bare["width"], bare["height"]))
            rounds.append({"bare": bare, "worker": worker})
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    finally:
        await server.close()
    per_frame = {side: [item[side]["cpu_s"] / item[side]["frames"] for item in rounds] for side in ("bare", "worker")}
    ratios = [worker / bare for worker, bare in zip(per_frame["worker"], per_frame["bare"], strict=True)]
    return {
        "file": arguments.file.name,
        "frames": rounds[0]["bare"]["frames"],
        "size": [rounds[0]["bare"]["width"], rounds[0]["bare"]["height"]],
        "codec": arguments.codec,
        "mask": arguments.mask,
        "bare_ms": statistics.median(per_frame["bare"]) * 1000,
        "worker_ms": statistics.median(per_frame["worker"]) * 1000,
        "ratio": statistics.median(ratios),
        "ratio_spread": [min(ratios), max(ratios)],
        "bytes": {side: rounds[0][side]["bytes"] for side in ("bare", "worker")},
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="footage that PyAV opens, H.264 or H.265")
    parser.add_argument("--frames", type=int, default=250, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--codec", choices=["H264", "H265"], default="H264", help="of the output")
    parser.add_argument("--bitrate-kbps", type=int, default=4000)
    parser.add_argument("--mask", action="store_true", help="give the worker a privacy mask, which the bare loop lacks")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    report.add_options(parser)
    arguments = parser.parse_args()
    if arguments.bare:
        print(json.dumps(bare_loop(arguments)))
        return
    result = asyncio.run(compare(arguments))
    width, height = result["size"]
    title = f"{result['file']}, {width}x{height}, {result['frames']} pictures to {result['codec']}"
    table = report.Table(
        f"{title}, {arguments.rounds} rounds",
        "mask", "bare PyAV loop, ms a picture", "worker", "ratio", "spread",
    )  # fmt: skip
    low, high = result["ratio_spread"]
    mask = "yes" if arguments.mask else "no"
    table.add(mask, result["bare_ms"], result["worker_ms"], f"{result['ratio']:.3f}", f"{low:.3f}-{high:.3f}")
    report.finish(arguments, "overhead", result, [table])


if __name__ == "__main__":
    main()
