"""The relay takes media and news from the source of a stream to its worker and its availability."""

from typing_extensions import override

from transcoder.service.availability import Availability
from transcoder.service.source import SourceListener
from transcoder.service.worker import Worker
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat


class SourceRelay(SourceListener):
    """Relays the media of a source to the worker, and tells the availability the news of the camera.

    Args:
        worker: the worker of the stream.
        availability: the availability of the stream.
    """

    def __init__(self, worker: Worker, availability: Availability) -> None:
        self._worker = worker
        self._availability = availability

    @override
    def on_described_size(self, size: tuple[int, int]) -> None:
        self._worker.set_slate_size(size)

    @override
    def on_coded_unit(self, unit: CodedUnit, arrival: float) -> bool:
        return self._worker.feed(unit, arrival)

    @override
    def on_encrypted(self, problem: str) -> None:
        self._availability.note_unreadable(problem)

    @override
    def on_audio_format(self, audio: AudioFormat) -> None:
        self._worker.set_audio(audio)

    @override
    def on_audio_unit(self, pts: int, data: bytes) -> None:
        self._worker.feed_audio(pts, data)

    @override
    def on_source_lost(self, reason: str, *, was_playing: bool) -> None:
        self._availability.lose(reason, was_playing)
