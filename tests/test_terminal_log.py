"""Log lines on a terminal, as they are read in 80 columns."""

import io
import logging
import os
import re
import sys
import time
from typing import Any

import pytest
import structlog

from transcoder.logs import configure_logs
from transcoder.terminal_log import INDENT, TerminalRenderer, has_colours

AT = "2026-11-28T21:32:09.123456Z"


@pytest.fixture(autouse=True)
def clock_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(width: int = 80, *, colours: bool = False, **event: Any) -> str:
    renderer = TerminalRenderer(colours=colours, width=lambda: width)
    return renderer(None, "info", {"timestamp": AT, "level": "info", **event})


def test_a_line_is_a_short_time_and_a_sentence() -> None:
    line = shown(event="plays", stream="front", words="front plays: H264 640x360 25/s -> rtsp://127.0.0.1:8554/front")
    assert line == "22:32:09 front plays: H264 640x360 25/s -> rtsp://127.0.0.1:8554/front"


def test_an_event_without_words_tells_where_what_and_why() -> None:
    line = shown(event="worker lost", stream="front", reason="no sign of life", gops_discarded=0, pid=None)
    assert line == "22:32:09 front: worker lost: no sign of life (gops_discarded 0)"
    line = shown(event="listening", url="rtsp://127.0.0.1:8554/", udp_ports=(8000, 8001), tls=False)
    assert line == "22:32:09 listening (url rtsp://127.0.0.1:8554/, udp_ports 8000, 8001, tls no)"
    line = shown(event="sandbox", in_force=[], missing={"landlock": "the kernel has none"})
    assert line == "22:32:09 sandbox (in_force none, missing landlock the kernel has none)"


@pytest.mark.parametrize("width", [40, 80, 133])
def test_a_long_line_breaks_between_words_under_its_beginning(width: int) -> None:
    words = "gone is away: no connection to port 554: Connection refused (10.0.0.2:554); next try in 0.5 s"
    rows = shown(width, event="source lost", words=words).split("\n")
    assert all(len(row) <= width for row in rows)
    assert all(row.startswith(INDENT) for row in rows[1:])
    assert " ".join(row[len(INDENT) :] for row in rows) == words


def test_a_url_stays_whole() -> None:
    url = "rtsp://gateway-of-the-north-gate.example.org:8554/a-stream-with-a-long-name-of-63-characters/sub"
    assert url in shown(80, event="plays", words=f"front plays: H264 1920x1080 25/s -> {url}")


def test_levels_are_colours_or_words() -> None:
    assert shown(event="stopping", colours=True) == "\x1b[2m22:32:09\x1b[0m stopping"
    assert shown(event="gone", level="warning", colours=True) == "\x1b[2m22:32:09\x1b[0m \x1b[33mgone\x1b[0m"
    assert shown(event="gone", level="error") == "22:32:09 error: gone"


def test_a_traceback_follows_its_line() -> None:
    assert shown(event="failed", exception="Traceback\n  x").split("\n") == ["22:32:09 failed", "Traceback", "  x"]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_who_wants_colours(*, environment: dict[str, str], wanted: bool) -> None:
    assert has_colours(environment) == wanted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_it_without_secrets_and_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(os.environ, "TERM", "dumb")
    configure_logs(False, "info")
    structlog.get_logger().warning("a\x1b[2Jb", words="to rtsp://admin:hunter2@10.0.0.2/\nfake", stream="front")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    first, second = terminal.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning: to rtsp://\*\*\*@10\.0\.0\.2/\\nfake", first)
    assert re.fullmatch(r"\d\d:\d\d:\d\d warning: http: Invalid HTTP request received\.", second)
