"""`python -m transcoder.lab.bench.readers URL...` runs readers that count pictures and decode none.

A reader costs microseconds a packet, so that a measurement measures the server.
"""

import asyncio
import sys
import time
from collections import deque
from typing import Any

import uvloop
from typing_extensions import override

from transcoder.errors import TransportError
from transcoder.lab.json_lines import answer_until_end, emit
from transcoder.lab.reader.video import play_video
from transcoder.verify.client import Listener, RtspClient
from transcoder.verify.target import parse_target

RETRY_S = 0.5
"""Seconds before a reader asks a server again that is not there yet, or refuses."""
MAX_ARRIVALS = 5000
FOREVER_S = 1e9


class CountingReader(Listener):
    """Reads one stream over TCP and counts.

    Args:
        url: URL of the stream.

    Attributes:
        pictures: markers received.
        arrivals: monotonic seconds and RTP timestamp of each picture.
    """

    def __init__(self, url: str) -> None:
        self.pictures = 0
        self.bytes = 0
        self.connects = 0
        self.problem = ""
        self.arrivals: deque[tuple[float, int]] = deque(maxlen=MAX_ARRIVALS)
        self._target = parse_target(url)

    async def run(self) -> None:
        """Read for ever, and connect again after each end."""
        while True:
            client = RtspClient(self._target, self, agent="bench")
            try:
                await client.connect()
                await play_video(client)
                self.connects += 1
                await client.stay(FOREVER_S)
                self.problem = "the server closed the connection"
            except TransportError as error:
                self.problem = str(error)
            finally:
                client.close()
            await asyncio.sleep(RETRY_S)

    @override
    def received(self, data: bytes) -> None:
        self.bytes += len(data)

    @override
    def packet(self, channel: int, data: bytes, at: float) -> None:
        if channel == 0 and data[1] & 0x80:
            self.pictures += 1
            self.arrivals.append((at, int.from_bytes(data[4:8])))

    def report(self) -> dict[str, Any]:
        """Return the counts, and the arrivals since the last report."""
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
    emit("ready", readers=len(tasks))
    await answer_until_end(lambda: {"at": time.monotonic(), "readers": [reader.report() for reader in readers]})
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1:]))
