"""The line that a gateway is ready: when it is written, and what it says."""

from typing import Any

from structlog.testing import capture_logs
from structlog.typing import EventDict

from transcoder import clock
from transcoder.service.readiness import MAX_NAMED, MAX_WAIT_S, Readiness
from transcoder.service.status import StreamState, StreamStatus
from transcoder.source.status import SourceStatus

URL = "rtsp://127.0.0.1:8554/"


def stream(name: str, state: StreamState, problem: str = "", **source: Any) -> StreamStatus:
    return StreamStatus(name=name, url=URL + name, state=state, problem=problem, source=SourceStatus(**source))


def looked(readiness: Readiness, *streams: StreamStatus, now: float = 100.0) -> list[EventDict]:
    with capture_logs() as lines:
        readiness.look(streams, now, 3.04, URL)
    return lines


def test_it_is_written_once_when_all_play_or_have_failed() -> None:
    readiness = Readiness()
    good = stream("front", StreamState.PLAYING)
    assert looked(readiness, good, stream("gone", StreamState.CONNECTING)) == []
    gone = stream("gone", StreamState.AWAY, "no connection to port 554: Connection refused")
    off = stream("off", StreamState.DISABLED)
    [line] = looked(readiness, good, gone, off)
    assert line == {
        "event": "ready",
        "log_level": "info",
        "words": "ready in 3 s: 1 of 2 streams plays at rtsp://127.0.0.1:8554/front; not yet: gone (no connection to "
        "port 554: Connection refused)",
        "playing": 1,
        "streams": 2,
        "away": {"gone": "no connection to port 554: Connection refused"},
        "after_s": 3.0,
        "url": URL,
    }
    assert looked(readiness, good, gone) == []


def test_nobody_is_waited_for_longer_than_half_a_minute() -> None:
    readiness = Readiness()
    late = [
        stream("silent", StreamState.CONNECTING),
        stream("behind", StreamState.CONNECTING, place=lambda: 3),
        stream("gate", StreamState.AWAY, "OPTIONS was answered 401 Unauthorized", advice="login refused: check it"),
        stream("kept", StreamState.DISABLED, "its changes are lost"),
    ]
    assert looked(readiness, *late) == []
    assert looked(readiness, *late, now=99.9 + MAX_WAIT_S) == []
    [line] = looked(readiness, *late, now=100.0 + MAX_WAIT_S)
    assert line["words"] == (
        "ready in 3 s: 0 of 4 streams play; not yet: silent (is still being connected to); behind (waits its turn at "
        "this host, place 3); gate (login refused: check it); kept (its changes are lost)"
    )


def test_a_hundred_streams_make_one_short_line() -> None:
    good = [stream(f"c{number}", StreamState.PLAYING) for number in range(100)]
    bad = [stream(f"d{number}", StreamState.AWAY, "silent") for number in range(100)]
    [line] = looked(Readiness(), *good, *bad)
    assert "100 of 200 streams play at rtsp://127.0.0.1:8554/c0, " in line["words"]
    assert f"and {100 - MAX_NAMED} more under {URL}; not yet: d0 (silent); " in line["words"]
    assert line["words"].endswith(f"; and {100 - MAX_NAMED} more")


def test_a_gateway_without_streams_is_ready_too() -> None:
    [line] = looked(Readiness(), stream("off", StreamState.DISABLED))
    assert line["words"] == "ready in 3 s: no stream is enabled"


def test_the_age_of_this_process_is_that_of_its_tests() -> None:
    first = clock.process_age_s()
    assert 0.0 < first < 86400.0
    assert 0.0 <= clock.process_age_s() - first < 5.0
