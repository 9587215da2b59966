"""Measure the memory of a stream: all processes of a gateway with several streams, their shared pages counted once.

One stream alone would share the fork server's pages with nobody but the fork server. Kernels are compiled before, so
that no compiler is measured and the profile motion has its engine. With --parts a worker's own pages are added up by
what they are.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import report
from transcoder.lab.bench import processes
from transcoder.lab.bench.load import CameraOptions, GatewaySide, Load, compile_kernels

MB = 1 << 20
_LEAST = 1 << 17
"""Bytes of all workers together, below which a kind of memory is not worth a line."""


async def measure(arguments: argparse.Namespace, profile: str, *, split: bool) -> dict[str, Any]:
    """Return the memory of one gateway, bytes."""
    width, height = map(int, arguments.size.split("x"))
    cameras = CameraOptions(
        width=width, height=height, fps=arguments.fps, source=arguments.source, codec=arguments.codec
    )
    stream = {"encoder": {"profile": profile}}
    with tempfile.TemporaryDirectory() as folder:
        async with Load(
            GatewaySide(Path(folder), stream, {"worker": {"split": split}}), cameras, arguments.streams
        ) as load:
            await asyncio.sleep(arguments.seconds)
            state = await load.side.report()
            workers = [pid for each in state["streams"].values() for pid in each["worker_pids"]]
            own = [each for pid in workers if (each := processes.memory_bytes(pid))]
            worker_pss = sum(each["Pss"] for each in own)
            return {
                "profile": profile,
                "split": split,
                "streams": arguments.streams,
                "pss": state["service_pss"] + state["fork_server_pss"] + worker_pss,
                "service_pss": state["service_pss"],
                "fork_server_pss": state["fork_server_pss"],
                "worker_pss": worker_pss,
                "worker_private": sum(each["Private_Dirty"] + each["Private_Clean"] for each in own),
                "parts": parts(workers) if arguments.parts else {},
                "problems": sorted({each["problem"] for each in state["streams"].values()} - {""}),
            }


def parts(pids: list[int]) -> dict[str, float]:
    """Return the private bytes of a process, in the mean of several, by what they are: a file's, heap, other memory."""
    found: Counter[str] = Counter()
    for pid in pids:
        name = ""
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            words = line.split()
            if words[0].startswith("Private_"):
                found[name] += int(words[1]) << 10
            elif not words[0].endswith(":"):
                start, _, end = words[0].partition("-")
                size = (int(end, 16) - int(start, 16)) / MB
                name = Path(words[5]).name if len(words) > 5 else f"memory of {size:.1f} MB" if size >= 1 else "less"
    return {name: value / len(pids) for name, value in found.most_common() if value >= _LEAST}


def tables_of(results: list[dict[str, Any]], title: str) -> list[report.Table]:
    """Return the table of all gateways, and one for each worker that was taken to pieces."""
    table = report.Table(
        title, "profile", "processes", "MB a stream", "worker, own", "worker, with shares", "service", "fork server"
    )
    tables = [table]
    for each in results:
        count = each["streams"]
        sums = [each[name] / MB / count for name in ("pss", "worker_private", "worker_pss")]
        rest = [each[name] / MB / count for name in ("service_pss", "fork_server_pss")]
        table.add(each["profile"], "2" if each["split"] else "1", *sums, *rest)
        if each["parts"]:
            pieces = report.Table(f"{each['profile']}: own pages of a process, MB", "what", "MB")
            for name, size in each["parts"].items():
                pieces.add(name, size / MB)
            tables.append(pieces)
    return tables


async def run(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure every profile, in one process and, if asked for, in two; of several rounds the medians are kept."""
    await compile_kernels()
    results = []
    for profile in arguments.profiles.split(","):
        for split in (False, True) if arguments.split else (False,):
            rounds = [await measure(arguments, profile, split=split) for _ in range(arguments.rounds)]
            figures = [name for name, value in rounds[0].items() if name.endswith(("pss", "private"))]
            middle = {name: statistics.median(each[name] for each in rounds) for name in figures}
            results.append(rounds[-1] | middle)
            report.progress(
                f"{profile}{', split' if split else ''}: {results[-1]['pss'] / MB / arguments.streams:.1f} MB a stream"
            )
    return results


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--size", default="1920x1080", metavar="WIDTHxHEIGHT")
    parser.add_argument("--fps", type=int, default=5)
    parser.add_argument("--codec", default="h264", help="of the cameras")
    parser.add_argument("--source", type=Path, metavar="FILE", help="footage instead of a scene")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=8.0, help="until memory is read, after settling")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--profiles", default="balanced,motion")
    parser.add_argument("--split", action="store_true", help="also with two processes a stream")
    parser.add_argument("--parts", action="store_true", help="add up a worker's own pages by what they are")
    report.add_options(parser)
    arguments = parser.parse_args()
    results = asyncio.run(run(arguments))
    shown = arguments.source.name if arguments.source else arguments.size
    title = f"{shown}@{arguments.fps}, {arguments.streams} streams, {arguments.rounds} rounds"
    report.finish(arguments, "memory", {"runs": results}, tables_of(results, title))


if __name__ == "__main__":
    main()
