"""A filter of the kernel's (seccomp) allows a worker the system calls that decoding and encoding need.

A call that libraries try out of habit (opening a file, asking for the CPU count) is answered with an error. A call that
only an attacker would try ends the process.
"""

import errno
import mmap
import os
import socket

import pyseccomp as seccomp

from transcoder import kernel
from transcoder.errors import WorkerError
from transcoder.worker_options import Role

_PR_SET_NAME = 15
_CLONE_THREAD = 0x10000
_CLONE_NAMESPACES = (
    kernel.CLONE_NEWNS | kernel.CLONE_NEWCGROUP | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
)  # fmt: skip
_INT = (1 << 32) - 1
"""The bits of an argument that is an int: the kernel does not look at the others."""
_LONG = (1 << 64) - 1
_FUTEX_PRIVATE, _FUTEX_CLOCK_REALTIME = 128, 256
_FUTEX_OPERATIONS = (0, 1, 3, 4, 5, 9, 10)
"""To wait, to wake, and to do so for some of those who wait (futex(2)): what locks of libraries do. Those that lend
priorities keep state in the kernel, which has been attacked through them."""
_MAP = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_MAP_FIXED, _MAP_NORESERVE, _MAP_STACK = 0x10, 0x4000, 0x20000
_MAP_ALLOWED = _MAP_FIXED | _MAP_NORESERVE | _MAP_STACK
"""What allocators ask of memory besides: its place, and hints. Memory that grows downwards counts as a stack, which
RLIMIT_DATA does not see; memory that is locked or of huge pages is taken from everybody."""
_SEND_ALLOWED = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_RECEIVE_ALLOWED = socket.MSG_DONTWAIT
"""Urgent bytes (MSG_OOB) and looks without taking (MSG_PEEK) are rare paths in the kernel that nothing here needs."""
_ADVICE = (mmap.MADV_DONTNEED, mmap.MADV_FREE, mmap.MADV_HUGEPAGE, mmap.MADV_NOHUGEPAGE)
"""Allocators give this advice on their own memory; merging the pages of several processes is a side channel."""
_NO_CODE = seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
"""The argument of mmap and mprotect that makes memory executable is not set."""

_ALLOWED = (
    # the socket: no call that sets an option, an owner or a signal of it, and none that passes descriptors
    "read", "readv", "write", "writev", "poll", "ppoll", "select", "pselect6", "close",
    # memory
    "brk", "munmap", "mremap",
    # time, locks, signals of the runtime
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "sched_yield",
    "sched_get_priority_min", "sched_get_priority_max", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "getpid", "gettid", "getrandom", "getrusage", "restart_syscall", "exit", "exit_group",
)  # fmt: skip
_ALLOWED_WITH_THREADS = ("set_robust_list", "rseq")
"""The system calls that a new thread makes first; clone has a rule of its own."""

_DECODING = (
    "poll", "ppoll", "munmap", "mremap", "brk", "clock_gettime", "rt_sigreturn", "restart_syscall", "exit_group",
)  # fmt: skip
"""The system calls of a decoding process beside those whose arguments are looked at; any other one ends it: it has no
threads, opens nothing, and asks for nothing that a library could not do without."""

_FATAL = (
    "execve", "execveat", "socket", "connect", "bind", "listen", "accept", "accept4", "ptrace", "process_vm_readv",
    "process_vm_writev", "fork", "vfork", "kill", "tkill", "bpf", "mount", "umount2", "pivot_root", "chroot", "setns",
    "unshare", "keyctl", "add_key", "init_module", "finit_module", "kexec_load", "perf_event_open", "userfaultfd",
    "io_uring_setup", "open_by_handle_at", "pidfd_getfd", "memfd_create",
)  # fmt: skip


_FIRST_PID = 1
"""The process id of a worker that has a PID namespace of its own; a filter names it."""
_PREPARED: dict[tuple[bool, bool], bytes] = {}
"""The filters that are made before a fork, by whether they are a decoding process's and whether threads are allowed."""


def load_filter(*, threads: bool, role: Role = Role.WHOLE) -> None:
    """Forbid every system call that is not in the list, for the rest of the process's life.

    Args:
        threads: whether this process may start threads; a decoding process may not.
        role: the role of this process.

    Raises:
        WorkerError: the kernel or libseccomp refuses the filter.
    """
    pid = os.getpid()
    program = _PREPARED.get((role is Role.DECODING, threads)) if pid == _FIRST_PID or role is Role.DECODING else None
    try:
        if program is not None:
            kernel.load_filter(program)
        else:
            _rules(threads=threads, role=role, pid=pid).load()
    except (OSError, RuntimeError) as error:
        raise WorkerError(f"the sandbox can't be entered: {error}") from None


