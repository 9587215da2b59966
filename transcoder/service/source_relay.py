"""The relay takes media and news from the source of a stream to its worker and its availability."""

from dataclasses import replace
from typing import Final

from typing_extensions import override

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.output.timing import Timing
from transcoder.service.availability import Availability
from transcoder.service.source import SourceListener
from transcoder.service.worker import Worker
from transcoder.source.intake import CodedUnit
from transcoder.source.problems import Unreadable
from transcoder.worker_options import AudioFormat

LONELY_S: Final = 0.4
"""Seconds after which a first picture without a following one is given to the worker again."""
RATE_S: Final = 0.6
"""Seconds between two pictures that tell the worker a rate (`worker/frame_rate.py`, RATE_WAIT_S)."""


class SourceRelay(SourceListener):
    """Relays the media of a source to the worker, and tells the availability the news of the camera.

    Args:
        worker: the worker of the stream.
        availability: the availability of the stream.
        timing: timers; without them a picture is given again when look() is called.
    """

    def __init__(self, worker: Worker, availability: Availability, timing: Timing | None = None) -> None:
        self._worker = worker
        self._availability = availability
        self._timing = timing
        self._lonely: tuple[CodedUnit, float] | None = None
        """The latest picture and its arrival, where a decoder may begin at it."""

    @override
    def on_described(self) -> None:
        self._worker.need()  # it is up before the first picture comes

    @override
    def on_described_size(self, size: tuple[int, int]) -> None:
        self._worker.set_slate_size(size)

    @override
    def on_coded_unit(self, unit: CodedUnit, arrival: float) -> bool:
        self._lonely = (unit, arrival) if unit.random_access else None
        taken = self._worker.feed(unit, arrival)
        if unit.random_access and not self._availability.is_playing:
            now = clock.monotonic()
            self.look(now)
            if self._lonely is not None and self._timing is not None:
                self._timing.call_later(max(arrival + LONELY_S - now, 0.0), self._on_timer)
        return taken

    def _on_timer(self) -> None:
        self.look(clock.monotonic())

    def look(self, now: float) -> None:
        """Give the worker a first picture again where no second one comes soon, to be called several times a second.

        An output has no format before two pictures tell their rate, and a camera may send one in 16 seconds.
        """
        if self._lonely is None or self._availability.is_playing or not self._worker.is_running:
            return
        unit, arrival = self._lonely
        if now >= arrival + LONELY_S:
            self._lonely = None
            later = round(max(now - arrival, RATE_S) * VIDEO_CLOCK_RATE)
            self._worker.feed(replace(unit, pts=unit.pts + later), now)

    @override
    def on_unreadable(self, why: Unreadable) -> None:
        self._availability.note_unreadable(why)

    @override
    def on_audio_format(self, audio: AudioFormat) -> None:
        self._worker.set_audio(audio)

    @override
    def on_audio_unit(self, pts: int, data: bytes) -> None:
        self._worker.feed_audio(pts, data)

    @override
    def on_key_changed(self, reason: str, fingerprint: str) -> None:
        self._availability.note_key(reason, fingerprint)

    @override
    def on_login_downgraded(self, reason: str) -> None:
        self._availability.note_login(reason)

    @override
    def on_source_lost(self, reason: str, *, was_playing: bool) -> None:
        self._availability.lose(reason, was_playing)
