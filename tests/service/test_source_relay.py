"""What a source tells goes where it belongs: media to the worker, the rest to the stream's availability."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.outputs import FakeTiming
from tests.support.stream_parts import FakeWorker
from transcoder import clock
from transcoder.codecs.nal import Codec
from transcoder.service.availability import Availability
from transcoder.service.source_relay import SourceRelay
from transcoder.service.status import StreamState, StreamStatus, WorkerStatus
from transcoder.source.intake import CodedUnit
from transcoder.source.problems import Unreadable
from transcoder.worker_options import AudioFormat, WorkerOptions

UNIT = CodedUnit(codec=Codec.H264, data=b"\0\0\0\1\x65\x88", pts=90_000, random_access=True)
AUDIO = AudioFormat(encoding="PCMU", clock_rate=8000, channels=1, config=b"")


class AudibleWorker(FakeWorker):
    """Notes what it is told of size and audio, too, and that it is needed."""

    def need(self) -> None:
        self.told.append(("need",))

    def set_slate_size(self, size: tuple[int, int]) -> None:
        self.told.append(("set_slate_size", size))

    def set_audio(self, audio: AudioFormat) -> None:
        self.told.append(("set_audio", audio))

    def feed_audio(self, pts: int, data: bytes) -> None:
        self.told.append(("feed_audio", pts, data))


def test_media_go_to_the_worker() -> None:
    nobody: Any = None
    worker = AudibleWorker("gate", WorkerOptions(), None, WorkerStatus(), None, nobody)
    relay = SourceRelay(worker, Availability(StreamStatus(name="gate"), lambda *_: None))
    relay.on_described()
    relay.on_described_size((352, 208))
    assert relay.on_coded_unit(UNIT, 7.0)
    relay.on_audio_format(AUDIO)
    relay.on_audio_unit(90_000, b"sound")
    assert worker.told == [
        ("need",),
        ("set_slate_size", (352, 208)),
        ("feed", UNIT, 7.0),
        ("set_audio", AUDIO),
        ("feed_audio", 90_000, b"sound"),
    ]
    worker.takes = False
    assert not relay.on_coded_unit(UNIT, 7.1)


def test_what_becomes_of_the_camera_goes_to_the_availability() -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    status = StreamStatus(name="gate")
    nobody: Any = None
    relay = SourceRelay(nobody, Availability(status, lambda *event: events.append(event)))
    relay.on_source_lost("connection refused", was_playing=False)
    assert (status.state, status.problem, events) == (StreamState.AWAY, "connection refused", [])
    relay.on_source_lost("closed", was_playing=True)
    relay.on_unreadable(Unreadable("encrypted", "turn it off"))
    assert (status.problem, status.problem_code) == ("turn it off", "encrypted")
    relay.on_unreadable(Unreadable("no_picture", "no PPS 3"))
    assert (status.problem, status.problem_code) == ("no PPS 3", "no_picture")
    assert events == [
        ("source_lost", {"reason": "closed"}),
        ("source_encrypted", {"reason": "turn it off"}),
        ("source_unreadable", {"reason": "no PPS 3"}),
    ]


class SlowWorker(AudibleWorker):
    is_running = True


def test_a_first_picture_without_a_second_one_is_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera sends a picture in 8 seconds; an output has no format before two pictures tell their rate."""
    nobody: Any = None
    now = 7.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    worker = SlowWorker("gate", WorkerOptions(), None, WorkerStatus(), None, nobody)
    status = StreamStatus(name="gate")
    relay = SourceRelay(worker, Availability(status, lambda *_: None))
    first = replace(UNIT, random_access=True)
    relay.on_coded_unit(first, 7.0)
    relay.look(7.39)
    assert len(worker.told) == 1
    relay.look(7.41)
    relay.look(9.0)  # once is enough
    assert worker.told[1:] == [("feed", replace(first, pts=first.pts + 54_000), 7.41)]  # 0.6 s at 90 kHz
    now = 8.5  # one whose last packet came long before it was known to be whole
    relay.on_coded_unit(first, 8.0)
    assert len(worker.told) == 4
    status.state = StreamState.PLAYING
    relay.on_coded_unit(first, 16.0)
    relay.look(17.0)
    assert len(worker.told) == 5


@pytest.mark.parametrize("known_after_s", [0.0, 0.1, 0.4])
def test_a_first_picture_is_given_again_within_half_a_second_of_its_last_packet(
    monkeypatch: pytest.MonkeyPatch, known_after_s: float
) -> None:
    """Between two looks, which come four times a second."""
    nobody: Any = None
    timing = FakeTiming()
    monkeypatch.setattr(clock, "monotonic", lambda: timing.at)
    worker = SlowWorker("gate", WorkerOptions(), None, WorkerStatus(), None, nobody)
    status = StreamStatus(name="gate")
    relay = SourceRelay(worker, Availability(status, lambda *_: None), timing)
    sent = timing.at
    timing.advance(known_after_s)
    relay.on_coded_unit(UNIT, sent)
    timing.advance(0.401 - known_after_s)
    assert [told[:2] for told in worker.told] == [("feed", UNIT), ("feed", replace(UNIT, pts=UNIT.pts + 54_000))]
    timing.advance(5.0)
    status.state = StreamState.PLAYING
    relay.on_coded_unit(UNIT, timing.at)
    timing.advance(5.0)
    assert len(worker.told) == 3
