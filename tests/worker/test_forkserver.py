"""What the fork server answers on its control socket; it runs here, in a thread of this process, and forks nothing."""

import errno
import gc
import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from transcoder.worker.forkserver import _Server
from transcoder.worker.namespaces import Forker


class Service:
    """The service's end of the control socket."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(5)
        self._theirs = theirs
        self._thread = threading.Thread(target=_Server(theirs, Forker()).run, daemon=True)
        self._thread.start()

    def send(self, request: dict[str, Any], descriptors: int = 0) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            socket.send_fds(self.control, [json.dumps(request).encode()], [theirs.fileno()] * descriptors)

    def answer(self) -> dict[str, Any]:
        return dict(json.loads(self.control.recv(4096)))

    def hang_up(self) -> bool:
        """Whether the fork server ends with the service."""
        self.control.close()
        self._thread.join(5)
        self._theirs.close()
        return not self._thread.is_alive()


@pytest.fixture
def service() -> Iterator[Service]:
    before = signal.getsignal(signal.SIGCHLD)
    made = Service()
    yield made
    made.hang_up()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, before)


def test_a_heartbeat_is_answered(service: Service) -> None:
    for _ in range(3):
        service.send({"ping": True})
        assert service.answer() == {"pong": True}


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_a_fork_that_fails_costs_one_worker_and_no_other(
    service: Service, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fork() -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fork", fork)
    gc.collect()  # what earlier tests left behind has descriptors too
    descriptors = len(os.listdir("/proc/self/fd"))
    for request in (1, 2):
        service.send({"id": request, "name": "front"}, descriptors=1)
        answer = service.answer()
        assert answer["id"] == request
        assert os.strerror(number) in answer["error"]
    service.send({"ping": True})
    assert service.answer() == {"pong": True}
    assert len(os.listdir("/proc/self/fd")) == descriptors  # the sockets of the workers that are not there are closed


def test_answers_wait_for_a_service_that_is_behind(service: Service) -> None:
    service.control.setblocking(False)
    sent = 0
    try:
        while sent < 100_000:
            service.control.send(b'{"ping": true}')
            sent += 1
    except BlockingIOError:
        pass
    service.control.settimeout(5)
    assert [service.answer() for _ in range(sent)] == [{"pong": True}] * sent


def test_it_ends_with_the_service(service: Service) -> None:
    service.send({"ping": True})
    assert service.hang_up()


def test_it_ends_with_a_service_that_reads_no_answers(service: Service) -> None:
    service.control.setblocking(False)
    try:
        for _ in range(100_000):
            service.control.send(b'{"ping": true}')
    except BlockingIOError:
        pass
    assert service.hang_up()
