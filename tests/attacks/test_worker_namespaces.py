"""A taken-over worker that even got rid of its filter of system calls reaches no process, network or file of others.

Each attack runs in a child that was forked as a worker is and entered the sandbox without the filter, as each of the
processes that a stream may have, and, as a control, in a plain child; with a service that is root, and with one that is
not.
"""

import os
import subprocess
import sys
from functools import cache

import pytest

from tests.support.sandboxed import PRELUDE, Sandbox, as_each_user, in_each_sandbox, leave_root
from transcoder.worker_options import Role

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can be both users"),
]

SCRIPT = """
{prelude}
{user}
victim, parent = os.fork(), os.getpid()
if victim == 0:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    time.sleep(30)
    os._exit(0)
listener = socket.create_server(("127.0.0.1", 0))
port = listener.getsockname()[1]
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind(f"\\0attack{{os.getpid()}}")
abstract.listen()
shared = call("shmget", 0, 4096, 0o600)
sandbox.load_filter = lambda **_: None
for name in {without}:
    sandbox.OPTIONAL.pop(name, None)
forker = namespaces.forker() if {inside} else namespaces.Forker()
pid = forker.fork()
if pid == 0:
    try:
        if {inside}:
            sandbox.enter(threads={threads}, role=Role.{role})
        {attack}
    except (OSError, RuntimeError) as error:
        os.write(1, f"refused {{type(error).__name__}} {{getattr(error, 'errno', None)}}".encode())
    else:
        os.write(1, b"done")
    os._exit(0)
_, status = os.waitpid(pid, 0)
libc.shmctl(shared, 0, None)
time.sleep(0.05)
died, how = os.waitpid(victim, os.WNOHANG)
print(" victim", "dead" if died else "alive", "child", status, flush=True)
if not died:
    os.kill(victim, signal.SIGKILL)
os._exit(0)
"""
OWN_SOCKET = """
        for command, argument in (({command}), (10, int(signal.SIGKILL)), (4, os.O_RDWR | 0o20000)):
            call("fcntl", ours.fileno(), command, argument)
        theirs.send(b"x")
        time.sleep(0.02)
"""
KILL = {
    "kill": "os.kill(victim, signal.SIGKILL)",
    "a thread's signal": 'call("syscall", 234, victim, victim, 9)',
    "a signal with a value": 'call("sigqueue", victim, 9, 0)',
    "a signal by descriptor": "signal.pidfd_send_signal(os.pidfd_open(victim), signal.SIGKILL)",
    "the owner of a socket": OWN_SOCKET.format(command="8, victim"),
    "the owner of a socket by kind": OWN_SOCKET.format(command='15, struct.pack("ii", 1, victim)'),
    "trace and kill": 'call("ptrace", 0x4206, victim, 0, 0x100000); os._exit(0)',
}
REACH = {
    "the fork server by signal": "os.kill(parent, 0)",
    "TCP": 'socket.socket().connect(("127.0.0.1", port))',
    "UDP": 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", datagrams.getsockname())',
    "an abstract socket": 'socket.socket(socket.AF_UNIX).connect(f"\\0attack{parent}")',
    "shared memory of System V": 'call("shmctl", shared, 2, ctypes.create_string_buffer(256))',
    "another process in /proc": 'open(f"/proc/{victim}/status").read()',
    "the memory of another process": 'open(f"/proc/{victim}/mem", "rb").close()',
    "the processors of another process": "os.sched_setaffinity(victim, os.sched_getaffinity(0))",
    "the limits of another process": "resource.prlimit(victim, resource.RLIMIT_NOFILE)",
    "the priority of another process": "os.setpriority(os.PRIO_PROCESS, victim, 5)",
    "a file": 'open("/etc/passwd").read()',
    "the list of a folder": 'os.listdir("/etc")',
}
THREADS = """
        event = threading.Event()
        for _ in range(48):
            threading.Thread(target=event.wait, daemon=True).start()
"""
UNPRIVILEGED = Sandbox(is_root=False)


def run(attack: str, sandbox: Sandbox, *, inside: bool, without: tuple[str, ...] = ()) -> str:
    code = SCRIPT.format(
        prelude=PRELUDE,
        user=leave_root(sandbox),
        attack=attack.strip(),
        inside=inside,
        without=without,
        role=sandbox.role.name,
        threads=sandbox.role is not Role.DECODING,
    )
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert "victim" in result.stdout, result.stderr
    return result.stdout


@cache
def missing(*, is_root: bool) -> str:
    """The measures that this kernel denies to a user, or nothing."""
    user = leave_root(Sandbox(is_root=is_root))
    trial = f"import os\nfrom transcoder import kernel\nfrom transcoder.worker import namespaces\n{user}"
    trial += "print(' '.join(name for name in namespaces.forker().missing if 'namespace' in name))"
    result = subprocess.run([sys.executable, "-c", trial], check=True, capture_output=True, text=True, timeout=30)
    return result.stdout.strip()


@pytest.fixture(autouse=True)
def user_has_namespaces(request: pytest.FixtureRequest) -> None:
    sandbox = request.getfixturevalue("sandbox") if "sandbox" in request.fixturenames else UNPRIVILEGED
    denied = missing(is_root=sandbox.is_root)
    if denied:
        pytest.skip(f"this kernel denies {denied} to {'root' if sandbox.is_root else 'the unprivileged'}")


@in_each_sandbox
@pytest.mark.parametrize("what", KILL)
def test_it_kills_nobody(what: str, sandbox: Sandbox) -> None:
    assert "victim alive child 0" in run(KILL[what], sandbox, inside=True)


@as_each_user
@pytest.mark.parametrize("what", KILL)
def test_without_the_sandbox_it_kills(what: str, sandbox: Sandbox) -> None:
    assert "dead" in run(KILL[what], sandbox, inside=False) or what == "trace and kill"


@in_each_sandbox
@pytest.mark.parametrize("what", REACH)
def test_it_reaches_nothing_of_others(what: str, sandbox: Sandbox) -> None:
    assert run(REACH[what], sandbox, inside=True).startswith("refused")


@as_each_user
@pytest.mark.parametrize("what", REACH)
def test_without_the_sandbox_it_reaches_them(what: str, sandbox: Sandbox) -> None:
    assert run(REACH[what], sandbox, inside=False).startswith("done")


SINGLE = {
    "UDP": "no network",
    "an abstract socket": "no network",
    "shared memory of System V": "message namespace",
    "a file": "empty root",
    "another process in /proc": "empty root",
}


@pytest.mark.parametrize("what", SINGLE)
def test_without_its_measure_and_landlock_the_attack_works(what: str) -> None:
    """The service is not root here: worker and service are the same user, so nothing else is in the way."""
    assert run(REACH[what], UNPRIVILEGED, inside=True, without=(SINGLE[what], "no paths")).startswith("done")


@in_each_sandbox
def test_it_has_no_48_threads(sandbox: Sandbox) -> None:
    assert run(THREADS, sandbox, inside=True).startswith("refused RuntimeError")


@as_each_user
def test_without_the_limit_it_has_them(sandbox: Sandbox) -> None:
    assert run(THREADS, sandbox, inside=False).startswith("done")
    assert run(THREADS, sandbox, inside=True, without=("few threads",)).startswith("done")
