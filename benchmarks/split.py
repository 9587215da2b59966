"""Compare a worker of one process with a worker of two: processor time a picture, delay, and memory a stream.

Both are kept running and are given the same pictures by turns, in blocks, at the camera's rate, so that a change of the
machine's speed hits both. Memory is measured with several streams of one kind at a time: one alone would share the fork
server's pages with nobody but the fork server.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import structlog

from benchmarks import machine
from benchmarks.overhead import read_access_units
from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import CodedMessage
from transcoder.service.forkserver import ForkServer
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import WorkerOptions

MB = 1 << 20
START_S = 10.0


class Side(WorkerListener):
    """Holds a stream's worker and what it made.

    Args:
        server: forks the worker.
        split: whether the worker has two processes.
    """

    has_readers = True

    def __init__(self, server: ForkServer, *, split: bool) -> None:
        self.split = split
        self.pictures = 0
        self.delays_s: list[float] = []
        self.problems: list[str] = []
        self.status = WorkerStatus()
        self.worker = Worker("bench", WorkerOptions(split=split), server, self.status, structlog.get_logger(), self)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the worker."""
        self._task = asyncio.get_running_loop().create_task(self.worker.run())
        async with asyncio.timeout(START_S):
            while None in self.pids():  # noqa: ASYNC110  # the status tells nobody
                await asyncio.sleep(0.01)

    def pids(self) -> list[int | None]:
        """Return the process ids of the worker."""
        return [self.status.pid, self.status.decoding_pid] if self.split else [self.status.pid]

    def cpu_s(self) -> float:
        """Return the processor time of the worker so far."""
        return sum(machine.cpu_seconds(pid) for pid in self.pids() if pid is not None)

    def pss(self) -> int:
        """Return the proportional set size of the worker's processes, bytes."""
        return sum(machine.pss_bytes(pid) for pid in self.pids() if pid is not None)

    async def stop(self) -> None:
        """End the worker."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.worker.stop()

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        """Count a picture."""
        del types
        self.pictures += 1
        self.delays_s.append(clock.monotonic() - picture.arrival)

    def on_format(self, report: PictureFormat) -> None:
        """Take no note of a format."""

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        """Take no note of audio."""

    def on_worker_lost(self, reason: str) -> None:
        """Note a loss, which makes the measurement worthless."""
        self.problems.append(reason)

    def on_worker_problem(self, problem: str) -> None:
        """Note a problem, which makes the measurement worthless."""
        self.problems.append(problem)

    async def feed(self, codec: Codec, units: list[tuple[bytes, bool]], rate: float) -> None:
        """Feed access units at a rate, and wait for the last picture."""
        begin = clock.monotonic()
        for index, (data, random_access) in enumerate(units):
            await asyncio.sleep(max(begin + index / rate - clock.monotonic(), 0.0))
            now = clock.monotonic()
            self.worker.feed(
                CodedUnit(codec=codec, data=data, pts=round(now * 90_000), random_access=random_access), now
            )
        await asyncio.sleep(0.3)


async def compare(arguments: argparse.Namespace, server: ForkServer) -> dict[str, Any]:
    """Compare processor time and delay by turns."""
    codec, units, rate = read_access_units(arguments.file, arguments.block * arguments.rounds)
    whole, split = Side(server, split=False), Side(server, split=True)
    for side in (whole, split):
        await side.start()
    spent: dict[bool, list[float]] = {False: [], True: []}
    for start in range(0, len(units) - arguments.block + 1, arguments.block):
        for side in (whole, split) if start // arguments.block % 2 else (split, whole):
            before, pictures = side.cpu_s(), side.pictures
            await side.feed(codec, units[start : start + arguments.block], rate)
            if start:  # the first block opens encoders
                spent[side.split].append((side.cpu_s() - before) * 1e3 / max(side.pictures - pictures, 1))
    ratios = [after / before for before, after in zip(spent[False], spent[True], strict=True)]
    result = {
        "file": arguments.file.name,
        "blocks": len(ratios),
        "pictures": [whole.pictures, split.pictures],
        "ms_a_picture": [round(statistics.mean(spent[split]), 2) for split in (False, True)],
        "ratio_of_sums": round(sum(spent[True]) / sum(spent[False]), 3),
        "median_of_ratios": round(statistics.median(ratios), 3),
        "delay_p50_ms": [round(statistics.median(side.delays_s) * 1e3, 1) for side in (whole, split)],
        "delay_p99_ms": [round(statistics.quantiles(side.delays_s, n=100)[98] * 1e3, 1) for side in (whole, split)],
        "problems": whole.problems + split.problems,
    }
    for side in (whole, split):
        await side.stop()
    return result


async def memory(arguments: argparse.Namespace, server: ForkServer, *, split: bool) -> float:
    """Return MiB of PSS a stream with some streams at a time."""
    codec, units, _ = read_access_units(arguments.file, 24)
    sides = [Side(server, split=split) for _ in range(arguments.streams)]
    for side in sides:
        await side.start()
        await side.feed(codec, units, 12.0)
    found = sum(side.pss() for side in sides) / len(sides) / MB
    for side in sides:
        await side.stop()
    return round(found, 1)


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        server = ForkServer(arguments.cache or Path(folder))
        try:
            result = await compare(arguments, server)
            if arguments.streams:
                result["pss_mib_a_stream"] = [await memory(arguments, server, split=split) for split in (False, True)]
        finally:
            await server.close()
    return result


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.split", description=__doc__)
    parser.add_argument("file", type=Path, help="footage, H.264 or H.265")
    parser.add_argument("--block", type=int, default=40, help="pictures a turn")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--streams", type=int, default=8, help="for memory; 0: not measured")
    parser.add_argument("--cache", type=Path, help="the folder of compiled kernels")
    print(json.dumps(asyncio.run(run(parser.parse_args()))))


if __name__ == "__main__":
    main()
