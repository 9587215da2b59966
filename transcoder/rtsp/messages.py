"""A tolerant, bounded, incremental parser reads RTSP messages and interleaved frames.

Cameras send `Cseq`, blanks around values, LF line ends, CRLF before `$` and stray bytes between frames; all of these
are read. Unreadable bytes are skipped within a bound and counted, so that a bad byte costs one frame, not the session.

Source: RFC 2326 sections 4, 6, 7, 10.12.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat

from transcoder.errors import LimitExceeded, RtspSyntaxError

MAX_HEADER_SIZE = 32 << 10
"""Bytes of a message without its body, at most; real messages stay below 2 KiB."""
MAX_HEADERS = 128
MAX_BODY_SIZE = 64 << 10
"""Bytes of a body, at most: the limit of a session description."""
EVERYTHING = 1 << 30
"""The limit of a caller that wants everything which was received at once."""
MAX_RESYNC = 256 << 10
"""Bytes skipped in a row while looking for the next frame or message, before the connection is given up."""

TURN_BYTES = 64 << 10
"""Bytes that one connection may have parsed in a turn of the event loop: the largest frame, or 45 packets of video."""
TURN_EVENTS = 500
"""Messages and frames that one connection may have parsed in a turn; a few milliseconds of work at the most."""

VERSION = "RTSP/1.0"
_DOLLAR = 0x24
_FRAME_HEADER = struct.Struct("!HH")
"""The header of an interleaved frame: dollar sign and channel, length of the data."""


class Headers:
    """Holds header fields in order; names are matched without case (RFC 2326 section 4.2)."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items: list[tuple[str, str]] = list(items)

    def get(self, name: str) -> str | None:
        """Return the first value of a field, or None."""
        lower = name.lower()
        for key, value in self._items:
            if key.lower() == lower:
                return value
        return None

    def get_all(self, name: str) -> list[str]:
        """Return every value of a field, in order."""
        lower = name.lower()
        return [value for key, value in self._items if key.lower() == lower]

    def add(self, name: str, value: str) -> None:
        """Append a field."""
        self._items.append((name, value))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Headers({[name for name, _ in self._items]})"  # values may be credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Holds an RTSP request."""

    method: str
    uri: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    version: str = VERSION

    @property
    def cseq(self) -> str | None:
        """Return the CSeq as sent, which a server echoes and does not interpret."""
        return self.headers.get("CSeq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Holds an RTSP response."""

    status: int
    reason: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""

    @property
    def cseq(self) -> int | None:
        """Return the CSeq as a number, or None where there is no readable one."""
        value = self.headers.get("CSeq")
        if value is None:
            return None
        value = value.strip()
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else None


@dataclass(frozen=True, slots=True)
class InterleavedFrame:
    """Holds a binary frame on the RTSP connection (RFC 2326 section 10.12)."""

    channel: int
    data: memoryview


@dataclass(slots=True)
class InterleavedFrames:
    """Holds frames of one channel that came in a row.

    Attributes:
        channel: the channel of the frames.
        buffer: the buffer that the frames were received in; it never changes.
        spans: (start, end) of each frame's data in the buffer, at least one.
    """

    channel: int
    buffer: bytes
    spans: list[tuple[int, int]]

    def __iter__(self) -> Iterator[memoryview]:
        view = memoryview(self.buffer)
        return (view[start:end] for start, end in self.spans)


def serialize_request(request: Request) -> bytes:
    """Write a request; Content-Length is added where there is a body."""
    return _serialize(f"{request.method} {request.uri} {request.version}", request.headers, request.body)


def serialize_response(response: Response) -> bytes:
    """Write a response; Content-Length is added where there is a body."""
    return _serialize(f"{VERSION} {response.status} {response.reason}", response.headers, response.body)


def serialize_frame(channel: int, data: bytes) -> bytes:
    """Write an interleaved frame."""
    return b"$" + bytes((channel,)) + len(data).to_bytes(2) + data


def _serialize(start_line: str, headers: Headers, body: bytes) -> bytes:
    lines = [start_line]
    lines.extend(f"{name}: {value}" for name, value in headers)
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + body


class RtspParser:
    """Takes the bytes of one RTSP connection and gives messages and interleaved frames.

    Frames are views into an immutable copy of the received bytes, so they stay valid as long as they are kept.

    Args:
        is_server: whether stray bytes are an error, where no frame can follow or where a request is among them.

    Attributes:
        skipped: the bytes that belonged to no frame or message.
        resyncs: how many times the parser had to look for the next frame or message.
        channels: the channels that were set up, if known: after stray bytes only a frame of one of them is believed,
            and a frame of another channel only when it is followed by bytes that may follow a frame.
    """

    def __init__(self, *, is_server: bool = False) -> None:
        self._is_server = is_server
        self._buffer = b""
        self._position = 0
        self._needed = 0
        """Bytes that the message at the position takes, once its header is read; the message is not read again before
        they came."""
        self._skipping = 0
        self.skipped = 0
        self.resyncs = 0
        self.channels: frozenset[int] | None = None

    def receive_data(self, data: bytes | memoryview) -> None:
        """Feed received bytes; call next_event until it returns None afterwards."""
        rest = self._buffer[self._position :]
        self._buffer = rest + data if rest else bytes(data)
        self._position = 0

    def next_frames(self, limit: int = EVERYTHING) -> InterleavedFrames | None:
        """Return complete frames in a row of one of the channels set up, or None where next_event() has to look.

        A camera sends a thousand frames a second and next to nothing else: they are worth a loop of their own.

        Args:
            limit: the largest number of frames to return.
        """
        buffer, position = self._buffer, self._position
        last = len(buffer) - 4
        if position > last or self.channels is None or buffer[position] != _DOLLAR:
            return None
        channel = buffer[position + 1]
        if channel not in self.channels:
            return None
        head = _DOLLAR << 8 | channel
        unpack = _FRAME_HEADER.unpack_from
        spans: list[tuple[int, int]] = []
        for _ in repeat(None, limit):
            if position > last:
                break
            first, length = unpack(buffer, position)
            start = position + 4
            end = start + length
            if first != head or end > last + 4:
                break
            spans.append((start, end))
            position = end
        if not spans:
            return None
        self._position = position
        self._skipping = 0
        return InterleavedFrames(channel, buffer, spans)

    def next_event(self) -> Request | Response | InterleavedFrame | None:
        """Return the next message or frame, or None when more data is needed.

        Raises:
            RtspSyntaxError: a message can't be read; the connection can't be used any more.
            LimitExceeded: a message, body or run of stray bytes is over its limit; the connection can't be used any
                more.
        """
        buffer = self._buffer
        while True:
            position = self._position
            available = len(buffer) - position
            if available == 0:
                return None
            first = buffer[position]
            if first == _DOLLAR:
                if available < 4:
                    return None
                if self._skipping and not self._may_start(position):
                    self._resync()
                    continue
                length = (buffer[position + 2] << 8) | buffer[position + 3]
                end = position + 4 + length
                if available < 4 + length:
                    return None
                if self.channels is not None and buffer[position + 1] not in self.channels:
                    # a "$" among stray bytes would take all that its length says with it: what follows tells
                    if end == len(buffer):
                        return None
                    if buffer[end] not in _MAY_FOLLOW:
                        self._resync()
                        continue
                self._position = end
                self._skipping = 0
                return InterleavedFrame(buffer[position + 1], memoryview(buffer)[position + 4 : position + 4 + length])
            if first in b"\r\n":
                blank = _LINE_ENDS.match(buffer, position)
                self._position = blank.end() if blank else position + 1
                continue
            if available < self._needed:
                return None
            if (_may_start_response if self._skipping else _may_start_message)(buffer, position):
                return self._message()
            self._resync()

    def _message(self) -> Request | Response | None:
        buffer, position = self._buffer, self._position
        end, body_start = end_of_headers(buffer, position)
        if end < 0:
            if len(buffer) - position > MAX_HEADER_SIZE:
                raise LimitExceeded(f"RTSP header is over {MAX_HEADER_SIZE} bytes")
            return None
        if end - position > MAX_HEADER_SIZE:
            raise LimitExceeded(f"RTSP header is over {MAX_HEADER_SIZE} bytes")
        lines = _LINE_END.split(buffer[position:end].decode("utf-8", "surrogateescape"))
        headers = _parse_headers(lines[1:])
        length = _content_length(headers)
        if len(buffer) - body_start < length:
            self._needed = body_start + length - position
            return None
        body = buffer[body_start : body_start + length]
        self._position = body_start + length
        self._needed = 0
        self._skipping = 0
        start_line = lines[0].strip()
        if start_line.startswith("RTSP/"):
            return _response(start_line, headers, body)
        return _request(start_line, headers, body)

    def _resync(self) -> None:
        """Skip to the next byte that may start a frame or a response, or to the end of the received bytes."""
        buffer, position = self._buffer, self._position
        self.resyncs += self._skipping == 0
        candidates = (match.start() for match in _CANDIDATE.finditer(buffer, position + 1))
        target = next(filter(self._may_start, candidates), len(buffer))
        if self._is_server and (self.channels is None or _VERSION.search(buffer, position, target)):
            raise RtspSyntaxError("bytes that are neither a request nor a frame")
        step = target - position
        self._position = target
        self.skipped, self._skipping = self.skipped + step, self._skipping + step
        if self._skipping > MAX_RESYNC:
            raise LimitExceeded(f"no RTSP message or frame in {MAX_RESYNC} bytes")

    def _may_start(self, position: int) -> bool:
        if self._buffer[position] != _DOLLAR:
            return _may_start_response(self._buffer, position)
        channel = self._buffer[position + 1 : position + 2]
        return self.channels is None or not channel or channel[0] in self.channels


_METHODS = (
    b"OPTIONS", b"DESCRIBE", b"SETUP", b"PLAY", b"PAUSE", b"TEARDOWN", b"GET_PARAMETER", b"SET_PARAMETER", b"ANNOUNCE",
    b"RECORD", b"REDIRECT",
)  # fmt: skip
_STARTS = (b"RTSP/", *(method + b" " for method in _METHODS))
_REQUEST_LINE = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]{0,31} [^\s]{1,2048} RTSP/\d")
_PART_OF_REQUEST_LINE = re.compile(rb"[A-Za-z_][A-Za-z0-9_-]{0,31}(?: [^\s]{0,2048}(?: [RTSP/]{0,5})?)?")
_VERSION = re.compile(rb"RTSP/\d")
_CANDIDATE = re.compile(rb"\$|R(?=TSP|TS?P?\Z|\Z)")
_MAY_FOLLOW = frozenset(b"$\r\nR") | {method[0] for method in _METHODS}
"""The first bytes that may follow a frame."""
_STATUS_LINE = b"RTSP/0.0 000"
_DIGITS = bytes.maketrans(b"0123456789", b"0000000000")
_LINE_ENDS = re.compile(rb"[\r\n]+")
_LINE_END = re.compile(r"\r\n|\n|\r")


