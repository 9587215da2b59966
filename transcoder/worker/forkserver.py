"""The fork server is a process with one thread and everything loaded, which forks a worker on request.

The fork server of multiprocessing would not do: it imports the parent's main module again in every child, which costs
tens of megabytes a worker and drags the service's modules into the sandbox.

The fork server is started as `python -P -m transcoder.worker.forkserver FD CACHE_DIR PARENT [inspectable] [stopgap]
[users=FIRST-LAST]` and speaks on a SOCK_SEQPACKET socket. A request is a JSON object with `id`, `name`, `role`,
`stream`, `generation` and `memory_limit_mb` and carries the worker's socket, or is `{"ping"}`. A decoding and an
encoding process of the same stream share memory and a socket, which are kept here as long as one of them lives, so that
each is replaced alone; a process whose role is asked for again is ended first.

Answers are `{"compiling": 2, "of": 7}` where kernels have to be compiled, `{"ready": ..., "measures": {...}}` or
`{"failed": reason}`, `{"id", "pid"}` or `{"id", "error"}`, `{"pong"}`, and `{"exited": pid, "status": ...}`, which
comes after the answer that named the process. The measures are those of the sandbox: by name, "" or the reason why one
is missing.
"""

import contextlib
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from transcoder import kernel
from transcoder.errors import WorkerError
from transcoder.worker import namespaces, sandbox, system_calls
from transcoder.worker.linked_streams import LinkedStreams
from transcoder.worker.namespaces import Forker
from transcoder.worker_options import Place, Role

if TYPE_CHECKING:
    from transcoder.worker.shared_planes import StreamLink

INSPECTABLE = "inspectable"
"""An argument: other processes of the same user may read the memory of the fork server and its workers."""
STOPGAP = "stopgap"
"""An argument: the workers show slates alone, until another fork server has its kernels."""
USERS = "users="
"""The beginning of an argument: the users that workers become, instead of namespaces.USERS."""
NAMES = {Role.WHOLE: "tc", Role.ENCODING: "tc", Role.DECODING: "td"}
"""The beginnings of the names of workers that ps and top show."""
MAX_REQUEST = 4096
MAX_DESCRIPTOR = 4096
"""Descriptors of the fork server are below: it has its sockets and whatever libraries keep open."""


