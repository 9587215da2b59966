"""Measure every kernel that codes macroblocks, in nanoseconds a call, against its twin.

A call from Python takes longer than most of these kernels, so a compiled loop calls each of them many times, as other
kernels call it. Cases are those of the tests; what they work on stays in the inner caches, as an MB does while it is
coded.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import report
from transcoder_native import runtime

CALLS = 500
"""Calls of a loop: what the call from Python costs is then below a nanosecond of each."""

CASES = 40
"""Cases of a kernel: a search or a deblocking takes very different times with different ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Holds the measurements of one kernel: medians over cases."""

    name: str
    kernel_ns: float
    twin_us: float


def measure(name: str) -> Result:
    """Time one kernel and its twin on the cases of the tests."""
    from transcoder_native import macroblock_registry  # noqa: PLC0415 - compiles, so only after runtime.configure
    from transcoder_native.cases import Source  # noqa: PLC0415
    from transcoder_native.reference.operands import lowered  # noqa: PLC0415

    entry = macroblock_registry.ENTRIES[name]
    cases = [entry.case(Source(seed)) for seed in range(CASES)]
    loop = _repeated(entry.kernel, len(lowered(cases[0])))
    results = np.zeros(1, np.int64)
    kernel_s, twin_s = [], []
    for case in cases:
        numbers = lowered(case)
        loop(1, results, *numbers)  # the first call compiles the loop
        start = time.perf_counter()
        loop(CALLS, results, *numbers)
        kernel_s.append((time.perf_counter() - start) / CALLS)
        start = time.perf_counter()
        entry.twin(*case)
        twin_s.append(time.perf_counter() - start)
    return Result(name=name, kernel_ns=statistics.median(kernel_s) * 1e9, twin_us=statistics.median(twin_s) * 1e6)


def _repeated(kernel: Callable[..., Any], count: int) -> Callable[..., None]:
    """Return a compiled loop of calls with the same arguments; a store in each turn keeps the calls in the loop."""
    import numba  # noqa: PLC0415 - only after runtime.configure

    names = ", ".join(f"a{number}" for number in range(count))
    call = f"kernel({names})"
    if str(kernel.nopython_signatures[0].return_type) != "none":  # type: ignore[attr-defined]
        call = f"results[0] = {call}"
    space: dict[str, Any] = {"kernel": kernel}
    exec(f"def loop(count, results, {names}):\n for _ in range(count):\n  {call}\n", space)  # noqa: S102
    loop: Callable[..., None] = numba.njit(space["loop"])
    return loop


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.macroblocks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="a kernel to measure; may be repeated")
    parser.add_argument("--cache-dir", type=Path, help="keep compiled kernels here (default: compile anew)")
    report.add_options(parser)
    options = parser.parse_args()

    runtime.configure(options.cache_dir)
    warm_s = runtime.warm_h264()
    from transcoder_native import macroblock_registry  # noqa: PLC0415 - compiles, so only after runtime.configure

    names = options.only or list(macroblock_registry.ENTRIES)
    unknown = [name for name in names if name not in macroblock_registry.ENTRIES]
    if unknown:
        parser.error(f"no such kernel: {', '.join(unknown)}; there are {', '.join(macroblock_registry.ENTRIES)}")
    results = [measure(name) for name in names]

    table = report.Table("one thread", "kernel", "ns", "twin us")
    for measured in results:
        table.add(measured.name, f"{measured.kernel_ns:.0f}", f"{measured.twin_us:.0f}")
    result = {"warm_s": warm_s, "kernels": [asdict(measured) for measured in results]}
    report.finish(options, "macroblocks", result, [table], [f"compiled or loaded in {warm_s:.2f} s"])


if __name__ == "__main__":
    main()
