"""This program prints how many lines the last run with pytest-cov ran, and fails where a core package falls short.

`make coverage` runs it behind the unit tests. The cores hold the rules and do no I/O, so that unit tests can reach all
but a few of their lines; what starts processes, opens sockets or is compiled is shown without a bound.
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import Final

import coverage

CORE: Final = ("codecs", "formats", "ipc", "rtp", "rtsp", "sdp", "source")
LEAST_PERCENT: Final = 95.0
PRODUCT: Final = Path(__file__).parents[2] / "transcoder"


def package_of(path: Path) -> str:
    """Return the first folder below the product's, or the module itself where it is in no folder."""
    return path.relative_to(PRODUCT).parts[0].removesuffix(".py")


def main() -> int:
    """Print the table.

    Returns:
        The exit status: 1 where a core package is below the bound, 0 otherwise.
    """
    data = coverage.Coverage()
    data.load()
    lines: dict[str, int] = defaultdict(int)
    missing: dict[str, int] = defaultdict(int)
    worst: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        _, statements, _, missed, _ = data.analysis2(str(path))
        package = package_of(path)
        lines[package] += len(statements)
        missing[package] += len(missed)
        worst[package].append((len(missed), str(path.relative_to(PRODUCT))))
    short = []
    print(f"{'package':<20}{'lines':>8}{'missed':>8}{'run':>8}")
    for package in sorted(lines):
        if not lines[package]:
            continue
        percent = 100 * (1 - missing[package] / lines[package])
        mark = ""
        if package in CORE:
            mark = f"  at least {LEAST_PERCENT:.0f}%"
            if percent < LEAST_PERCENT:
                mark += ": falls short"
                short.append(package)
        print(f"{package:<20}{lines[package]:>8}{missing[package]:>8}{percent:>7.1f}%{mark}")
    for package in short:
        print(f"{package}: most lines are missed in")
        for count, name in sorted(worst[package], reverse=True)[:5]:
            print(f"  {count:>4} {name}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
