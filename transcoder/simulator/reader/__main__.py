"""`python -m transcoder.simulator.reader`: JSON lines in on standard input, JSON lines out on standard output.

The first line is the job: `{"streams": [{"name", "url"}], "cameras": [{"name", "url"}], "canaries": [{"camera", "name",
"where", "hex"}]}`; every stream is searched for every canary, each camera for its own. Then `{"command": "finish"}` asks
for the result. End of input ends the process, so that it never outlives who started it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import av.logging

from transcoder.simulator.canary import Canary
from transcoder.simulator.reader.direct import LIMIT_S, missing_canaries
from transcoder.simulator.reader.playback import Playback
from transcoder.simulator.reader.relay import Relay
from transcoder.simulator.reader.scanner import Scanner

PROGRESS_S = 0.5
CAMERAS_AFTER_S = 15.0
"""The cameras are read once every stream plays, or after so long: a second reader of a camera is no part of a start."""
CLOSE_S = 1.0
MAX_JOB = 16 << 20


def emit(event: str, **values: object) -> None:
    """Write one event."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class Station:
    """One stream that is read.

    Args:
        name: of the stream.
        url: of the stream.
    """

    def __init__(self, name: str, url: str) -> None:
        split = urlsplit(url)
        self.name = name
        self._path = split.path
        self.relay = Relay(split.hostname or "", split.port or 554)
        self.playback: Playback | None = None

    async def start(self) -> None:
        """Begin to read."""
        await self.relay.start()
        self.playback = Playback(f"rtsp://127.0.0.1:{self.relay.port}{self._path}")
        self.playback.start()

    @property
    def plays(self) -> bool:
        """Whether a frame has been decoded."""
        return self.playback is not None and self.playback.counts.frames > 0

    def result(self, canaries: list[Canary]) -> dict[str, object]:
        """What was read, and which canaries were in it."""
        wire = self.relay.counts
        assert self.playback is not None  # noqa: S101  # started
        played = self.playback.counts
        scanners = self.relay.scanner, self.playback.scanner
        found = {canary.name: canary.where for scanner in scanners for canary in scanner.found(canaries)}
        oddities = [*wire.oddities(), *played.oddities()]
        if any(scanner.overflown for scanner in scanners):
            oddities.append("more text than can be searched")
        span = played.last - played.first
        return {
            "name": self.name,
            "frames": played.frames,
            "fps": round((played.frames - 1) / span, 2) if span > 0 else 0.0,
            "decode_errors": played.errors,
            "longest_gap_ms": round(played.longest_gap_s * 1000),
            "steps_back": played.steps_back,
            "connects": played.connects,
            "problem": played.problem,
            "codec": played.codec,
            "width": played.width,
            "height": played.height,
            "bytes": self.relay.scanner.size,
            "rtsp_messages": wire.messages,
            "rtp_packets": wire.rtp,
            "rtcp_packets": wire.rtcp,
            "nal_unit_types": dict(sorted(played.nal_unit_types.items())),
            "canaries_searched": len(canaries),
            "canaries_found": [{"name": name, "where": where} for name, where in sorted(found.items())],
            "oddities": oddities,
        }


class Reader:
    """Carries out a job.

    Args:
        job: the first line.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._stations = [Station(stream["name"], stream["url"]) for stream in job["streams"]]
        self._cameras: list[Mapping[str, str]] = list(job["cameras"])
        self._canaries = {
            camera["name"]: [
                Canary(name=item["name"], where=item["where"], value=bytes.fromhex(item["hex"]))
                for item in job["canaries"]
                if item["camera"] == camera["name"]
            ]
            for camera in self._cameras
        }
        self._results: dict[str, dict[str, object]] = {}

    async def run(self, lines: asyncio.StreamReader) -> None:
        """Read until told to finish."""
        for station in self._stations:
            await station.start()
        work = [asyncio.create_task(self._report()), asyncio.create_task(self._read_cameras())]
        while line := await lines.readline():
            if json.loads(line)["command"] == "finish":
                await self._finish()
                break
        for task in work:
            task.cancel()

    async def _report(self) -> None:
        while True:
            counts = {s.name: s.playback.counts for s in self._stations if s.playback is not None}
            emit(
                "progress",
                frames={name: count.frames for name, count in counts.items()},
                errors={name: count.errors for name, count in counts.items()},
                cameras=len(self._results),
            )
            await asyncio.sleep(PROGRESS_S)

    async def _read_cameras(self) -> None:
        deadline = time.monotonic() + CAMERAS_AFTER_S
        while not all(station.plays for station in self._stations) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.gather(*(self._read_camera(camera["name"], camera["url"]) for camera in self._cameras))

    async def _read_camera(self, name: str, url: str) -> None:
        scanner = Scanner()
        canaries = self._canaries[name]
        problem = ""
        try:
            left = await asyncio.to_thread(missing_canaries, url, canaries, scanner, LIMIT_S)
        except (OSError, ValueError) as error:
            problem = str(error)
            found = {canary.name for canary in scanner.found(canaries)}
            left = [canary for canary in canaries if canary.name not in found]
        self._results[name] = {
            "name": name,
            "canaries": len(canaries),
            "missing": [canary.name for canary in left],
            "bytes": scanner.size,
            "problem": problem,
        }

    async def _finish(self) -> None:
        playbacks = [station.playback for station in self._stations if station.playback is not None]
        for playback in playbacks:
            playback.stop()
        end = time.monotonic() + CLOSE_S
        for playback in playbacks:
            await asyncio.to_thread(playback.join, max(end - time.monotonic(), 0.0))
        wanted = [
            Canary(name=f"{camera}: {canary.name}", where=canary.where, value=canary.value)
            for camera, canaries in self._canaries.items()
            for canary in canaries
        ]
        emit(
            "result",
            streams=[station.result(wanted) for station in self._stations],
            cameras=list(self._results.values()),
        )


async def _serve() -> None:
    lines = asyncio.StreamReader(limit=MAX_JOB)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    line = await lines.readline()
    if line:
        await Reader(json.loads(line)).run(lines)


def main() -> None:
    """Run until the end of input; threads that still wait for a camera don't hold it up."""
    av.logging.set_level(av.logging.PANIC)
    try:
        asyncio.run(_wait_for_end())
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(1)
    os._exit(0)


async def _wait_for_end() -> None:
    await _serve()
    sys.stdout.flush()
    os._exit(0)  # asyncio.run would wait for its threads


if __name__ == "__main__":
    main()
