"""A server that records, written by hand from RFC 2326: it answers ANNOUNCE, SETUP and RECORD, and keeps what comes."""

import asyncio
import re
import ssl

_REQUEST = re.compile(rb"^([A-Z_]+) (\S+) RTSP/1\.0\r\n(.*?)\r\n\r\n", re.DOTALL)
PUBLIC = "Public: OPTIONS, ANNOUNCE, SETUP, RECORD, TEARDOWN"


class Recorder:
    """One server of which any number of connections may be made.

    Attributes:
        requests: method and URI of every request.
        bodies: the session descriptions that were announced.
        frames: channel and bytes of every interleaved frame.
        answers: the answer to a method, in the place of 200; each is used once.
        reads: whether it reads on after RECORD.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []
        self.frames: list[tuple[int, bytes]] = []
        self.answers: dict[str, str] = {}
        self.reads = True
        self.port = 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._may_read = asyncio.Event()

    async def __aenter__(self) -> "Recorder":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()

    def drop(self) -> None:
        """Drop every connection."""
        self._may_read.set()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def url(self, path: str = "/in/front") -> str:
        return f"{'rtsps' if self._context else 'rtsp'}://127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        buffer = b""
        while data := await reader.read(1 << 16):
            buffer = self._take(buffer + data, writer)
            if "RECORD" in self.methods and not self.reads:
                await self._may_read.wait()
        writer.close()

    def _take(self, buffer: bytes, writer: asyncio.StreamWriter) -> bytes:
        while buffer:
            if buffer[:1] == b"$":
                length = int.from_bytes(buffer[2:4])
                if len(buffer) < 4 or len(buffer) < 4 + length:
                    return buffer
                self.frames.append((buffer[1], buffer[4 : 4 + length]))
                buffer = buffer[4 + length :]
                continue
            match = _REQUEST.match(buffer)
            if match is None:
                return buffer
            size = re.search(rb"(?i)content-length: *(\d+)", match[3])
            end = match.end() + (int(size[1]) if size else 0)
            if len(buffer) < end:
                return buffer
            self._answer(match[1].decode(), match[2].decode(), match[3], buffer[match.end() : end], writer)
            buffer = buffer[end:]
        return buffer

    def _answer(self, method: str, uri: str, fields: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        self.requests.append((method, uri))
        if body:
            self.bodies.append(body)
        cseq = re.search(rb"(?i)cseq: *(\d+)", fields)
        assert cseq is not None
        lines = [self.answers.pop(method, "200 OK"), f"CSeq: {cseq[1].decode()}", PUBLIC]
        if method == "SETUP":
            asked = re.search(rb"(?i)transport: *([^\r\n]+)", fields)
            assert asked is not None
            assert asked[1].endswith(b";mode=record")
            lines += ["Session: 0a1b2c;timeout=60", f"Transport: {asked[1].decode()}"]
        writer.write(("RTSP/1.0 " + "\r\n".join([*lines, "", ""])).encode())
