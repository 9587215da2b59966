"""What is told to whoever may only look."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from transcoder.config import StreamConfig
from transcoder.config.source import SourceConfig
from transcoder.control.documents import EVENT_TYPES, EventDocument, EventType, LedgerEntryDocument
from transcoder.control.event_reference import EVENTS
from transcoder.control.shown import shown
from transcoder.control.withheld import (
    TOLD_OF_EVENTS,
    TOLD_OF_SOURCE,
    configuration_without_addresses,
    entry_without_example,
    event_without_address,
    problem_of,
    source_without_address,
)
from transcoder.source.problems import ProblemCode

WORDS = ("10.1.2.3", "zuidpad", "kijker", "geheim", "8554")
URL = "rtsp://kijker:geheim@10.1.2.3:8554/zuidpad?user=kijker"
CONTROL = Path(__file__).parents[2] / "docs" / "control.md"
TIME = "2026-11-29T12:00:00Z"


def told(value: Any) -> list[str]:
    return [word for word in WORDS if word in str(value)]


def test_a_source_is_shown_without_its_address() -> None:
    keys = {"url": URL, "redirect_ports": [8554], "bind_address": "10.1.2.3", "transport": "udp"}
    config = shown(StreamConfig.model_validate({"source": keys}))
    assert told(config["source"]) == ["10.1.2.3", "zuidpad", "8554"]
    source = source_without_address(config["source"])
    assert told(source) == []
    assert source["url"] == "rtsp://***"
    assert source["transport"] == "udp"
    assert source.keys() == config["source"].keys()


@pytest.mark.parametrize(("url", "expected"), [("rtsps://10.1.2.3/", "rtsps://***"), ("10.1.2.3", "***")])
def test_the_scheme_says_whether_a_camera_is_reached_over_tls(url: str, expected: str) -> None:
    assert source_without_address({"url": url})["url"] == expected


def test_a_key_of_a_source_that_is_new_is_withheld_until_it_is_named() -> None:
    assert source_without_address({"address": "10.1.2.3"}) == {"address": "***"}
    assert SourceConfig.model_fields.keys() > TOLD_OF_SOURCE


def test_the_configuration_is_shown_without_addresses() -> None:
    streams = {"a": shown(StreamConfig.model_validate({"source": URL}))}
    source = {"bind_address": "10.1.2.3", "username": None, "transport": "tcp"}
    whole = {"sources": {"allow": ["10.1.2.3/32"]}, "defaults": {"source": source, "title": None}, "node": "gw1"}
    found = configuration_without_addresses({**whole, "streams": streams})
    assert told(found) == []
    assert found["sources"] == {"allow": ["***"]}
    assert found["defaults"] == {"source": {"bind_address": "***", "username": None, "transport": "tcp"}, "title": None}
    assert found["node"] == "gw1"
    assert told(streams) == ["10.1.2.3", "zuidpad", "8554"]  # which others are still shown


@pytest.mark.parametrize("code", get_args(ProblemCode))
def test_a_problem_is_told_in_the_words_of_the_manual(code: ProblemCode) -> None:
    meanings = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", CONTROL.read_text(encoding="utf-8"), re.MULTILINE))
    assert problem_of(code) == meanings[code]


def test_no_problem_is_none() -> None:
    assert problem_of(None) is None


def test_every_event_says_what_is_told_of_it() -> None:
    assert TOLD_OF_EVENTS.keys() == EVENT_TYPES
    for event, keys in TOLD_OF_EVENTS.items():
        if not event.startswith("reader_"):  # their keys are those of both
            assert {key for key in keys if f"`{key}`" not in EVENTS[event][1]} <= {"rendition"}


@pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
def test_the_words_of_a_camera_and_of_a_refused_change_are_not_told(kind: EventType) -> None:
    detail = {"reason": URL, "problems": [URL], "peer": "10.1.2.3", "address": "10.1.2.3", "active": True}
    event = EventDocument(sequence=1, event_type=kind, stream="a", ts=TIME, detail=detail)
    found = event_without_address(event)
    of_gateway = {"worker_restarted", "push_lost", "verdict", "reader_connected", "reader_gone"}
    assert (found.detail.pop("reason", None) is not None) == (kind in of_gateway)
    assert told(found.detail) == []
    assert (found.sequence, found.event_type, found.stream, found.ts) == (1, kind, "a", TIME)
    assert event.detail["reason"] == URL


def test_what_came_from_a_camera_is_not_told_of_the_ledger() -> None:
    entry = LedgerEntryDocument(
        layer="rtsp_media", kind="metadata", count=1, bytes=4, rate=0.1, first_seen=TIME, last_seen=TIME,
        example=b"10.1.2.3".hex(), name="zuidpad",
    )  # fmt: skip
    found = entry_without_example(entry)
    assert (found.example, found.name, found.kind, found.count) == (None, None, "metadata", 1)
