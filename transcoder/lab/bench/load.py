"""This module puts a load on this machine (cameras, a re-encoding side, readers) and measures the cost."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, Self

from typing_extensions import override

from transcoder.lab.bench import processes
from transcoder.lab.cameras.access_units import Coding
from transcoder.lab.child import Child

_COMPILE: Final = """
import sys
from pathlib import Path
from transcoder.worker import preload
preload.load(Path(sys.argv[1]))
preload.finish_compiling()
"""
"""A program that fills a folder with all kernels."""
SETTLE_S = 4.0
"""Seconds before a measurement, for connections, first IDRs and caches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraOptions:
    """Holds the options of the cameras, which all show the same pictures.

    Attributes:
        width, height, fps: size and picture rate of the scene; footage keeps its own.
        codec: "h264" or "h265".
        source: footage that the cameras show instead of the scene.
        bitrate_kbps: constant bitrate of the cameras; None: they spend no more than the picture needs, as cameras do.
        gop_s: seconds from IDR to IDR.
        noise: noise of the scene, luma steps.
        codes_noise: whether the cameras spend a whole bitrate, by size where none is given, on the sensor's noise.
        counter: whether pictures carry their number.
    """

    width: int = 1920
    height: int = 1080
    fps: int = 25
    codec: str = "h264"
    source: Path | None = None
    bitrate_kbps: int | None = None
    gop_s: float = 2.0
    noise: float = 1.5
    codes_noise: bool = False
    counter: bool = False

    @property
    def coding(self) -> Coding:
        """Return what the cameras spend bits on."""
        return Coding.BITRATE if self.codes_noise or self.bitrate_kbps is not None else Coding.QUALITY

    def arguments(self, cameras: int) -> list[str]:
        """Return the command line of `python -m transcoder.lab.cameras`."""
        given = ["--cameras", str(cameras), "--family", "hikvision", "--codec", self.codec, "--commands", "--list"]
        given += ["--width", str(self.width), "--height", str(self.height), "--fps", str(self.fps)]
        given += ["--gop-s", str(self.gop_s), "--coding", self.coding]
        given += ["--noise", str(self.noise), *(["--counter"] if self.counter else [])]
        if self.source is not None:
            given += ["--source", str(self.source)]
        if self.bitrate_kbps is not None:
            given += ["--bitrate-kbps", str(self.bitrate_kbps)]
        return given


class Side(Protocol):
    """Stands for the measured side, which pulls the cameras' URLs and serves each again."""

    async def start(self, sources: Sequence[str]) -> list[str]:
        """Start the side; return the URLs to read, one for each source."""

    def pids(self) -> list[int]:
        """Return the process numbers of the side."""

    async def report(self) -> dict[str, Any]:
        """Return the side's own counters, if the side has any."""

    async def stop(self) -> None:
        """End all processes of the side."""


def keep_kernels(folder: Path) -> None:
    """Have the gateway of this state folder keep its compiled kernels in the user's cache folder, from run to run.

    Where that folder can't be written, the gateway compiles its kernels for itself.
    """
    kept = _kept_kernels()
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
        (folder / "numba").symlink_to(kept)


async def compile_kernels() -> None:
    """Fill the folder of keep_kernels(): a gateway would compile beside a measurement, and code by x264 meanwhile."""
    program = [sys.executable, "-P", "-c", _COMPILE, str(_kept_kernels())]
    await (await asyncio.create_subprocess_exec(*program)).wait()


def _kept_kernels() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "transcoder" / "bench"


class GatewaySide(Side):
    """Runs the gateway as a process of its own.

    Args:
        folder: folder for the configuration and state of the gateway.
        stream: configuration keys of every stream beside `source`.
        sections: sections of the configuration, beside those that a measurement needs.
    """

    def __init__(
        self, folder: Path, stream: dict[str, Any] | None = None, sections: dict[str, Any] | None = None
    ) -> None:
        self._folder = folder
        self._stream = stream or {}
        self._sections = sections or {}
        self._child: Child | None = None

    @override
    async def start(self, sources: Sequence[str]) -> list[str]:
        streams = {f"s{index}": {"source": url, **self._stream} for index, url in enumerate(sources)}
        config = {
            "rtsp": {"listen": "127.0.0.1:0", "udp_ports": [0, 0]},
            "http": {"listen": "127.0.0.1:0"},
            "state_dir": str(self._folder),
            "verify": {"every_h": None},  # a reader and a process more would be measured
            "streams": streams,
            **self._sections,
        }
        keep_kernels(self._folder)
        path = self._folder / "bench.yaml"
        path.write_text(json.dumps(config))
        self._child = await Child("transcoder.lab.bench.measured_gateway", str(path)).__aenter__()
        base = str(self._child.ready["url"]).rstrip("/")
        return [f"{base}/{name}" for name in streams]

    @property
    def api_url(self) -> str:
        """Return the URL of the HTTP API, once the gateway is started."""
        assert self._child is not None  # noqa: S101  # started
        return str(self._child.ready["api_url"])

    @override
    def pids(self) -> list[int]:
        assert self._child is not None  # noqa: S101  # started
        return [self._child.pid, *processes.children(self._child.pid)]

    @override
    async def report(self) -> dict[str, Any]:
        assert self._child is not None  # noqa: S101  # started
        return await self._child.report()

    @override
    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Holds the cost of some seconds under load.

    Attributes:
        streams: number of streams.
        fps: picture rate of each camera.
        seconds: seconds measured.
        cores: processor time a second of everything that belongs to the side.
        split: the same cores, divided up where the side can tell: service, fork_server, decode, stages, encode, rest.
        pss: proportional set size of all its processes, bytes.
        expected: pictures that the cameras sent to each reader.
        pictures: pictures that each reader got.
        kbps: mean bitrate of the readers.
        delays_s: delays, sorted; from the last packet of a picture's arrival to its sending, where the side can tell.
        problems: problems of readers and streams.
    """

    streams: int
    fps: float
    seconds: float
    cores: float
    split: dict[str, float] = field(default_factory=dict)
    pss: int = 0
    expected: float
    pictures: tuple[int, ...]
    kbps: float
    delays_s: tuple[float, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def streams_per_core(self) -> float:
        """Return how many streams of this kind one core would carry."""
        return self.streams / self.cores if self.cores else 0.0

    @property
    def delivered(self) -> float:
        """Return the share of the cameras' pictures that the worst served reader got."""
        return min(self.pictures) / self.expected if self.pictures else 0.0

    def delay_s(self, share: float) -> float | None:
        """Return the delay that this share of the pictures did not exceed."""
        if not self.delays_s:
            return None
        return self.delays_s[min(int(share * len(self.delays_s)), len(self.delays_s) - 1)]


