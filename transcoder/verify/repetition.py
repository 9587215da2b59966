"""A stream that shows one picture over and over, about once a second, shows nothing of a camera: it is a slate.

A gateway serves its last picture, or a grey one, while a camera is away. Nothing is decoded here. Pictures that come
once a second although the stream announces more are those of a slate: an encoder with few bits makes a noisy picture
better from second to second, so that its bytes differ all the time. Where no rate tells, pictures are compared by their
bytes, and a coded picture that holds next to no bits changes nothing. A camera may send one still picture a second too:
where the stream announces no higher rate, nobody who reads it can tell which of the two it is.
"""

from collections.abc import Iterator
from enum import Enum
from itertools import compress, dropwhile, groupby, pairwise
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
MAX_TIMES: Final = 1 << 17
"""Times of pictures that are kept: an hour and more at 30 pictures a second."""
MAX_STEP_S: Final = 3.0
"""Seconds between two pictures of a slate, at most, on a machine that is busy; where more pass, nothing is served."""
MIN_SLOW: Final = 2
"""Slow steps in a row, at least, for them to be a slate's among other pictures: one alone is a loss or a pause."""
FAST_S: Final = 0.4
"""Seconds between two pictures, at most, that follow one another too fast for a slate; readers that come while it is
served have IDRs made, which are half a second apart at least."""
MIN_FAST: Final = 5
"""Fast steps in a row, at least, for pictures to be a camera's."""
BURST: Final = range(30, 35)
"""Fast steps with which a reader's pictures of a slate begin: a gateway shows a reader that joins it 32 pictures
(`transcoder.output.repeats`) for its player to measure the frame rate by, and an IDR or two that readers asked for. The
next picture of a camera ends them sooner."""
MIN_STILL: Final = 5
"""Pictures without times that have to be alike, at least, for a recording to show one picture: 5 s of a slate."""


