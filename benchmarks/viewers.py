"""Measure what a live viewer costs the service, beside a reader of RTSP: pictures that exist already go to each.

There is no camera and no encoder, as in `fanout`: one process feeds a stream of a given bitrate and serves it over
RTSP and HTTP. Viewers take fragmented MP4 over a WebSocket, as pages do, or as `live.mp4`, and play nothing; the
readers of RTSP are those of `fanout`. The process without anybody who watches is measured, too, and what a viewer costs
is the difference to it. The goal is below 1 % of a core at 4 Mbit/s.
"""

import argparse
import asyncio
import statistics
import sys
import time
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import urlsplit

import uvloop
from websockets.asyncio.client import connect

from benchmarks import report
from benchmarks.fanout import OpenCatalogue, access_unit
from benchmarks.ingest import FPS
from transcoder.api.server import HttpServer
from transcoder.codecs.nal import Codec
from transcoder.config import HttpConfig
from transcoder.lab.child import Child
from transcoder.lab.json_lines import answer_until_end, emit
from transcoder.net.rtsp_server import Listener, RtspServer
from transcoder.output.session import NoListener
from transcoder.service.viewers import Viewer, Viewers

GOAL: Final = 0.01
"""Cores of the service for one viewer of 4 Mbit/s."""
SIDES: Final = ("websocket", "live.mp4", "rtsp")
START_S: Final = 30.0
SETTLE_S: Final = 1.0
_STREAM: Final = "s0"


async def _serve(kbps: int) -> None:
    """Feed and serve one stream in the child process."""
    catalogue = OpenCatalogue(1)
    stream = catalogue.streams[_STREAM]
    viewers = Viewers(NoListener())

    async def view(name: str, _output: str, user: str | None, peer: str) -> Viewer:
        return viewers.open(stream, name, user, peer)

    control = SimpleNamespace(ids=lambda: [_STREAM], view=view)
    server = RtspServer(catalogue, [Listener(host="127.0.0.1", port=0)], (0, 0))
    await server.start()
    http = HttpServer(cast(Any, control), HttpConfig.model_validate({"listen": "127.0.0.1:0"}))
    await http.start()

    async def feed() -> None:
        start = time.monotonic()
        for number in range(1 << 30):
            await asyncio.sleep(max(start + number / FPS - time.monotonic(), 0))
            units, random_access = access_unit(number, kbps)
            stream.fanout.send(Codec.H264, units, round(time.monotonic() * 90_000), random_access=random_access)

    task = asyncio.create_task(feed())

    def state() -> dict[str, Any]:
        dropped = stream.fanout.counters.dropped_access_units
        return {"at": time.monotonic(), "cpu_s": time.process_time(), "dropped": dropped}

    emit("ready", rtsp=f"rtsp://127.0.0.1:{server.port}/{_STREAM}", http=http.url)
    await answer_until_end(state)
    task.cancel()
    viewers.stop()
    await http.stop()
    await server.stop()


