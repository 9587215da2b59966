"""Overload, scene, rates and channels of a stream, from one sample to the next; no stream, camera or worker runs."""

from typing import Any

import pytest
import structlog

from transcoder.ledger import Ledger
from transcoder.output.status import OutputStatus
from transcoder.service.observer import (
    CALM_SAMPLES,
    SCENE_EVENTS,
    Observation,
    Sample,
    StreamObserver,
    observe,
)
from transcoder.service.status import Rates, StreamState, StreamStatus
from transcoder.worker_options import MAIN, MAX_DIVISOR

Events = list[tuple[str, dict[str, Any]]]


class Watched:
    """A stream that plays, sampled once a second."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.found = Observation()
        self.is_playing = True
        self.access_units_in = self.pictures_out = self.bytes_out = self.bytes_in = self.shed_access_units = 0
        self.cpu_s = 0.0
        self.channels: list[tuple[str, str]] = []

    def sample(self, seconds: int = 1, **worker: Any) -> Events:
        """Let so many seconds pass with this in the worker's report; return the events."""
        events: Events = []
        for _ in range(seconds):
            self.now += 1
            sample = Sample(
                at=self.now,
                is_playing=self.is_playing,
                access_units_in=self.access_units_in,
                bytes_in=self.bytes_in,
                pictures_out=self.pictures_out,
                bytes_out=self.bytes_out,
                shed_access_units=self.shed_access_units,
                cpu_s=self.cpu_s,
                report=worker,
                channels=tuple(self.channels),
            )
            self.last = sample
            self.found = observe(self.found, sample)
            events += [(event.kind, event.detail) for event in self.found.events]
        return events


@pytest.fixture
def watched() -> Watched:
    return Watched()


# -- overload ----------------------------------------------------------------------------------------------------------


def test_a_stream_with_time_says_nothing(watched: Watched) -> None:
    assert watched.sample(10, rate_divisor=1, counters={"shed_late": 0, "decoded": 5000}) == []
    assert not watched.found.is_overloaded


def test_a_lower_rate_is_told_once_at_its_begin_and_at_its_end(watched: Watched) -> None:
    assert watched.sample(rate_divisor=2) == [("overload", {"active": True, "rate_divisor": 2})]
    assert watched.found.is_overloaded
    assert watched.sample(5, rate_divisor=8) == []
    assert watched.last.rate_divisor == 8
    assert watched.sample(CALM_SAMPLES - 1, rate_divisor=1) == []
    assert watched.found.is_overloaded
    assert watched.sample(rate_divisor=1) == [("overload", {"active": False, "rate_divisor": 1})]
    assert not watched.found.is_overloaded
    assert watched.sample(10, rate_divisor=1) == []


def test_overload_says_when_decoding_alone_is_slower_than_the_camera(watched: Watched) -> None:
    def counters(pictures: int, decode_ms: float) -> dict[str, int]:
        return {"decoded_pictures": pictures, "decode_us": round(pictures * decode_ms * 1000)}

    def receive(seconds: int, decode_ms: float, divisor: int) -> list[tuple[str, dict[str, Any]]]:
        events = []
        for _ in range(seconds):
            watched.access_units_in += 25
            pictures = watched.access_units_in
            events += watched.sample(counters=counters(pictures, decode_ms), rate_divisor=divisor)
        return events

    assert receive(3, 48.0, 1) == []  # nothing is lost yet
    assert receive(1, 48.0, 2) == [("overload", {"active": True, "rate_divisor": 2, "slow_decoding_ms": 48.0})]
    watched = Watched()
    assert receive(3, 30.0, 1) == []  # 30 ms of each 40
    assert receive(1, 30.0, 2) == [("overload", {"active": True, "rate_divisor": 2})]


def test_load_that_comes_back_before_the_end_is_the_same_overload(watched: Watched) -> None:
    watched.sample(rate_divisor=2)
    for _ in range(5):
        assert watched.sample(CALM_SAMPLES - 1, rate_divisor=1) == []
        assert watched.sample(rate_divisor=2) == []
    assert watched.sample(CALM_SAMPLES, rate_divisor=1) == [("overload", {"active": False, "rate_divisor": 1})]


def test_shed_pictures_are_overload_while_they_become_more(watched: Watched) -> None:
    assert watched.sample(counters={"shed_late": 3, "other": 9}) == [("overload", {"active": True, "rate_divisor": 1})]
    assert watched.sample(CALM_SAMPLES - 1, counters={"shed_late": 3}) == []
    assert watched.sample(counters={"shed_late": 3, "shed_backlog": 1}) == []  # another kind: it goes on
    assert watched.sample(CALM_SAMPLES, counters={"shed_late": 3, "shed_backlog": 1}) == [
        ("overload", {"active": False, "rate_divisor": 1})
    ]


