"""A server's bytes on an RTSP connection are cut into messages and interleaved frames (RFC 2326 sections 7, 10.12)."""

from dataclasses import dataclass
from typing import NamedTuple

MAX_MESSAGE = 128 << 10
"""Bytes of a header or a body at most. Ours are below 2 KiB; a description of a camera is below 64 KiB."""
MAX_LINE = 4096
"""Bytes of a first line at most."""
_DOLLAR, _FRAME_HEADER = 0x24, 4
"""The first byte of an interleaved frame, and the bytes in front of its data (RFC 2326 section 10.12)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Holds a response, or a request.

    Attributes:
        start: the first line.
        fields: the fields in order, as written.
        raw: all bytes, as received.
    """

    start: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes

    @property
    def status(self) -> int:
        """Return the status of a response, 0 where no status can be read."""
        parts = self.start.split(" ")
        return int(parts[1]) if len(parts) > 1 and parts[1].isascii() and parts[1].isdigit() else 0

    @property
    def is_response(self) -> bool:
        """Return whether the message is a response, not a request."""
        return self.start.startswith("RTSP/")

    def field(self, name: str) -> str:
        """Return the first value of a field, "" where there is none."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), "")


class Frame(NamedTuple):
    """Holds an interleaved frame. It is a tuple, because a reader makes tens of thousands a second."""

    channel: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stray:
    """Holds bytes that belong to nothing."""

    data: bytes


class Splitter:
    """Takes the bytes of one connection and gives messages and frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message | Frame | Stray]:
        """Take bytes and return everything that is complete."""
        buffer = self._buffer
        buffer += data
        found: list[Message | Frame | Stray] = []
        position, end = 0, len(buffer)
        while position < end:
            if buffer[position] == _DOLLAR:
                if end - position < _FRAME_HEADER:
                    break
                data_at = position + _FRAME_HEADER
                data_end = data_at + (buffer[position + 2] << 8 | buffer[position + 3])
                if data_end > end:
                    break
                found.append(Frame(buffer[position + 1], bytes(buffer[data_at:data_end])))
                position = data_end
                continue
            item, size = self._next(position)
            if item is None:
                break
            found.append(item)
            position += size
        del buffer[:position]
        return found

    @property
    def rest(self) -> int:
        """Return the number of bytes of something that is not complete."""
        return len(self._buffer)

    def _next(self, position: int) -> tuple[Message | Stray | None, int]:
        if 0x41 <= self._buffer[position] <= 0x5A:
            return self._message(position)
        return self._stray(position)

    def _message(self, position: int) -> tuple[Message | Stray | None, int]:
        buffer = self._buffer
        line_end = buffer.find(b"\n", position, position + MAX_LINE)
        too_long = line_end < 0 and len(buffer) - position > MAX_LINE
        if too_long or (line_end >= 0 and b"RTSP/" not in buffer[position:line_end]):
            return self._stray(position)
        end = buffer.find(b"\r\n\r\n", position, position + MAX_MESSAGE)
        if end < 0:
            if len(buffer) - position <= MAX_MESSAGE:
                return None, 0
            # all of it: looking for the next start in it would cost the same search again for each
            return Stray(bytes(buffer[position : position + MAX_MESSAGE])), MAX_MESSAGE
        lines = buffer[position:end].decode("latin-1").split("\r\n")
        fields = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields.append((name.strip(), value.strip()))
        length = next((value for name, value in fields if name.lower() == "content-length"), "0")
        size = int(length) if length.isascii() and length.isdigit() and len(length) < 7 else 0
        total = end + 4 + size - position
        if size > MAX_MESSAGE:
            return self._stray(position)
        if len(buffer) - position < total:
            return None, 0
        raw = bytes(buffer[position : position + total])
        return Message(start=lines[0], fields=tuple(fields), body=raw[total - size :], raw=raw), total

    def _stray(self, position: int) -> tuple[Stray, int]:
        """Return everything up to a byte that may begin a frame or a message, and its size."""
        frame = self._buffer.find(b"$", position + 1)
        end = frame if frame >= 0 else len(self._buffer)
        message = self._buffer.find(b"RTSP/", position + 1, end)
        end = message if message >= 0 else end
        return Stray(bytes(self._buffer[position:end])), end - position
