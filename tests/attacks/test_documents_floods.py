"""Many messages at the broker, none of them large: commands that are refused, and values of streams that never were."""

import itertools
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from transcoder import clock
from transcoder.control import Writer
from transcoder.control import publisher as publisher_module
from transcoder.control.publisher import MAX_REASON, Publisher
from transcoder.mqtt import outbox as outbox_module
from transcoder.mqtt.leftovers import Leftovers
from transcoder.mqtt.outbox import MAX_TAKEN_BACK, Outbox, Outgoing
from transcoder.mqtt.topics import Topics

FLOOD = MAX_TAKEN_BACK + 1_000


def refused(count: int, reason: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The lines that the log gets of changes that are refused within a second."""
    made, times = Publisher(), itertools.count()
    monkeypatch.setattr(clock, "monotonic", lambda: next(times) / (2 * count))
    with capture_logs() as lines:
        for _ in range(count):
            made.rejected("front", reason, Writer(interface="mqtt", name="stream_set"), is_known=True)
    return lines


def test_commands_that_are_refused_fill_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refused(200, "x" * 100_000, monkeypatch)
    assert len(lines) == 5
    assert max(len(line["reason"]) for line in lines) <= MAX_REASON


def test_without_the_limit_they_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher_module, "MAX_LINES", FLOOD)
    assert len(refused(1_000, "x", monkeypatch)) == 1_000


def test_one_that_is_refused_is_written_whoever_floods(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Publisher()
    monkeypatch.setattr(clock, "monotonic", lambda: 1.0)
    with capture_logs() as lines:
        for _ in range(1_000):
            made.rejected("front", "flood", Writer(interface="mqtt"), is_known=True)
        made.rejected("front", "mine", Writer(interface="http", name="operator"), is_known=True)
    assert lines[-1]["reason"] == "mine"


class Control:
    """Knows one stream."""

    def ids(self) -> list[str]:
        return ["front"]


class Announcer:
    """Takes values back as the link's own does, into an outbox."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._topics = Topics("transcoder", "gw1", None)

    def remove(self, stream: str) -> None:
        for topic in self._topics.retained(stream):
            self._outbox.put(Outgoing(topic=topic, payload=b"", retain=True))


def kept(*names: str) -> Outbox:
    """What waits to be published after the broker told of values of these streams."""
    outbox = Outbox()
    leftovers = Leftovers(cast(Any, Control()), Topics("transcoder", "gw1", None), cast(Any, Announcer(outbox)))
    for name in names:
        assert leftovers.take(f"transcoder/gw1/stream/{name}/status", b"online", retain=True)
    return outbox


def test_values_of_streams_that_never_were_take_bounded_memory() -> None:
    outbox = kept(*(f"junk{number}" for number in range(FLOOD)))
    assert len(outbox) == MAX_TAKEN_BACK
    assert outbox.dropped > FLOOD
    outbox.put(Outgoing(topic="transcoder/gw1/stream/front/status", payload=b"online", retain=True))
    assert len(outbox) == MAX_TAKEN_BACK + 1, "the gateway's own values are told all the same"


def test_without_the_bound_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_TAKEN_BACK", 1 << 30)
    assert len(kept(*(f"junk{number}" for number in range(FLOOD)))) > FLOOD


def test_a_name_that_no_stream_can_have_is_left_alone() -> None:
    assert len(kept("x" * 60_000, "no stream", "gone")) == len(kept("gone")) > 0