class _Taker:
    """Takes what a viewer gets, and counts.

    Args:
        url: the URL of the HTTP server.

    Attributes:
        pictures: the fragments that came.
        bytes: the bytes that came.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self.pictures = self.bytes = 0

    async def take(self, side: str) -> None:
        """Take until cancelled."""
        if side == "websocket":
            await self._take_messages()
        else:
            await self._take_answer()

    async def _take_messages(self) -> None:
        url = f"{self._url.replace('http', 'ws', 1)}/api/v1/streams/{_STREAM}/live"
        async with connect(url, compression=None, max_size=None) as socket:
            async for message in socket:
                self.pictures += message[4:8] == b"moof"
                self.bytes += len(message)

    async def _take_answer(self) -> None:
        target = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(target.hostname, target.port)
        head = f"GET /api/v1/streams/{_STREAM}/live.mp4 HTTP/1.1\r\nHost: {target.netloc}\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
        while size := int(await reader.readline(), 16):
            chunk = await reader.readexactly(size + 2)
            self.pictures += chunk[4:8] == b"moof"
            self.bytes += size


async def _view(side: str, url: str, viewers: int) -> None:
    """Take pictures in the child process, and report."""
    takers = [_Taker(url) for _ in range(viewers)]
    tasks = [asyncio.create_task(taker.take(side)) for taker in takers]

    def counts() -> dict[str, Any]:
        for task in tasks:
            if task.done():
                task.result()
        readers = [{"pictures": taker.pictures, "bytes": taker.bytes} for taker in takers]
        return {"at": time.monotonic(), "readers": readers}

    emit("ready")
    await answer_until_end(counts)


async def _span(server: Child, seconds: float, watching: Child | None) -> dict[str, Any]:
    """Return what some seconds cost the server, and what those who watch got."""
    seen = await watching.report() if watching is not None else {}
    before = await server.report()
    await asyncio.sleep(seconds)
    after = await server.report()
    got = await watching.report() if watching is not None else {}
    found = {
        "cores": (after["cpu_s"] - before["cpu_s"]) / (after["at"] - before["at"]),
        "dropped": after["dropped"] - before["dropped"],
    }
    if watching is not None:
        span = got["at"] - seen["at"]
        pairs = list(zip(seen["readers"], got["readers"], strict=True))
        found["delivered"] = min(new["pictures"] - old["pictures"] for old, new in pairs) / (FPS * span)
        found["mbit_s"] = sum(new["bytes"] - old["bytes"] for old, new in pairs) * 8 / span / 1e6
    return found


async def measure(server: Child, side: str, viewers: int, seconds: float) -> dict[str, Any]:
    """Measure one number of those who watch in one way; none of them is no way."""
    if not viewers:
        await asyncio.sleep(SETTLE_S)
        return await _span(server, seconds, None)
    if side == "rtsp":
        command = ["transcoder.lab.bench.readers", *([str(server.ready["rtsp"])] * viewers)]
    else:
        command = ["benchmarks.viewers", "--view", side, str(server.ready["http"]), str(viewers)]
    async with Child(*command) as watching:
        for _ in range(round(START_S / 0.5)):
            if all(reader["pictures"] for reader in (await watching.report())["readers"]):
                break
            await asyncio.sleep(0.5)
        else:
            raise SystemExit(f"not every one of {viewers} over {side} has a picture after {START_S:g} s")
        await asyncio.sleep(SETTLE_S)
        return await _span(server, seconds, watching)


async def run(arguments: argparse.Namespace) -> tuple[dict[str, Any], list[report.Table], list[str]]:
    """Measure every way and number; return the rows, and the faults of the rows that do not count."""
    result: dict[str, Any] = {"runs": []}
    notes: list[str] = []
    table = report.Table(
        f"Viewers of a stream of {arguments.kbps} kbit/s", "way", "viewers", "Mbit/s", "cores", "% of a core a viewer",
        "delivered",
    )  # fmt: skip
    counts = [int(count) for count in arguments.viewers.split(",")]
    async with Child("benchmarks.viewers", "--serve", str(arguments.kbps)) as server:
        for count in counts:
            rounds: list[dict[str, dict[str, Any]]] = []
            for _ in range(arguments.rounds):
                found = {"nobody": await measure(server, "", 0, arguments.seconds)}
                for side in SIDES:
                    found[side] = await measure(server, side, count, arguments.seconds)
                rounds.append(found)
            for side in SIDES:
                cost = statistics.median((each[side]["cores"] - each["nobody"]["cores"]) / count for each in rounds)
                cores = statistics.median(each[side]["cores"] for each in rounds)
                delivered = min(each[side]["delivered"] for each in rounds)
                rate = statistics.median(each[side]["mbit_s"] for each in rounds)
                result["runs"].append({"side": side, "viewers": count, "cores_a_viewer": cost, "rounds": rounds})
                table.add(side, count, rate, cores, 100 * cost, f"{delivered:.1%}")
                if side != "rtsp" and cost > GOAL * arguments.kbps / 4000:
                    notes.append(f"{count} over {side}: {cost:.2%} of a core each, and the goal is {GOAL:.0%}.")
                report.progress(f"{count} over {side}: {cost:.2%} of a core each")
    return result, [table], notes


def main() -> None:
    """Run the command line."""
    if sys.argv[1:2] == ["--serve"]:
        uvloop.run(_serve(int(sys.argv[2])))
        return
    if sys.argv[1:2] == ["--view"]:
        uvloop.run(_view(sys.argv[2], sys.argv[3], int(sys.argv[4])))
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.viewers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", default="1,16", help="numbers of those who watch at the same time")
    parser.add_argument("--kbps", type=int, default=4000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    report.add_options(parser)
    arguments = parser.parse_args()
    result, tables, notes = asyncio.run(run(arguments))
    report.finish(arguments, "viewers", result, tables, notes)


if __name__ == "__main__":
    main()