def prepare() -> None:
    """Make the filters once, before a fork: making one takes a process 1.2 ms and 0.75 MiB.

    Raises:
        WorkerError: libseccomp refuses a filter.
    """
    for role in (Role.WHOLE, Role.DECODING):
        for threads in (False, True):
            try:
                program = _exported(_rules(threads=threads, role=role, pid=_FIRST_PID))
            except (OSError, RuntimeError) as error:
                raise WorkerError(f"the sandbox can't be entered: {error}") from None
            _PREPARED[role is Role.DECODING, threads] = program


def _exported(rules: seccomp.SyscallFilter) -> bytes:
    with os.fdopen(os.memfd_create("filter"), "w+b") as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _rules(*, threads: bool, role: Role, pid: int) -> seccomp.SyscallFilter:
    return _decoding_filter() if role is Role.DECODING else _filter(threads=threads, pid=pid)


def _filter(*, threads: bool, pid: int) -> seccomp.SyscallFilter:
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for name in _FATAL:
        _add(rules, seccomp.KILL_PROCESS, name)
    for name in (*_ALLOWED, *(_ALLOWED_WITH_THREADS if threads else ())):
        _add(rules, seccomp.ALLOW, name)
    # memory is allowed; code is not, nor is shared memory, which RLIMIT_DATA does not count
    _add(rules, seccomp.ALLOW, "mprotect", _NO_CODE)
    _allow_by_argument(rules)
    # a process may ask for its own processors alone
    _add(rules, seccomp.ALLOW, "sched_getaffinity", seccomp.Arg(0, seccomp.EQ, 0))
    # a thread is allowed, a process is not; clone3 hides its flags from a filter: ENOSYS makes the C library use clone
    if threads:
        thread = seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD | _CLONE_NAMESPACES, _CLONE_THREAD)
        _add(rules, seccomp.ALLOW, "clone", thread)
    _add(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    # libraries name their threads
    _add(rules, seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, _PR_SET_NAME))
    # a process may end itself (abort) and no other process
    _add(rules, seccomp.ALLOW, "tgkill", seccomp.Arg(0, seccomp.EQ, pid))
    return rules


def _decoding_filter() -> seccomp.SyscallFilter:
    rules = seccomp.SyscallFilter(defaction=seccomp.KILL_PROCESS)
    for name in _DECODING:
        _add(rules, seccomp.ALLOW, name)
    _allow_by_argument(rules)
    return rules


def _allow_by_argument(rules: seccomp.SyscallFilter) -> None:
    """Allow memory, the socket and locks, for what decoding and encoding do with them."""
    _add(rules, seccomp.ALLOW, "mmap", _NO_CODE, seccomp.Arg(3, seccomp.MASKED_EQ, _LONG ^ _MAP_ALLOWED, _MAP))
    for advice in _ADVICE:
        _add(rules, seccomp.ALLOW, "madvise", seccomp.Arg(2, seccomp.EQ, advice))
    receive = seccomp.Arg(3, seccomp.MASKED_EQ, _INT ^ _RECEIVE_ALLOWED, 0)
    send = seccomp.Arg(3, seccomp.MASKED_EQ, _INT ^ _SEND_ALLOWED, 0)
    _add(rules, seccomp.ALLOW, "recvfrom", receive)
    _add(rules, seccomp.ALLOW, "sendto", send, seccomp.Arg(4, seccomp.EQ, 0))
    options = _FUTEX_PRIVATE | _FUTEX_CLOCK_REALTIME
    for operation in _FUTEX_OPERATIONS:
        _add(rules, seccomp.ALLOW, "futex", seccomp.Arg(1, seccomp.MASKED_EQ, _INT ^ options, operation))


def _add(rules: seccomp.SyscallFilter, action: int, name: str, *arguments: seccomp.Arg) -> None:
    try:
        rules.add_rule(action, name, *arguments)
    except (OSError, ValueError):
        if action == seccomp.ALLOW:  # a call that this machine does not have needs no permission
            return
        if _resolves(name):
            raise


def _resolves(name: str) -> bool:
    return bool(seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0)
