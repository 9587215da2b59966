"""A running gateway under attack: a clean stream beside the attack loses no picture, and nothing is left afterwards.

The camera of the clean stream, its reader and the gateway are processes of their own, so that an attack which keeps the
test's own loop busy disturbs none of them.

    async with beside_a_clean_stream(gateway):
        ...  # the attack
"""

import asyncio
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.gateway_process import GatewayProcess, children
from tests.support.plugin import excuse
from tests.support.rtsp_reader import RtspReader
from transcoder.lab.cameras.counter import read_counter

FPS, SECONDS = 10, 20
STREAM, USER, PASSWORD = "clean", "vms", "a password"
HOSTILE = "hostile"
SETTLED_S = 20.0
"""Seconds in which the gateway has to notice that an attacker is gone: a look a second, ten for a first request."""
MEMORY = 32 << 20
"""Bytes that the service may have more than before: heaps keep what floods made them grow by."""
LOOKS, LOOK_S = 5, 0.05
"""Looks at the descriptors, and the seconds before each."""
ALONE_S = 1.0


def camera_command(cache: Path) -> list[str]:
    """The camera of the clean stream, whose pictures are numbered."""
    command = [sys.executable, "-m", "transcoder.lab.cameras", "--cameras", "1", "--list", "--counter", "--cache"]
    return [
        *command,
        *(str(cache), "--width", "320", "--height", "180", "--fps", str(FPS), "--gop-s", "1"),
        *("--seconds", str(SECONDS), "--family", "hikvision"),
    ]


@contextlib.contextmanager
def clean_camera(cache: Path) -> Any:
    """Run the camera; yields its URL."""
    process = subprocess.Popen(camera_command(cache), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        url = ""
        for line in process.stdout:
            event = json.loads(line)
            url = event.get("url", url) if event["event"] == "camera" else url
            if event["event"] == "ready":
                break
        assert url
        yield url
    finally:
        process.kill()
        process.wait()


# -- what is held for peers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """What a gateway holds for peers at one moment."""

    connections: int
    sessions: int
    tasks: int
    descriptors: int
    workers: int

    @classmethod
    def now(cls, gateway: GatewayProcess) -> Self:
        numbers = metrics(gateway)
        sessions = sum(value for name, value in numbers.items() if name.startswith("transcoder_rtsp_sessions{"))
        return cls(
            connections=int(numbers["transcoder_rtsp_open_connections"]),
            sessions=int(sessions),
            tasks=int(numbers["transcoder_tasks"]),
            descriptors=_descriptors(gateway),
            workers=sum(len(children(server)) for server in gateway.fork_servers()),
        )

    def is_within(self, before: Self) -> bool:
        """Return whether nothing is held that was not held before; what was under way before may be over."""
        return all(getattr(self, name) <= getattr(before, name) for name in self.__slots__)


def _descriptors(gateway: GatewayProcess) -> int:
    """How many descriptors stay open: that of the request before may take a moment to close."""
    counts = []
    for _ in range(LOOKS):
        time.sleep(LOOK_S)
        counts.append(len(os.listdir(f"/proc/{gateway.pid}/fd")))
    return min(counts)


def http_base(gateway: GatewayProcess) -> str:
    return str(gateway.events("HTTP API")[0]["url"])


def metrics(gateway: GatewayProcess) -> dict[str, float]:
    """The metrics, each under its name with its labels."""
    request = urllib.request.Request(f"{http_base(gateway)}/metrics")  # noqa: S310  # http:// on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def resident(gateway: GatewayProcess) -> int:
    """Bytes of memory of the service."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(re.findall(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[0]) << 10


# -- the reader --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Read:
    """What the reader of the clean stream got.

    Attributes:
        counters: the numbers of the pictures, in order; None where a number can't be read.
        longest_gap_s: seconds between two pictures, at most.
        lost_packets: whether a packet is missing.
    """

    counters: list[int | None]
    longest_gap_s: float
    lost_packets: bool

    def lost(self) -> int:
        """Return how many pictures are missing or unreadable."""
        steps = [
            (late - early) % (FPS * SECONDS) - 1
            for early, late in itertools.pairwise(self.counters)
            if early is not None and late is not None
        ]
        return sum(steps) + self.counters.count(None)


class _ReaderProcess:
    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.neighbour", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_playing(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "playing\n"

    def stop(self) -> Read:
        out, _ = self._process.communicate("", timeout=60)
        return Read(**json.loads(out))

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


async def _read(url: str) -> None:
    async with RtspReader(url, USER, PASSWORD) as reader:
        await reader.play()
        await reader.until(lambda: reader.marked > FPS, 30)
        sys.stdout.write("playing\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        wanted = reader.marked + FPS  # what was on its way when the attack ended counts
        await reader.until(lambda: reader.marked > wanted or reader.closed, 30)
        units = reader.units()
        gaps = [late.at - early.at for early, late in itertools.pairwise(units)]
        read = {
            "counters": [read_counter(picture) for picture in reader.pictures()],
            "longest_gap_s": max(gaps),
            "lost_packets": any(unit.lost_before for unit in units) or reader.closed,
        }
    sys.stdout.write(json.dumps(read, default=int))


# -- the attack --------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def beside_a_clean_stream(gateway: GatewayProcess) -> AsyncIterator[None]:
    """Attack a gateway in the block; its clean stream loses nothing, and everything is as it was before."""
    before, memory = await asyncio.to_thread(Held.now, gateway), resident(gateway)
    reader = _ReaderProcess(gateway.url(STREAM))
    try:
        await asyncio.to_thread(reader.wait_until_playing)
        await asyncio.sleep(ALONE_S)
        yield
        read = await asyncio.to_thread(reader.stop)
    finally:
        reader.close()
    left = before
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLED_S):
            while not (left := await asyncio.to_thread(Held.now, gateway)).is_within(before):
                await asyncio.sleep(0.2)
    assert left.is_within(before), f"left: {left}, before: {before}"
    assert resident(gateway) - memory < MEMORY
    assert not read.lost_packets
    if read.lost() and gateway.events("overloaded: fewer pictures are encoded"):
        excuse("the gateway left out pictures, because others keep this machine busy")
        return
    assert read.lost() == 0, read


if __name__ == "__main__":
    asyncio.run(_read(sys.argv[1]))
