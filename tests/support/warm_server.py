"""This program has imported what every gateway imports, and becomes one in a fork of itself for each request.

It is run as `python warm_server.py FD` and speaks on a SOCK_SEQPACKET socket; `tests/support/warm_start.py` is the
other side. A request is a JSON object with `arguments` (those of `transcoder`), `environment` and `folder`, and carries
the descriptor for the output. The answer is `{"pid"}`; `{"exited": pid, "status"}` follows when that process has ended.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, Final

_MODULES: Final = (
    "transcoder.cli.main",
    "uvloop",
    "transcoder.app",
    "transcoder.config",
    "transcoder.logs",
    "transcoder.api.server",
)
"""The modules that `transcoder run` with an HTTP API imports whatever its configuration says."""
_MAX_REQUEST: Final = 1 << 17
"""Bytes of a request: an environment with a few long variables is far below."""


def serve(client: socket.socket) -> list[str] | None:
    """Fork on request.

    Returns:
        The arguments in a process that is to become a gateway; None when the client has hung up.
    """
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake.fileno())
    while True:
        readable, _, _ = select.select([client, woken], [], [])
        if woken in readable:
            woken.recv(4096)
            _tell_exits(client)
        if client not in readable:
            continue
        data, descriptors, _, _ = socket.recv_fds(client, _MAX_REQUEST, 1)
        if not data:
            return None
        request = json.loads(data)
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for connection in (client, woken, wake):
                connection.close()
            return _become(request, descriptors[0])
        os.close(descriptors[0])
        client.send(json.dumps({"pid": pid}).encode())


def _tell_exits(client: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        client.send(json.dumps({"exited": pid, "status": os.waitstatus_to_exitcode(status)}).encode())


def _become(request: dict[str, Any], output: int) -> list[str]:
    """Take over the environment and the output of the request, and the name that the console script has in ps."""
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    Path("/proc/self/comm").write_text("transcoder")
    arguments: list[str] = request["arguments"]
    return arguments


if __name__ == "__main__":
    script = Path(sys.executable).with_name("transcoder")
    sys.path[0] = str(script.parent)
    for name in _MODULES:
        importlib.import_module(name)
    gc.freeze()  # a collection in a gateway would touch, and so copy, every page that it shares
    taken = serve(socket.socket(fileno=int(sys.argv[1])))
    if taken is not None:
        from transcoder.__main__ import main

        sys.argv = [str(script), *taken]
        sys.exit(main())  # type: ignore[func-returns-value]  # as the console script does