def test_pictures_shed_before_the_worker_count_too(watched: Watched) -> None:
    watched.shed_access_units = 10
    assert [kind for kind, _ in watched.sample()] == ["overload"]


def test_a_worker_that_was_replaced_counts_from_zero(watched: Watched) -> None:
    watched.sample(counters={"shed_late": 100})
    watched.sample(CALM_SAMPLES, counters={"shed_late": 100})
    assert watched.sample(counters={"shed_late": 0}) == []
    assert [kind for kind, _ in watched.sample(counters={"shed_late": 1})] == ["overload"]


def test_a_stream_that_does_not_play_is_not_overloaded(watched: Watched) -> None:
    watched.sample(rate_divisor=4)
    watched.is_playing = False
    assert watched.sample(CALM_SAMPLES, rate_divisor=4) == [("overload", {"active": False, "rate_divisor": 1})]


@pytest.mark.parametrize("divisor", [0, -2, MAX_DIVISOR + 1, 2.5, "8", None, [2]])
def test_a_worker_is_not_believed_everything(watched: Watched, divisor: object) -> None:
    assert watched.sample(rate_divisor=divisor, counters={"shed_late": "many"}) == []
    assert watched.last.rate_divisor == 1


# -- the picture -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "event"),
    [
        ("frozen", "picture_frozen"),
        ("dark", "picture_dark"),
        ("covered", "picture_covered"),
        ("scene_changed", "scene_changed"),
    ],
)
def test_a_condition_is_told_when_it_begins_and_when_it_ends(watched: Watched, condition: str, event: str) -> None:
    assert watched.sample(conditions=[]) == []
    assert watched.sample(conditions=[condition]) == [(event, {"active": True})]
    assert watched.last.conditions == (condition,)
    assert watched.sample(5, conditions=[condition]) == []
    assert watched.sample(conditions=[]) == [(event, {"active": False})]
    assert watched.last.conditions == ()


def test_conditions_come_and_go_on_their_own(watched: Watched) -> None:
    watched.sample(conditions=["dark"])
    assert watched.sample(conditions=["covered", "dark"]) == [("picture_covered", {"active": True})]
    assert sorted(watched.sample(conditions=["frozen"])) == [
        ("picture_covered", {"active": False}),
        ("picture_dark", {"active": False}),
        ("picture_frozen", {"active": True}),
    ]


def test_the_conditions_of_a_worker_that_is_gone_end(watched: Watched) -> None:
    watched.sample(conditions=["dark"])
    assert watched.sample() == [("picture_dark", {"active": False})]


@pytest.mark.parametrize("reported", [["on fire", "<script>"], "dark", None, {"dark": True}, 7])
def test_conditions_that_there_are_not(watched: Watched, reported: object) -> None:
    assert watched.sample(conditions=reported) == []
    assert watched.last.conditions == ()


@pytest.mark.parametrize(("reported", "motion"), [(0.25, 0.25), (0.0, 0.0), (1.0, 1.0), (-0.1, 0.0), (1.1, 0.0),
                                                  (float("nan"), 0.0), ("0.5", 0.0), (None, 0.0)])  # fmt: skip
def test_motion(watched: Watched, reported: object, motion: float) -> None:
    watched.sample(motion=reported)
    assert watched.last.motion == motion


# -- rates and channels ------------------------------------------------------------------------------------------------


def test_rates_are_of_the_last_second(watched: Watched) -> None:
    watched.sample()
    watched.access_units_in, watched.pictures_out, watched.bytes_out, watched.bytes_in = 25, 20, 125_000, 250_000
    watched.cpu_s = 0.25
    watched.sample()
    assert watched.found.rates == Rates(fps_in=25.0, fps_out=20.0, kbps_in=2000.0, kbps_out=1000.0, cpu=0.25)
    watched.sample()
    assert watched.found.rates == Rates()
    watched.access_units_in += 25
    watched.now += 1
    watched.sample()  # two seconds later
    assert watched.found.rates.fps_in == 12.5


def test_a_channel_is_told_once(watched: Watched) -> None:
    watched.channels += [("rtsp_media", "metadata media"), ("nal_in", "h264 type 6")]
    assert watched.sample() == [
        ("channel_seen", {"layer": "rtsp_media", "kind": "metadata media"}),
        ("channel_seen", {"layer": "nal_in", "kind": "h264 type 6"}),
    ]
    assert watched.sample() == []
    watched.channels.append(("nal_in", "h264 type 12"))
    assert watched.sample() == [("channel_seen", {"layer": "nal_in", "kind": "h264 type 12"})]


