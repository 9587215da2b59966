"""A camera that sends as fast as its peer takes it."""

import asyncio
from typing import Self

from tests.support.session_transcript import VIDEO_SDP


class FloodingCamera:
    """Answers every request with 200, and sends `flood` again and again after PLAY.

    Attributes:
        flood: bytes that are sent whole, again and again.
        tunnel: whether it speaks RTSP over HTTP; requests are taken for granted then.
    """

    def __init__(self, flood: bytes) -> None:
        self.flood = flood
        self.sent = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.hang_up()

    async def hang_up(self) -> None:
        """End all connections. A peer that leaves gets no answer to its TEARDOWN, and reads on until it gave up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/live"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            method = ""
            while method != "PLAY":
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                method = text.split()[0]
                cseq = next(line for line in text.split("\r\n") if line.startswith("CSeq"))
                body = VIDEO_SDP if method == "DESCRIBE" else ""
                writer.write(
                    f"RTSP/1.0 200 OK\r\n{cseq}\r\nSession: 4711\r\n"
                    "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
            while True:
                writer.write(self.flood)
                await writer.drain()
                self.sent += len(self.flood)
                await asyncio.sleep(0)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
