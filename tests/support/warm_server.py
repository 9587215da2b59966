"""This program has imported what every gateway imports, and becomes one in a fork of itself for each request.

It is run as `python warm_server.py FD` and speaks on a SOCK_SEQPACKET socket; `tests/support/warm_start.py` is the
other side. A request is a JSON object with `program` (the module whose `main` is called), `arguments`, `environment`,
`folder` and `limits` (values of constants, by module and name), and carries the descriptors for both outputs. The
answer is `{"pid"}`; `{"exited": pid, "status"}` follows when that process has ended.
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
_GATEWAY: Final = "transcoder.__main__"
"""The module of the console script."""
_MAX_REQUEST: Final = 1 << 17
"""Bytes of a request: an environment with a few long variables is far below."""


def serve(client: socket.socket) -> dict[str, Any] | None:
    """Fork on request.

    Returns:
        The request in a process that is to carry it out; None when the client has hung up.
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
        data, descriptors, _, _ = socket.recv_fds(client, _MAX_REQUEST, 2)
        if not data:
            return None
        request: dict[str, Any] = json.loads(data)
        if request["program"] != _GATEWAY and request["program"] not in sys.modules:
            importlib.import_module(request["program"])
            gc.freeze()
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for connection in (client, woken, wake):
                connection.close()
            _become(request, descriptors)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
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


def _become(request: dict[str, Any], outputs: list[int]) -> None:
    """Take over what the request brings; a gateway has the console script's name in ps."""
    for standard, output in zip((1, 2), outputs, strict=True):
        os.dup2(output, standard)
        os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for place, value in request["limits"].items():
        module, _, name = place.rpartition(".")
        found = importlib.import_module(module)
        if not hasattr(found, name):  # a constant that was renamed would silently keep its value
            raise AttributeError(place)
        setattr(found, name, value)
    if request["program"] == _GATEWAY:
        Path("/proc/self/comm").write_text("transcoder")


if __name__ == "__main__":
    script = Path(sys.executable).with_name("transcoder")
    sys.path[0] = str(script.parent)
    for name in _MODULES:
        importlib.import_module(name)
    gc.freeze()  # a collection in a gateway would touch, and so copy, every page that it shares
    taken = serve(socket.socket(fileno=int(sys.argv[1])))
    if taken is not None:
        sys.argv = [str(script), *taken["arguments"]]
        sys.exit(importlib.import_module(taken["program"]).main())
