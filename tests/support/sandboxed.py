"""Run code as a process that has entered the worker's sandbox, or that has not."""

import subprocess
import sys
from collections.abc import Sequence

PRELUDE = """
import ctypes, fcntl, mmap, os, resource, signal, socket, struct, sys, threading, time
from transcoder import kernel
from transcoder.worker import namespaces, sandbox

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
{before}
{enter}
try:
{code}
except (OSError, MemoryError, RuntimeError) as error:
    os.write(1, f"refused {{getattr(error, 'errno', None)}}".encode())
else:
    os.write(1, b"done")
os._exit(0)
"""


def run_sandboxed(
    code: str, *, inside: bool, before: str = "", threads: bool = False, arguments: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own; its output ends with "done", or "refused" and the error's number.

    Args:
        code: lines of Python.
        inside: whether the process enters the sandbox first.
        before: lines of Python that run before it does.
        threads: whether the sandbox allows threads.
        arguments: of the process, sys.argv[1] and so on.
    """
    enter = f"sandbox.enter(threads={threads})" if inside else ""
    indented = "\n".join(f"    {line}" for line in code.strip().splitlines())
    script = _SCRIPT.format(prelude=PRELUDE, before=before, enter=enter, code=indented)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True, timeout=60
    )
