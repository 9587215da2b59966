"""A taken-over worker that even got rid of its filter of system calls reaches no process, network or file of others.

Each attack runs in a child that was forked as a worker is and entered the sandbox without the filter, and, as a
control, in a plain child; once with a service that is root, and once with one that is not.
"""

import os
import subprocess
import sys

import pytest

from tests.support.sandboxed import PRELUDE

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
            sandbox.enter(threads=True)
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
USERS = {
    "root": "",
    "another user": "os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
    "kernel.permit_inspection()",  # the change of users took it
}


def run(attack: str, user: str, *, inside: bool, without: tuple[str, ...] = ()) -> str:
    code = SCRIPT.format(prelude=PRELUDE, attack=attack.strip(), inside=inside, without=without, user=USERS[user])
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert "victim" in result.stdout, result.stderr
    return result.stdout


@pytest.fixture(scope="session", autouse=True)
def kernel_has_namespaces() -> None:
    trial = "from transcoder.worker import namespaces; print(namespaces.forker().missing)"
    result = subprocess.run([sys.executable, "-c", trial], check=True, capture_output=True, text=True, timeout=30)
    if "namespace" in result.stdout:
        pytest.skip("this kernel lets nobody have namespaces")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("what", KILL)
def test_it_kills_nobody(what: str, user: str) -> None:
    inside = run(KILL[what], user, inside=True)
    assert "victim alive child 0" in inside
    assert "dead" in run(KILL[what], user, inside=False) or what == "trace and kill"


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("what", REACH)
def test_it_reaches_nothing_of_others(what: str, user: str) -> None:
    assert run(REACH[what], user, inside=True).startswith("refused")
    assert run(REACH[what], user, inside=False).startswith("done")


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
    assert run(REACH[what], "another user", inside=True, without=(SINGLE[what], "no paths")).startswith("done")


@pytest.mark.parametrize("user", USERS)
def test_it_has_no_48_threads(user: str) -> None:
    assert run(THREADS, user, inside=True).startswith("refused RuntimeError")
    assert run(THREADS, user, inside=False).startswith("done")
    assert run(THREADS, user, inside=True, without=("few threads",)).startswith("done")
