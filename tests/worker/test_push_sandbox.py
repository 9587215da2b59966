"""What a process that sends a stream may do: nothing but send."""

import os
import socket
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

PREPARE = """
import mmap, os, signal, socket, sys
from transcoder.errors import WorkerError
from transcoder.worker import push_sandbox
port, other = int(sys.argv[1]), int(sys.argv[2])
def connect(to):
    socket.socket().connect(("127.0.0.1", to))
"""
ACTIONS = {
    "a file": "open('/etc/passwd').read()",
    "a program": "os.execv('/bin/true', ['true'])",
    "a process": "os.fork() or os._exit(0)",
    "new code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "a signal": "os.kill(os.getppid(), 0)",
    "a server": "socket.create_server(('127.0.0.1', 0))",
    "another port": "connect(other)",
    "another connection": "push_sandbox.close_doors(); connect(port)",
    "a connection of a process of datagrams": "connect(port)",
}


def attempt(action: str, *, enters: str) -> str:
    """Return "done", "refused" or "killed"."""
    text = f"{PREPARE}\n{enters}\ntry:\n    {action}\nexcept OSError:\n    os._exit(7)\nos._exit(0)"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [str(each.getsockname()[1]) for each in (server, other)]
        found = subprocess.run([sys.executable, "-c", text, *ports], check=False, timeout=30).returncode
    return {0: "done", 7: "refused"}.get(found, "killed" if found < 0 else f"ended with {found}")


@pytest.mark.parametrize("name", ACTIONS)
def test_it_is_refused_or_ends_the_process(name: str) -> None:
    enters = "push_sandbox.enter(0)" if "datagrams" in name else "push_sandbox.enter(port)"
    assert attempt(ACTIONS[name], enters=enters) in {"refused", "killed"}
    if name != "new code":  # the control: without the measures it is done
        assert attempt(ACTIONS[name].replace("push_sandbox.close_doors(); ", ""), enters="") == "done"


def test_the_one_connection_is_made() -> None:
    assert attempt("connect(port)", enters="push_sandbox.enter(port)") == "done"


def test_nothing_is_missing_here() -> None:
    text = f"{PREPARE}\nimport json\nos.write(1, json.dumps(push_sandbox.enter(9)).encode())\nos._exit(0)"
    found = subprocess.run(
        [sys.executable, "-c", text, "9", "9"], check=True, timeout=30, stdout=subprocess.PIPE
    ).stdout
    assert found == b"{}"
    assert os.geteuid() == 0 or found == b"{}"
