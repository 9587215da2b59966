"""Children begin in namespaces of their own, where the kernel allows it, and otherwise without them."""

import errno
import os
import subprocess
import sys

import pytest

from transcoder.worker.namespaces import USERS, Forker, knows_numbers

FORK = """
import os
from transcoder import kernel
from transcoder.worker import namespaces
{before}
forker = namespaces.forker()
pid = forker.fork()
if pid == 0:
    os.write(1, f"{{os.getuid()}} {{os.getpid()}} {{kernel.is_inspectable()}} ".encode())
    os._exit(0)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), pid, *forker.missing, sep=" ")
"""
FORBIDDEN = """
import pyseccomp as seccomp
rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
for flag in {flags}:
    rules.add_rule(seccomp.ERRNO(1), "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
rules.load()
"""
"""A container's filter refuses new namespaces so."""
USER, PROCESS = 0x10000000, 0x20000000
UNPRIVILEGED = """
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
kernel.permit_inspection()  # the change of users took it
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change users")


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


def fork(before: str = "") -> list[str]:
    return run(FORK.format(before=before)).split(maxsplit=5)


@pytest.fixture(scope="session")
def kernel_has_namespaces() -> None:
    if "namespace" in str(fork()):
        pytest.skip("this kernel lets nobody have namespaces")


@pytest.mark.process
@as_root
def test_a_child_of_root_is_the_first_of_its_processes_and_gets_a_user_of_its_own(kernel_has_namespaces: None) -> None:
    user, pid, inspectable, status, outer = fork()
    assert (pid, inspectable, status) == ("1", "True", "0")
    assert user == str(USERS.start + int(outer))


@pytest.mark.process
@as_root
def test_a_child_of_another_user_gets_the_namespaces_alone(kernel_has_namespaces: None) -> None:
    user, pid, _, status, _, missing = fork(UNPRIVILEGED)
    assert (user, pid, status, missing.strip()) == ("65534", "1", "0", "own user")


@pytest.mark.process
@as_root
@pytest.mark.parametrize("user", ["", UNPRIVILEGED], ids=["root", "another user"])
def test_a_parent_that_nobody_may_inspect_has_such_children(user: str) -> None:
    assert fork(user + "kernel.forbid_inspection()")[2:4] == ["False", "0"]


@pytest.mark.process
@as_root
@pytest.mark.parametrize(
    ("flags", "user", "pid", "missing"),
    [
        ([USER], "", "1", "user namespace"),
        ([PROCESS], "", None, "process namespace"),
        ([USER, PROCESS], "", None, "user namespace process namespace"),
        ([USER], UNPRIVILEGED, None, "own user user namespace process namespace"),
    ],
)
def test_what_is_forbidden_is_left_out_and_named(
    kernel_has_namespaces: None, flags: list[int], user: str, pid: str | None, missing: str
) -> None:
    became, inside, _, status, outside, said = fork(FORBIDDEN.format(flags=flags) + user)
    assert became == ("65534" if user else str(USERS.start + int(outside)))
    assert (inside, status, said.strip()) == (pid or outside, "0", missing)


ORPHAN = """
import os, signal, time
from transcoder.worker import namespaces
forker = namespaces.forker()
pid = forker.fork()
if pid == 0:
    os.write(1, b"ready")
    signal.pause()
time.sleep(0.3)
os._exit(0)
"""


@pytest.mark.process
def test_a_child_dies_with_its_parent() -> None:
    assert run(ORPHAN) == "ready"  # the output ends when the last holder of it is gone


def test_a_fork_that_fails_leaves_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory() -> int:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr("os.fork", no_memory)
    descriptors = os.listdir("/proc/self/fd")
    with pytest.raises(OSError, match="memory"):
        Forker().fork()
    assert os.listdir("/proc/self/fd") == descriptors


def test_users_of_a_range_are_taken_once_and_given_back() -> None:
    forker = Forker(users=range(100, 103))
    assert {forker._take_user(pid) for pid in (7, 10, 13)} == {100, 101, 102}
    with pytest.raises(OSError, match=r"worker\.user"):
        forker._take_user(16)
    forker.reaped(10)
    assert forker._take_user(16) is not None


def test_one_user_is_everybodys() -> None:
    forker = Forker(users=range(900, 901))
    assert [forker._take_user(pid) for pid in (1, 2, 3)] == [900] * 3


def test_the_usual_users_have_the_number_of_their_process() -> None:
    forker = Forker(users=USERS)
    assert [forker._take_user(pid) for pid in (1, 4_194_303)] == [0x70000001, 0x703FFFFF]


@pytest.mark.parametrize(
    ("mapping", "known"),
    [
        (["         0          0 4294967295"], True),
        (["0 100000 65536"], False),  # a container of a user's own, subuid(5)
        (["0 1000 1"], False),
        (["0 0 1", "1879048192 1879048192 4194304"], True),
        (["1879048193 1 4194303"], False),
        ([], False),
    ],
)
def test_numbers_that_a_container_does_not_have_are_not_used(mapping: list[str], known: bool) -> None:
    assert knows_numbers(mapping, USERS) is known
