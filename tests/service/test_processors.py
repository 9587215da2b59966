"""The quota of control groups; the texts of /proc are those of real machines."""

import os
from pathlib import Path

import pytest

from transcoder.service.processors import usable_cores

MANY = set(range(16))


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: MANY)


class Tree:
    """A tree of control groups and the files of /proc that tell of it."""

    def __init__(self, folder: Path) -> None:
        self.process = folder / "proc"
        self.process.mkdir()
        self.groups = folder / "groups"

    def tell(self, own: str, mount: str) -> None:
        (self.process / "cgroup").write_text(own)
        (self.process / "mountinfo").write_text(mount.format(groups=self.groups))

    def write(self, group: str, name: str, text: str) -> None:
        folder = self.groups / group
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


UNIFIED = "30 24 0:27 / {groups} rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_a_unit_with_a_quota(tree: Tree) -> None:
    tree.tell("0::/system.slice/transcoder.service/gateway\n", UNIFIED)
    tree.write("system.slice/transcoder.service/gateway", "cpu.max", "max 100000\n")
    tree.write("system.slice/transcoder.service", "cpu.max", "50000 100000\n")
    tree.write("system.slice", "cpu.max", "max 100000\n")
    assert usable_cores(tree.process) == 0.5


def test_the_smallest_quota_above_counts(tree: Tree) -> None:
    tree.tell("0::/pod/container\n", UNIFIED)
    tree.write("pod/container", "cpu.max", "400000 100000\n")
    tree.write("pod", "cpu.max", "250000 100000\n")
    assert usable_cores(tree.process) == 2.5


def test_a_container_sees_its_own_group_as_the_root(tree: Tree) -> None:
    tree.tell("0::/\n", UNIFIED)
    tree.write("", "cpu.max", "150000 100000\n")
    assert usable_cores(tree.process) == 1.5


def test_a_quota_beyond_the_cores(tree: Tree) -> None:
    tree.tell("0::/\n", UNIFIED)
    tree.write("", "cpu.max", "6400000 100000\n")
    assert usable_cores(tree.process) == 16


def test_groups_of_version_1(tree: Tree) -> None:
    """Docker on an old machine: the container's group is mounted, and /proc names it by its path outside."""
    tree.tell(
        "4:memory:/docker/4f2a\n3:cpuset:/docker/4f2a\n2:cpu,cpuacct:/docker/4f2a\n1:name=systemd:/docker/4f2a\n",
        "711 706 0:29 /docker/4f2a {groups} ro,nosuid,nodev,noexec,relatime master:11 - cgroup cgroup rw,cpu,cpuacct\n",
    )
    tree.write("", "cpu.cfs_quota_us", "75000\n")
    tree.write("", "cpu.cfs_period_us", "100000\n")
    assert usable_cores(tree.process) == 0.75


def test_groups_of_version_1_without_a_quota(tree: Tree) -> None:
    tree.tell("2:cpu,cpuacct:/\n", "33 32 0:29 / {groups} rw - cgroup cgroup rw,cpu,cpuacct\n")
    tree.write("", "cpu.cfs_quota_us", "-1\n")
    tree.write("", "cpu.cfs_period_us", "100000\n")
    assert usable_cores(tree.process) == 16


@pytest.mark.parametrize("text", ["", "max", "soon 100000", "50000 0"])
def test_what_is_no_quota(tree: Tree, text: str) -> None:
    tree.tell("0::/\n", UNIFIED)
    tree.write("", "cpu.max", text)
    assert usable_cores(tree.process) == 16


def test_without_proc(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == 16
