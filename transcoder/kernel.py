"""A process asks the kernel for restrictions of itself: prctl(2) and what the standard library has no function for."""

import contextlib
import ctypes
import os
import resource

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITIES = 64
"""More than any kernel has."""
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1
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


def forbid_core_dumps() -> None:
    """Have the kernel write no memory of this process and its children to disk: the memory holds passwords."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid_inspection() -> None:
    """Forbid other processes of the same user to trace this process or read its memory, and core dumps with that.

    A program that handles core dumps (core_pattern with a pipe) gets none either, though RLIMIT_CORE does not hold
    there. Forked children inherit this; a program that is started anew does not.
    """
    prctl(_PR_SET_DUMPABLE, 0)


def is_inspectable() -> bool:
    """Say whether other processes of the same user may read this process's memory."""
    return prctl(_PR_GET_DUMPABLE) == 1


def capabilities() -> int:
    """Return the effective capabilities of this process as bits (capabilities(7))."""
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    check(libc().capget(header, data))
    return int(data[0]) | int(data[3]) << 32


def drop_capabilities() -> None:
    """Give up every capability, for this process and for programs that it might start.

    Raises:
        OSError: the kernel refuses.
    """
    with contextlib.suppress(OSError):  # without CAP_SETPCAP the bounding set stays; no_new_privs makes it void
        for capability in range(_CAPABILITIES):
            prctl(PR_CAPBSET_DROP, capability)
    with contextlib.suppress(OSError):  # a kernel before 4.3 has no ambient capabilities
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    check(libc().capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()))
