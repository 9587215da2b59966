"""What is to be published: bounded, whoever has to wait for it.

Of a retained topic only the last value matters, so a broker that was away for a day costs one message a topic.
"""

import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

MAX_QUEUED: Final = 512
"""Events and answers that wait for the broker; past it the oldest go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message.

    Attributes:
        correlation: correlation data of the command that it answers.
        expiry_s: seconds after which nobody needs it, None for never.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    correlation: bytes | None = None
    expiry_s: int | None = None


class Outbox:
    """Messages in the order in which they are to go: retained values first, then the others."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, Outgoing] = OrderedDict()
        self._queue: deque[Outgoing] = deque()
        self._sent: dict[str, bytes] = {}  # digests: snapshots are large
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._values) + len(self._queue)

    def put(self, message: Outgoing) -> None:
        """Add a message; a retained one takes the place of the one that waits for the same topic."""
        if message.retain:
            if self._sent.get(message.topic) == _digest(message.payload) and message.topic not in self._values:
                return
            self._values[message.topic] = message
            return
        if len(self._queue) >= MAX_QUEUED:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(message)

    def take(self) -> Outgoing | None:
        """The next message, None where there is none."""
        if self._values:
            topic, message = self._values.popitem(last=False)
            if message.payload:
                self._sent[topic] = _digest(message.payload)
            else:
                self._sent.pop(topic, None)
            return message
        return self._queue.popleft() if self._queue else None

    def put_back(self, message: Outgoing) -> None:
        """A message was taken and could not be sent: it goes first. Retained ones come again with the connection."""
        if not message.retain and len(self._queue) < MAX_QUEUED:
            self._queue.appendleft(message)

    def forget(self) -> None:
        """A new connection: whatever was sent before may be gone; all values have to be put again."""
        self._sent.clear()
        self._values.clear()


def _digest(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=16).digest()
