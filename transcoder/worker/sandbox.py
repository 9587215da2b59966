"""A worker gives up everything but computing and its one socket before it reads camera bytes.

A worker has no files, no network, no other process, no new code. Each measure is a function. The measures without which
no camera byte may be read raise WorkerError; the others depend on the kernel and on the rights of the service, and
enter() says which of them are missing.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

from transcoder import kernel
from transcoder.errors import WorkerError
from transcoder.worker import namespaces
from transcoder.worker.namespaces import Forker
from transcoder.worker.system_calls import load_filter
from transcoder.worker_options import ENCODER_THREADS, MAX_OUTPUTS, Role

MAX_DESCRIPTORS = 16
FIRST_USER = namespaces.USERS.start
"""A worker's user is this and its process id, where the configuration names no other."""
MAX_THREADS = 1 + 2 * MAX_OUTPUTS * max(ENCODER_THREADS.values())
"""The process's own, and an encoder's for each output while it closes and its successor opens. The watchdog's limit is
that of the present outputs."""
ADDRESSES = 1 << 30
"""Bytes of addresses that no data has: stacks of threads, reserves of the allocator. Their page tables take 2 MiB."""


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; exit at once if it is dead already.

    Args:
        parent: the process id that os.getppid() must return.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def set_name(name: str) -> None:
    """Show a name in ps and top (15 bytes)."""
    kernel.libc().prctl(kernel.PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def limit_memory(megabytes: int) -> None:
    """Let the data memory of this process grow by this many MiB from now on; allocations beyond this limit fail.

    Addresses may grow by ADDRESSES more. Without a limit of addresses a process that only reads an endless mapping
    takes memory for the tables of its pages, which counts as nobody's data.
    """
    pages = [int(number) for number in Path("/proc/self/statm").read_text().split()]
    for kind, now, allowance in ((resource.RLIMIT_DATA, pages[5], 0), (resource.RLIMIT_AS, pages[0], ADDRESSES)):
        limit = now * mmap.PAGESIZE + (megabytes << 20) + allowance
        resource.setrlimit(kind, (limit, limit))


def seal_code() -> None:
    """Make every page of this process that is writable and executable one that can't be written any more.

    libffi keeps such a page for callbacks; a process that has made its callbacks needs to write there no more.

    Raises:
        WorkerError: such a page is left.
    """
    for start, end in _writable_code():
        kernel.libc().mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.PROT_READ | mmap.PROT_EXEC)
    if left := _writable_code():
        pages = ", ".join(f"{start:x}-{end:x}" for start, end in left)
        raise WorkerError(f"memory that is writable and executable is left: {pages}")


def _writable_code() -> list[tuple[int, int]]:
    found = []
    for line in Path("/proc/self/maps").read_bytes().splitlines():
        addresses, rights = line.split(maxsplit=2)[:2]
        if b"w" in rights and b"x" in rights:
            start, _, end = addresses.partition(b"-")
            found.append((int(start, 16), int(end, 16)))
    return found


def limit_resources() -> None:
    """Forbid core dumps and files; let there be few descriptors."""
    kernel.forbid_core_dumps()
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))


def forbid_new_privileges() -> None:
    """Have no program that this process might start gain rights; a filter may be loaded only after this.

    Raises:
        WorkerError: the kernel refuses.
    """
    kernel.drop_bounding_set()
    try:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    except OSError as error:
        raise WorkerError(f"the kernel refuses no_new_privs: {error.strerror}") from None


def forbid_new_code() -> None:
    """Have the kernel refuse executable memory that is writable, and to make other memory executable (Linux 6.3).

    Raises:
        OSError: the kernel does not know this.
    """
    kernel.prctl(kernel.PR_SET_MDWE, kernel.PR_MDWE_REFUSE_EXEC_GAIN)


def leave_network() -> None:
    """Leave the machine's network for one that has no interface that is up.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(kernel.CLONE_NEWNET)


def leave_messages() -> None:
    """Leave the System V objects and message queues that processes of this machine share (ipc_namespaces(7)).

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(kernel.CLONE_NEWIPC)


