"""The checker gives up everything but computing, its one connection and its answer before the first byte comes.

Nothing that it will read is a camera's, but whoever took the gateway's encoder over may have made it. Each measure says
why it is missing; the process that started the checker decides whether that is borne.
"""

import errno
import json
import mmap
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyseccomp as seccomp

from transcoder import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

_ALLOWED: Final = (
    # the connection and the answer
    "read", "readv", "recvfrom", "recvmsg", "write", "writev", "sendto", "sendmsg", "shutdown", "close",
    "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "poll", "ppoll", "select", "pselect6", "fstat", "lseek",
    # memory
    "brk", "munmap", "mremap", "madvise",
    # time, locks, signals of the runtime
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "sched_yield", "futex",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "alarm", "setitimer",
    "getpid", "gettid", "getrandom", "getrusage", "restart_syscall", "exit", "exit_group",
)  # fmt: skip
OWN_USER: Final = "own user"
FIRST_USER: Final = 0x70000000
"""The checker's user is this and its process id, as a worker's is; no distribution gives these numbers to anybody."""
_FATAL: Final = (
    "execve", "execveat", "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "ptrace",
    "process_vm_readv", "process_vm_writev", "fork", "vfork", "clone", "clone3", "kill", "tkill", "bpf", "mount",
    "umount2", "pivot_root", "chroot", "setns", "unshare", "keyctl", "add_key", "init_module", "finit_module",
    "kexec_load", "perf_event_open", "userfaultfd", "io_uring_setup", "open_by_handle_at", "pidfd_getfd",
    "memfd_create",
)  # fmt: skip
"""What only an attacker calls; other calls that are not allowed are answered with an error."""


def become_another_user() -> None:
    """Become a user that nobody else is.

    Raises:
        OSError: this process may not, or its container knows no such user.
    """
    if os.geteuid() != 0:
        raise OSError(errno.EPERM, "only root becomes another user")
    user, parent = FIRST_USER + os.getpid(), os.getppid()
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # the kernel forgets this when the user changes
    if os.getppid() != parent:
        os._exit(1)


def forbid_new_privileges() -> None:
    """Have no program gain rights.

    Raises:
        OSError: the kernel refuses.
    """
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


def forbid_other_calls() -> None:
    """Forbid every system call that reading a connection and writing an answer does not need.

    Raises:
        OSError: the kernel or libseccomp refuses the filter.
    """
    rules = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
    for name in _FATAL:
        if seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0:
            rules.add_rule(seccomp.KILL_PROCESS, name)
    for name in _ALLOWED:
        if seccomp.resolve_syscall(seccomp.system_arch(), name) >= 0:
            rules.add_rule(seccomp.ALLOW, name)
    no_code = seccomp.Arg(2, seccomp.MASKED_EQ, mmap.PROT_EXEC, 0)
    own = seccomp.Arg(3, seccomp.MASKED_EQ, mmap.MAP_ANONYMOUS, mmap.MAP_ANONYMOUS)
    rules.add_rule(seccomp.ALLOW, "mmap", no_code, own)
    rules.add_rule(seccomp.ALLOW, "mprotect", no_code)
    try:
        rules.load()
    except RuntimeError as error:
        raise OSError(errno.EINVAL, str(error)) from None


def confine() -> dict[str, str]:
    """Take every measure, for the rest of the process's life.

    Returns:
        Every measure by name: "" where it is in force, or the reason why it is missing.
    """
    taken: dict[str, Callable[[], None]] = {
        OWN_USER: become_another_user,
        "no new privileges": forbid_new_privileges,
        "no capabilities": kernel.drop_capabilities,
        "no paths": kernel.restrict_by_landlock,
        "system calls": forbid_other_calls,
    }
    found = {}
    alone = len(list(Path("/proc/self/task").iterdir())) == 1  # each measure but the first binds its own thread alone
    kernel.drop_bounding_set()  # the rights to do so go with the user
    for name, measure in taken.items():
        try:
            measure()
        except OSError as error:
            found[name] = error.strerror or "refused"
        else:
            found[name] = "" if alone else "the process has other threads"
    return found


if __name__ == "__main__":  # a trial
    sys.stdout.write(json.dumps(confine()))
