"""RTSP over WebSocket as readers open it, without I/O (RFC 6455; ONVIF Streaming, sub-protocol rtsp.onvif.org).

Frames of the reader are opened here, and ours are made: one message for each RTSP message and each interleaved frame.
The other way no bound of a message matters, because RTSP has bounds of its own.
"""

import base64
import hashlib
import struct
from collections.abc import Iterable, Mapping
from typing import Final

from transcoder import product
from transcoder.errors import RemoteProtocolError

SUB_PROTOCOL: Final = "rtsp.onvif.org"
VERSION: Final = "13"
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""The text that proves that the key was read as one of a WebSocket (RFC 6455 section 1.3)."""
_KEY_SIZE: Final = 16

MAX_PAYLOAD: Final = 4 + 0xFFFF
"""Bytes of a frame's payload at most: the largest interleaved frame (RFC 2326 section 10.12)."""
MAX_CONTROL: Final = 125
"""Bytes of a control frame's payload at most (RFC 6455 section 5.5)."""
FREE_FRAMES: Final = 256
"""Frames that may come at once whatever their size: pings that waited somewhere, and a few milliseconds of work."""
MIN_FRAME: Final = 32
"""Bytes that frames beyond that have at least, on average: a receiver report has sixty."""

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0, 1, 2, 8, 9, 10
_DATA: Final = frozenset({_CONTINUATION, _TEXT, _BINARY})
_FINAL, _MASKED = 0x80, 0x80


def is_web_socket(fields: Mapping[str, str]) -> bool:
    """Return whether the header fields of an HTTP request, by their names in lower case, ask for a WebSocket."""
    return "websocket" in _tokens(fields.get("upgrade", "")) and "upgrade" in _tokens(fields.get("connection", ""))


def refusal_of(fields: Mapping[str, str]) -> int:
    """Return the status with which a WebSocket is refused, 0 where it may be opened (RFC 6455 section 4.2)."""
    if fields.get("sec-websocket-version") != VERSION:
        return 426
    try:
        key = base64.b64decode(fields.get("sec-websocket-key", ""), validate=True)
    except ValueError:
        return 400
    if len(key) != _KEY_SIZE:
        return 400
    return 0 if SUB_PROTOCOL in _tokens(fields.get("sec-websocket-protocol", "")) else 404


def reply_to(fields: Mapping[str, str]) -> bytes:
    """Return the answer that opens the WebSocket that a request asks for; no extension is taken up."""
    key = fields["sec-websocket-key"] + _GUID
    proof = base64.b64encode(hashlib.sha1(key.encode("latin-1")).digest()).decode()  # noqa: S324  # RFC 6455 section 1.3
    lines = (
        "HTTP/1.1 101 Switching Protocols",
        f"Server: {product.NAME}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {proof}",
        f"Sec-WebSocket-Protocol: {SUB_PROTOCOL}",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _tokens(value: str) -> list[str]:
    return [item.strip().lower() for item in value.split(",")]


def in_messages(parts: Iterable[bytes | memoryview]) -> bytes:
    """Return a message for each part, one after the other; a server's frames are not masked."""
    framed: list[bytes | memoryview] = []
    for part in parts:
        framed += (_header(_BINARY, len(part)), part)
    return b"".join(framed)


def _header(opcode: int, size: int) -> bytes:
    if size <= MAX_CONTROL:
        return bytes((_FINAL | opcode, size))
    if size <= 0xFFFF:
        return struct.pack("!BBH", _FINAL | opcode, 126, size)
    return struct.pack("!BBQ", _FINAL | opcode, 127, size)


class FrameReader:
    """Opens the frames of one reader.

    Attributes:
        is_closed: whether the reader said that it closes the connection.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._is_amid_message = False
        self._replies: dict[int, bytes] = {}
        self.is_closed = False

    def receive_data(self, data: bytes) -> bytes:
        """Return the payloads of the data frames that are complete now.

        Raises:
            RemoteProtocolError: a frame breaks the protocol or a limit.
        """
        data = self._rest + data
        allowed = FREE_FRAMES + len(data) // MIN_FRAME
        position, parts = 0, list[bytes]()
        while not self.is_closed and (found := _frame_at(data, position)) is not None:
            first, payload, position = found
            allowed -= 1
            if allowed < 0:
                raise RemoteProtocolError("a WebSocket of many small frames")
            self._take(first, payload, parts)
        self._rest = b"" if self.is_closed else data[position:]
        return b"".join(parts)

    def data_to_send(self) -> bytes:
        """Return the control frames that answer those of the reader; of several pings the last one is answered."""
        replies, self._replies = self._replies, {}
        return b"".join(_header(opcode, len(payload)) + payload for opcode, payload in replies.items())

    def _take(self, first: int, payload: bytes, parts: list[bytes]) -> None:
        opcode = first & 0x0F
        if opcode in _DATA:
            if (opcode == _CONTINUATION) is not self._is_amid_message:
                raise RemoteProtocolError("a WebSocket frame that continues nothing, or a message within another")
            self._is_amid_message = not first & _FINAL
            parts.append(payload)
        elif opcode == _PING:
            self._replies[_PONG] = payload
        elif opcode == _CLOSE:
            self._replies[_CLOSE] = payload[:2]
            self.is_closed = True


def _frame_at(data: bytes, position: int) -> tuple[int, bytes, int] | None:
    """Return the first byte, the payload and the end of the frame at a position, None where it is not complete.

    Raises:
        RemoteProtocolError: it breaks the protocol or a limit, which is told by its first bytes.
    """
    if len(data) - position < 2:
        return None
    first, second = data[position], data[position + 1]
    size, position = second & 0x7F, position + 2
    opcode = first & 0x0F
    if not second & _MASKED:
        raise RemoteProtocolError("a WebSocket frame of a client without a mask")
    if first & 0x70 or opcode not in {*_DATA, _CLOSE, _PING, _PONG}:
        raise RemoteProtocolError("a WebSocket frame of an unknown kind")
    if opcode not in _DATA and (size > MAX_CONTROL or not first & _FINAL):
        raise RemoteProtocolError("a WebSocket control frame that is too large or in pieces")
    if size > MAX_CONTROL:
        width = 2 if size == 126 else 8
        if len(data) - position < width:
            return None
        size, position = int.from_bytes(data[position : position + width]), position + width
        if size > MAX_PAYLOAD:
            raise RemoteProtocolError(f"a WebSocket frame of {size} bytes")
    begin = position + 4
    end = begin + size
    if len(data) < end:
        return None
    return first, _unmasked(data[position:begin], data[begin:end]), end


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    """Return a payload without its mask (RFC 6455 section 5.3)."""
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(stream)).to_bytes(size)
