"""RTSP over HTTP as readers open it, without I/O: both requests are read here, and the reply to the first is written.

A GET, whose reply never ends, carries everything to the reader; a POST, whose body never ends, carries the reader's
requests, coded in base64. A cookie ties the two. There is no RFC; this is Apple's tunnelling as ONVIF Streaming has it.
"""

import binascii
import re
from dataclasses import dataclass
from typing import Final

from transcoder import product
from transcoder.errors import RemoteProtocolError
from transcoder.rtsp import web_socket

MAX_HEAD: Final = 4 << 10
"""Bytes of a request's head, at most: every client's is below 500."""
_METHODS: Final = (b"GET ", b"POST ")
_HANDSHAKE: Final = b"\x16\x03"
"""The first bytes of TLS (RFC 8446 section 5.1)."""
_COOKIE: Final = re.compile(r"[!-~]{1,64}")
_BLANKS: Final = b" \t\r\n"
_WORDS: Final = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required"}


class TunnelRefused(RemoteProtocolError):  # noqa: N818  # it reads as the event it is
    """A connection speaks HTTP and opens no tunnel, or TLS where none is served.

    Args:
        text: the message.
        reply: the answer, which may be empty.
    """

    def __init__(self, text: str, reply: bytes = b"") -> None:
        super().__init__(text)
        self.reply = reply


def refusal(status: int, text: str) -> TunnelRefused:
    """Return the error of an HTTP request that is refused."""
    fields = (
        f"HTTP/1.1 {status} {_WORDS[status]}",
        f"Server: {product.NAME}",
        "Connection: close",
        "Content-Length: 0",
        *((f"Sec-WebSocket-Version: {web_socket.VERSION}", "Upgrade: websocket") if status == 426 else ()),
    )
    return TunnelRefused(text, "\r\n".join((*fields, "", "")).encode())


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """One half of a tunnel is asked for.

    Attributes:
        is_post: whether it is the half that carries the reader's requests.
        cookie: ties the halves.
        rest: the bytes behind the request's head.
    """

    is_post: bool
    cookie: str
    rest: bytes


@dataclass(frozen=True, slots=True)
class WebSocketRequest:
    """A WebSocket is asked for, over which RTSP goes both ways.

    Attributes:
        reply: the answer that opens it.
        origin: the site whose page asks for it, "" for a program that is no browser.
        rest: the bytes behind the request's head.
    """

    reply: bytes
    origin: str
    rest: bytes


class Opening:
    """Tells by the first bytes of a connection what it speaks."""

    def __init__(self) -> None:
        self._head = b""

    def receive_data(self, data: bytes) -> bytes | TunnelRequest | WebSocketRequest | None:
        """Take received bytes.

        Returns:
            All bytes received, where they are RTSP; the request, where they open a tunnel or a WebSocket; None while
            that can't be told.

        Raises:
            TunnelRefused: they are HTTP that opens no tunnel, or TLS.
        """
        self._head += data
        head = self._head
        if head.startswith(_HANDSHAKE):
            raise TunnelRefused("TLS at a port that serves plain RTSP")
        if not any(method.startswith(head[: len(method)]) for method in _METHODS):
            self._head = b""
            return head
        end = head.find(b"\r\n\r\n")
        if end < 0:
            if len(head) > MAX_HEAD:
                raise refusal(400, "the head of an HTTP request has no end")
            return None
        self._head = b""
        return _request(head[:end].decode("latin-1"), head[end + 4 :])


def _request(head: str, rest: bytes) -> TunnelRequest | WebSocketRequest:
    first, *lines = head.split("\r\n")
    method, _, version = first.partition(" ")[0], *first.rpartition(" ")[1:]
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    cookie = fields.get("x-sessioncookie", "")
    if not version.startswith("HTTP/1."):
        raise refusal(400, "a request that is neither RTSP nor HTTP")
    if method == "GET" and web_socket.is_web_socket(fields):
        status = web_socket.refusal_of(fields)
        if status:
            raise refusal(status, "a WebSocket that is none of RTSP")
        return WebSocketRequest(web_socket.reply_to(fields), fields.get("origin", ""), rest)
    if not _COOKIE.fullmatch(cookie):
        raise refusal(404, "an HTTP request that opens no tunnel")
    return TunnelRequest(method == "POST", cookie, rest)


def reply_to_get() -> bytes:
    """Return the head of the reply behind which RTSP goes to the reader."""
    fields = (
        "HTTP/1.0 200 OK",
        f"Server: {product.NAME}",
        "Connection: close",
        "Cache-Control: no-store",
        "Pragma: no-cache",
        "Content-Type: application/x-rtsp-tunnelled",
    )
    return "\r\n".join((*fields, "", "")).encode()


class Base64Reader:
    """Decodes the body of the POST; each request in it may have padding of its own."""

    def __init__(self) -> None:
        self._rest = b""

    def receive_data(self, data: bytes) -> bytes:
        """Return the bytes that are complete now.

        Raises:
            RemoteProtocolError: the data is no base64.
        """
        text = self._rest + data.translate(None, _BLANKS)
        end = len(text) // 4 * 4
        self._rest = text[end:]
        parts = []
        start = 0
        try:
            while start < end:
                padding = text.find(b"=", start, end)
                stop = end if padding < 0 else padding // 4 * 4 + 4
                parts.append(binascii.a2b_base64(text[start:stop], strict_mode=True))
                start = stop
        except binascii.Error:
            raise RemoteProtocolError("the body of a tunnel's POST is no base64") from None
        return b"".join(parts)
