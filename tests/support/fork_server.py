"""This fork server starts no processes: its workers are sockets whose other end a test holds."""

import asyncio
import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path

from transcoder.ipc.messages import MessageParser, MessageType
from transcoder.service.fork_queue import Urgency
from transcoder.service.forkserver import ForkServer
from transcoder.service.forkserver_process import ForkedWorker
from transcoder.worker_options import WHOLE, Place, Role


class FakeWorker(ForkedWorker):
    """Stands in for a worker, which a test plays.

    Attributes:
        alive: whether the worker was not killed and has not died.
        role: the role that the worker was asked for in.
    """

    def __init__(self, connection: socket.socket, peer: socket.socket, on_exit: Callable[[int], None]) -> None:
        self.pid = self.peer = os.getpid()  # the worker's memory and signs of life are those of this process
        self.connection = connection
        self.alive = True
        self.role = Role.WHOLE
        self._peer = peer
        self._on_exit = on_exit
        self._parser = MessageParser()

    def kill(self) -> None:
        self.alive = False
        self._peer.close()

    def die(self, *, hang_up: bool, exit_status: int | None) -> None:
        """End as a process does: the kernel closes its socket, or the fork server tells how it ended, or both."""
        if not self.alive:
            return
        self.alive = False
        if hang_up:
            self._peer.close()
        if exit_status is not None:
            self._on_exit(exit_status)

    def say(self, message: bytes) -> None:
        self._peer.send(message)

    def heard(self) -> list[MessageType]:
        """Return the kinds of the messages that the service has sent since the last call."""
        kinds = []
        self._peer.setblocking(False)
        try:
            while data := self._peer.recv(1 << 20):
                self._parser.receive_data(data)
        except BlockingIOError:
            pass
        while (message := self._parser.next_message()) is not None:
            kinds.append(message[0])
        return kinds


class FakeForkServer(ForkServer):
    """Hands out workers that a test plays.

    Args:
        turns: the turns of the event loop before a worker is there, and again before the asker learns of it.

    Attributes:
        workers: all workers that were asked for, in this order.
        refuse: the exception that is raised instead, if set.
        has_kernels: whether kernels are loaded; until then workers are stopgaps.
        peer: the process id of the other half that is told of the next workers; None: the one that they have.
    """

    def __init__(self, turns: int = 2) -> None:
        super().__init__(Path("/nonexistent"))
        self.workers: list[FakeWorker] = []
        self.refuse: Exception | None = None
        self.peer: int | None = None
        self._turns = turns
        self.has_kernels = True

    @property
    def is_ready(self) -> bool:
        return self.has_kernels

    async def fork(
        self,
        name: str,
        on_exit: Callable[[int], None],
        urgency: Callable[[], Urgency] = Urgency,
        place: Place = WHOLE,
    ) -> ForkedWorker:
        for _ in itertools.repeat(None, self._turns):
            await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        worker = FakeWorker(ours, theirs, on_exit)
        worker.role = place.role
        worker.is_stopgap = not self.has_kernels
        if self.peer is not None:
            worker.peer = self.peer
        self.workers.append(worker)
        try:
            for _ in itertools.repeat(None, self._turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            worker.kill()
            raise
        return worker
