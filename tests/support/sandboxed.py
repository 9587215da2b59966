"""Run code as a process that has entered the worker's sandbox, or that has not.

The sandbox is that of each process that a stream may have, and the service is root, or a user without rights.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from typing_extensions import override

from transcoder.worker_options import Role

NOBODY = 65534
_LEAVE_ROOT = f"""
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
kernel.permit_inspection()  # the change of users took it
"""
PRELUDE = """
import ctypes, fcntl, mmap, os, resource, signal, socket, struct, sys, threading, time
from transcoder import kernel
from transcoder.worker import namespaces, sandbox
from transcoder.worker_options import Role

libc = ctypes.CDLL(None, use_errno=True)
ours, theirs = socket.socketpair()

def call(name, *arguments):
    function = getattr(libc, name)
    function.restype = ctypes.c_int
    result = function(*arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result

"""
"""What the code of every attack finds: its modules, a socket pair, and a function of libc by its name."""

_SCRIPT = """
{prelude}
report = socket.socket(fileno=int(sys.argv.pop()))
{user}
{before}
{enter}
try:
{code}
except (OSError, MemoryError, RuntimeError) as error:
    report.send(f"refused {{getattr(error, 'errno', None)}}".encode())
else:
    report.send(b"done")
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Names a process of a stream by its work, and the user of its service."""

    role: Role = Role.WHOLE
    is_root: bool = os.geteuid() == 0

    @property
    def user(self) -> int | None:
        """Return the user id of the service, None for that of the tests."""
        return None if self.is_root or os.geteuid() != 0 else NOBODY

    @override
    def __str__(self) -> str:
        return f"{self.role.value}, {'root' if self.is_root else 'unprivileged'}"


def _parameter(sandbox: Sandbox) -> object:
    only_root = pytest.mark.skipif(sandbox.is_root and os.geteuid() != 0, reason="only root can be root")
    return pytest.param(sandbox, id=str(sandbox), marks=only_root)


USERS = [_parameter(Sandbox(is_root=is_root)) for is_root in (True, False)]
SANDBOXES = [_parameter(Sandbox(role, is_root)) for role in Role for is_root in (True, False)]
as_each_user = pytest.mark.parametrize("sandbox", USERS)
"""The test runs as root and as a user without rights."""
in_each_sandbox = pytest.mark.parametrize("sandbox", SANDBOXES)
"""The test runs as each of the processes that a stream may have, as root and as a user without rights."""


def leave_root(sandbox: Sandbox) -> str:
    """Return the lines of Python by which a process becomes the user of a service, once and for all."""
    return "" if sandbox.user is None else _LEAVE_ROOT


def run_sandboxed(
    code: str,
    *,
    inside: bool,
    before: str = "",
    threads: bool = False,
    arguments: Sequence[str] = (),
    sandbox: Sandbox | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own; its output ends with "done", or "refused" and the error's number.

    Args:
        code: lines of Python.
        inside: whether the process enters the sandbox first.
        before: lines of Python that run before it does.
        threads: whether the sandbox allows threads; a decoding process never has any.
        arguments: of the process, sys.argv[1] and so on.
        sandbox: the process's work and user.
    """
    sandbox = sandbox or Sandbox()
    enter = f"sandbox.enter(threads={threads}, role=Role.{sandbox.role.name})" if inside else ""
    indented = "\n".join(f"    {line}" for line in code.strip().splitlines())
    script = _SCRIPT.format(prelude=PRELUDE, user=leave_root(sandbox), before=before, enter=enter, code=indented)
    ours, theirs = socket.socketpair()  # a decoding process may not even write to its standard output
    with ours, theirs:
        result = subprocess.run(
            [sys.executable, "-c", script, *arguments, str(theirs.fileno())],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        result.stdout += b"".join(iter(lambda: ours.recv(4096), b"")).decode()
    return result


def is_refused(result: subprocess.CompletedProcess[str], *errors: int) -> bool:
    """Return whether the sandbox answered with one of these errors, or ended a process that did what none needs."""
    if result.returncode:
        return (result.returncode, result.stdout) == (-signal.SIGSYS, "")
    return result.stdout in {f"refused {number}" for number in errors}