def leave_names() -> None:
    """Leave the host's name (uts_namespaces(7)): a change of it would be seen by nobody.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(kernel.CLONE_NEWUTS)


def leave_groups() -> None:
    """Leave the tree of control groups: the own group is its root (cgroup_namespaces(7)).

    Raises:
        OSError: the kernel refuses.
    """
    kernel.unshare(kernel.CLONE_NEWCGROUP)


def forbid_paths() -> None:
    """Have the kernel refuse every file and port, and signals and abstract sockets of others (Landlock, Linux 5.13).

    Raises:
        OSError: the kernel has no Landlock, or one that knows no signals (before Linux 6.12).
    """
    kernel.restrict_by_landlock()


def limit_threads() -> None:
    """Let there be few threads of this process's user.

    Raises:
        OSError: this process has no user namespace of its own, so the kernel would count what others have.
    """
    users = Path("/proc/self/uid_map").read_text().split()
    if len(users) != 3 or users[2] != "1" or os.getpid() != 1:
        raise OSError(errno.EPERM, "processes are counted with those of others where there is no user namespace")
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_THREADS, MAX_THREADS))


OPTIONAL: Final[dict[str, Callable[[], None]]] = {
    "few threads": limit_threads,
    "no network": leave_network,
    "message namespace": leave_messages,
    "name namespace": leave_names,
    "group namespace": leave_groups,
    "empty root": kernel.empty_root,
    "no capabilities": kernel.drop_capabilities,
    "no paths": forbid_paths,
    "no new code": forbid_new_code,
}
"""The measures that not every kernel has, in the order in which they are taken: namespaces need capabilities."""
FORKED: Final = (
    namespaces.OWN_USER,
    namespaces.USER_NAMESPACE,
    namespaces.PROCESS_NAMESPACE,
    namespaces.CONTROL_GROUP,
)
"""The measures that not every kernel has and that a process gets when it is forked."""
REQUIRED: Final = ("system calls", "no new privileges", "no writable code", "resource limits")


def enter(*, threads: bool, role: Role = Role.WHOLE) -> dict[str, str]:
    """Give up everything but computing and the open descriptors, for the rest of the process's life.

    Args:
        threads: whether this process may start threads; an encoder's settings say whether the encoder starts any.
        role: the role of this process; a decoding process needs the fewest system calls.

    Returns:
        The optional measures that are missing, by name, with the reason.

    Raises:
        WorkerError: a required measure is missing; then no camera byte may be read.
    """
    limit_resources()
    seal_code()
    forbid_new_privileges()
    missing = {}
    for name, measure in OPTIONAL.items():
        try:
            measure()
        except OSError as error:
            missing[name] = error.strerror or "refused"
    load_filter(threads=threads, role=role)
    return missing


def measures(forker: Forker) -> dict[str, str]:
    """Try the sandbox in a child of this process.

    Args:
        forker: forks the child as it forks workers.

    Returns:
        Every measure by name: "" where it is in force, or the reason why it is missing.

    Raises:
        WorkerError: the sandbox can't be entered.
    """
    reading, writing = os.pipe()
    try:
        pid = forker.fork()
    except OSError as error:
        raise WorkerError(f"the sandbox can't be entered: {error.strerror}") from None
    if pid == 0:
        try:
            os.write(writing, _entered())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    _, status = os.waitpid(pid, 0)
    forker.reaped(pid)
    if not answer:
        raise WorkerError(f"the sandbox can't be entered: its trial ended with {os.waitstatus_to_exitcode(status)}")
    result = json.loads(answer)
    if isinstance(result, str):
        raise WorkerError(result)
    missing = result | forker.missing
    return {name: missing.get(name, "") for name in (*REQUIRED, *FORKED, *OPTIONAL)}


def _entered() -> bytes:
    try:
        return json.dumps(enter(threads=False)).encode()
    except WorkerError as error:
        return json.dumps(str(error)).encode()
