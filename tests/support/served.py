"""Streams without a source, for a server with real sockets, and a register of its readers."""

import asyncio
import time

from transcoder.codecs.nal import Codec
from transcoder.errors import TransportError
from transcoder.net.rtsp_server import Listener
from transcoder.output.fanout import Fanout
from transcoder.output.session import ReaderSession
from transcoder.rtsp.session import EndReason

SPS, PPS = b"\x67\x42\x00\x1e", b"\x68\xce\x38\x80"
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n"
    b"a=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
)
IDR_EVERY = 20


class Stream:
    """A stream whose access units carry their number."""

    def __init__(self) -> None:
        self.idr_requests = 0
        self.fanout = Fanout("transcoder", self._request_idr)
        self.sent = 0
        self.problem: str | None = None
        self.is_enabled = True

    def _request_idr(self) -> None:
        self.idr_requests += 1

    async def describe(self, address: str, *, audio: bool = True) -> bytes:
        if self.problem:
            raise TransportError(self.problem)
        return SDP

    def send(self, size: int = 3000, *, idr: bool | None = None) -> None:
        idr = self.sent % IDR_EVERY == 0 if idr is None else idr
        body = self.sent.to_bytes(4) + b"\xaa" * size
        units = [SPS, PPS, b"\x65" + body] if idr else [b"\x41" + body]
        self.fanout.send(Codec.H264, units, round(time.monotonic() * 90_000), random_access=idr)
        self.sent += 1

    async def send_for(self, seconds: float, size: int = 3000, interval_s: float = 0.02) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.send(size)
            await asyncio.sleep(interval_s)


class Catalogue:
    def __init__(self) -> None:
        self.users: dict[str, str] = {}
        self.streams = {"front": Stream()}

    def passwords(self) -> dict[str, str]:
        return self.users

    def may_read(self, user: str, stream: str) -> bool:
        return True

    def find(self, stream: str) -> Stream | None:
        return self.streams.get(stream)

    def aliased(self, path: str) -> str | None:
        return None


ANYWHERE = Listener(host="127.0.0.1", port=0)


class Register:
    """Who came and who went."""

    def __init__(self) -> None:
        self.played: list[ReaderSession] = []
        self.gone: list[tuple[ReaderSession, EndReason]] = []
        self.connections: list[EndReason] = []

    def reader_plays(self, session: ReaderSession) -> None:
        self.played.append(session)

    def reader_gone(self, session: ReaderSession, reason: EndReason) -> None:
        self.gone.append((session, reason))

    def connection_ended(self, peer: str, reason: EndReason) -> None:
        self.connections.append(reason)

    def reasons(self) -> list[EndReason]:
        return [reason for _, reason in self.gone]
