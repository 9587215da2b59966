"""In the sandbox a worker that reads camera bytes may compute, and talk on the one socket that it was given.

The worker gets no files, no network, no other process and no new code: an allow-list of system calls (seccomp) sees to
it. A call that libraries try out of habit (to open a file, to ask for the CPU count) is answered with an error; a call
that only an attacker would try ends the process.
"""

import ctypes
import errno
import mmap
import os
import resource
import signal
from pathlib import Path

import pyseccomp as seccomp

from transcoder.errors import WorkerError

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_THREAD = 0x10000
_MAP_TYPE = 0xF
_ADVICE = (mmap.MADV_DONTNEED, mmap.MADV_FREE, mmap.MADV_HUGEPAGE, mmap.MADV_NOHUGEPAGE)
"""Allocators give this advice on their own memory; merging the pages of several processes is a side channel."""

MAX_DESCRIPTORS = 16

_ALLOWED = (
    # the socket: no call that sets an option, an owner or a signal of it, and none that passes descriptors
    "read", "readv", "recvfrom", "write", "writev", "sendto", "poll", "ppoll", "select", "pselect6", "close",
    # memory
    "brk", "munmap", "mremap", "membarrier",
    # time, locks, signals of the runtime
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "futex", "sched_yield",
    "sched_get_priority_min", "sched_get_priority_max", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "getpid", "gettid", "getrandom", "getrusage", "restart_syscall", "exit", "exit_group",
)  # fmt: skip
_ALLOWED_WITH_THREADS = ("set_robust_list", "rseq")
"""The system calls that a new thread makes first; clone has a rule of its own."""

_FATAL = (
    "execve", "execveat", "socket", "connect", "bind", "listen", "accept", "accept4", "ptrace", "process_vm_readv",
    "process_vm_writev", "fork", "vfork", "kill", "tkill", "bpf", "mount", "umount2", "pivot_root", "chroot", "setns",
    "unshare", "keyctl", "add_key", "init_module", "finit_module", "kexec_load", "perf_event_open", "userfaultfd",
    "io_uring_setup", "open_by_handle_at", "pidfd_getfd", "memfd_create",
)  # fmt: skip


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent dies; exit at once if it is dead already.

    Args:
        parent: the process id that os.getppid() must return.
    """
    _libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def set_name(name: str) -> None:
    """Show a name in ps and top (15 bytes)."""
    _libc().prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def limit_memory(megabytes: int) -> None:
    """Let the data memory of this process grow by this many MiB from now on; allocations beyond this limit fail."""
    data_pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = data_pages * mmap.PAGESIZE + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def enter(*, threads: bool) -> None:
    """Give up everything but computing and the open descriptors, for the rest of the process's life.

    Args:
        threads: whether this process may start threads; an encoder's settings say whether the encoder starts any.

    Raises:
        WorkerError: the kernel or libseccomp refuses the sandbox; then no camera byte may be read.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_DESCRIPTORS, MAX_DESCRIPTORS))
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise WorkerError("the kernel refuses no_new_privs")
    try:
        _filter(threads=threads).load()
    except (OSError, RuntimeError) as error:
        raise WorkerError(f"the sandbox can't be entered: {error}") from None


def _filter(*, threads: bool) -> seccomp.SyscallFilter:
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for name in _FATAL:
        _add(rules, seccomp.KILL_PROCESS, name)
    for name in (*_ALLOWED, *(_ALLOWED_WITH_THREADS if threads else ())):
        _add(rules, seccomp.ALLOW, name)
    # memory is allowed; code is not, nor is shared memory, which RLIMIT_DATA does not count
    no_code = seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
    _add(rules, seccomp.ALLOW, "mprotect", no_code)
    _add(rules, seccomp.ALLOW, "mmap", no_code, seccomp.Arg(3, seccomp.MASKED_EQ, _MAP_TYPE, mmap.MAP_PRIVATE))
    for advice in _ADVICE:
        _add(rules, seccomp.ALLOW, "madvise", seccomp.Arg(2, seccomp.EQ, advice))
    # a process may ask for its own processors alone
    _add(rules, seccomp.ALLOW, "sched_getaffinity", seccomp.Arg(0, seccomp.EQ, 0))
    # a thread is allowed, a process is not; clone3 hides its flags from a filter: ENOSYS makes the C library use clone
    if threads:
        _add(rules, seccomp.ALLOW, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    _add(rules, seccomp.ERRNO(errno.ENOSYS), "clone3")
    # libraries name their threads
    _add(rules, seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, _PR_SET_NAME))
    # a process may end itself (abort) and no other process
    _add(rules, seccomp.ALLOW, "tgkill", seccomp.Arg(0, seccomp.EQ, os.getpid()))
    return rules


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