def test_a_new_connection_counts_its_bytes_and_a_new_worker_its_time_from_zero(watched: Watched) -> None:
    watched.bytes_in, watched.cpu_s = 250_000, 7.0
    watched.sample()
    watched.bytes_in, watched.cpu_s = 0, 0.0
    watched.sample()
    assert watched.found.rates == Rates()


def test_two_samples_at_once_leave_the_rates_as_they_are(watched: Watched) -> None:
    watched.sample()
    watched.access_units_in = 25
    watched.sample()
    watched.now -= 0.99
    watched.sample()
    assert watched.found.rates.fps_in == 25.0


# -- who is told -------------------------------------------------------------------------------------------------------


def test_every_event_is_written_and_told() -> None:
    told: list[str] = []
    status, ledger = StreamStatus(name="front", state=StreamState.PLAYING), Ledger()
    observer = StreamObserver(status, ledger, structlog.get_logger(), lambda kind, _: told.append(kind))
    ledger.count("nal_in", "h264 type 6")
    status.worker.report = {"rate_divisor": 2, "motion": 0.5, "conditions": list(SCENE_EVENTS)}
    with structlog.testing.capture_logs() as logs:
        observer.look(1.0, bytes_in=0, cpu_s=0.0)
        assert (status.overloaded, status.rate_divisor, status.motion) == (True, 2, 0.5)
        assert status.conditions == tuple(SCENE_EVENTS)
        status.worker.report = {}
        for second in range(CALM_SAMPLES):
            observer.look(2.0 + second, bytes_in=0, cpu_s=0.0)
    assert (status.overloaded, status.rate_divisor, status.motion, status.conditions) == (False, 1, 0.0, ())
    assert told == ["channel_seen", *SCENE_EVENTS.values(), "overload", *SCENE_EVENTS.values(), "overload"]
    assert [entry["event"] for entry in logs] == [
        "channel not let through",
        *["picture"] * 4,
        "overloaded: some pictures are left out",
        *["picture"] * 4,
        "no longer overloaded",
    ]
    assert [entry["condition"] for entry in logs[1:5]] == list(SCENE_EVENTS)


def test_a_stream_is_sampled_as_it_is() -> None:
    status = StreamStatus(
        name="front", state=StreamState.PLAYING, outputs={MAIN: OutputStatus(), "sub": OutputStatus()}
    )
    observer = StreamObserver(status, Ledger(), structlog.get_logger(), lambda _kind, _detail: None)
    observer.look(1.0, bytes_in=0, cpu_s=0.0)
    status.source.access_units, status.outputs[MAIN].pictures, status.outputs["sub"].pictures = 25, 20, 5
    status.outputs[MAIN].bytes, status.outputs["sub"].bytes = 100_000, 25_000
    observer.look(2.0, bytes_in=250_000, cpu_s=0.5)
    assert status.rates == Rates(fps_in=25.0, fps_out=20.0, kbps_in=2000.0, kbps_out=1000.0, cpu=0.5)


def channel_lines(seconds: dict[int, list[str]], *, plays_at: float) -> list[tuple[float, str]]:
    """Let these NAL unit types be seen at these seconds; return the lines of a minute and a half, with their times."""
    status, ledger, found = StreamStatus(name="front"), Ledger(), []
    observer = StreamObserver(status, ledger, structlog.get_logger(), lambda _kind, _detail: None)
    for second in range(90):
        for kind in seconds.get(second, []):
            ledger.count("nal_in", kind)
        status.state = StreamState.PLAYING if second >= plays_at else StreamState.CONNECTING
        with structlog.testing.capture_logs() as logs:
            observer.look(float(second), bytes_in=0, cpu_s=0.0)
        found += [(float(second), entry["words"]) for entry in logs]
    return found


def test_the_channels_of_a_camera_are_one_line_when_it_plays() -> None:
    seen = {1: ["h264 type 6"], 2: ["h264 type 9"], 5: ["h264 type 12"], 30: ["h264 type 22"]}
    assert channel_lines(seen, plays_at=3) == [
        (3.0, "front: not let through: SEI, AUD NAL units"),
        (65.0, "front: not let through either: filler NAL units, private NAL units 22"),
    ]


def test_the_channels_of_a_camera_that_never_plays_are_told_too() -> None:
    assert channel_lines({1: ["h264 type 6"]}, plays_at=1000) == [(11.0, "front: not let through: SEI")]


def test_a_camera_that_varies_its_channels_has_a_line_a_minute() -> None:
    seen = {second: [f"h264 type {second % 8 + 24} {second}"] for second in range(90)}
    assert len(channel_lines(seen, plays_at=0)) == 2
