"""RTSP over HTTP, without I/O: the client's two requests are written here, and the server's reply is read.

Requests go base64-coded up a POST that never ends, everything else comes down the reply to a GET as plain RTSP. A
cookie ties the two. There is no RFC; this is Apple's tunnelling as ONVIF Streaming requires it of cameras.
"""

import base64

from transcoder import product
from transcoder.errors import LimitExceeded, ResponseError, RtspSyntaxError
from transcoder.rtsp.auth import Authenticator, Challenge, parse_challenges
from transcoder.rtsp.statuses import reason_of
from transcoder.rtsp.urls import RtspUrl
from transcoder.text import printable

MAX_HEADER_SIZE = 16 << 10
"""Bytes of the reply's header, at most."""
MAX_REASON = 80
"""Characters of a server's own words that an error keeps for a probe, at most."""
CONTENT_TYPE = "application/x-rtsp-tunnelled"
_POST_LENGTH = 32_767
"""The Content-Length that every client announces and every server ignores."""


def tunnel_requests(url: RtspUrl, cookie: str, login: Authenticator | None = None) -> tuple[bytes, bytes]:
    """Return the GET and the POST that open a tunnel.

    Args:
        url: the URL of the stream.
        cookie: random letters and digits.
        login: answers the challenge of an earlier GET; the POST proves itself too, for nobody waits for its reply.
    """
    host = f"[{url.host}]" if ":" in url.host else url.host
    common = f"x-sessioncookie: {cookie}\r\nHost: {host}:{url.port}\r\nUser-Agent: {product.NAME}\r\n"
    target = url.target or "/"

    def authorization(method: str) -> str:
        value = login.authorization(method, target) if login is not None else None
        return f"Authorization: {value}\r\n" if value else ""

    common += "Pragma: no-cache\r\nCache-Control: no-cache\r\n"
    get = f"GET {target} HTTP/1.0\r\n{common}{authorization('GET')}Accept: {CONTENT_TYPE}\r\n\r\n"
    post = (
        f"POST {target} HTTP/1.0\r\n{common}{authorization('POST')}Content-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {_POST_LENGTH}\r\nExpires: Sun, 9 Jan 1972 00:00:00 GMT\r\n\r\n"
    )
    return get.encode("utf-8", "surrogateescape"), post.encode("utf-8", "surrogateescape")


def encode_request(data: bytes) -> bytes:
    """Encode RTSP bytes as they go up the POST."""
    return base64.b64encode(data)


class TunnelReply:
    """Takes the header off the reply to the GET; the rest is RTSP.

    Attributes:
        challenges: the challenges of a reply that asks for a login, strongest first.
    """

    def __init__(self) -> None:
        self.challenges: list[Challenge] = []
        self._header = b""
        self._open = False

    @property
    def is_open(self) -> bool:
        """Return whether the server agreed to the tunnel."""
        return self._open

    def receive_data(self, data: bytes) -> bytes:
        """Return the RTSP bytes among the received bytes.

        Raises:
            ResponseError: the server refuses the tunnel.
            RtspSyntaxError: the reply is no HTTP.
            LimitExceeded: the reply's header has no end.
        """
        if self._open:
            return data
        self._header += data
        end = self._header.find(b"\r\n\r\n")
        if end < 0:
            if len(self._header) > MAX_HEADER_SIZE:
                raise LimitExceeded(f"the tunnel's reply has a header over {MAX_HEADER_SIZE} bytes")
            return b""
        lines = self._header[:end].decode("utf-8", "surrogateescape").split("\r\n")
        fields = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.challenges = parse_challenges(value for name, value in fields if name == "www-authenticate")
        parts = self._header[: self._header.find(b"\r\n")].decode("latin-1").split(None, 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/") or not (parts[1].isascii() and parts[1].isdigit()):
            raise RtspSyntaxError("the tunnel's reply is no HTTP")
        if parts[1] != "200":
            status, own_words = int(parts[1][:3]), parts[2] if len(parts) > 2 else ""
            raise ResponseError(status, "GET", reason_of(status), printable(own_words, MAX_REASON))
        self._open = True
        rest, self._header = self._header[end + 4 :], b""
        return rest
