"""A process asks the kernel for restrictions of itself: prctl(2) and calls that the standard library does not offer."""

import contextlib
import ctypes
import errno
import os
import resource
import signal
from collections.abc import Mapping
from typing import ClassVar, TypeVar

_T = TypeVar("_T")

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
PR_CAPBSET_DROP = 24
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64
"""More than any kernel has."""
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
"""System calls, whose numbers are the same on every architecture that Python has wheels for."""
_LANDLOCK_VERSION = 1
_LANDLOCK_FILES = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 5: 0xFFFF}
"""Every right to files by the version of Landlock that brought the newest of them."""
_LANDLOCK_PORTS, _LANDLOCK_PORTS_SINCE = 0b11, 4
_LANDLOCK_RULE_PORT, _LANDLOCK_CONNECT = 2, 0b10
_LANDLOCK_SCOPES, _LANDLOCK_SCOPES_SINCE = 0b11, 6
"""Abstract sockets and signals."""
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_CLONE_CHILD_CLEARTID, _CLONE_CHILD_SETTID = 0x00200000, 0x01000000
_CLONE = {"x86_64": (56, 3), "aarch64": (220, 4)}
"""The number of the system call by machine, and the place of the child's thread id among its arguments."""
_PR_GET_TID_ADDRESS = 40
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_RDONLY = 2, 4, 8, 1
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_MNT_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4


def libc() -> ctypes.CDLL:
    """Return the C library; a failed call leaves its error number in ctypes.get_errno()."""
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: int) -> int:
    """Ask the kernel for an operation on this process (prctl(2)).

    Raises:
        OSError: the kernel refuses the call or does not know the option.
    """
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    return check(libc().prctl(option, *padded))


def check(result: int) -> int:
    """Return the result of a call of the C library.

    Raises:
        OSError: the call failed.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


class _Program(ctypes.Structure):
    """A filter of system calls as prctl(2) takes it: struct sock_fprog."""

    _fields_: ClassVar = [("instructions", ctypes.c_ushort), ("first", ctypes.c_char_p)]


def load_filter(program: bytes) -> None:
    """Put this process behind a filter of system calls, for the rest of its life.

    Args:
        program: the instructions, 8 bytes each (seccomp(2)).

    Raises:
        OSError: the kernel refuses.
    """
    loaded = _Program(len(program) // 8, program)
    check(libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(loaded), 0, 0))


def forbid_core_dumps() -> None:
    """Have the kernel write no memory of this process and its children to disk: the memory holds passwords."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_inspection() -> None:
    """Forbid other processes of the same user to trace this process or read its memory, and core dumps with that.

    A program that handles core dumps (core_pattern with a pipe) gets none either, though RLIMIT_CORE does not hold
    there. Forked children inherit this; a program that is started anew does not.
    """
    prctl(_PR_SET_DUMPABLE, 0)


def permit_inspection() -> None:
    """Permit what forbid_inspection() forbids."""
    prctl(_PR_SET_DUMPABLE, 1)


def is_inspectable() -> bool:
    """Say whether other processes of the same user may read this process's memory."""
    return prctl(_PR_GET_DUMPABLE) == 1


def clone(flags: int) -> int:
    """Fork as os.fork() does, with the child in new namespaces (clone(2)); this process must have one thread.

    Args:
        flags: the new namespaces.

    Returns:
        The child's process id, in the child 0.

    Raises:
        OSError: the kernel refuses, or this machine's way to call it is unknown.
    """
    python, library = ctypes.pythonapi, ctypes.PyDLL(None, use_errno=True)  # neither lets go of the interpreter
    number, place = _call(_CLONE)
    # the C library keeps the thread's own number; its fork() has the kernel renew it in the same way
    address = ctypes.c_void_p()
    if library.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0) == 0 and address.value:
        flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    arguments = [ctypes.c_ulong(0)] * 4
    arguments[place - 1] = ctypes.c_ulong(address.value or 0)
    system_call, words = library.syscall, (ctypes.c_long(number), ctypes.c_ulong(flags | signal.SIGCHLD), *arguments)
    python.PyOS_BeforeFork()
    pid = int(system_call(*words))
    (python.PyOS_AfterFork_Child if pid == 0 else python.PyOS_AfterFork_Parent)()
    return check(pid)


def _call(numbers: Mapping[str, _T]) -> _T:
    machine = os.uname().machine
    if machine not in numbers:
        raise OSError(errno.ENOSYS, f"system calls of {machine} are not known")
    return numbers[machine]


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)).

    Raises:
        OSError: the kernel refuses.
    """
    check(libc().unshare(flags))


def empty_root() -> None:
    """Move this process into a mount namespace with one folder, which is empty and stays so.

    Raises:
        OSError: the kernel refuses.
    """
    library = libc()
    unshare(CLONE_NEWNS)
    check(library.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None))
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY
    check(library.mount(b"none", b"/proc", b"tmpfs", flags, b"mode=555"))
    os.chdir("/proc")
    check(library.syscall(_call(_PIVOT_ROOT), b".", b"."))
    check(library.umount2(b".", _MNT_DETACH))
    os.chdir("/")


def capabilities() -> int:
    """Return the effective capabilities of this process as bits (capabilities(7))."""
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    check(libc().capget(header, data))
    return int(data[0]) | int(data[3]) << 32


def raise_capabilities() -> None:
    """Make every capability effective that this process is permitted to have.

    Raises:
        OSError: the kernel refuses.
    """
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    check(libc().capget(header, data))
    data[0], data[3] = data[1], data[4]
    check(libc().capset(header, data))


def drop_bounding_set() -> None:
    """Let no program that this process might start have a capability; without CAP_SETPCAP nothing changes."""
    with contextlib.suppress(OSError):
        for capability in range(_CAPABILITIES):
            prctl(PR_CAPBSET_DROP, capability)


def drop_capabilities() -> None:
    """Give up every capability of this process.

    Raises:
        OSError: the kernel refuses.
    """
    with contextlib.suppress(OSError):  # a kernel before 4.3 has no ambient capabilities
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    check(libc().capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()))


def restrict_by_landlock(port: int = 0) -> None:
    """Give up every file and port, and abstract sockets and signals of others, as far as this kernel's Landlock can.

    Args:
        port: a TCP port that may be connected to all the same; 0: none.

    Raises:
        OSError: there is no Landlock, or no_new_privs is missing, or this Landlock does less; it restricts as it can.
    """
    system_call = libc().syscall
    version = check(system_call(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_VERSION))
    rights = (ctypes.c_uint64 * 3)(
        max(bits for since, bits in _LANDLOCK_FILES.items() if since <= version),
        _LANDLOCK_PORTS if version >= _LANDLOCK_PORTS_SINCE else 0,
        _LANDLOCK_SCOPES if version >= _LANDLOCK_SCOPES_SINCE else 0,
    )  # fields that an older kernel does not know are zero at the end, which the kernel ignores
    rules = check(system_call(_LANDLOCK_CREATE_RULESET, rights, ctypes.c_size_t(ctypes.sizeof(rights)), 0))
    try:
        if port and version >= _LANDLOCK_PORTS_SINCE:
            allowed = (ctypes.c_uint64 * 2)(_LANDLOCK_CONNECT, port)
            check(system_call(_LANDLOCK_ADD_RULE, rules, _LANDLOCK_RULE_PORT, allowed, 0))
        check(system_call(_LANDLOCK_RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)
    if version < _LANDLOCK_SCOPES_SINCE:
        raise OSError(errno.EOPNOTSUPP, f"Landlock of version {version} knows no signals")
