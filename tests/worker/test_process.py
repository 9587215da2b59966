"""The loop of a worker process, over a socket pair."""

import socket
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
