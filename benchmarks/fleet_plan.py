"""How long `transcoder fleet plan` takes, and how full the slots become, of made-up cities.

A city has recorders of 4, 8 and 16 channels, and cameras alone: small ones at 10 pictures a second, most 1080p at 15
and 25, some 4K. Costs are given, so that the average is near that of docs/performance.md for 1080p25.

    python -m benchmarks.fleet_plan --cameras 1300 --cameras 20000
"""

import argparse
import os
import random
import tempfile
import time
from pathlib import Path

from transcoder.cli.fleet_files import Planned, planned
from transcoder.fleet.plan import Plan

COSTS = ((0.06, 25), (0.21, 25), (0.33, 35), (0.78, 15))
"""Cores of a camera and the percent of cameras that cost so much: 0.314 on average."""
BASE = "rtsp: {listen: '0.0.0.0:8554', insecure: true}\nstate_dir: null\n"


def city(cameras: int, seed: int) -> str:
    """Return the streams of a city."""
    chance = random.Random(seed)  # the same city each time
    lines: list[str] = []
    host = 0
    while len(lines) < cameras:
        host += 1
        channels = chance.choices((1, 4, 8, 16), (70, 14, 10, 6))[0]
        for channel in range(min(channels, cameras - len(lines))):
            cost = chance.choices([cost for cost, _ in COSTS], [share for _, share in COSTS])[0]
            url = f"rtsp://10.{host >> 16}.{host >> 8 & 255}.{host & 255}/Streaming/Channels/{channel + 1}01"
            lines.append(f"  c{len(lines):05}: {{source: '{url}', cost: {cost}}}\n")
    return "".join(lines)


def fill(plan: Plan, cores: float) -> float:
    """Return the share of the slots' cores that streams cost."""
    return sum(shard.cores for shard in plan.shards) / (len(plan.shards) * cores)


def timed(path: Path, earlier: Path | None, out: Path) -> tuple[Planned, float]:
    """Plan and write; return the plan and the seconds that it took."""
    start = time.perf_counter()
    made = planned(path, earlier, out, ())
    if made.problems:
        raise SystemExit("\n".join(made.problems))
    made.write(out)
    return made, time.perf_counter() - start


def main() -> None:
    """Print a row for each number of cameras and size of slot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, action="append", metavar="N")
    parser.add_argument("--slots", type=float, action="append", metavar="CORES")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(
        "| cameras | cores of a slot | cores | shards | fill | divided recorders | seconds | one camera more | moves |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for cameras in arguments.cameras or [1300, 20_000]:
        for cores in arguments.slots or [8.0]:
            row(cameras, cores, arguments.seed)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def row(cameras: int, cores: float, seed: int) -> None:
    """Print the row of one city."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.yaml").write_text(BASE)
        path, out = folder / "fleet.yaml", folder / "shards"
        head = f"slots: {{cores: {cores:g}}}\naddresses: 10.250.0.1-10.250.15.255\nbase: base.yaml\nstreams:\n"
        path.write_text(head + city(cameras, seed))
        first, seconds = timed(path, None, out)
        path.write_text(path.read_text() + "  more: {source: 'rtsp://10.240.0.1/'}\n")
        second, again = timed(path, out, out)
        plan = first.plan
        used = sum(shard.cores for shard in plan.shards)
        print(
            f"| {cameras} | {cores:g} | {used:.0f} | {len(plan.shards)} | {fill(plan, cores):.0%} | {len(plan.apart)} "
            f"| {seconds:.1f} | {again:.1f} | {len(second.plan.moves)} |"
        )


if __name__ == "__main__":
    main()
