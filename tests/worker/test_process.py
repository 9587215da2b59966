"""The loop of a worker process, over a socket pair."""

import socket
import time
from collections.abc import Iterable
from typing import Any

from transcoder.ipc.messages import MessageType, serialize_message
from transcoder.worker.process import ServiceConnection


class Recorded:
    """Notes what it has to carry out."""

    link: socket.socket | None = None

    def __init__(self) -> None:
        self.kinds: list[MessageType] = []

    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        del body
        self.kinds.append(kind)
        return ()

    def link_results(self) -> Iterable[bytes]:
        return ()

    def stats(self) -> dict[str, Any]:
        return {}


def test_messages_that_came_in_one_read_with_the_first_are_carried_out() -> None:
    service, own = socket.socketpair()
    with service, own:
        connection, work = ServiceConnection(own), Recorded()
        kinds = (MessageType.CONFIGURE, MessageType.CONFIGURE, MessageType.REPEAT)
        service.sendall(b"".join(serialize_message(kind) for kind in kinds))
        first = connection.first_message()
        assert first is not None
        assert first[0] is MessageType.CONFIGURE
        service.shutdown(socket.SHUT_WR)  # nothing else comes that would wake the loop with the rest
        connection.serve(work)
        assert work.kinds == [MessageType.CONFIGURE, MessageType.REPEAT]


class Waiting(Recorded):
    """Waits for the other process while it carries out a message, as the decoding process does before each picture."""

    def __init__(self, connection: ServiceConnection, link: socket.socket) -> None:
        super().__init__()
        self.link = link
        self.waits = 0
        self._connection = connection

    def results(self, kind: MessageType, body: memoryview) -> Iterable[bytes]:
        assert self.link is not None
        while self._connection.await_link() and self.waits < 5:
            self.waits += 1
            if self.link.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK):
                break
        return super().results(kind, body)


def test_the_other_process_is_heard_while_the_first_messages_are_carried_out() -> None:
    """A worker that begins in a group of pictures is sent the group at once, and its halves work hand in hand."""
    (service, own), (other, link) = socket.socketpair(), socket.socketpair()
    with service, own, other, link:
        connection = ServiceConnection(own)
        work = Waiting(connection, link)
        service.sendall(b"".join(serialize_message(MessageType.REPEAT) for _ in range(2)))
        assert connection.first_message() is not None
        other.send(b"x")
        started = time.monotonic()
        service.shutdown(socket.SHUT_WR)
        connection.serve(work)
        assert work.waits == 1
        assert time.monotonic() - started < 0.4, "it sleeps until the next report otherwise"
