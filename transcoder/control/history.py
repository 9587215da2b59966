"""The last half hour of a stream is kept in steps of ten seconds, in memory that does not grow.

Nothing here looks at a clock: `now` is handed in.
"""

import math
from array import array
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from transcoder.control.page_documents import HistoryDocument
from transcoder.service.status import StreamStatus
from transcoder.service.store import time_text

STEP_S: Final = 10
"""Seconds of a step: those for which an output knows its delays (`output.status.DELAY_SPAN_S`)."""
STEPS: Final = 180
"""Half an hour. A step takes 40 bytes: 7 kB a stream."""
LATE_S: Final = 2.0
"""Seconds by which a step may be too long; after a longer pause of the process the steps begin anew."""


class _Counts(NamedTuple):
    """Holds the counters of a stream at the beginning of a step."""

    at: float
    access_units: int
    pictures: int
    bytes: int
    delayed: int


class History:
    """Remembers the rates and the delays of one stream."""

    def __init__(self) -> None:
        self._at = array("d")
        """UTC seconds of the end of each step."""
        self._columns = {name: array("f") for name in _COLUMNS}
        self._ahead: float | None = None
        """Seconds by which the clock of the wall was ahead of the monotonic one."""
        self._begin: float | None = None
        """Monotonic seconds at which the present step began."""
        self._before = _Counts(0.0, 0, 0, 0, 0)
        self._kbps_in = 0.0
        """The sum of the samples of the present step, of which there are so many:"""
        self._samples = 0

    def sample(self, status: StreamStatus, now: float, wall: float) -> None:
        """Take note of the stream, and end the step where it is over; to be called about once a second.

        Args:
            status: the stream's status.
            now: monotonic seconds.
            wall: UTC seconds.
        """
        self._follow_clock(wall - now)
        output = status.output
        counts = _Counts(now, status.source.access_units, output.pictures, output.bytes, output.delayed)
        if self._begin is not None and now >= self._begin + STEP_S + LATE_S:
            self._begin = None
        if self._begin is None:
            self._start(counts, now)
            return
        self._kbps_in += status.rates.kbps_in
        self._samples += 1
        if now < self._begin + STEP_S:
            return
        before = self._before
        span = now - before.at
        has_delay = counts.delayed > before.delayed
        delays = [output.delay_s(share) if has_delay else None for share in (0.5, 0.99)]
        self._add(
            wall,
            fps_in=max(counts.access_units - before.access_units, 0) / span,
            kbps_in=self._kbps_in / self._samples,
            fps_out=max(counts.pictures - before.pictures, 0) / span,
            kbps_out=max(counts.bytes - before.bytes, 0) / span / 125,
            delay_p50_s=math.nan if delays[0] is None else max(delays[0], 0.0),
            delay_p99_s=math.nan if delays[1] is None else max(delays[1], 0.0),
            readers=status.readers,
        )
        self._start(counts, self._begin + STEP_S)  # not `now`: the steps would become longer and longer

    def _follow_clock(self, ahead: float) -> None:
        """Put the steps where the clock now says that they ended, where it was set back: none ends in the future.

        Steps of a clock that was put forward stay: a machine that slept looks the same.
        """
        if self._ahead is not None and ahead < self._ahead - LATE_S:
            self._at = array("d", (at + ahead - self._ahead for at in self._at))
        self._ahead = ahead

    def _start(self, counts: _Counts, begin: float) -> None:
        self._begin, self._before, self._kbps_in, self._samples = begin, counts, 0.0, 0

    def _add(self, wall: float, **values: float) -> None:
        self._at.append(wall)
        for name, value in values.items():
            self._columns[name].append(value)
        if len(self._at) > STEPS:
            for column in (self._at, *self._columns.values()):
                del column[0]

    def document(self, wall: float) -> HistoryDocument:
        """Make the document of what is remembered; `wall` is the present time, UTC seconds."""
        columns = {name: tuple(_told(name, column)) for name, column in self._columns.items()}
        at = tuple(map(time_text, self._at))
        return HistoryDocument.model_validate({"now": time_text(wall), "step_s": STEP_S, "at": at, **columns})


_COLUMNS: Final = {
    "fps_in": 2,
    "kbps_in": 1,
    "fps_out": 2,
    "kbps_out": 1,
    "delay_p50_s": 4,
    "delay_p99_s": 4,
    "readers": 0,
}
"""The columns, and the digits behind the point that are told of each."""


def _told(name: str, column: Iterable[float]) -> Iterator[float | int | None]:
    digits = _COLUMNS[name]
    for value in column:
        if math.isnan(value):
            yield None
        else:
            yield round(value, digits) if digits else int(value)
