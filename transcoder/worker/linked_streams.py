"""The fork server keeps what the two processes of each stream share, as long as one of them lives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from transcoder.worker_options import Place, Role

if TYPE_CHECKING:
    from transcoder.worker.shared_planes import StreamLink


class _Stream:
    def __init__(self, link: "StreamLink") -> None:
        self.link = link
        self.pids: dict[Role, int] = {}


class LinkedStreams:
    """Knows the streams whose work is split.

    Args:
        end: ends a process and calls note_ended().
    """

    def __init__(self, end: Callable[[int], None]) -> None:
        self._end = end
        self._streams: dict[int, _Stream] = {}

    def peer(self, place: Place) -> int:
        """Return the process id of the living process that a process shares memory with, or 0."""
        stream = self._streams.get(place.stream)
        others = {role: pid for role, pid in stream.pids.items() if role is not place.role} if stream else {}
        return next(iter(others.values()), 0)

    @contextmanager
    def prepared(self, place: Place) -> "Iterator[StreamLink | None]":
        """Make everything ready for a fork that takes a place; yield None for a process without another half.

        Raises:
            OSError: there is no memory or no descriptor left.
        """
        if place.role is Role.WHOLE:
            yield None
            return
        stream = self._streams.get(place.stream)
        if stream is not None and place.role in stream.pids:
            self._end(stream.pids[place.role])
            stream = self._streams.get(place.stream)
        if stream is None:
            from transcoder.worker.shared_planes import StreamLink  # noqa: PLC0415  # imports kernels: after load()

            stream = self._streams[place.stream] = _Stream(StreamLink())
        is_decoding = place.role is Role.DECODING
        if is_decoding:
            stream.link.drain()
        stream.link.inherit(wanted=is_decoding)
        try:
            yield stream.link
        finally:
            stream.link.inherit(wanted=False)
            if not stream.pids:
                self._close(place.stream)

    def note_started(self, place: Place, pid: int) -> None:
        """Note that a process took a place."""
        if place.role is not Role.WHOLE:
            self._streams[place.stream].pids[place.role] = pid

    def note_ended(self, pid: int) -> None:
        """Note that a process ended; what nobody shares any more is given back."""
        for number, stream in list(self._streams.items()):
            for role, known in list(stream.pids.items()):
                if known == pid:
                    del stream.pids[role]
                    if not stream.pids:
                        self._close(number)

    def _close(self, number: int) -> None:
        self._streams.pop(number).link.close()