def main() -> None:
    """Load everything that workers need, then fork on request until the service hangs up."""
    service = socket.socket(fileno=int(sys.argv[1]))
    cache_dir = Path(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else None
    sandbox.die_with_parent(int(sys.argv[3]))
    from transcoder.worker import preload  # noqa: PLC0415  # a second of imports, in which the service may be killed

    kernel.forbid_core_dumps()
    if INSPECTABLE not in sys.argv[4:]:
        kernel.forbid_inspection()
    is_stopgap = STOPGAP in sys.argv[4:]
    sandbox.set_name("tc-stopgap" if is_stopgap else "tc-forkserver")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the fork server ends when the service hangs up, after the workers
    try:
        took = 0.0
        if is_stopgap:
            preload.load_twins()
        else:
            took = preload.load(cache_dir, lambda done, total: _tell_progress(service, done, total))
        sandbox.seal_code()
        system_calls.prepare()
        forker = namespaces.forker(_users(sys.argv[4:]))
        forker.divide_group(sandbox.MAX_THREADS)
        measures = sandbox.measures(forker)
    except WorkerError as error:  # no worker may be forked
        with contextlib.suppress(OSError):
            _send(service, {"failed": str(error)})
        return
    with contextlib.suppress(OSError):  # the service does not want it any more
        _send(service, {"ready": True, "kernels_s": took, "threads": preload.thread_count(), "measures": measures})
        _Server(service, forker).run()
    os._exit(0)  # the interpreter's own end would free callbacks, whose pages are sealed


def _tell_progress(service: socket.socket, done: int, total: int) -> None:
    with contextlib.suppress(OSError):  # a service that is gone takes this process along
        _send(service, {"compiling": done, "of": total})


def _users(arguments: list[str]) -> range:
    """Return the users that workers are to become."""
    for argument in arguments:
        if argument.startswith(USERS):
            first, _, last = argument.removeprefix(USERS).partition("-")
            return range(int(first), int(last) + 1)
    return namespaces.USERS


def _send(service: socket.socket, answer: dict[str, Any]) -> None:
    """Send an answer; wait where the service is slow to read.

    Raises:
        OSError: the service has closed the connection.
    """
    data = json.dumps(answer).encode()
    while True:
        try:
            service.send(data)
        except BlockingIOError:
            room = select.poll()
            room.register(service, select.POLLOUT)
            room.poll()
        else:
            return


def _keep_only(*descriptors: int) -> list[socket.socket]:
    """Close every descriptor but these sockets, which become 3, 4 and so on; 0 to 2 read and write nothing."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 3 + len(descriptors)) for descriptor in descriptors]
    connections = [socket.socket(fileno=os.dup2(old, 3 + place)) for place, old in enumerate(moved)]
    os.closerange(3 + len(descriptors), MAX_DESCRIPTOR)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.close(nothing)
    return connections


def _work(descriptor: int, place: Place, link: "StreamLink | None") -> None:
    """Become a worker."""
    from transcoder.worker import decoding_process, encoding_process, whole_process  # noqa: PLC0415  # after load()

    if link is None:
        whole_process.run(*_keep_only(descriptor))
    elif place.role is Role.DECODING:
        connection, records = _keep_only(descriptor, link.decoding.fileno())
        decoding_process.run(connection, records, link.writable(), place.generation)
    else:
        planes = link.read_only()
        connection, records = _keep_only(descriptor, link.encoding.fileno())
        encoding_process.run(connection, records, planes)


class _Server:
    def __init__(self, service: socket.socket, forker: Forker) -> None:
        self._service = service
        self._forker = forker
        service.setblocking(False)  # recv_fds() ignores the flags it is given
        self._children: set[int] = set()
        self._streams = LinkedStreams(self._end)
        self._wakeup, wakeup = socket.socketpair()
        self._wakeup.setblocking(False)
        wakeup.setblocking(False)
        self._signals = wakeup
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        poll = select.poll()
        poll.register(self._service, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            poll.poll()
            with contextlib.suppress(BlockingIOError):
                self._wakeup.recv(4096)
            self._reap()
            if not self._requests():
                break
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._children:  # otherwise they stay zombies until another process adopts them
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _requests(self) -> bool:
        """Serve the requests that have come; return False when the service has closed the connection."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._service, MAX_REQUEST, 1)
                if not data:
                    return False
                _send(self._service, self._answer(json.loads(data), descriptors))
            except BlockingIOError:
                return True
            except OSError:
                return False

    def _answer(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        if "ping" in request:
            return {"pong": True}
        try:
            place = Place(
                role=Role(request.get("role", Role.WHOLE.value)),
                stream=request.get("stream", 0),
                generation=request.get("generation", 0),
                memory_limit_mb=request.get("memory_limit_mb", 0),
            )
            pid = self._fork(descriptors[0], request["name"], place)
        except OSError as error:  # no memory or no process is left: there is a worker fewer, and the others live
            return {"id": request["id"], "error": str(error)}
        finally:
            os.close(descriptors[0])
        self._children.add(pid)
        return {"id": request["id"], "pid": pid, "peer": self._streams.peer(place)}

    def _fork(self, descriptor: int, name: str, place: Place) -> int:
        with self._streams.prepared(place) as link:
            pid = self._forker.fork(place.memory_limit_mb)
            if pid == 0:
                self._become_worker(descriptor, name, place, link)
            self._streams.note_started(place, pid)
            return pid

    @staticmethod
    def _become_worker(descriptor: int, name: str, place: Place, link: "StreamLink | None") -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            gc.disable()  # frames are freed by reference counts; reference cycles are small and few
            sandbox.set_name(f"{NAMES[place.role]}:{name}")
            _work(descriptor, place, link)
        finally:
            os._exit(1)

    def _end(self, pid: int) -> None:
        """End a worker, and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            self._note_exit(*os.waitpid(pid, 0))

    def _reap(self) -> None:
        while True:  # until no child is left that has ended, whether or not it was a worker
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._note_exit(pid, status)

    def _note_exit(self, pid: int, status: int) -> None:
        if pid not in self._children:
            return  # it compiled kernels
        self._children.discard(pid)
        self._forker.reaped(pid)
        self._streams.note_ended(pid)
        with contextlib.suppress(OSError):
            _send(self._service, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})


if __name__ == "__main__":
    main()
