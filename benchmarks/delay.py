"""Measure the added delay: numbered pictures go through a camera, then the gateway or a peer, then a reader.

The simulator tells when each picture of its loop was due; the reader notes when the picture's last packet came, and
reads the number from the decoded picture afterwards. The delay between the two is made of the loopback, the camera's
own pacing (a `direct` reader of the camera measures it) and the side. Cold start is the time from the start of the
side's processes to the last packet of the first IDR; join is the time to it from a reader's connection to a stream that
runs.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from benchmarks import capacity, peers, report
from benchmarks.timed_reader import TimedReader
from transcoder.errors import TransportError
from transcoder.lab.bench.load import CameraOptions, Side
from transcoder.lab.child import Child

FIRST_S = 30.0
"""Seconds to wait for a first picture."""
DESCRIBE_RETRY_S = 0.1


class _Direct(Side):
    """Stands in for a side where the reader reads the camera itself."""

    @override
    async def start(self, sources: Sequence[str]) -> list[str]:
        return list(sources)

    @override
    def pids(self) -> list[int]:
        return []

    @override
    async def report(self) -> dict[str, Any]:
        return {}

    @override
    async def stop(self) -> None:
        pass


async def _first_reader(url: str) -> TimedReader:
    """Return a reader that has its first IDR; a server that is not ready yet is asked again."""
    end = time.monotonic() + FIRST_S
    while True:
        reader = TimedReader(url)
        reader.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + end - time.monotonic()):
                await reader.ended.wait()
        if reader.has_picture:
            return reader
        reader.close()
        if time.monotonic() > end:
            raise TransportError(f"no picture from {url} in {FIRST_S:g} s: {reader.problem}")
        await asyncio.sleep(DESCRIBE_RETRY_S)


def delays(seen: Sequence[tuple[float, int]], anchor: dict[str, float], fps: float, loop: int) -> list[float]:
    """Return the delay of each picture: the seconds from the time when it was due to the time when it came."""
    found = []
    for at, number in seen:
        due = anchor["monotonic_s"] + (number - anchor["index"]) / fps
        length = loop / fps
        found.append((at - due) % length)
    return found


async def measure(side: Side, cameras: CameraOptions, seconds: float, joins: int) -> dict[str, Any]:
    """Measure one side with one stream."""
    async with Child("transcoder.lab.cameras", *cameras.arguments(1)) as fleet:
        started = time.monotonic()
        try:
            (url,) = await side.start(fleet.ready["urls"])
            reader = await _first_reader(url)
            cold_s = time.monotonic() - started
            await asyncio.sleep(2.0)
            reader.kept.clear()
            await asyncio.sleep(seconds)
            status = await fleet.command("status")
            reader.close()
            joined = []
            for _ in range(joins):
                await asyncio.sleep(0.37)  # so that the reader joins at no fixed place in the GOP
                other = await _first_reader(url)
                joined.append(time.monotonic() - other.started)
                other.close()
        finally:
            await side.stop()
    anchor = status["cameras"][0]["anchor"]
    seen = reader.counters((cameras.height, cameras.width))
    ordered = sorted(delays(seen, anchor, cameras.fps, round(cameras.fps * 8.0)))

    def at(share: float) -> float:
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000

    return {
        "pictures": len(ordered),
        "p50_ms": at(0.5),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "max_ms": ordered[-1] * 1000,
        "cold_start_s": cold_s,
        "join_ms": statistics.median(joined) * 1000 if joined else None,
    }


async def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[report.Table]]:
    """Measure all sides in turns."""
    has = peers.available()
    names = [n for n in arguments.sides.split(",") if n == "direct" or capacity.is_gateway(n) or has[n.split("-")[0]]]
    width, height = map(int, arguments.size.split("x"))
    cameras = CameraOptions(width=width, height=height, fps=arguments.fps, counter=True, noise=arguments.noise)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for name in names if number % 2 == 0 else names[::-1]:
                side = _Direct() if name == "direct" else capacity.new_side(name, arguments, Path(folder))
                runs[name].append(await measure(side, cameras, arguments.seconds, arguments.joins))
                report.progress(f"round {number + 1}: {name} p50 {runs[name][-1]['p50_ms']:.1f} ms")
    table = report.Table(
        f"Delay of {arguments.size}@{arguments.fps}, {arguments.rounds} rounds",
        "side", "p50 ms", "p95 ms", "p99 ms", "added p50 ms", "cold start s", "join ms",
    )  # fmt: skip

    def median(name: str, key: str) -> float | None:
        values = [run[key] for run in runs[name] if run[key] is not None]
        return statistics.median(values) if values else None

    direct = median("direct", "p50_ms") if "direct" in runs else None
    for name in names:
        p50 = median(name, "p50_ms")
        added = p50 - direct if p50 is not None and direct is not None else None
        table.add(
            name, p50, median(name, "p95_ms"), median(name, "p99_ms"), added,
            median(name, "cold_start_s"), median(name, "join_ms"),
        )  # fmt: skip
    return {"runs": runs}, [table]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.delay", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--noise", type=float, default=1.5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--joins", type=int, default=3, help="readers that come later, one after the other")
    parser.add_argument("--sides", default="direct,gateway,ffmpeg,ffmpeg-tuned")
    capacity.add_side_options(parser)
    report.add_options(parser)
    arguments = parser.parse_args()
    result, tables = asyncio.run(run(arguments))
    report.finish(arguments, "delay", result, tables)


if __name__ == "__main__":
    main()
