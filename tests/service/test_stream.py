"""What a stream tells of overload and of its picture, from what its worker reports; no worker runs."""

from types import SimpleNamespace
from typing import Any

import pytest

from transcoder.net.rtsp_source import SourceOptions
from transcoder.rtsp.urls import parse_url
from transcoder.service.status import StreamState
from transcoder.service.stream import CALM_SAMPLES, MAX_DIVISOR, Stream
from transcoder.worker_options import WorkerOptions


class Watched:
    """A stream that plays, sampled once a second."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 1000.0
        source = SourceOptions(
            url=parse_url("rtsp://192.0.2.1/live"), credentials=None, transport="tcp", allowed=lambda _: True
        )
        no_workers: Any = None
        self.stream = Stream(
            "gate",
            source,
            WorkerOptions(),
            fork_server=no_workers,
            end_readers=lambda _: None,
            on_event=self._on_event,
        )
        self.status = self.stream.status
        self.status.state = StreamState.PLAYING

    def _on_event(self, name: str, kind: str, detail: dict[str, Any]) -> None:
        assert name == "gate"
        self.events.append((kind, detail))

    def sample(self, seconds: int = 1, **worker: Any) -> list[tuple[str, dict[str, Any]]]:
        """So many seconds with this in the worker's report: the events."""
        for _ in range(seconds):
            self.now += 1
            self.status.worker = worker
            self.stream.sample(self.now)
        events, self.events = self.events, []
        return events


@pytest.fixture
async def watched() -> Watched:
    return Watched()


# -- the camera --------------------------------------------------------------------------------------------------------


def test_pictures_that_are_encrypted_are_no_playing(watched: Watched) -> None:
    watched.stream._on_problem("encrypted")
    assert (watched.status.state, watched.status.problem) == (StreamState.AWAY, "encrypted")
    assert watched.sample() == [("source_encrypted", {"reason": "encrypted"})]
    watched.stream._source = SimpleNamespace(is_connected=True, is_encrypted=True, received_bytes=0)  # type: ignore[assignment]
    watched.stream._note_playing(watched.now, 0.1)  # a picture from before, that was in the worker
    assert watched.status.state is StreamState.AWAY
    watched.stream._source.is_encrypted = False  # type: ignore[misc]
    watched.stream._note_playing(watched.now, 0.1)
    assert (watched.status.state, watched.status.problem) == (StreamState.PLAYING, "")
    assert watched.sample() == [("source_recovered", {})]


# -- overload ----------------------------------------------------------------------------------------------------------


def test_a_stream_with_time_says_nothing(watched: Watched) -> None:
    assert watched.sample(10, rate_divisor=1, counters={"shed_late": 0, "decoded": 5000}) == []
    assert not watched.status.overloaded


def test_a_lower_rate_is_told_once_at_its_begin_and_at_its_end(watched: Watched) -> None:
    assert watched.sample(rate_divisor=2) == [("overload", {"active": True, "rate_divisor": 2})]
    assert watched.status.overloaded
    assert watched.sample(5, rate_divisor=8) == []
    assert watched.status.rate_divisor == 8
    assert watched.sample(CALM_SAMPLES - 1, rate_divisor=1) == []
    assert watched.status.overloaded
    assert watched.sample(rate_divisor=1) == [("overload", {"active": False, "rate_divisor": 1})]
    assert not watched.status.overloaded
    assert watched.sample(10, rate_divisor=1) == []


def test_overload_says_when_decoding_alone_is_slower_than_the_camera(watched: Watched) -> None:
    def counters(pictures: int, decode_ms: float) -> dict[str, int]:
        return {"decoded_pictures": pictures, "decode_us": round(pictures * decode_ms * 1000)}

    def receive(seconds: int, decode_ms: float, divisor: int) -> list[tuple[str, dict[str, Any]]]:
        events = []
        for _ in range(seconds):
            watched.status.totals.access_units_in += 25
            pictures = watched.status.totals.access_units_in
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
    watched.status.totals.shed_access_units = 10
    assert [kind for kind, _ in watched.sample()] == ["overload"]


def test_a_worker_that_was_replaced_counts_from_zero(watched: Watched) -> None:
    watched.sample(counters={"shed_late": 100})
    watched.sample(CALM_SAMPLES, counters={"shed_late": 100})
    assert watched.sample(counters={"shed_late": 0}) == []
    assert [kind for kind, _ in watched.sample(counters={"shed_late": 1})] == ["overload"]


@pytest.mark.parametrize("state", [StreamState.CONNECTING, StreamState.AWAY])
def test_a_stream_that_does_not_play_is_not_overloaded(watched: Watched, state: StreamState) -> None:
    watched.sample(rate_divisor=4)
    watched.status.state = state
    assert watched.sample(CALM_SAMPLES, rate_divisor=4) == [("overload", {"active": False, "rate_divisor": 1})]


@pytest.mark.parametrize("divisor", [0, -2, MAX_DIVISOR + 1, 2.5, "8", None, [2]])
def test_a_worker_is_not_believed_everything(watched: Watched, divisor: object) -> None:
    assert watched.sample(rate_divisor=divisor, counters={"shed_late": "many"}) == []
    assert watched.status.rate_divisor == 1


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
    assert watched.status.conditions == (condition,)
    assert watched.sample(5, conditions=[condition]) == []
    assert watched.sample(conditions=[]) == [(event, {"active": False})]
    assert watched.status.conditions == ()


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
    assert watched.status.conditions == ()


@pytest.mark.parametrize(("reported", "motion"), [(0.25, 0.25), (0.0, 0.0), (1.0, 1.0), (-0.1, 0.0), (1.1, 0.0),
                                                  (float("nan"), 0.0), ("0.5", 0.0), (None, 0.0)])  # fmt: skip
def test_motion(watched: Watched, reported: object, motion: float) -> None:
    watched.sample(motion=reported)
    assert watched.status.motion == motion


# -- rates and channels ------------------------------------------------------------------------------------------------


def test_rates_are_of_the_last_second(watched: Watched) -> None:
    totals, rates = watched.status.totals, watched.status.rates
    watched.sample()
    totals.access_units_in, totals.pictures_out, totals.bytes_out = 25, 20, 125_000
    watched.sample()
    assert (rates.fps_in, rates.fps_out, rates.kbps_out) == (25.0, 20.0, 1000.0)
    watched.sample()
    assert (rates.fps_in, rates.fps_out, rates.kbps_out) == (0.0, 0.0, 0.0)
    totals.access_units_in += 25
    watched.now += 1
    watched.sample()  # two seconds later
    assert rates.fps_in == 12.5


def test_a_channel_is_told_once(watched: Watched) -> None:
    watched.stream.ledger.count("rtsp_media", "application vnd.onvif.metadata")
    watched.stream.ledger.count("nal_in", "h264 type 6")
    assert watched.sample() == [
        ("channel_seen", {"layer": "rtsp_media", "kind": "application vnd.onvif.metadata"}),
        ("channel_seen", {"layer": "nal_in", "kind": "h264 type 6"}),
    ]
    watched.stream.ledger.count("nal_in", "h264 type 6")
    assert watched.sample() == []
    watched.stream.ledger.count("nal_in", "h264 type 12")
    assert watched.sample() == [("channel_seen", {"layer": "nal_in", "kind": "h264 type 12"})]
