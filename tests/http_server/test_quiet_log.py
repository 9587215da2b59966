"""What clients do fills no log."""

import logging
from collections import Counter

import pytest

from transcoder import clock
from transcoder.http_server.quiet_log import LOGGER, SeldomFilter


def lines(monkeypatch: pytest.MonkeyPatch, *said: tuple[float, str]) -> list[str]:
    made, written = SeldomFilter(Counter()), []
    for at, text in said:
        monkeypatch.setattr(clock, "monotonic", lambda at=at: at)
        record = logging.LogRecord(LOGGER, logging.WARNING, "x", 1, text, (), None)
        if made.filter(record):
            written.append(record.getMessage())
    return written


def test_a_flood_is_one_line_a_second_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    flood = [(index / 1000, "Invalid HTTP request received.") for index in range(1_500)]
    assert lines(monkeypatch, *flood) == [
        "Invalid HTTP request received.",
        "Invalid HTTP request received. (1000 times)",
    ]


def test_answers_that_uvicorn_gives_by_itself_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    rejected = Counter[int]()
    made = SeldomFilter(rejected)
    for text in [
        "Invalid HTTP request received.",
        "Exceeded concurrency limit.",
        "Exception in ASGI application\n",
    ] * 3:
        made.filter(logging.LogRecord(LOGGER, logging.WARNING, "x", 1, text, (), None))
    assert rejected == {400: 3, 503: 3}


def test_what_a_client_alone_is_to_blame_for_is_no_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "monotonic", lambda: 0.0)
    made = SeldomFilter(Counter())
    trace = (ValueError, ValueError("0xff"), None)
    for text, level in [
        ("Invalid UTF-8 sequence received from client.", logging.WARNING),
        ("Exception in ASGI application\n", logging.ERROR),
    ]:
        record = logging.LogRecord(LOGGER, logging.ERROR, "x", 1, text, (), trace)
        assert made.filter(record)
        assert (record.levelno, record.levelname) == (level, logging.getLevelName(level))
        assert (record.exc_info is None) is (level == logging.WARNING)


def test_lines_of_other_kinds_are_written_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [(0.0, "Invalid HTTP request received."), (0.1, "Exception in ASGI application\n"), (0.2, "Invalid HTTP r")]
    assert lines(monkeypatch, *said) == [text for _, text in said]
