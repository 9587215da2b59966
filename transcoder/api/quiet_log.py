"""Lines that uvicorn writes because of what clients do: each kind once a second, whatever they send."""

import logging

from typing_extensions import override

from transcoder import clock
from transcoder.service.line_limit import LineLimit

LOGGER = "uvicorn.error"
"""The name of uvicorn's logger; everybody who can connect can have it write."""
_KIND = 40
"""Characters of a text that tell its kind."""


class SeldomFilter(logging.Filter):
    """Lets a line of each kind through once a second, with the number of those that were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineLimit[str](1)

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        text = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        count = self._lines.take(text[:_KIND], clock.monotonic())
        if count > 1:
            record.msg = f"{text.rstrip()} ({count} times)"
        return bool(count)
