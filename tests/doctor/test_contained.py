"""Facts of contained processes, of processes that are not, and of folders that a test wrote as /proc would."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from transcoder.doctor.contained import NAMESPACES, examine
from transcoder.doctor.finding import Finding

STATUS = """Name:\ttc:front
Uid:\t1879048193\t1879048193\t1879048193\t1879048193
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
"""
MAPS = """5600-5601 r-xp 00000000 00:01 7    /usr/bin/python3
7f00-7f01 rw-p 00000000 00:00 0
"""
DEVICES = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo:       0       0    0    0    0     0          0         0        0       0    0
"""
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    0                    bytes
"""


def write_process(folder: Path, *, namespaces: int = 1) -> Path:
    for name in ("ns", "net", "fd", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "status").write_text(STATUS)
    (folder / "maps").write_text(MAPS)
    (folder / "limits").write_text(LIMITS)
    (folder / "net" / "dev").write_text(DEVICES)
    (folder / "net" / "fib_trie").write_text("Main:\n")
    for name in NAMESPACES:
        (folder / "ns" / name).symlink_to(f"{name}:[{namespaces}]")
    (folder / "fd" / "0").symlink_to("/dev/null")
    (folder / "fd" / "3").symlink_to("socket:[4711]")
    return folder


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = write_process(tmp_path / "own", namespaces=2)
    (folder / "status").write_text(STATUS.replace("1879048193", "0"))
    return folder


@pytest.fixture
def process(tmp_path: Path) -> Path:
    return write_process(tmp_path / "worker")


def levels(process: Path, own: Path) -> dict[str, str]:
    return {finding.check: finding.level for finding in examine(process, own, "warning") if finding.level != "ok"}


def test_a_contained_process_is_all_right(process: Path, own: Path) -> None:
    assert levels(process, own) == {}


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("status", "Seccomp:\t2", "Seccomp:\t0", {"Seccomp": "error"}),
        ("status", "NoNewPrivs:\t1", "NoNewPrivs:\t0", {"NoNewPrivs": "error"}),
        ("status", "CapEff:\t0000", "CapEff:\t0001", {"CapEff": "warning"}),
        ("status", "CapBnd:\t0000000000000000\n", "", {"CapBnd": "warning"}),
        ("status", "1879048193", "0", {"user": "warning"}),
        ("maps", "rw-p", "rwxp", {"memory": "error"}),
        ("maps", "rw-p", "-wxp", {"memory": "error"}),
        ("limits", "size        0  ", "size        unlimited  ", {"core": "error"}),
        ("net/dev", "    lo:", "  eth0:", {"network": "warning"}),
        ("net/fib_trie", "Main:", "127.0.0.1\n /32 host LOCAL", {"network": "warning"}),
    ],
)
def test_a_fact_that_is_another_is_found(
    file: str, old: str, new: str, found: dict[str, str], process: Path, own: Path
) -> None:
    text = (process / file).read_text()
    assert old in text
    (process / file).write_text(text.replace(old, new))
    assert levels(process, own) == found


@pytest.mark.parametrize("name", NAMESPACES)
def test_a_namespace_of_the_gateway_is_found(name: str, process: Path, own: Path) -> None:
    (process / "ns" / name).unlink()
    (process / "ns" / name).symlink_to((own / "ns" / name).readlink())
    assert levels(process, own) == {f"namespace {name}": "warning"}


def test_an_open_file_and_a_root_with_files_are_found(process: Path, own: Path) -> None:
    (process / "fd" / "4").symlink_to("/etc/passwd")
    (process / "root" / "etc").mkdir()
    assert levels(process, own) == {"descriptors": "error", "files": "warning"}


def test_what_can_not_be_looked_at_is_said(process: Path, own: Path) -> None:
    shutil.rmtree(process / "fd")
    [finding] = [finding for finding in examine(process, own, "error") if finding.level != "ok"]
    assert finding == Finding(
        check="descriptors",
        level="warning",
        text="can't be looked at: No such file or directory",
        advice="run this as the gateway's user or root",
    )


@pytest.fixture
def bystander() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.process
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to be found")
def test_a_real_process_that_is_not_contained_shows_it(bystander: "subprocess.Popen[bytes]") -> None:
    found = levels(Path(f"/proc/{bystander.pid}"), Path("/proc/self"))
    named = {"Seccomp", "NoNewPrivs", "CapEff", "CapPrm", "CapBnd", "user", "files"}
    assert {f"{name}" for name in (*named, *(f"namespace {name}" for name in NAMESPACES))} <= set(found)
