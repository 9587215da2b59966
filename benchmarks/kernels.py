"""Measure every kernel of the pixel path against its NumPy twin, and against the memory bandwidth of this machine.

Each figure is the median of many calls in one thread, with arguments of 1080p. "touched" counts the bytes that a call
reads and the bytes that it writes, each once; a kernel near 100 % of memcpy can't get faster. Masks hide the middle
quarter of the picture. Arguments rotate through several copies, so that each call meets planes that have left the inner
caches, as a decoder's new frame has.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from transcoder_native import runtime

ROTATION_BYTES = 64 * 2**20
"""Bytes of all copies of the arguments of one kernel: well above the last-level cache that one core gets."""

PADDING = 64
"""Columns of padding in a row, as FFmpeg leaves them beside a picture of 1920."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Holds the measurements of one kernel."""

    name: str
    kernel_ms: float
    twin_ms: float
    megapixels_per_s: float
    touched_gb_per_s: float
    of_memcpy: float


def median_s(calls: Sequence[Callable[[], object]], budget_s: float, least: int) -> float:
    """Return the median time of a call, seconds; the calls take turns, and a first call does not count."""
    calls[0]()
    taken: list[float] = []
    end = time.perf_counter() + budget_s
    while len(taken) < least or time.perf_counter() < end:
        call = calls[len(taken) % len(calls)]
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def memcpy_gb_per_s(budget_s: float) -> float:
    """Return the GB/s that copies of whole 1080p luma planes read and write; the planes rotate as the arguments do."""
    size = 1920 * 1080
    count = ROTATION_BYTES // (2 * size)
    pairs = [(np.full(size, 1, np.uint8), np.full(size, 2, np.uint8)) for _ in range(count)]
    calls = [partial(np.copyto, out, src) for src, out in pairs]
    return 2 * size / median_s(calls, budget_s, len(calls)) / 1e9


def measure(name: str, height: int, width: int, budget_s: float, memcpy: float) -> Result:
    """Time one kernel and its twin on the registry's typical arguments."""
    from transcoder_native import cases, registry  # noqa: PLC0415 - compiles, so only after runtime.configure

    entry = registry.ENTRIES[name]
    arguments = entry.benchmark_case(cases.Source(1, padding=(PADDING, PADDING)), height, width)
    touched = entry.bytes_touched(entry.benchmark_case(cases.Source(1, padding=(0, 0)), height, width))
    copies: list[tuple[Any, ...]] = [copy.deepcopy(arguments) for _ in range(max(2, ROTATION_BYTES // touched))]
    kernel_s = median_s([partial(entry.kernel, *a) for a in copies], budget_s, 5)
    twin_s = median_s([partial(entry.twin, *a) for a in copies], budget_s / 4, 1)
    rate = touched / kernel_s / 1e9
    return Result(
        name=name,
        kernel_ms=kernel_s * 1e3,
        twin_ms=twin_s * 1e3,
        megapixels_per_s=entry.pixels(arguments, height, width) / kernel_s / 1e6,
        touched_gb_per_s=rate,
        of_memcpy=rate / memcpy,
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kernels", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--width", type=int, default=1920, help="columns of the picture (default 1920)")
    parser.add_argument("--height", type=int, default=1080, help="rows of the picture (default 1080)")
    parser.add_argument("--seconds", type=float, default=0.2, help="time for each kernel (default 0.2)")
    parser.add_argument("--only", action="append", metavar="NAME", help="a kernel to measure; may be repeated")
    parser.add_argument("--cache-dir", type=Path, help="keep compiled kernels here (default: compile anew)")
    report.add_options(parser)
    options = parser.parse_args()
    if options.width < 8 or options.height < 8:
        parser.error("the picture must be 8x8 or more")

    runtime.configure(options.cache_dir)
    warm_s = runtime.warm()
    from transcoder_native import registry  # noqa: PLC0415 - compiles, so only after runtime.configure

    names = options.only or list(registry.ENTRIES)
    unknown = [name for name in names if name not in registry.ENTRIES]
    if unknown:
        parser.error(f"no such kernel: {', '.join(unknown)}; there are {', '.join(registry.ENTRIES)}")
    memcpy = memcpy_gb_per_s(options.seconds)
    results = [measure(name, options.height, options.width, options.seconds, memcpy) for name in names]

    result = {
        "picture": {"width": options.width, "height": options.height},
        "warm_s": warm_s,
        "memcpy_gb_per_s": memcpy,
        "kernels": [asdict(measured) for measured in results],
    }
    table = report.Table(
        f"{options.width}x{options.height}, one thread",
        "kernel", "ms", "twin ms", "times faster", "Mpixel/s", "GB/s touched", "of memcpy",
    )  # fmt: skip
    for measured in results:
        table.add(
            measured.name, f"{measured.kernel_ms:.3f}", f"{measured.twin_ms:.2f}",
            f"{measured.twin_ms / measured.kernel_ms:.1f}", f"{measured.megapixels_per_s:.0f}",
            f"{measured.touched_gb_per_s:.1f}", f"{measured.of_memcpy:.0%}",
        )  # fmt: skip
    notes = [f"memcpy {memcpy:.1f} GB/s (read and written); compiled or loaded in {warm_s:.2f} s"]
    report.finish(options, "kernels", result, [table], notes)


if __name__ == "__main__":
    main()
