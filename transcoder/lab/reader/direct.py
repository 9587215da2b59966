"""A plain RTSP client that sets up every media of a camera and looks for the camera's canaries in all that comes."""

import base64
import hashlib
import re
import socket
import time
from urllib.parse import unquote, urlsplit

from transcoder.lab.cameras.canary import Canary
from transcoder.lab.reader.scanner import Scanner

LIMIT_S = 12.0
"""Three GOPs and two rounds of sender reports of a simulated camera."""
LOOK_EVERY_S = 0.5
TIMEOUT_S = 5.0
MAX_MESSAGE = 64 << 10


def missing_canaries(url: str, canaries: list[Canary], scanner: Scanner, limit_s: float = LIMIT_S) -> list[Canary]:
    """Record a camera until every canary has been seen, or for limit_s.

    Args:
        url: of the camera, with its login.
        canaries: to look for.
        scanner: gets every byte that comes.
        limit_s: seconds of recording.

    Returns:
        Those that never came.

    Raises:
        OSError: the camera can't be reached or went away.
        ValueError: it does not let itself be played.
    """
    left = list(canaries)
    client = _Client(url, scanner)
    try:
        client.play()
        end = time.monotonic() + limit_s
        while left and (now := time.monotonic()) < end:
            client.record(min(now + LOOK_EVERY_S, end))
            found = {canary.name for canary in scanner.found(left)}
            left = [canary for canary in left if canary.name not in found]
    finally:
        client.close()
    return left


class _Client:
    def __init__(self, url: str, scanner: Scanner) -> None:
        split = urlsplit(url)
        self._user = unquote(split.username or "")
        self._password = unquote(split.password or "")
        address = split.hostname or "", split.port or 554
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        # a login in the path goes too: the camera has to ask for one, for the marks in its challenge
        path = re.sub(r"(?i)(password=)[^&]*", r"\1", split.path)
        self._url = split._replace(netloc=f"{host}:{address[1]}", path=path).geturl()
        if url.endswith("?") and not self._url.endswith("?"):  # urlsplit forgets an empty query
            self._url += "?"
        self._scanner = scanner
        self._socket = socket.create_connection(address, TIMEOUT_S)
        self._buffer = b""
        self._cseq = 0
        self._session = ""
        self._challenge = ""

    def close(self) -> None:
        self._socket.close()

    def play(self) -> None:
        """Options, describe, set up everything, play."""
        self._request("OPTIONS", self._url)
        head, body = self._request("DESCRIBE", self._url, Accept="application/sdp")
        base = _header(head, "Content-Base") or self._url
        for number, media in enumerate(body.split("m=")[1:]):
            control = re.search(r"(?m)^a=control:(\S+)", media)
            if control is None:
                continue
            url = control[1]
            if "://" not in url:
                url = f"{base.removesuffix('/')}/{url}"
            channels = f"{2 * number}-{2 * number + 1}"
            self._request("SETUP", url, Transport=f"RTP/AVP/TCP;unicast;interleaved={channels}")
        self._request("PLAY", base, Range="npt=0.000-")

    def record(self, until: float) -> None:
        """Take what comes until a moment."""
        self._buffer = b""
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                self._receive()
            except TimeoutError:
                return
            self._buffer = b""

    def _receive(self) -> None:
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the camera closed the connection")
        self._scanner.feed(data)
        self._buffer += data

    def _request(self, method: str, url: str, **fields: str) -> tuple[str, str]:
        head, body = self._exchange(method, url, fields)
        if head.split(" ", 2)[1:2] == ["401"] and not self._challenge:
            self._challenge = _header(head, "WWW-Authenticate")
            head, body = self._exchange(method, url, fields)
        if head.split(" ", 2)[1:2] != ["200"]:
            raise ValueError(f"{method} was answered {head.partition(chr(13))[0]}")
        self._session = self._session or _header(head, "Session").partition(";")[0].strip()
        return head, body

    def _exchange(self, method: str, url: str, fields: dict[str, str]) -> tuple[str, str]:
        self._cseq += 1
        lines = {"CSeq": str(self._cseq), "User-Agent": "demo reader", **fields}
        if self._session:
            lines["Session"] = self._session
        if self._challenge:
            lines["Authorization"] = self._authorization(method, url)
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._socket.settimeout(TIMEOUT_S)
        self._socket.sendall(f"{method} {url} RTSP/1.0\r\n{text}\r\n".encode())
        return self._response()

    def _response(self) -> tuple[str, str]:
        while True:
            if self._buffer[:1] == b"$" and len(self._buffer) >= 4:
                size = 4 + int.from_bytes(self._buffer[2:4])
                if len(self._buffer) >= size:
                    self._buffer = self._buffer[size:]
                    continue
            elif (end := self._buffer.find(b"\r\n\r\n")) >= 0:
                head = self._buffer[:end].decode("latin-1")
                length = int(_header(head, "Content-Length") or 0)
                if len(self._buffer) >= end + 4 + length:
                    body = self._buffer[end + 4 : end + 4 + length].decode("latin-1")
                    self._buffer = self._buffer[end + 4 + length :]
                    return head, body
            elif len(self._buffer) > MAX_MESSAGE and self._buffer[:1] != b"$":
                raise ValueError("the camera's answer has no end")
            self._receive()

    def _authorization(self, method: str, url: str) -> str:
        if self._challenge.startswith("Basic"):
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        values = dict(re.findall(r'(\w+)="([^"]*)"', self._challenge))
        realm, nonce = values.get("realm", ""), values.get("nonce", "")
        first, second = _md5(f"{self._user}:{realm}:{self._password}"), _md5(f"{method}:{url}")
        response = _md5(f"{first}:{nonce}:{second}")
        return f'Digest username="{self._user}", realm="{realm}", nonce="{nonce}", uri="{url}", response="{response}"'


def _header(head: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}:[ \t]*(.*?)\r?$", head)
    return found[1] if found else ""


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # RFC 2617 section 3.2.2
