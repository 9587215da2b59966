"""Lines that uvicorn writes because of what clients do: each kind once a second, whatever they send."""

import logging
from collections import Counter
from typing import Final

from typing_extensions import override

from transcoder import clock
from transcoder.service.line_limit import LineLimit

LOGGER = "uvicorn.error"
"""The name of uvicorn's logger; everybody who can connect can have it write."""
_KIND = 40
"""Characters of a text that tell its kind."""
_STATUS: Final = {"Invalid HTTP request received.": 400, "Exceeded concurrency limit.": 503}
"""The answers that uvicorn gives by itself; its line is the only trace of them."""
_OF_CLIENTS: Final = frozenset({"Invalid UTF-8 sequence received from client."})
"""The lines that uvicorn takes for errors of its own, with where in its source, though a client alone is at fault."""


class SeldomFilter(logging.Filter):
    """Lets a line of each kind through once a second, with the number of those that were left out.

    Args:
        rejected: counts the answers that a line tells of, by status.
    """

    def __init__(self, rejected: Counter[int]) -> None:
        super().__init__()
        self._rejected = rejected
        self._lines = LineLimit[str](1)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        if text in _STATUS:
            self._rejected[_STATUS[text]] += 1
        if text in _OF_CLIENTS:
            record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        count = self._lines.take(text[:_KIND], clock.monotonic())
        if count > 1:
            record.msg = f"{text.rstrip()} ({count} times)"
        return bool(count)
