"""Measure what renditions of a stream cost, against the stream alone, in processor time of the worker's work.

Each access unit goes through all sides in turn, so that a change of the machine's speed hits all of them: the stream
alone, the stream with a rendition that is capped as a VMS asks for it, with one of every picture, and with one that
sleeps. A side is a whole pipeline, from access units to coded pictures; what the service does comes on top of each.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import report
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import RANDOM_ACCESS, AccessUnitMessage
from transcoder.worker_options import Mask, OutputFormat, OutputOptions, WorkerOptions
from transcoder_native import runtime

_MASK = Mask(polygon=((0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.3)))
SETTLING = 5
"""Pictures at the begin that do not count: encoders are opened and everything is drawn anew."""


def sides(arguments: argparse.Namespace, main: OutputOptions) -> dict[str, WorkerOptions]:
    """Return the settings of each side, by the words of its row."""
    width, height = (int(length) for length in arguments.sub.split("x"))
    sub = replace(main, size=(width, height), bitrate_kbps=400, fixed=None)
    masks = (_MASK,) if arguments.mask else ()
    alone = WorkerOptions(outputs=(main,), masks=masks)

    def beside(output: OutputOptions) -> WorkerOptions:
        return replace(alone, outputs=(main, output))

    return {
        "the stream alone": alone,
        f"with {arguments.sub} at {arguments.fps:g} pictures/s": beside(replace(sub, fps=arguments.fps)),
        f"with {arguments.sub}, every picture": beside(sub),
        f"with {arguments.sub} that sleeps": beside(replace(sub, on_demand=True, asleep=True)),
    }


def measure(
    arguments: argparse.Namespace, material: tuple[Codec, list[tuple[bytes, bool]], float]
) -> dict[str, list[float]]:
    """Return for each side the milliseconds a picture of each round."""
    from transcoder.worker.pipeline import Pipeline  # noqa: PLC0415 - compiles, so only after runtime.configure

    codec, units, rate = material
    width, height = (int(length) for length in arguments.size.split("x"))
    fixed = OutputFormat(width=width, height=height, frame_rate=rate)
    main = OutputOptions(codec=Codec(arguments.codec), fixed=fixed)
    spent: dict[str, list[float]] = {}
    for _ in range(arguments.rounds):
        pipelines = {name: Pipeline(options) for name, options in sides(arguments, main).items()}
        taken = dict.fromkeys(pipelines, 0.0)
        for index, (data, random_access) in enumerate(units):
            for name, pipeline in pipelines.items():
                now = 100 + index / rate
                message = AccessUnitMessage(
                    codec=codec,
                    flags=RANDOM_ACCESS if random_access else 0,
                    pts=round(now * VIDEO_CLOCK_RATE),
                    arrival=now,
                    data=memoryview(data),
                )
                before = time.process_time()
                for _message in pipeline.access_unit(message, now):
                    pass
                if index >= SETTLING:
                    taken[name] += time.process_time() - before
        for name, seconds in taken.items():
            spent.setdefault(name, []).append(seconds * 1000 / (len(units) - SETTLING))
    return spent


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="footage that PyAV opens, H.264 or H.265")
    parser.add_argument("--size", default="1920x1080", help="of the footage")
    parser.add_argument("--sub", default="640x360", help="the size of the rendition")
    parser.add_argument("--fps", type=float, default=7, help="the cap of the rendition that has one")
    parser.add_argument("--frames", type=int, default=150, help="pictures a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--codec", choices=["H264", "H265"], default="H264", help="of all outputs")
    parser.add_argument("--mask", action="store_true", help="lay a privacy mask on all outputs")
    parser.add_argument("--cache-dir", type=Path, help="keep compiled kernels here (default: compile anew)")
    report.add_options(parser)
    arguments = parser.parse_args()
    runtime.configure(arguments.cache_dir)
    runtime.warm()
    from benchmarks.overhead import read_access_units  # noqa: PLC0415 - compiles, so only after runtime.configure

    spent = measure(arguments, read_access_units(arguments.file, arguments.frames))
    alone = spent["the stream alone"]
    rows: dict[str, Any] = {}
    title = f"{arguments.file.name}, {arguments.size}, {arguments.frames} pictures to {arguments.codec}"
    table = report.Table(f"{title}, {arguments.rounds} rounds", "side", "ms a picture", "ratio", "spread")
    for name, each in spent.items():
        ratios = [one / other for one, other in zip(each, alone, strict=True)]
        row = {"ms": statistics.median(each), "ratio": statistics.median(ratios), "spread": [min(ratios), max(ratios)]}
        rows[name] = row
        table.add(name, row["ms"], f"{row['ratio']:.3f}", f"{min(ratios):.3f}-{max(ratios):.3f}")
    report.finish(arguments, "renditions", {"file": arguments.file.name, "sides": rows}, [table])


if __name__ == "__main__":
    main()
