"""The reader of the clean stream beside an attack, in a process of its own: what it got, and when it got less.

Its pictures are numbered by their camera. The process writes "playing", then a line for each loss as it sees it, and,
for each line of its standard input and at the end of that, what it read in all.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from typing import Self

import av

from tests.support.rtsp_reader import Packet, RtspReader, luma
from transcoder.lab.cameras.counter import read_counter
from transcoder.lab.reader.access_units import AccessUnit, AccessUnits
from transcoder.verify.codec import Codec

FPS, SECONDS = 10, 20
ROUND = FPS * SECONDS
"""Pictures of the camera, after which it begins again."""
USER, PASSWORD = "vms", "a password"
LOOK_S = 0.25
"""Seconds between two looks at what came."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A gap in what a reader got.

    Attributes:
        since, until: when the picture before and the one after came (seconds of time.time).
        pictures: how many pictures are missing between them, or unreadable.
        packets: whether a sequence number is missing.
    """

    since: float
    until: float
    pictures: int
    packets: bool

    def is_beside(self, started: float, ended: float) -> bool:
        """Return whether it happened while something else did."""
        return self.since < ended and started < self.until


@dataclass(frozen=True, slots=True)
class Read:
    """What the reader of the clean stream got.

    Attributes:
        pictures: how many.
        lost: how many are missing or unreadable, by the camera's numbers.
        longest_gap_s: seconds between two pictures, at most.
        lost_packets: whether a packet is missing, or the connection ended.
    """

    pictures: int = 0
    lost: int = 0
    longest_gap_s: float = 0.0
    lost_packets: bool = False


class Tally:
    """Counts pictures by the numbers in them, and packets by their sequence numbers.

    Attributes:
        losses: the gaps, in order.
    """

    def __init__(self, codec: str) -> None:
        self.losses: list[Loss] = []
        self.pictures = 0
        self.longest_gap_s = 0.0
        self._units = AccessUnits(Codec(codec))
        self._decoder = av.CodecContext.create("h264" if codec == "H264" else "hevc", "r")
        self._decoder.thread_count = 1
        self._clock = time.time() - time.monotonic()
        self._last: tuple[int, float] | None = None

    def take(self, packets: list[Packet]) -> None:
        """Take the packets that came since the last call."""
        for packet in packets:
            unit = self._units.receive(packet.read, packet.at)
            if unit is not None:
                for frame in self._decoder.decode(_packet(unit)):
                    self.count(read_counter(luma(frame)), unit.at, lost_packets=unit.lost_before)

    def count(self, number: int | None, at: float, *, lost_packets: bool) -> None:
        """Count a picture; None is a number that can't be read."""
        self.pictures += 1
        earlier = self._last
        if earlier is None:
            self._last = None if number is None else (number, at)
            return
        missing = 1
        if number is not None:
            step = (number - earlier[0] - 1) % ROUND  # a picture that comes twice is a round that is missing
            # numbers come again after a round; the time says how many rounds went by
            missing = step + ROUND * max(0, round(((at - earlier[1]) * FPS - 1 - step) / ROUND))
        self.longest_gap_s = max(self.longest_gap_s, at - earlier[1])
        if missing or lost_packets:
            self.losses.append(Loss(earlier[1] + self._clock, at + self._clock, missing, lost_packets))
        self._last = ((earlier[0] + 1) % ROUND if number is None else number, at)

    def read(self, *, closed: bool) -> Read:
        """Return what was counted."""
        return Read(
            pictures=self.pictures,
            lost=sum(loss.pictures for loss in self.losses),
            longest_gap_s=self.longest_gap_s,
            lost_packets=closed or any(loss.packets for loss in self.losses),
        )


def _packet(unit: AccessUnit) -> av.Packet:
    return av.Packet(b"".join(b"\0\0\0\1" + item for item in unit.nal_units))


class ReaderProcess:
    """Runs the reader.

    Attributes:
        losses: what the reader lost so far.
    """

    def __init__(self, url: str) -> None:
        self.losses: list[Loss] = []
        self._read: Read | None = None
        self._playing = threading.Event()
        self._told = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.neighbour_reader", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line == "playing\n":
                self._playing.set()
            elif "since" in (told := json.loads(line)):
                self.losses.append(Loss(**told))
            else:
                self._read = Read(**told)
                self._told.set()

    def wait_until_playing(self) -> None:
        assert self._playing.wait(60), "the reader does not play"

    def is_whole(self) -> bool:
        """Return whether it plays and nothing was lost so far."""
        return self._process.poll() is None and not self.losses

    def read(self) -> Read:
        """Return what was read up to a second from now: what is on its way counts."""
        assert self._process.stdin is not None
        self._told.clear()
        with contextlib.suppress(OSError):  # where the reader was disconnected, it has told all
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        while not self._told.wait(0.1) and self._thread.is_alive():
            pass
        assert self._read is not None, "the reader failed"
        return self._read

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._thread.join(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _play(url: str) -> None:
    async with RtspReader(url, USER, PASSWORD) as reader:
        await reader.play()
        await reader.until(lambda: reader.marked > FPS, 30)
        tally = Tally(reader.codec)
        _tell("playing")
        question = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        wanted = 0
        while not reader.closed:
            if question.done():
                wanted = wanted or reader.marked + FPS
                if reader.marked > wanted:
                    if not question.result():
                        break
                    _tell(json.dumps(asdict(tally.read(closed=False))))
                    question = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
                    wanted = 0
            await asyncio.sleep(LOOK_S)
            _look(reader, tally)
        _look(reader, tally)
        _tell(json.dumps(asdict(tally.read(closed=reader.closed))))
    sys.stdout.flush()


def _look(reader: RtspReader, tally: Tally) -> None:
    known = len(tally.losses)
    packets, reader.packets = reader.packets, []
    reader.recorded.clear()
    tally.take(packets)
    for loss in tally.losses[known:]:
        _tell(json.dumps(asdict(loss)))


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_play(sys.argv[1]))
