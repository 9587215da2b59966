"""The answer of a device to one HTTP request is read here: bounded, whatever the device sends. Sans-IO.

Source: RFC 9112 sections 4, 5, 6 and 7.1 (status line, fields, length of a body, chunks).
"""

import re
from typing import Final

from transcoder.errors import LimitExceeded, RemoteProtocolError
from transcoder.rtsp.messages import Headers
from transcoder.text import CONTROL_CHARACTER

MAX_HEAD: Final = 16_384
"""Bytes of status line and fields, at most; devices send some 500."""
MAX_FIELDS: Final = 64
MAX_BODY: Final = 16_384
"""Bytes of a body, at most, which the parser of SOAP allows; a list of forty scopes has 6 kB."""
MAX_WIRE: Final = MAX_HEAD + 4 * MAX_BODY
"""Bytes that are received at all: chunks of a few bytes each are twice their content."""
_STATUS: Final = re.compile(r"HTTP/1\.[01] +([1-5][0-9]{2})(?: .*)?", re.ASCII)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,6})[ \t]*(?:;[^\r\n]{0,256})?\r\n")


class HttpAnswer:
    """Reads one answer.

    Attributes:
        status: the status, 0 as long as it has not come.
        headers: the fields of the answer.
        body: the body, once the answer is complete.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers = Headers()
        self.body = b""
        self._buffer = bytearray()
        self._length: int | None = None
        self._is_chunked = False
        self.is_complete = False

    def receive_data(self, data: bytes) -> None:
        """Take data of the connection.

        Raises:
            RemoteProtocolError: the data is no answer of HTTP.
            LimitExceeded: the answer is larger than any of a device.
        """
        if self.is_complete:
            return
        if len(self._buffer) + len(data) > MAX_WIRE:
            raise LimitExceeded(f"the answer over HTTP has more than {MAX_WIRE} bytes")
        self._buffer += data
        if not self.status and not self._read_head():
            return
        self._read_body(is_end=False)

    def receive_end(self) -> None:
        """Take the end of the connection.

        Raises:
            RemoteProtocolError: the answer is not complete.
        """
        if self.status:
            self._read_body(is_end=True)
        if not self.is_complete:
            raise RemoteProtocolError("the connection was closed before the answer over HTTP was complete")

    def _read_head(self) -> bool:
        while not self.status:
            if not self._read_one_head():
                return False
        return True

    def _read_one_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise LimitExceeded(f"the head of the answer over HTTP has more than {MAX_HEAD} bytes")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        status = _STATUS.fullmatch(lines[0])
        if status is None or len(lines) > MAX_FIELDS + 1:
            raise RemoteProtocolError("it is no answer of HTTP")
        fields = [line.partition(":") for line in lines[1:]]
        self.headers = Headers(
            (name.strip(), value.strip())
            for name, colon, value in fields
            # what a device says of a login is repeated in the next request: no end of a line may be in it
            if colon and not CONTROL_CHARACTER.search(value.strip())
        )
        if status[1] == "100":  # Continue: the answer comes after it
            return True
        self.status = int(status[1])
        self._is_chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()
        length = self.headers.get("Content-Length")
        if length is not None and not self._is_chunked:
            if not re.fullmatch(r"[0-9]{1,9}", length):
                raise RemoteProtocolError("Content-Length of the answer over HTTP is no number")
            self._length = int(length)
            if self._length > MAX_BODY:
                raise LimitExceeded(f"the body of the answer over HTTP has more than {MAX_BODY} bytes")
        return True

    def _read_body(self, *, is_end: bool) -> None:
        if self._is_chunked:
            body = self._chunks()
        elif self._length is not None:
            body = bytes(self._buffer[: self._length]) if len(self._buffer) >= self._length else None
        else:
            body = bytes(self._buffer) if is_end else None
        if len(self._buffer) > MAX_BODY and not self._is_chunked and self._length is None:
            raise LimitExceeded(f"the body of the answer over HTTP has more than {MAX_BODY} bytes")
        if body is not None:
            self.body, self.is_complete = body, True

    def _chunks(self) -> bytes | None:
        """Return the content of all chunks, None as long as the last one has not come."""
        content, position = bytearray(), 0
        while True:
            head = _CHUNK.match(self._buffer, position)
            if head is None:
                if len(self._buffer) - position > 300:
                    raise RemoteProtocolError("a chunk of the answer over HTTP has no length")
                return None
            size = int(head[1], 16)
            if not size:
                return bytes(content)
            if len(content) + size > MAX_BODY:
                raise LimitExceeded(f"the body of the answer over HTTP has more than {MAX_BODY} bytes")
            if len(self._buffer) < head.end() + size + 2:
                return None
            content += self._buffer[head.end() : head.end() + size]
            position = head.end() + size + 2
