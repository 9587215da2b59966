"""Make a process crash by itself. The first process of a namespace ignores signals from outside, except SIGKILL."""

import os
import signal
import time
from pathlib import Path


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal, or have the process cause it itself where it is SIGSEGV."""
    if number is signal.SIGSEGV:
        crash(pid)
    else:
        os.kill(pid, number)


def crash(pid: int, timeout_s: float = 5.0) -> None:
    """Write over the code at which a process comes back from its system call, so that it ends by SIGSEGV (x86-64).

    Zeros are an instruction that writes to the address in the register of the call's result, which is no address. Only
    the page of this process changes.

    Raises:
        TimeoutError: the process was never found in a system call.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        fields = Path(f"/proc/{pid}/syscall").read_text().split()
        if len(fields) > 2:  # or it says "running"
            with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
                memory.seek(int(fields[-1], 16))
                memory.write(bytes(16))
            return
        time.sleep(0.001)
    raise TimeoutError("the process is never in a system call")
