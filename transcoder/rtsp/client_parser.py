"""The parser of a client measures a session description whose Content-Length is missing, or larger than its body.

Both were meant to be read until the camera stops: the lines of a description tell where they end, as long as nothing
comes behind them.
"""

import re
from typing import Final

from typing_extensions import override

from transcoder.errors import LimitExceeded
from transcoder.rtsp.client_events import ClientCounters
from transcoder.rtsp.messages import (
    MAX_BODY_SIZE,
    InterleavedFrame,
    Request,
    Response,
    RtspParser,
    end_of_headers,
)

SILENCE_S: Final = 1.0
"""Seconds without a byte after which a description is over: it is one write of the camera, and a lost packet of it is
sent again sooner."""
_SUCCESS: Final = re.compile(rb"RTSP/\d\.\d +2\d\d")
_DESCRIPTION: Final = re.compile(rb"^content-type[ \t]*:[ \t]*application/sdp", re.IGNORECASE | re.MULTILINE)
_LENGTH: Final = re.compile(rb"^content-length[ \t]*:[ \t]*([^\r\n]*)(?:\r\n|\n|\r|\Z)", re.IGNORECASE | re.MULTILINE)
_LINES: Final = re.compile(rb"(?:[A-Za-z]=[^\r\n]*+(?:\r\n|\n|\r)|[\r\n])*+(?:[A-Za-z]=[^\r\n]*+)?+")
"""The lines of a session description; the last one may have no end."""
_NEXT: Final = (b"RTSP/", b"$")
"""The beginnings of what may follow a description at once."""
_FOLLOWS: Final = re.compile(rb"[\r\n](?:RTSP/|\$)")


class ClientParser(RtspParser):
    """Parses what a camera sends.

    Args:
        counters: counts the descriptions that were measured.
    """

    def __init__(self, counters: ClientCounters) -> None:
        super().__init__()
        self._counters = counters
        self._is_silent = False
        self._silent_since: tuple[int, float] | None = None
        self._received = 0

    @override
    def receive_data(self, data: bytes | memoryview) -> None:
        if data:
            self._received += len(data)
            self._is_silent = False
        RtspParser.receive_data(self, data)

    def note_time(self, now: float) -> bool:
        """Note the time, every second or so; return whether a description that waits for more is over."""
        if self.channels is not None or self._position >= len(self._buffer):
            self._silent_since = None
            return False
        if self._silent_since is None or self._silent_since[0] != self._received:
            self._silent_since = (self._received, now)
        self._is_silent = now - self._silent_since[1] >= SILENCE_S
        return self._is_silent

    @override
    def next_event(self) -> Request | Response | InterleavedFrame | None:
        if self.channels is None and self._waits_for_description():
            return None
        return super().next_event()

    def _waits_for_description(self) -> bool:
        """Measure the description at the position where its length is not told; return whether more may come of it."""
        buffer, position = self._buffer, self._position
        if not _SUCCESS.match(buffer, position):
            return False
        end, body_start = end_of_headers(buffer, position)
        head = buffer[position:end] if end >= 0 else b""
        if not _DESCRIPTION.search(head):
            return False
        told = _LENGTH.search(head)
        if told is not None and not (self._is_silent and self._is_short(told[1], len(buffer) - body_start)):
            return False
        if (
            not self._is_silent
            and len(buffer) <= body_start + MAX_BODY_SIZE
            and not _FOLLOWS.search(buffer, body_start)
        ):
            return True
        lines = _LINES.match(buffer, body_start)
        size = lines.end() - body_start if lines is not None else 0
        if size > MAX_BODY_SIZE:
            raise LimitExceeded(f"RTSP body without its length is over {MAX_BODY_SIZE} bytes")
        if not self._is_silent and not buffer.startswith(_NEXT, body_start + size):
            return True
        self._counters.measured_descriptions += 1
        head = _LENGTH.sub(b"", head).rstrip(b"\r\n") + b"\r\nContent-Length: %d\r\n\r\n" % size
        self._buffer = head + buffer[body_start:]
        self._position = self._needed = 0
        return False

    @staticmethod
    def _is_short(told: bytes, available: int) -> bool:
        """Return whether less of a body came than its Content-Length says."""
        text = told.strip()
        return text.isdigit() and len(text) <= 9 and available < int(text) <= MAX_BODY_SIZE
