"""Test endurance: streams run for half an hour while cameras vanish and workers are killed; nothing may grow or drift.

Every so often a camera goes away for some seconds, or a worker is killed. The program measures the memory of the
service and of all processes together (slope by least squares), the file descriptors, and how far each stream's time
runs from the clock (RTP timestamps at the readers against their arrival).
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import report
from transcoder.lab.bench import processes
from transcoder.lab.bench.load import CameraOptions, GatewaySide, Load

MB = 1 << 20
CAMERA_DOWN_S = 3.0


def slope(points: list[tuple[float, float]]) -> float:
    """Return the slope of the line through points (seconds, value) by least squares, value an hour."""
    if len(points) < 3:
        return 0.0
    return statistics.linear_regression(*map(list, zip(*points, strict=True))).slope * 3600


async def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[report.Table], list[str]]:
    """Run the load, make trouble, and take a sample now and then."""
    width, height = map(int, arguments.size.split("x"))
    cameras = CameraOptions(width=width, height=height, fps=arguments.fps)
    rng = random.Random(1)
    looks: list[dict[str, Any]] = []
    losses = kills = 0
    with tempfile.TemporaryDirectory() as folder:
        side = GatewaySide(Path(folder), {"video": {"bitrate_kbps": arguments.bitrate_kbps}})
        async with Load(side, cameras, arguments.streams) as load:
            start = time.monotonic()
            next_trouble = start + arguments.trouble_s
            while (now := time.monotonic()) < start + arguments.seconds:
                state = await side.report()
                readers = await load.read()
                looks.append(_look(now - start, state, readers, side.pids()))
                if now >= next_trouble:
                    next_trouble = now + arguments.trouble_s
                    victim = rng.randrange(arguments.streams)
                    pid = state["streams"][f"s{victim}"]["worker_pid"]
                    if rng.random() < 0.5 and load.fleet is not None:
                        losses += 1
                        await load.fleet.command("restart", camera=victim, down_s=CAMERA_DOWN_S)
                    elif pid is not None:
                        kills += 1
                        os.kill(pid, signal.SIGKILL)
                    report.progress(
                        f"{now - start:.0f} s: {looks[-1]['pss_mb']:.0f} MB, {looks[-1]['descriptors']} descriptors"
                    )
                await asyncio.sleep(arguments.look_s)
            final = await side.report()
    settled = [look for look in looks if look["at_s"] >= arguments.seconds / 5] or looks
    result = {
        "seconds": arguments.seconds,
        "streams": arguments.streams,
        "camera_losses": losses,
        "worker_kills": kills,
        "worker_deaths": sum(stream["worker_deaths"] for stream in final["streams"].values()),
        "service_mb_first": settled[0]["service_mb"],
        "service_mb_last": settled[-1]["service_mb"],
        "service_slope_mb_h": slope([(look["at_s"], look["service_mb"]) for look in settled]),
        "all_slope_mb_h": slope([(look["at_s"], look["pss_mb"]) for look in settled]),
        "descriptors_first": settled[0]["descriptors"],
        "descriptors_last": settled[-1]["descriptors"],
        "drift_ms": max((look["drift_ms"] for look in settled if look["drift_ms"] is not None), default=None),
        "reader_connects": max(look["connects"] for look in looks),
        "pictures": looks[-1]["pictures"],
        "looks": looks,
    }
    table = report.Table(
        f"{arguments.streams} streams of {arguments.size}@{arguments.fps} for {arguments.seconds:.0f} s",
        "camera losses", "worker kills", "service MB first", "last", "MB an hour", "all MB an hour",
        "descriptors first", "last", "drift ms", "reader connects",
    )  # fmt: skip
    table.add(
        str(losses), str(kills), result["service_mb_first"], result["service_mb_last"], result["service_slope_mb_h"],
        result["all_slope_mb_h"], str(result["descriptors_first"]), str(result["descriptors_last"]), result["drift_ms"],
        str(result["reader_connects"]),
    )  # fmt: skip
    return result, [table], ["Reader connects: 1 means that no reader was ever disconnected."]


def _look(at_s: float, state: dict[str, Any], readers: list[dict[str, Any]], pids: list[int]) -> dict[str, Any]:
    drifts = []
    for reader in readers:
        arrivals = reader["arrivals"]
        if len(arrivals) > 1:
            (first, first_ticks), (last, last_ticks) = arrivals[0], arrivals[-1]
            media_s = ((last_ticks - first_ticks) & 0xFFFF_FFFF) / 90_000
            drifts.append(abs((last - first) - media_s) * 1000)
    return {
        "at_s": at_s,
        "service_mb": state["service_pss"] / MB,
        "pss_mb": sum(map(processes.pss_bytes, pids)) / MB,
        "descriptors": state["service_descriptors"],
        "drift_ms": statistics.median(drifts) if drifts else None,
        "connects": max(reader["connects"] for reader in readers),
        "pictures": sum(reader["pictures"] for reader in readers),
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--fps", type=int, default=15)
    parser.add_argument("--bitrate-kbps", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--trouble-s", type=float, default=15.0, help="between camera losses and worker kills")
    parser.add_argument("--look-s", type=float, default=5.0, help="between looks")
    report.add_options(parser)
    arguments = parser.parse_args()
    result, tables, notes = asyncio.run(run(arguments))
    report.finish(arguments, "soak", result, tables, notes)


if __name__ == "__main__":
    main()
