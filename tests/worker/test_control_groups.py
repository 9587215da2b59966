"""Folders that a test wrote stand for the kernel's tree of control groups."""

import os
from pathlib import Path

import pytest

from transcoder.worker import control_groups
from transcoder.worker.control_groups import ControlGroups, delegated_group

FILES = {"cgroup.controllers": "cpuset cpu io memory pids", "cgroup.procs": "41\n42\n", "cgroup.subtree_control": ""}


@pytest.fixture
def group(tmp_path: Path) -> Path:
    folder = tmp_path / "tree" / "system.slice" / "transcoder.service"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def process(tmp_path: Path, group: Path) -> Path:
    folder = tmp_path / "self"
    (folder / "ns").mkdir(parents=True)
    (folder / "ns" / "cgroup").symlink_to("cgroup:[4026532999]")
    (folder / "cgroup").write_text("1:cpu:/other\n0::/system.slice/transcoder.service\n")
    mounts = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:26 / {} rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
    (folder / "mountinfo").write_text(mounts.format(tmp_path / "tree"))
    return folder


def test_the_service_moves_into_a_leaf_and_its_group_gives_limits(group: Path) -> None:
    moved = []
    (group / "gateway").mkdir()
    write = Path.write_text

    def noted(path: Path, text: str) -> int:
        if path == group / "gateway" / "cgroup.procs":
            moved.append(text)  # the kernel takes one at a time
        return write(path, text)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "write_text", noted)
        ControlGroups(group, 17).prepare()
    assert moved == ["41", "42"]
    assert (group / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert (group / "gateway" / "cpu.weight").read_text() == "1000"


def test_a_worker_gets_a_share_and_limits(group: Path) -> None:
    groups = ControlGroups(group, 17)
    groups.admit(4711, 512)
    written = {path.name: path.read_text() for path in (group / "worker-4711").iterdir()}
    assert written == {
        "cpu.weight": "100",
        "pids.max": "17",
        "memory.max": str(768 << 20),  # a quarter more than the watchdog's 512 MiB, and 128
        "cgroup.procs": "4711",
    }


def test_groups_of_workers_that_are_gone_are_removed(group: Path) -> None:
    (group / "worker-1").mkdir()
    (group / "worker-2").mkdir()
    (group / "worker-2" / "has").mkdir()  # rmdir() of a group that has processes fails as well
    ControlGroups(group, 17).prepare()
    assert [path.name for path in group.glob("worker-*")] == ["worker-2"]
    (group / "worker-3").mkdir()
    ControlGroups(group, 17).remove(3)
    ControlGroups(group, 17).remove(4)
    assert [path.name for path in group.glob("worker-*")] == ["worker-2"]


def test_a_controller_that_is_not_delegated_is_named(group: Path) -> None:
    (group / "cgroup.controllers").write_text("cpu pids")
    with pytest.raises(OSError, match="lacks controllers: memory"):
        ControlGroups(group, 17).prepare()
    assert not (group / "gateway").exists()


def test_the_group_of_a_container_is_its_own(process: Path, group: Path) -> None:
    assert delegated_group(process) == group


def test_the_fork_server_that_takes_anothers_place_finds_the_same_group(process: Path, group: Path) -> None:
    (group / "gateway").mkdir()
    (process / "cgroup").write_text("0::/system.slice/transcoder.service/gateway\n")
    assert delegated_group(process) == group


@pytest.mark.parametrize(("mark", "delegated"), [(b"1", True), (b"0", False), (None, False)])
def test_outside_a_container_only_what_systemd_marked_is_divided(
    mark: bytes | None, delegated: bool, process: Path, group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def getxattr(folder: Path, name: str) -> bytes:
        assert folder == group
        if mark is None or name != "user.delegate":
            raise OSError
        return mark

    monkeypatch.setattr(os, "getxattr", getxattr)
    (process / "ns" / "cgroup").unlink()
    (process / "ns" / "cgroup").symlink_to(control_groups._FIRST_NAMESPACE)
    if delegated:
        assert delegated_group(process) == group
    else:
        with pytest.raises(OSError, match="not delegated"):
            delegated_group(process)


def test_what_can_not_be_written_is_not_delegated(process: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != "cgroup.subtree_control")
    with pytest.raises(OSError, match="not delegated"):
        delegated_group(process)


@pytest.mark.parametrize("file", ["cgroup", "mountinfo"])
def test_a_machine_with_the_first_version_alone_has_none(file: str, process: Path) -> None:
    (process / file).write_text("4:memory:/process\n")
    with pytest.raises(OSError, match="no control groups of version 2"):
        delegated_group(process)