class Shown(Enum):
    """Names the origin of pictures, as far as it can be told by them."""

    CAMERA = "camera"
    SLATE = "slate"
    EITHER = "either"
    """One picture over and over, once a second: a slate, or a camera that sends one picture a second."""
    STILL = "still"
    """One picture over and over, without times: a slate, or a still picture of a camera."""
    RELAYED = "relayed"
    """The camera's own coded pictures, which were never decoded: so the description says."""


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
        self._changes: list[bool] = []
        """Of each picture that has its time in the list before: whether it differs."""

    def note(self, unit: bytes, ticks: int | None, *, is_random_access: bool, macroblocks: int) -> None:
        """Note a picture.

        Args:
            unit: the first slice of the picture.
            ticks: the unwrapped timestamp of the picture, None where it has none.
            is_random_access: whether decoding can start at the picture.
            macroblocks: macroblocks of 16x16 samples in a picture; 0 where that is not known.
        """
        self.pictures += 1
        if is_random_access:
            is_same = self._was_seen(unit)
        else:
            is_same = len(unit) <= EMPTY_BYTES + macroblocks / SKIPPED_PER_BYTE
        is_changed = not is_same and self.pictures > 1
        self.changed += is_changed
        if ticks is not None and len(self._times) < MAX_TIMES:
            self._times.append(ticks)
            self._changes.append(is_changed)

    def _was_seen(self, unit: bytes) -> bool:
        """Return whether the second half of a slice stands in one of the last slices, and remember this one."""
        if len(unit) <= EMPTY_BYTES:
            return True
        half = unit[max(len(unit) // 2, len(unit) - TAIL // 2) : -END]
        was_seen = any(half in tail for tail in self._tails)
        self._tails = [*self._tails[-3:], unit[-TAIL:]]
        return was_seen

    def is_slate(self, clock_rate: int, read_s: float | None, announced: float | None = None) -> bool:
        """Return whether the pictures were those of a slate, and no others, or may have been."""
        return self.shown(clock_rate, read_s, announced) is not Shown.CAMERA

    def shown(self, clock_rate: int, read_s: float | None, announced: float | None = None) -> Shown:
        """Return the origin of the pictures.

        Args:
            clock_rate: the ticks of a second.
            read_s: for how long the stream was read, seconds; None where that is not known.
            announced: the pictures a second that the stream announces, None where it announces none.
        """
        is_too_slow = announced is not None and announced >= MIN_ANNOUNCED
        steps, changed, compared = self._steps(clock_rate), self.changed, self.pictures - 1
        if _is_slow(announced):
            is_joining = _in_bursts(steps)
            changed -= sum(compress(self._changes[1:], is_joining))
            compared -= sum(is_joining)
            steps = _without_bursts(steps)
        if not self.pictures or (not is_too_slow and _is_changing(changed, compared)):
            return Shown.CAMERA
        steps = _without_burst(steps)
        if _longest_run(steps, 0.0, FAST_S) >= MIN_FAST:
            return Shown.CAMERA
        is_slow = median(steps) >= SLOW_S if steps else read_s is not None and read_s >= FEW_S
        if not is_slow:
            return Shown.CAMERA
        return Shown.EITHER if _is_slow(announced) else Shown.SLATE

    def shown_without_times(self) -> Shown:
        """Return the origin of pictures that have no times, such as those of a byte stream."""
        is_changing = _is_changing(self.changed, self.pictures - 1)
        return Shown.CAMERA if self.pictures < MIN_STILL or is_changing else Shown.STILL

    def slate_s(self, clock_rate: int, announced: float | None = None) -> float:
        """Return for how many seconds pictures came as those of a slate do, among a camera's.

        Args:
            clock_rate: the ticks of a second.
            announced: the pictures a second that the stream announces, None where it announces none.
        """
        steps = self._steps(clock_rate)
        if _is_slow(announced):
            steps = _without_bursts(steps)
        if not steps or ((announced is None or announced < MIN_ANNOUNCED) and median(steps) > FAST_S):
            return 0.0
        return sum(sum(run) for run in _runs(steps, SLOW_S, MAX_STEP_S) if len(run) >= MIN_SLOW)

    def _steps(self, clock_rate: int) -> list[float]:
        return [(after - before) / clock_rate for before, after in pairwise(self._times)]


def _runs(steps: list[float], least: float, most: float) -> Iterator[list[float]]:
    """Yield the steps in a row that lie within bounds."""
    for is_within, run in groupby(steps, lambda step: least <= step <= most):
        if is_within:
            yield list(run)


def _is_slow(announced: float | None) -> bool:
    return announced is not None and announced < MIN_ANNOUNCED


def _is_changing(changed: int, compared: int) -> bool:
    return changed > MAX_CHANGED * compared


def _in_bursts(steps: list[float]) -> list[bool]:
    """Return of each step of a stream that announces a slow rate whether it lies in the burst of a reader that joined.

    Such a stream has no picture of its camera so soon after another. Readers join at any time, and a burst refines the
    picture, so that its pictures differ. More fast steps than those of a burst are a camera's that has become faster.
    """
    found: list[bool] = []
    for is_fast, run in groupby(steps, lambda step: step <= FAST_S):
        count = len(list(run))
        found += [is_fast and count <= BURST[-1]] * count
    return found if any(step >= SLOW_S for step in steps) else [False] * len(steps)


def _without_bursts(steps: list[float]) -> list[float]:
    return [step for step, is_joining in zip(steps, _in_bursts(steps), strict=True) if not is_joining]


def _without_burst(steps: list[float]) -> list[float]:
    """Leave out the burst with which a slate begins, where slow steps follow it: a camera's are more or fewer."""
    rest = list(dropwhile(lambda step: step <= FAST_S, steps))
    is_slow = len(rest) >= MIN_SLOW and all(step >= SLOW_S for step in rest[:MIN_SLOW])
    return rest if is_slow and len(steps) - len(rest) in BURST else steps


def _longest_run(steps: list[float], least: float, most: float) -> int:
    return max((len(run) for run in _runs(steps, least, most)), default=0)
