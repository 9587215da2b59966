"""A process that sends a stream to a target gives up everything but its sockets.

What a target answers is read by FFmpeg, so the process is contained before it connects: no files, no rights, no other
user's processes, and connections to one TCP port alone, as far as the kernel has such a measure. Once it is connected,
it makes no other connection.
"""

import errno
import mmap
import os
from typing import TYPE_CHECKING, Final

import pyseccomp as seccomp

from transcoder import kernel
from transcoder.verify.confinement import OWN_USER, become_another_user, forbid_new_privileges
from transcoder.worker import sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_MB: Final = 256
"""MiB by which the process may grow: FFmpeg's buffers and one IDR several times over take less than a tenth."""

_ALLOWED: Final = (
    # the sockets
    "read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg", "shutdown", "close", "poll",
    "ppoll", "select", "pselect6", "fcntl", "getsockopt", "setsockopt", "getsockname", "getpeername", "fstat",
    "lseek",
    # memory
    "brk", "munmap", "mremap", "madvise",
    # time, locks, signals of the runtime
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "sched_yield", "futex",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "getrandom", "getrusage",
    "restart_syscall", "exit", "exit_group",
    # another filter, which only takes more away
    "seccomp",
)  # fmt: skip
_FATAL: Final = (
    "execve", "execveat", "bind", "listen", "accept", "accept4", "ptrace", "process_vm_readv", "process_vm_writev",
    "fork", "vfork", "clone", "clone3", "kill", "tkill", "bpf", "mount", "umount2", "pivot_root", "chroot", "setns",
    "unshare", "keyctl", "add_key", "init_module", "finit_module", "kexec_load", "perf_event_open", "userfaultfd",
    "io_uring_setup", "open_by_handle_at", "pidfd_getfd", "memfd_create",
)  # fmt: skip
_CONNECTING: Final = ("socket", "connect")
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38


def enter(port: int) -> dict[str, str]:
    """Take every measure before anything is sent, for the rest of the process's life.

    Args:
        port: the TCP port that may be connected to; 0: none.

    Returns:
        The measures that are missing, by name, with the reason.

    Raises:
        WorkerError: memory is left that is writable and executable.
    """
    sandbox.limit_resources()
    sandbox.limit_memory(MEMORY_MB)
    sandbox.seal_code()
    kernel.drop_bounding_set()
    taken: dict[str, Callable[[], None]] = {
        OWN_USER: become_another_user,
        "no new privileges": forbid_new_privileges,
        "no capabilities": kernel.drop_capabilities,
        "no paths": lambda: kernel.restrict_by_landlock(port),
        "no new code": sandbox.forbid_new_code,
        "system calls": lambda: _load(_filter(connects=port > 0)),
    }
    missing = {}
    for name, measure in taken.items():
        try:
            measure()
        except OSError as error:
            missing[name] = error.strerror or "refused"
    if os.geteuid() != 0 and missing.get(OWN_USER):
        del missing[OWN_USER]  # only root becomes another user
    return missing


def close_doors() -> None:
    """Make no connection any more, because the only one stands.

    Raises:
        OSError: the kernel refuses the filter.
    """
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    for name in _CONNECTING:
        rules.add_rule(seccomp.KILL_PROCESS, name)
    _load(rules)


def _filter(*, connects: bool) -> seccomp.SyscallFilter:
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for name in (*_FATAL, *(() if connects else _CONNECTING)):
        if seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0:
            rules.add_rule(seccomp.KILL_PROCESS, name)
    for name in (*_ALLOWED, *(_CONNECTING if connects else ())):
        if seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0:
            rules.add_rule(seccomp.ALLOW, name)
    no_code = seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
    own = seccomp.Arg(3, seccomp.MASKED_EQ, mmap.MAP_ANONYMOUS, mmap.MAP_ANONYMOUS)
    rules.add_rule(seccomp.ALLOW, "mmap", no_code, own)
    rules.add_rule(seccomp.ALLOW, "mprotect", no_code)
    for option in (_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS):
        rules.add_rule(seccomp.ALLOW, "prctl", seccomp.Arg(0, seccomp.EQ, option))
    return rules


def _load(rules: seccomp.SyscallFilter) -> None:
    try:
        rules.load()
    except RuntimeError as error:
        raise OSError(errno.EINVAL, str(error)) from None
