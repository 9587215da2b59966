"""A stream that shows one picture over and over, about once a second, shows nothing of a camera: it is a slate.

A gateway serves its last picture, or a grey one, while a camera is away. Nothing is decoded here. Pictures that come
once a second although the stream announces more are those of a slate: an encoder with few bits makes a noisy picture
better from second to second, so that its bytes differ all the time. Where no rate tells, pictures are compared by their
bytes, and a coded picture that holds next to no bits changes nothing.
"""

from itertools import pairwise
from statistics import median
from typing import Final

SLOW_S: Final = 0.9
"""Seconds between two pictures from which on they come as slowly as those of a slate, which come once a second."""
FEW_S: Final = 1.5
"""Seconds of reading after which a stream that has shown a single picture is as slow as a slate."""
EMPTY_BYTES: Final = 32
"""Bytes of a slice of 16x16 samples that are all skipped, at most: its header, the time it holds for a run of skipped
macroblocks, and emulation prevention."""
SKIPPED_PER_BYTE: Final = 64
"""Skipped macroblocks that take a byte, at most: an arithmetic coder writes a run of 64 of them in about three bits."""
MIN_ANNOUNCED: Final = 2.0
"""Pictures a second that a stream announces, at least, for a picture a second to tell that it is a slate."""
MAX_CHANGED: Final = 1 / 3
"""Share of the pictures of a slate that differ: the first ones after an outage began refine the picture."""
TAIL: Final = 4096
"""Bytes from the end of a slice that are kept to be compared; its header differs every time."""
END: Final = 4
"""Bytes at the end of a slice that are not compared: padding and the last bits of an arithmetic coder."""
MAX_TIMES: Final = 4096


class Repetition:
    """Compares the pictures of one video.

    Attributes:
        pictures: the number of pictures.
        changed: how many of them differ from the pictures before, the first one left out.
    """

    def __init__(self) -> None:
        self.pictures = 0
        self.changed = 0
        self._tails: list[bytes] = []
        self._times: list[int] = []

    def note(self, unit: bytes, ticks: int, *, is_random_access: bool, macroblocks: int) -> None:
        """Note a picture.

        Args:
            unit: the first slice of the picture.
            ticks: the unwrapped timestamp of the picture.
            is_random_access: whether decoding can start at the picture.
            macroblocks: macroblocks of 16x16 samples in a picture; 0 where that is not known.
        """
        self.pictures += 1
        if len(self._times) < MAX_TIMES:
            self._times.append(ticks)
        if is_random_access:
            is_same = self._was_seen(unit)
        else:
            is_same = len(unit) <= EMPTY_BYTES + macroblocks / SKIPPED_PER_BYTE
        self.changed += not is_same and self.pictures > 1

    def _was_seen(self, unit: bytes) -> bool:
        """Return whether the second half of a slice stands in one of the last slices, and remember this one."""
        if len(unit) <= EMPTY_BYTES:
            return True
        half = unit[max(len(unit) // 2, len(unit) - TAIL // 2) : -END]
        was_seen = any(half in tail for tail in self._tails)
        self._tails = [*self._tails[-3:], unit[-TAIL:]]
        return was_seen

    def is_slate(self, clock_rate: int, read_s: float | None, announced: float | None = None) -> bool:
        """Return whether the pictures were those of a slate, and no others.

        Args:
            clock_rate: the ticks of a second.
            read_s: for how long the stream was read, seconds; None where that is not known.
            announced: the pictures a second that the stream announces, None where it announces none.
        """
        is_too_slow = announced is not None and announced >= MIN_ANNOUNCED
        if not self.pictures or (not is_too_slow and self.changed > MAX_CHANGED * (self.pictures - 1)):
            return False
        steps = [after - before for before, after in pairwise(self._times)]
        if not steps:
            return read_s is not None and read_s >= FEW_S
        return median(steps) >= SLOW_S * clock_rate
