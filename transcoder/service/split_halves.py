"""The service introduces the decoding and the encoding process of a stream to each other. Sans-IO."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from transcoder.ipc.messages import serialize_decoding_process
from transcoder.service.gop import MAX_ACCESS_UNITS, SentUnit
from transcoder.worker_options import Place, Role

_STREAMS: Final = itertools.count(1)
REMEMBERED_S: Final = 20.0
"""Seconds for which an announcement is kept for another encoding process; access units wait in a decoding process for
less, because they would be too late."""


class SplitHalves:
    """Counts the processes of one stream, and knows what the decoding one has been sent."""

    def __init__(self) -> None:
        self._stream = next(_STREAMS)
        self._generation = 0
        self._number = 0
        self._announced: deque[tuple[bytes, float]] = deque(maxlen=MAX_ACCESS_UNITS)

    @property
    def generation(self) -> int:
        """Return the generation of the present decoding process."""
        return self._generation

    def place(self, role: Role) -> Place:
        """Return the place of a process that is to be started."""
        if role is Role.WHOLE:
            return Place()
        if role is Role.DECODING:
            self._generation += 1
            self._announced.clear()
        return Place(role=role, stream=self._stream, generation=self._generation)

    def replay(self, units: Iterable[SentUnit]) -> None:
        """Note that a new decoding process is sent these access units first."""
        self._announced.clear()
        self._announced.extend((unit.announcement(), unit.arrival) for unit in units)

    def announce(self, sent: SentUnit) -> bytes:
        """Return the message for the encoding process before an access unit is sent."""
        known = self._announced
        while known and known[0][1] < sent.arrival - REMEMBERED_S:
            known.popleft()
        message = sent.announcement()
        known.append((message, sent.arrival))
        return message

    def introduction(self) -> Iterator[bytes]:
        """Return the messages for the encoding process when one of the two processes is new."""
        self._number += 1
        yield serialize_decoding_process(self._generation, self._number)
        yield from (message for message, _ in self._announced)
