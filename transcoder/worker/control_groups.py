"""Each worker gets a control group of its own where a part of the tree is the service's (cgroups(7), version 2).

The kernel divides processors between groups whatever the number of their threads, so a worker that takes all it can get
leaves each neighbour its share. A group that has processes of its own can't give limits to others below, so the service
and the fork server move into a leaf first.
"""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

LEAF: Final = "gateway"
"""The group of the service and the fork server; systemd's DelegateSubgroup= may name the same."""
CONTROLLERS: Final = ("cpu", "memory", "pids")
OWN_WEIGHT: Final = 1000
"""The weight of the service among its workers, which have 100 each: it has to answer whatever they do."""
WEIGHT: Final = 100
SPARE_MB: Final = 128
"""Memory of a group that the watchdog does not count as the worker's: shared planes, and what the kernel needs."""
_FIRST_NAMESPACE: Final = "cgroup:[4026531835]"
"""The namespace of control groups of the machine itself; a container has another."""


class ControlGroups:
    """Makes a control group for each child.

    Args:
        folder: the group that is the service's to divide.
        processes: how many threads a child may have.
    """

    def __init__(self, folder: Path, processes: int) -> None:
        self._folder = folder
        self._processes = processes

    def prepare(self) -> None:
        """Move every process of the group into a leaf, and let children of the group have limits.

        Raises:
            OSError: the kernel refuses, or a controller is not there.
        """
        has = (self._folder / "cgroup.controllers").read_text().split()
        if lacking := [name for name in CONTROLLERS if name not in has]:
            raise OSError(errno.ENODEV, f"the group lacks controllers: {', '.join(lacking)}")
        leaf = self._folder / LEAF
        leaf.mkdir(exist_ok=True)
        for pid in (self._folder / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (leaf / "cgroup.procs").write_text(pid)
        (self._folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in CONTROLLERS))
        (leaf / "cpu.weight").write_text(str(OWN_WEIGHT))
        for left in self._folder.glob("worker-*"):
            with contextlib.suppress(OSError):  # a worker of a fork server that hangs lives in it
                left.rmdir()

    def admit(self, pid: int, memory_limit_mb: int) -> None:
        """Make a group for a child and move the child into it.

        Args:
            pid: the process id of the child.
            memory_limit_mb: the limit at which the watchdog replaces the child, MiB, or 0 for none.

        Raises:
            OSError: the kernel refuses.
        """
        group = self._group(pid)
        group.mkdir(exist_ok=True)
        (group / "cpu.weight").write_text(str(WEIGHT))
        (group / "pids.max").write_text(str(self._processes))
        if memory_limit_mb:  # past the watchdog's limit, so that the log says how it ended
            (group / "memory.max").write_text(str((memory_limit_mb * 5 // 4 + SPARE_MB) << 20))
        (group / "cgroup.procs").write_text(str(pid))

    def remove(self, pid: int) -> None:
        """Remove the group of a child that is gone."""
        with contextlib.suppress(OSError):
            self._group(pid).rmdir()

    def _group(self, pid: int) -> Path:
        return self._folder / f"worker-{pid}"


def delegated_group(process: Path = Path("/proc/self")) -> Path:
    """Return the control group that this process may divide.

    Args:
        process: the folder of this process in /proc.

    Raises:
        OSError: there is none.
    """
    own = _own_group((process / "cgroup").read_text().splitlines(), (process / "mountinfo").read_text().splitlines())
    folder = own.parent if own.name == LEAF else own
    if not all(os.access(folder / name, os.W_OK) for name in (".", "cgroup.procs", "cgroup.subtree_control")):
        raise OSError(errno.EACCES, "the service's control group is not delegated to it")
    is_container = str((process / "ns" / "cgroup").readlink()) != _FIRST_NAMESPACE
    if not is_container and not _is_marked(folder):  # root may write everywhere, a user to groups of its windows
        raise OSError(errno.EACCES, "the service's control group is not delegated to it")
    return folder


def _own_group(groups: Iterable[str], mounts: Iterable[str]) -> Path:
    path = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
    for line in mounts:
        before, _, after = line.partition(" - ")
        if path is not None and after.startswith("cgroup2 "):
            return Path(before.split()[4]) / path.lstrip("/")
    raise OSError(errno.ENOENT, "this machine has no control groups of version 2")


def _is_marked(folder: Path) -> bool:
    """Say whether systemd marked a group as delegated."""
    for name in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False