def _may_start_message(buffer: bytes, position: int) -> bool:
    if buffer.startswith(_STARTS, position):
        return True
    tail = buffer[position : position + 14]
    if len(buffer) - position < 14 and any(start.startswith(tail) for start in _STARTS):
        return True
    # an unknown method is still a request when its line says so: it is answered 501, not skipped
    if _REQUEST_LINE.match(buffer, position) is not None:
        return True
    return _PART_OF_REQUEST_LINE.fullmatch(buffer, position) is not None


def _may_start_response(buffer: bytes, position: int) -> bool:
    """Return whether a status line starts here, the only line that is believed after stray bytes.

    A request would be found in the middle of its line.
    """
    return _STATUS_LINE.startswith(buffer[position : position + len(_STATUS_LINE)].translate(_DIGITS))


def end_of_headers(buffer: bytes, position: int) -> tuple[int, int]:
    """Return where the header at a position ends and its body begins; -1 where the header is not complete."""
    limit = min(len(buffer), position + MAX_HEADER_SIZE + 4)
    crlf = buffer.find(b"\n\r\n", position, limit)
    lf = buffer.find(b"\n\n", position, crlf if crlf >= 0 else limit)
    return (lf, lf + 2) if lf >= 0 else (crlf, crlf + 3) if crlf >= 0 else (-1, -1)


