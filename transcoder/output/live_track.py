"""A viewer takes the pictures of an output as fragmented MP4: an init segment, then a fragment for each picture.

It is a reader like those of RTP, with the same bound of what may wait, and begins with an IDR picture.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from transcoder.codecs.fragmented_mp4 import FragmentTimes, InitSegment, fragment, init_segment
from transcoder.codecs.nal import is_parameter_set, nal_unit_type
from transcoder.errors import BitstreamError
from transcoder.output.fanout import Outlet, Track
from transcoder.rtp.sender import PreparedAccessUnit

HEAD_SIZE: Final = 108
"""Bytes of a fragment before its sample."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Tells that pictures were left out, because the viewer was too slow for them; the next one is an IDR picture."""


Piece = InitSegment | Gap | bytes
"""A piece of what a viewer gets: bytes are a fragment."""


class LiveOutlet(Outlet):
    """Holds the pieces that a viewer has not taken yet; the bound is the fan-out's.

    Args:
        on_change: is called when there is something to take, or nothing will come any more.

    Attributes:
        is_left: whether no more pieces come.
        is_changed: whether the pictures that come now need another init segment.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._pieces: deque[Piece] = deque()
        self._waiting = 0
        self._taken = 0
        self.is_left = False
        self.is_changed = False

    @override
    def backlog(self) -> int:
        return self._waiting

    @override
    def send_frames(self, data: bytearray, unit: PreparedAccessUnit) -> None:
        raise AssertionError("a LiveTrack sends no RTP")

    @override
    def send_rtcp(self, data: bytes) -> None:
        raise AssertionError("a LiveTrack sends no RTCP")

    def put(self, piece: Piece) -> None:
        """Have a piece wait for the viewer."""
        self._pieces.append(piece)
        self._waiting += len(piece) if isinstance(piece, bytes) else 0
        self._on_change()

    def take(self) -> Piece | None:
        """Return the next piece, None where none waits; the one before was sent, and counts no more."""
        self._waiting -= self._taken
        self._taken = 0
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        self._taken = len(piece) if isinstance(piece, bytes) else 0
        return piece

    def leave(self, *, is_changed: bool = False) -> None:
        """Note that no more pieces come.

        Args:
            is_changed: whether that is because pictures that come now need another init segment.
        """
        self.is_left = True
        self.is_changed = self.is_changed or is_changed
        self._on_change()


@dataclass(slots=True, kw_only=True)
class LiveTrack(Track):
    """A live track carries the pictures of an output to a viewer.

    Attributes:
        live: the outlet, by its own type.
        sets: the parameter sets of the init segment.
        last: the RTP timestamp of the last picture.
        ticks: the ticks since the first picture.
        number: the number of the last fragment.
        follows: whether the next picture follows the last one, with none left out between them.
        times: says when pictures begin and end.
    """

    live: LiveOutlet
    sets: tuple[bytes, ...] = ()
    last: int = 0
    ticks: int = 0
    number: int = 0
    follows: bool = True
    times: FragmentTimes = field(default_factory=FragmentTimes)

    @override
    def send(self, unit: PreparedAccessUnit) -> int:
        if self.live.is_left or (unit.random_access and not self._takes_sets(unit)):
            return 0
        if self.number:
            self.ticks += (unit.timestamp - self.last) & 0xFFFF_FFFF
        self.last = unit.timestamp
        self.number += 1
        if not self.follows:
            self.live.put(Gap())
        begin, duration = self.times.take(self.ticks, follows=self.follows)
        self.follows = True
        piece = fragment(self.number, begin, duration, unit.sample, random_access=unit.random_access)
        self.live.put(piece)
        return len(piece)

    def _takes_sets(self, unit: PreparedAccessUnit) -> bool:
        """Send the init segment before the first picture; return False where the picture needs another one."""
        assert unit.codec is not None  # noqa: S101  # this track carries pictures
        codec = unit.codec
        sets = tuple(each for each in unit.nal_units if is_parameter_set(codec, nal_unit_type(codec, each)))
        if sets == self.sets:
            return True
        try:
            made = init_segment(codec, sets) if not self.sets else None
        except BitstreamError:
            made = None
        if made is None:
            self.live.leave(is_changed=True)
            return False
        self.sets = sets
        self.live.put(made)
        return True

    @override
    def size(self, unit: PreparedAccessUnit) -> int:
        return HEAD_SIZE + len(unit.sample)

    @override
    def skip(self) -> None:
        self.follows = False

    @override
    def leave(self) -> None:
        self.live.leave()

    @override
    def report(self, now: float, wall: float) -> None:
        pass
