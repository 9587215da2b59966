"""`python -m transcoder.lab.bench.readers URL...`: readers that count pictures and decode none.

A reader costs microseconds a packet, so that what is measured is the server.
"""

import asyncio
import secrets
import sys
import time
from collections import deque
from typing import Any

import uvloop

from transcoder.errors import TranscoderError
from transcoder.lab.bench.child import answer_until_end, emit
from transcoder.rtsp.client import ClientProtocol
from transcoder.rtsp.client_events import Described, Playing, SetUp
from transcoder.rtsp.headers import Transport
from transcoder.rtsp.messages import InterleavedFrames
from transcoder.rtsp.urls import parse_url
from transcoder.sdp import parse_sdp, select_video

RETRY_S = 0.5
"""Before a server that is not there yet, or refuses, is asked again."""
MAX_ARRIVALS = 5000


class CountingReader(asyncio.Protocol):
    """One reader over TCP.

    Args:
        url: of the stream.

    Attributes:
        pictures: markers received.
        arrivals: monotonic seconds and RTP timestamp of each.
    """

    def __init__(self, url: str) -> None:
        self.url = parse_url(url)
        self.pictures = 0
        self.bytes = 0
        self.connects = 0
        self.problem = ""
        self.arrivals: deque[tuple[float, int]] = deque(maxlen=MAX_ARRIVALS)
        self._transport: Any = None
        self._core: ClientProtocol | None = None
        self._gone = asyncio.Event()
        self._channel = 0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Read for ever."""
        loop = asyncio.get_running_loop()
        while True:
            self._gone.clear()
            now = time.monotonic()
            self._core = ClientProtocol(self.url, None, cnonce=secrets.token_hex(8), now=now)
            try:
                await loop.create_connection(lambda: self, self.url.host, self.url.port)
                await self._gone.wait()
            except OSError as error:
                self.problem = str(error)
            await asyncio.sleep(RETRY_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Count."""
        core = self._core
        if core is None:
            return
        now = time.monotonic()
        self.bytes += len(data)
        try:
            core.receive_data(data, now)
            while (event := core.next_event()) is not None:
                if type(event) is InterleavedFrames:
                    for packet in event if event.channel == self._channel else ():
                        if packet[1] & 0x80:
                            self.pictures += 1
                            self.arrivals.append((now, int.from_bytes(packet[4:8])))
                elif isinstance(event, Described):
                    selection = select_video(parse_sdp(event.body))
                    core.setup(selection.media.control, Transport(lower="TCP", interleaved=(0, 1)), now)
                elif isinstance(event, SetUp) and event.transport is not None:
                    self._channel = (event.transport.interleaved or (0, 1))[0]
                elif isinstance(event, Playing):
                    self.connects += 1
                    self._arm()
        except TranscoderError as error:
            self.problem = str(error)
            self._transport.abort()
            return
        self._flush()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(5.0, self._keep_alive)

    def _keep_alive(self) -> None:
        if self._core is not None and not self._gone.is_set():
            self._core.handle_timeout(time.monotonic())
            self._flush()
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell run()."""
        if exc is not None:
            self.problem = str(exc)
        self._core = None
        self._gone.set()

    def _flush(self) -> None:
        if self._core is not None:
            out = self._core.data_to_send()
            if out:
                self._transport.write(b"".join(out))

    def report(self) -> dict[str, Any]:
        """What was counted, and the arrivals since the last report."""
        arrivals, self.arrivals = self.arrivals, deque(maxlen=MAX_ARRIVALS)
        return {
            "pictures": self.pictures,
            "bytes": self.bytes,
            "connects": self.connects,
            "problem": self.problem,
            "arrivals": list(arrivals),
        }


async def _run(urls: list[str]) -> None:
    readers = [CountingReader(url) for url in urls]
    tasks = [asyncio.create_task(reader.run()) for reader in readers]
    emit("ready", {"readers": len(tasks)})
    await answer_until_end(lambda: {"at": time.monotonic(), "readers": [reader.report() for reader in readers]})
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1:]))
