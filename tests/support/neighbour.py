"""A running gateway under attack: a clean stream beside the attack loses no picture, and nothing is left afterwards.

The camera of the clean stream, its reader and the gateway are processes of their own, so that an attack which keeps the
test's own loop busy disturbs none of them.

    async with clean.beside():
        ...  # the attack
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.support.gateway_process import GatewayProcess, children, wait_for
from tests.support.neighbour_reader import FPS, PASSWORD, SECONDS, USER, ReaderProcess
from tests.support.plugin import excuse

STREAM = "clean"
HOSTILE = "hostile"
SETTLED_S = 20.0
"""Seconds in which the gateway has to notice that an attacker is gone: a look a second, ten for a first request."""
MEMORY = {"service": 32 << 20, "fork server": 4 << 20, "worker": 8 << 20}
"""Bytes of its own that each process may have more than before. The heap of the service keeps what floods made it grow
by. The fork server does nothing but fork; a megabyte or two is a page of each arena that it touches. The worker of the
clean stream has no part in an attack: two pictures of 1080p are more than what it may still grow by."""
LOOKS, LOOK_S = 5, 0.05
"""Looks at the descriptors, and the seconds between them."""
GROWN_S = 5.0
"""Seconds in which a gateway that began to serve a stream grows to its size."""


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
    """What a gateway holds for peers at one moment; the others are its fork server and its workers."""

    connections: int
    sessions: int
    tasks: int
    descriptors: int
    descriptors_of_others: int
    workers: int

    @classmethod
    def now(cls, gateway: GatewayProcess, looks: int = LOOKS) -> Self:
        """Count; a single look takes descriptors for held that are about to close."""
        numbers = metrics(gateway)
        sessions = sum(value for name, value in numbers.items() if name.startswith("transcoder_rtsp_sessions{"))
        servers = gateway.fork_servers()
        workers = [pid for server in servers for pid in children(server)]
        return cls(
            connections=int(numbers["transcoder_rtsp_open_connections"]),
            sessions=int(sessions),
            tasks=int(numbers["transcoder_tasks"]),
            descriptors=_descriptors(looks, gateway.pid),
            descriptors_of_others=_descriptors(looks, *servers, *workers),
            workers=len(workers),
        )

    def is_within(self, before: Self) -> bool:
        """Return whether nothing is held that was not held before; what was under way before may be over."""
        return all(getattr(self, name) <= getattr(before, name) for name in self.__slots__)


def _descriptors(looks: int, *pids: int) -> int:
    """How many descriptors stay open: that of the request before may take a moment to close."""
    counts = []
    for look in range(looks):
        time.sleep(LOOK_S if look else 0.0)
        counts.append(sum(_open(pid) for pid in pids))
    return min(counts)


def _open(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:  # it ended meanwhile
        return 0


def http_base(gateway: GatewayProcess) -> str:
    return str(gateway.events("HTTP API")[0]["url"])


def metrics(gateway: GatewayProcess) -> dict[str, float]:
    """The metrics, each under its name with its labels."""
    request = urllib.request.Request(f"{http_base(gateway)}/metrics")  # noqa: S310  # http:// on loopback
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    return {name: float(value) for name, value in re.findall(r"^([a-z_]+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def own_memory(gateway: GatewayProcess) -> dict[str, int]:
    """Bytes that the service, its fork server and the worker of the clean stream have for themselves."""
    pids = {"service": gateway.pid, "fork server": gateway.fork_server(), "worker": gateway.worker(STREAM)}
    return {name: _own_bytes(pid) for name, pid in pids.items() if pid is not None}


def _own_bytes(pid: int) -> int:
    """Bytes that are no file's; pages that are shared with a parent count in both, whoever writes to them first."""
    status = Path(f"/proc/{pid}/status").read_text()
    return sum(int(kib) for kib in re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.MULTILINE)) << 10


