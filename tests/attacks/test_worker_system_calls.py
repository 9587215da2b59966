"""A taken-over worker tries what its system calls let it do to others; each attack also without the sandbox."""

import errno
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.sandboxed import Sandbox, as_each_user, in_each_sandbox, is_refused, run_sandboxed
from transcoder.worker_options import Role

pytestmark = pytest.mark.process

# numbers of fcntl(2) and socket(7) that the modules of Python don't all name
KILL_BY_OWN_SOCKET = {
    "F_SETOWN": 'call("fcntl", ours.fileno(), 8, int(sys.argv[1]))',
    "F_SETOWN_EX": 'call("fcntl", ours.fileno(), 15, struct.pack("ii", 1, int(sys.argv[1])))',
}
FUTEX, MEMBARRIER = (98, 283) if os.uname().machine == "aarch64" else (202, 324)
ATTACKS = {
    "another owner of the socket": 'call("fcntl", ours.fileno(), 8, os.getpid())',
    "a second descriptor": 'call("fcntl", ours.fileno(), 0, 0)',
    "a flag that the other end shares": 'call("fcntl", 0, 4, os.O_NONBLOCK)',
    "the pid of the service": "ours.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)",
    "a larger buffer": 'call("setsockopt", ours.fileno(), 1, 7, ctypes.byref(ctypes.c_int(1 << 20)), 4)',
    "a descriptor for the service": 'socket.send_fds(ours, [b"x"], [ours.fileno()])',
    "a descriptor of the service": 'theirs.send(b"x"); socket.recv_fds(ours, 1, 1)',
    "half a connection": "ours.shutdown(socket.SHUT_WR)",
    "shared memory": "mmap.mmap(-1, 1 << 20)",
    "pages merged with others": 'call("madvise", ctypes.c_void_p(libc.mmap(None, 4096, 3, 0x22, -1, 0)), 4096, 12)',
    "the processors of the parent": "os.sched_getaffinity(os.getppid())",
    "the scheduler of the parent": "os.sched_getscheduler(os.getppid())",
    "memory that counts as a stack": "mmap.mmap(-1, 4096, flags=0x122, prot=3)",  # MAP_GROWSDOWN
    "memory that is filled at once": "mmap.mmap(-1, 4096, flags=0x8022, prot=3)",  # MAP_POPULATE
    "memory that is locked": "mmap.mmap(-1, 4096, flags=0x2022, prot=3)",  # MAP_LOCKED
    "an urgent byte": 'ours.send(b"x", socket.MSG_OOB)',
    "an urgent byte of the service": 'theirs.send(b"xy", socket.MSG_OOB); ours.recv(1, socket.MSG_OOB)',
    "a look at what was sent": 'theirs.send(b"x"); ours.recv(1, socket.MSG_PEEK)',
    "a lock that lends priority": f'call("syscall", {FUTEX}, ctypes.create_string_buffer(8), 6, 0, 0, 0, 0)',
    "a barrier on all processors": f'call("syscall", {MEMBARRIER}, 2, 0, 0)',
}
BEFORE = "libc.mmap.restype = ctypes.c_long; libc.mmap.argtypes = [ctypes.c_void_p] + [ctypes.c_long] * 5"


@pytest.fixture
def victim(sandbox: Sandbox) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of the service's user."""
    process = subprocess.Popen(["sleep", "60"], user=sandbox.user)
    yield process
    process.kill()
    process.wait()


OWN_SOCKET = """
for step in (
    lambda: {first},
    lambda: call("fcntl", ours.fileno(), 10, int(signal.SIGKILL)),
    lambda: call("fcntl", ours.fileno(), 4, os.O_RDWR | 0o20000),
):
    try:
        step()
    except OSError:
        pass
theirs.send(b"x")
"""


@in_each_sandbox
@pytest.mark.parametrize("what", KILL_BY_OWN_SOCKET)
def test_a_signal_of_its_own_socket_kills_nobody(
    what: str, sandbox: Sandbox, victim: "subprocess.Popen[bytes]"
) -> None:
    attack = OWN_SOCKET.format(first=KILL_BY_OWN_SOCKET[what])
    result = run_sandboxed(attack, inside=True, arguments=[str(victim.pid)], sandbox=sandbox)
    assert result.stdout == "done" if sandbox.role is not Role.DECODING else is_refused(result), result.stderr
    with pytest.raises(subprocess.TimeoutExpired):
        victim.wait(0.3)


@as_each_user
@pytest.mark.parametrize("what", KILL_BY_OWN_SOCKET)
def test_without_the_sandbox_it_kills(what: str, sandbox: Sandbox, victim: "subprocess.Popen[bytes]") -> None:
    attack = OWN_SOCKET.format(first=KILL_BY_OWN_SOCKET[what])
    result = run_sandboxed(attack, inside=False, arguments=[str(victim.pid)], sandbox=sandbox)
    assert result.stdout == "done", result.stderr
    assert victim.wait(5) == -signal.SIGKILL


@in_each_sandbox
def test_what_a_worker_needs_is_allowed(sandbox: Sandbox) -> None:
    """The control of the next test: it sees what is done, in every sandbox."""
    needed = 'theirs.send(ours.send(b"x") * b"y"); ours.recv(1); mmap.mmap(-1, 1 << 20, flags=0x22)'
    assert run_sandboxed(needed, inside=True, sandbox=sandbox).stdout == "done"


@in_each_sandbox
@pytest.mark.parametrize("what", ATTACKS)
def test_it_is_refused(what: str, sandbox: Sandbox) -> None:
    threads = sandbox.role is not Role.DECODING
    result = run_sandboxed(ATTACKS[what], inside=True, before=BEFORE, threads=threads, sandbox=sandbox)
    assert is_refused(result, errno.EPERM), (result.stdout, result.stderr)
    assert result.returncode == 0 or not threads, "the process that encodes is not ended by a library's habit"


@as_each_user
@pytest.mark.parametrize("what", ATTACKS)
def test_without_the_sandbox_it_works(what: str, sandbox: Sandbox) -> None:
    result = run_sandboxed(ATTACKS[what], inside=False, before=BEFORE, sandbox=sandbox)
    if what == "pages merged with others" and result.stdout == f"refused {errno.EINVAL}":
        pytest.skip("this kernel merges no pages")
    assert (result.returncode, result.stdout) == (0, "done"), result.stderr


FILLED = """
kept = mmap.mmap(-1, 256 << 20, flags={flags}, prot=3)
for at in range(0, len(kept), mmap.PAGESIZE):
    kept[at] = 1
"""


KINDS = {"shared memory": "mmap.MAP_SHARED | mmap.MAP_ANONYMOUS", "a stack": "0x122"}


@in_each_sandbox
@pytest.mark.parametrize("kind", KINDS)
def test_memory_past_the_limit_does_not_come_by_another_name(kind: str, sandbox: Sandbox) -> None:
    attack, limited = FILLED.format(flags=KINDS[kind]), "sandbox.limit_memory(64)"
    assert is_refused(run_sandboxed(attack, inside=True, before=limited, sandbox=sandbox), errno.EPERM, errno.ENOMEM)


@as_each_user
@pytest.mark.parametrize("kind", KINDS)
def test_without_the_sandbox_it_comes(kind: str, sandbox: Sandbox) -> None:
    attack, limited = FILLED.format(flags=KINDS[kind]), "sandbox.limit_memory(64)"
    assert run_sandboxed(attack, inside=False, before=limited, sandbox=sandbox).stdout == "done"
