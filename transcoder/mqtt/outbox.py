"""The outbox holds the messages that are to be published; it is bounded, whoever has to wait for it.

Of a retained topic only the last value matters, so a broker that was away for a day costs one message a topic.
"""

import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

MAX_QUEUED: Final = 512
"""The largest number of events and answers that wait for the broker; beyond it the oldest go."""
MAX_TAKEN_BACK: Final = 4096
"""The number of waiting values beyond which no more are taken back. Whoever may publish can have the broker keep any
number of values of streams that never were; the next connection finds those that are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Holds a message.

    Attributes:
        correlation: the correlation data of the command that the message answers.
        expiry_s: the seconds after which nobody needs the message, None for never.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    correlation: bytes | None = None
    expiry_s: int | None = None


class Outbox:
    """Holds messages in the order in which they are to be sent: retained values first, then the others."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, Outgoing] = OrderedDict()
        self._queue: deque[Outgoing] = deque()
        self._sent: dict[str, bytes] = {}  # the outbox keeps digests, because snapshots are large
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._values) + len(self._queue)

    def put(self, message: Outgoing) -> None:
        """Add a message; a retained one takes the place of the one that waits for the same topic."""
        if message.retain:
            if self._sent.get(message.topic) == _digest(message.payload) and message.topic not in self._values:
                return
            if not message.payload and len(self._values) >= MAX_TAKEN_BACK and message.topic not in self._values:
                self.dropped += 1
                return
            self._values[message.topic] = message
            return
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(message)

    def take(self) -> Outgoing | None:
        """Return the next message, or None where there is none."""
        if self._values:
            topic, message = self._values.popitem(last=False)
            if message.payload:
                self._sent[topic] = _digest(message.payload)
            else:
                self._sent.pop(topic, None)
            return message
        return self._queue.popleft() if self._queue else None

    def put_back(self, message: Outgoing) -> None:
        """Put back a message that was taken and could not be sent, so that it goes first.

        Retained messages are published again with the next connection anyway.
        """
        if message.retain:
            return
        if len(self._queue) < MAX_QUEUED:
            self._queue.appendleft(message)
        else:
            self.dropped += 1

    def forget(self) -> None:
        """Forget which messages were sent, because of a new connection.

        The broker may have lost the messages, so all values have to be put again.
        """
        self._sent.clear()
        self._values.clear()


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
