"""This module asks Linux about processes: processor time, memory, descendants."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of a process and its threads so far, seconds; 0 when the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def pss_bytes(pid: int) -> int:
    """Return the proportional set size: own pages and the share of shared ones, bytes; 0 when the process is gone."""
    return memory_bytes(pid).get("Pss", 0)


def memory_bytes(pid: int) -> dict[str, int]:
    """Return the sums of /proc/PID/smaps_rollup by name, bytes; empty when the process is gone."""
    sums = {}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return {}
    for line in lines[1:]:
        name, _, rest = line.partition(":")
        sums[name] = int(rest.split()[0]) << 10
    return sums


def children(pid: int) -> list[int]:
    """Return every descendant of a process."""
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *children(int(child))]
    except OSError:
        return found
    return found


def name(pid: int) -> str:
    """Return a process's name as ps shows it, "" when the process is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def total_cpu_seconds(pids: Iterable[int]) -> float:
    """Add up the processor time of several processes, seconds."""
    return sum(map(cpu_seconds, pids))
