"""Memory, cores and descriptors against streams; the texts of /proc and control groups are those of real machines."""

import resource
from pathlib import Path

import pytest

from transcoder.config import load_file
from transcoder.doctor.finding import Subject
from transcoder.doctor.resources import cores_finding, files_finding, memory_finding, resources, usable_memory

MEMINFO = "MemTotal:       26480752 kB\nMemFree:        19345456 kB\n"
MOUNT = "30 24 0:26 / {groups} rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw\n"
OLD_MOUNT = "33 32 0:29 / {groups} rw,nosuid shared:16 - cgroup cgroup rw,memory\n"


def tell(folder: Path, own: str, mount: str, limits: dict[str, str]) -> tuple[int, str]:
    process, groups = folder / "proc", folder / "groups"
    process.mkdir()
    (process / "cgroup").write_text(own)
    (process / "mountinfo").write_text(mount.format(groups=groups))
    (folder / "meminfo").write_text(MEMINFO)
    for name, text in limits.items():
        (groups / name).parent.mkdir(parents=True, exist_ok=True)
        (groups / name).write_text(text)
    return usable_memory(process, folder / "meminfo")


def test_a_machine_without_limits_has_its_memory(tmp_path: Path) -> None:
    assert tell(tmp_path, "0::/a\n", MOUNT, {"a/memory.max": "max\n"}) == (26480752 * 1024, "the machine")


def test_the_smallest_limit_of_the_groups_above_counts(tmp_path: Path) -> None:
    limits = {"a/b/memory.max": "max\n", "a/memory.max": "536870912\n", "memory.max": "1073741824\n"}
    usable, whose = tell(tmp_path, "0::/a/b\n", MOUNT, limits)
    assert usable == 512 << 20
    assert whose == f"the control group {tmp_path}/groups/a"


def test_version_1_has_a_number_that_no_machine_has_for_no_limit(tmp_path: Path) -> None:
    limits = {"memory.limit_in_bytes": "9223372036854771712\n"}
    assert tell(tmp_path, "5:memory:/\n", OLD_MOUNT, limits)[1] == "the machine"
    (tmp_path / "groups" / "memory.limit_in_bytes").write_text("1048576\n")
    assert usable_memory(tmp_path / "proc", tmp_path / "meminfo")[0] == 1 << 20


@pytest.mark.parametrize(
    ("streams", "usable_mb", "level"),
    [(0, 190, "ok"), (1, 190, "ok"), (2, 269, "warning"), (2, 270, "ok"), (100, 8110, "ok"), (100, 8109, "warning")],
)
def test_memory_is_compared_with_what_was_measured(streams: int, usable_mb: int, level: str) -> None:
    assert memory_finding(streams, usable_mb * 1_000_000, "the machine").level == level


@pytest.mark.parametrize(
    ("streams", "cores", "level"),
    [(0, 0.5, "ok"), (3, 1, "ok"), (4, 1, "warning"), (20, 1, "warning"), (21, 1, "error")],
)
def test_cores_are_compared_with_what_was_measured(streams: int, cores: float, level: str) -> None:
    finding = cores_finding(streams, cores)
    assert finding.level == level
    assert ("transcoder bench" in finding.advice) == (level == "warning")


@pytest.mark.parametrize(
    ("streams", "limit", "level"), [(50, 1024, "ok"), (52, 1024, "warning"), (400, resource.RLIM_INFINITY, "ok")]
)
def test_descriptors_are_counted(streams: int, limit: int, level: str) -> None:
    assert files_finding(streams, limit).level == level


async def test_only_streams_that_are_enabled_count(tmp_path: Path) -> None:
    path = tmp_path / "gw.yaml"
    path.write_text("streams:\n  a: {source: 'rtsp://10.0.0.1/'}\n  b: {source: 'rtsp://10.0.0.2/', enabled: false}\n")
    memory, cores, _ = await resources(Subject(path=path, file=load_file(path)))
    assert "1 stream of 1080p takes some 190 MB" in memory.text
    assert "1 stream of 1080p25 takes some 0.3" in cores.text
