"""The processors that this process may use: those of its cpuset, or less where a control group has a quota.

A container or a unit with half a processor (`--cpus 0.5`, `CPUQuota=50%`) sees all of the machine's processors, and is
stopped for the rest of each tenth of a second.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LEVELS: Final = 32
"""Control groups above ours that are looked at, at most; systemd and Kubernetes make some eight."""


def usable_cores(process: Path = Path("/proc/self")) -> float:
    """Return how many processors this process may use; a quota counts in parts of one.

    Args:
        process: the folder of this process in /proc.
    """
    cores = float(len(os.sched_getaffinity(0)))
    return min([cores, *(quota for group in groups_of(process, "cpu") if (quota := _quota(group)) is not None)])


def groups_of(process: Path, controller: str) -> Iterator[Path]:
    """Yield the control groups of a process that may have a limit, and those above, for each has to be kept.

    Args:
        process: the folder of the process in /proc.
        controller: "cpu" or "memory".
    """
    try:
        own: dict[str | None, str] = dict(_own_paths((process / "cgroup").read_text()))
        mounts = (process / "mountinfo").read_text().splitlines()
    except OSError:
        return
    for line in mounts:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        is_old = kind[0] == "cgroup" and controller in kind[2].split(",")
        name = controller if is_old else "" if kind[0] == "cgroup2" else None
        if name in own:
            yield from _upwards(Path(fields[4]), Path(fields[3]), Path(own[name]))


def _own_paths(text: str) -> Iterator[tuple[str, str]]:
    """Yield the controllers of /proc/PID/cgroup, "" for version 2, and the path of the process's group."""
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _upwards(mount: Path, root: Path, path: Path) -> Iterator[Path]:
    """Yield a group and those above it, up to the one that is mounted (cgroup_namespaces(7))."""
    below = path.relative_to(root) if path.is_relative_to(root) else path.relative_to("/")
    for _ in range(_LEVELS):
        yield mount / below
        if below == below.parent:
            return
        below = below.parent


def _quota(group: Path) -> float | None:
    """Return the processors that a group may use, or None where it has no quota."""
    with contextlib.suppress(OSError, ValueError):  # version 2: "max 100000", or "50000 100000"
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period) if quota != "max" and int(period) > 0 else None
    with contextlib.suppress(OSError, ValueError):  # version 1: -1 where there is none
        quota_us = int((group / "cpu.cfs_quota_us").read_text())
        period_us = int((group / "cpu.cfs_period_us").read_text())
        return quota_us / period_us if quota_us > 0 and period_us > 0 else None
    return None