def _parse_headers(lines: list[str]) -> Headers:
    if len(lines) > MAX_HEADERS:
        raise LimitExceeded(f"RTSP message has over {MAX_HEADERS} header lines")
    items: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in {" ", "\t"} and items:  # folded (RFC 2616 section 2.2)
            name, value = items[-1]
            items[-1] = (name, f"{value} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon:
            items.append((name.strip(), value.strip()))
    return Headers(items)


def _content_length(headers: Headers) -> int:
    value = headers.get("Content-Length")
    if value is None:
        return 0
    value = value.strip()
    if not (value.isascii() and value.isdigit()) or len(value) > 9:
        raise RtspSyntaxError("Content-Length is not a number")
    length = int(value)
    if length > MAX_BODY_SIZE:
        raise LimitExceeded(f"RTSP body of {length} bytes is over {MAX_BODY_SIZE}")
    return length


def _response(start_line: str, headers: Headers, body: bytes) -> Response:
    parts = start_line.split(None, 2)
    if len(parts) < 2 or not (parts[1].isascii() and parts[1].isdigit() and len(parts[1]) == 3):
        raise RtspSyntaxError("the status line has no status code")
    return Response(status=int(parts[1]), reason=parts[2] if len(parts) > 2 else "", headers=headers, body=body)


def _request(start_line: str, headers: Headers, body: bytes) -> Request:
    parts = start_line.split()
    if len(parts) != 3 or not parts[2].startswith("RTSP/"):
        raise RtspSyntaxError("the request line is not 'METHOD URI RTSP/1.0'")
    return Request(method=parts[0], uri=parts[1], headers=headers, body=body, version=parts[2])