class Load:
    """Runs cameras, a side and readers.

    Args:
        side: the side that is measured.
        cameras: options of the cameras.
        streams: number of streams.
        readers: number of readers of each stream.

    Attributes:
        fleet: the cameras.
        camera: description of the first camera: width, height, fps, codec and more.
    """

    def __init__(self, side: Side, cameras: CameraOptions, streams: int, *, readers: int = 1) -> None:
        self.side = side
        self.fleet: Child | None = None
        self.camera: dict[str, Any] = {}
        self._cameras = cameras
        self._streams = streams
        self._readers_each = readers
        self._stack = AsyncExitStack()
        self._readers: Child | None = None

    async def __aenter__(self) -> Self:
        """Start everything and let the load settle."""
        try:
            self.fleet = await self._stack.enter_async_context(
                Child("transcoder.lab.cameras", *self._cameras.arguments(self._streams))
            )
            self.camera = next((event for event in self.fleet.announced if event["event"] == "camera"), {})
            self.fleet.announced.clear()
            self._stack.push_async_callback(self.side.stop)
            urls = await self.side.start(self.fleet.ready["urls"])
            self._readers = await self._stack.enter_async_context(
                Child("transcoder.lab.bench.readers", *(url for url in urls for _ in range(self._readers_each)))
            )
            await self._wait_for_pictures()
            await asyncio.sleep(SETTLE_S)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End everything."""
        await self._stack.aclose()

    async def _wait_for_pictures(self, limit_s: float = 30.0) -> None:
        assert self._readers is not None  # noqa: S101  # entered
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            report = await self._readers.report()
            if all(reader["pictures"] > 0 for reader in report["readers"]):
                return
            await asyncio.sleep(0.25)

    async def read(self) -> list[dict[str, Any]]:
        """Return the reports of the readers since the last call."""
        assert self._readers is not None  # noqa: S101  # entered
        readers: list[dict[str, Any]] = (await self._readers.report())["readers"]
        return readers

    async def measure(self, seconds: float) -> Sample:
        """Let the load run for so many seconds and return the cost."""
        assert self._readers is not None  # noqa: S101  # entered
        before = await self._look()
        await asyncio.sleep(seconds)
        pss = sum(map(processes.pss_bytes, self.side.pids()))
        after = await self._look()
        span = after["until"] - before["since"]
        seen = list(zip(before["readers"], after["readers"], strict=True))
        fps = float(self.camera.get("fps", self._cameras.fps))
        delays = sorted(
            delay for stream in after["report"].get("streams", {}).values() for delay in stream.get("delays_s", ())
        )
        problems = {reader["problem"] for _, reader in seen if reader["connects"] != 1}
        problems |= {stream["problem"] for stream in after["report"].get("streams", {}).values()}
        return Sample(
            streams=self._streams,
            fps=fps,
            seconds=span,
            cores=(after["cpu_until_s"] - before["cpu_since_s"]) / span,
            split=_split(before["report"], after["report"]),
            pss=pss,
            expected=fps * (after["readers_at"] - before["readers_at"]),
            pictures=tuple(new["pictures"] - old["pictures"] for old, new in seen),
            kbps=sum(new["bytes"] - old["bytes"] for old, new in seen) / len(seen) / span / 125,
            delays_s=tuple(delays),
            problems=tuple(sorted(problems - {""})),
        )

    async def _look(self) -> dict[str, Any]:
        assert self._readers is not None  # noqa: S101  # entered
        # a report costs the gateway time: the measurement begins after one report and ends before another
        until, cpu_until_s = time.monotonic(), processes.total_cpu_seconds(self.side.pids())
        report = await self.side.report()
        since, cpu_since_s = time.monotonic(), processes.total_cpu_seconds(self.side.pids())
        readers = await self._readers.report()
        return {
            "until": until,
            "cpu_until_s": cpu_until_s,
            "since": since,
            "cpu_since_s": cpu_since_s,
            "report": report,
            "readers": readers["readers"],
            "readers_at": readers["at"],
        }


def _split(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    if not after:
        return {}
    span = after["at"] - before["at"]
    cores = {
        "service": (after["service_cpu_s"] - before["service_cpu_s"] - before["report_cpu_s"]) / span,
        "fork_server": (after["fork_server_cpu_s"] - before["fork_server_cpu_s"]) / span,
    }
    workers = 0.0
    parts = dict.fromkeys(("decode", "stages", "encode"), 0.0)
    for name, stream in after["streams"].items():
        old = before["streams"][name]
        workers += (stream["worker_cpu_s"] - old["worker_cpu_s"]) / span
        for part in parts:
            parts[part] += (stream["output"][f"{part}_s"] - old["output"][f"{part}_s"]) / span
    return cores | parts | {"rest": workers - sum(parts.values())}
