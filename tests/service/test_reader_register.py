"""The register of readers: lines, events and counts; a clock that the test turns."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.reader_sessions import Outlet, session, track
from transcoder import clock
from transcoder.output.fanout import Fanout
from transcoder.output.session import ReaderSession
from transcoder.rtsp.session import EndReason
from transcoder.service import reader_register
from transcoder.service.reader_register import MAX_ENDED, OTHER, ReaderRegister


class Desk:
    def __init__(self) -> None:
        self.events: list[tuple[str | None, str, dict[str, Any]]] = []
        self.register = ReaderRegister(lambda *event: self.events.append(event))
        self.fanout = Fanout("gw", lambda: None)
        self.now = 100.0

    def reader(self, *, has_played: bool = True, stream: str = "front") -> ReaderSession:
        made = session(self.fanout, self.register, track(self.fanout, Outlet()))
        made.has_played = has_played
        made.path = stream
        return made


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()
    monkeypatch.setattr(clock, "monotonic", lambda: made.now)
    return made


def test_a_line_when_it_plays_and_one_when_it_is_gone(desk: Desk) -> None:
    reader = desk.reader()
    with capture_logs() as lines:
        desk.register.reader_plays(reader)
        desk.now += 601
        reader.end(EndReason.SILENT)
    named = {"stream": "front", "peer": "192.0.2.7:50000", "user": "vms", "transport": "tcp", "session": "s1"}
    assert lines == [
        {
            "event": "reader plays",
            "log_level": "info",
            "words": "front is read by vms at 192.0.2.7:50000 over TCP",
            **named,
        },
        {
            "event": "reader gone",
            "log_level": "info",
            "words": "front is no longer read by vms at 192.0.2.7:50000 over TCP after 10 min: "
            "it gave no sign of life over UDP",
            **named,
            "after_s": 601.0,
            "bytes": 0,
            "reason": "silent",
            "dropped": 0,
        },
    ]
    assert [(stream, kind) for stream, kind, _ in desk.events] == [
        ("front", "reader_connected"),
        ("front", "reader_gone"),
    ]
    assert desk.events[1][2]["reason"] == "silent"
    assert all("192.0.2.7" not in str(event) for event in desk.events)  # anybody may read events
    assert desk.register.ended == {("front", EndReason.SILENT): 1}


def test_a_flood_of_logins_is_a_line_a_second_and_counted_to_the_last(desk: Desk) -> None:
    with capture_logs() as lines:
        for step in range(500):
            desk.now = 100 + step / 100
            desk.register.connection_ended(f"192.0.2.9:{step}", EndReason.LOGIN_FAILURES)
        desk.now += 2
        desk.register.tick(desk.now)
    assert len(lines) == 6
    assert sum(line.get("count", 1) for line in lines) == 500
    assert len(desk.events) == 6
    assert desk.register.ended == {("", EndReason.LOGIN_FAILURES): 500}
    assert sum(ended.count for ended in desk.register.recent) == 500


def test_readers_that_never_played_can_not_fill_the_log_either(desk: Desk) -> None:
    with capture_logs() as lines:
        for _ in range(100):
            desk.reader(has_played=False).end(EndReason.TEARDOWN)
        desk.reader().end(EndReason.TEARDOWN)  # one that did has its own line
    assert len(lines) == 2
    assert desk.register.ended == {("front", EndReason.TEARDOWN): 101}


def test_a_switch_that_restarts_is_told_of_reader_by_reader_up_to_a_limit(desk: Desk) -> None:
    with capture_logs() as lines:
        for _ in range(reader_register.MAX_PLAYED_LINES + 7):
            desk.reader().end(EndReason.PEER_CLOSED)
        desk.now += 1
        desk.register.tick(desk.now)
    assert len(lines) == reader_register.MAX_PLAYED_LINES + 1
    assert lines[-1] == {
        "event": "readers gone",
        "log_level": "info",
        "words": "7 more readers are gone (peer_closed)",
        "count": 7,
        "reason": "peer_closed",
    }


def test_only_the_last_are_remembered_and_streams_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_register, "MAX_STREAMS", 3)
    for number in range(MAX_ENDED + 10):
        desk.now += 1
        desk.reader(stream=f"s{number}").end(EndReason.TEARDOWN)
    assert len(desk.register.recent) == MAX_ENDED
    last = desk.register.recent[-1].session
    assert last is not None
    assert last.stream == f"s{MAX_ENDED + 9}"
    assert set(desk.register.ended) == {(name, EndReason.TEARDOWN) for name in ("s0", "s1", "s2", OTHER)}
    assert sum(desk.register.ended.values()) == MAX_ENDED + 10


@pytest.mark.parametrize("reason", EndReason)
def test_each_end_has_words(desk: Desk, reason: EndReason) -> None:
    with capture_logs() as lines:
        desk.register.reader_plays(desk.reader())
        desk.reader().end(reason)
        desk.register.connection_ended("192.0.2.8:1", reason)
        desk.now += 1
        desk.register.connection_ended("192.0.2.8:2", reason)
    assert len(lines) == 4
    assert all(line["words"] for line in lines)
