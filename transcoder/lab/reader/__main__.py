"""`python -m transcoder.lab.reader` carries out a job: JSON lines in on standard input, out on standard output.

The first line is the job: `{"streams": [{"name", "url"}], "cameras": [{"name", "url"}], "canaries": [{"camera", "name",
"where", "hex"}]}`; every stream is searched for every canary, each camera for its own canaries. Then `{"command":
"finish"}` asks for the result. End of input ends the process, so that the reader never outlives the process that
started it.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

import av.logging

from transcoder.errors import TransportError
from transcoder.lab.cameras.canary import Canary
from transcoder.lab.json_lines import emit
from transcoder.lab.reader.direct import LIMIT_S, missing_canaries
from transcoder.lab.reader.scanner import Scanner
from transcoder.lab.reader.station import Station

PROGRESS_S = 0.5
CAMERAS_AFTER_S = 15.0
"""Seconds after which the cameras are read at the latest: a second reader of a camera must not disturb the start."""
CLOSE_S = 1.0
MAX_JOB = 16 << 20


class Reader:
    """Carries out a job.

    Args:
        job: the first line of standard input.
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
        """Read until a command says to finish, or until the input ends."""
        for station in self._stations:
            await station.start()
        work = asyncio.create_task(self._work())
        while line := await lines.readline():
            if json.loads(line)["command"] == "finish":
                await self._finish()
                break
        work.cancel()

    async def _work(self) -> None:
        deadline = time.monotonic() + CAMERAS_AFTER_S
        cameras: list[asyncio.Task[None]] = []
        while True:
            counts = {station.name: station.playback.counts for station in self._stations}
            emit(
                "progress",
                frames={name: count.frames for name, count in counts.items()},
                errors={name: count.errors for name, count in counts.items()},
                cameras=len(self._results),
            )
            due = all(count.frames or count.errors for count in counts.values()) or time.monotonic() > deadline
            if due and not cameras:
                cameras = [asyncio.create_task(self._read_camera(item["name"], item["url"])) for item in self._cameras]
            await asyncio.sleep(PROGRESS_S)

    async def _read_camera(self, name: str, url: str) -> None:
        scanner = Scanner()
        canaries = self._canaries[name]
        problem = ""
        try:
            left = await asyncio.to_thread(missing_canaries, url, canaries, scanner, LIMIT_S)
        except (TransportError, ValueError) as error:
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
        for station in self._stations:
            station.playback.stop()
        end = time.monotonic() + CLOSE_S
        for station in self._stations:
            await asyncio.to_thread(station.playback.join, max(end - time.monotonic(), 0.0))
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
    if line := await lines.readline():
        await Reader(json.loads(line)).run(lines)
    os._exit(0)  # threads that still wait for a camera delay every other way out


if __name__ == "__main__":
    av.logging.set_level(av.logging.PANIC)
    asyncio.run(_serve())