def grown(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What grew by more than it may, or is gone."""
    growth = {name: after.get(name, 0) - size for name, size in before.items()}
    return {name: size for name, size in growth.items() if size > MEMORY[name] or name not in after}


# -- the attack --------------------------------------------------------------------------------------------------------


class CleanStream:
    """Reads the clean stream of a gateway, beside one attack after another."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._reader = ReaderProcess(gateway.url(STREAM))

    def close(self) -> None:
        self._reader.close()

    def _whole_reader(self) -> ReaderProcess:
        """A reader that plays and has lost nothing, whatever an earlier attack did."""
        if not self._reader.is_whole():
            self._reader.close()
            self._reader = ReaderProcess(self._gateway.url(STREAM))
        self._reader.wait_until_playing()
        return self._reader

    @contextlib.asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Attack the gateway in the block; its clean stream loses nothing, and everything is as it was before."""
        gateway = self._gateway
        reader = await asyncio.to_thread(self._whole_reader)
        before, memory = await asyncio.to_thread(Held.now, gateway), own_memory(gateway)
        yield
        read = await asyncio.to_thread(reader.read)
        left = before
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_S):
                while not (left := await asyncio.to_thread(Held.now, gateway)).is_within(before):
                    await asyncio.sleep(0.2)
        assert left.is_within(before), f"left: {left}, before: {before}"
        assert grown(memory, own_memory(gateway)) == {}
        assert not read.lost_packets
        if read.lost and gateway.events("overloaded: fewer pictures are encoded"):
            excuse("the gateway left out pictures, because others keep this machine busy")
            return
        assert read.lost == 0, (read, reader.losses)


# -- a neighbour that stays --------------------------------------------------------------------------------------------


class StandingNeighbour:
    """A gateway with a clean stream and its reader that run beside many attacks, one after another.

    Attributes:
        gateway: the gateway.
        reader: its reader.
    """

    def __init__(self, gateway: GatewayProcess, reader: ReaderProcess) -> None:
        self.gateway = gateway
        self.reader = reader
        self._before, self._memory = Held.now(gateway), own_memory(gateway)

    def complaints(self) -> list[str]:
        """Return what is held that was not held at the start, now."""
        left = Held.now(self.gateway, looks=1)
        left = left if left.is_within(self._before) else Held.now(self.gateway)
        told = [] if left.is_within(self._before) else [f"held {left}, before {self._before}"]
        return told + [f"{name} grew by {size >> 20} MiB" for name, size in grown(self._memory, self.memory()).items()]

    def memory(self) -> dict[str, int]:
        """Return the bytes of its processes."""
        return own_memory(self.gateway)

    def growth(self) -> dict[str, int]:
        """Return by how many bytes each process is larger than at the start."""
        now = self.memory()
        return {name: now.get(name, 0) - size for name, size in self._memory.items()}


@contextlib.contextmanager
def clean_gateway(folder: Path, state_dir: Path, **keys: Any) -> Iterator[GatewayProcess]:
    """Run a gateway with the clean stream, which plays."""
    with clean_camera(folder / "content") as url:
        streams = {STREAM: {"source": url, "video": {"bitrate_kbps": 300, "preset": "ultrafast"}}}
        users = {USER: {"password": PASSWORD, "streams": ["*"]}}
        # a checker of the gateway's own would be a reader that comes and goes
        keys = {"sections": {"verify": {"every_h": None}}, **keys}
        with GatewayProcess(folder, state_dir, streams, rtsp={"users": users}, **keys) as made:
            wait_for(lambda: metrics(made).get('transcoder_stream_up{stream="clean"}') == 1, 60, "the stream plays")
            # a stream may play before the service has begun all that it does: what it holds then is not yet its share
            wait_for(lambda: made.events("ready"), 60, "the gateway is ready")
            wait_for(lambda: Held.now(made) == Held.now(made), 60, "what it holds stays alike")
            yield made


@contextlib.contextmanager
def standing_neighbour(folder: Path, state_dir: Path) -> Iterator[StandingNeighbour]:
    """Run one; it had time to grow to its size."""
    with clean_gateway(folder, state_dir) as gateway, ReaderProcess(gateway.url(STREAM)) as reader:
        reader.wait_until_playing()
        time.sleep(GROWN_S)
        yield StandingNeighbour(gateway, reader)
