"""Measure what an idle wall costs: small cameras, and a page that shows them all and does nothing else.

A page is stood in for by a process that does what the page does: it asks for `/api/v1/wall` every two seconds over a
connection that stays, and takes the small pictures of all streams over the WebSocket. Gateway and cameras stay the
same; spans with pages and without take turns, and the difference is the wall's. The goal is for the service, one
process: a wall of 16 tiles below 2 % of a core. What the workers take for the pictures stands beside it.
"""

import argparse
import asyncio
import http.client
import json
import statistics
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.asyncio.client import connect

from benchmarks import report
from transcoder.lab.bench.load import CameraOptions, GatewaySide, Load, compile_kernels
from transcoder.lab.child import Child
from transcoder.lab.json_lines import answer_until_end, emit

GOAL: Final = 0.02
"""Cores of the service for a wall of 16 tiles."""
DOCUMENT_S: Final = 2.0
"""Seconds between two questions for the tiles, as the page asks."""
START_S: Final = 60.0
"""Seconds within which every tile has a picture."""
SETTLE_S: Final = 2.0
PER_SECOND: Final = ("pictures", "picture_bytes", "documents", "document_bytes")
"""What a page counts."""


class Page:
    """Does what a page does that shows a wall.

    Args:
        url: the URL of the API.
        width: the width of a tile.

    Attributes:
        pictures: how many pictures came of each stream.
        picture_bytes: their bytes.
        documents: how many documents came.
        document_bytes: their bytes.
    """

    def __init__(self, url: str, width: int) -> None:
        self._url = url
        self._width = width
        self.pictures: Counter[str] = Counter()
        self.picture_bytes = self.documents = self.document_bytes = 0

    async def watch(self) -> None:
        """Ask and take until cancelled."""
        await asyncio.gather(self._ask(), self._take())

    async def _ask(self) -> None:
        connection = http.client.HTTPConnection(urlsplit(self._url).netloc)
        while True:
            self.document_bytes += len(await asyncio.to_thread(_document, connection))
            self.documents += 1
            await asyncio.sleep(DOCUMENT_S)

    async def _take(self) -> None:
        tiles = json.loads(_document(http.client.HTTPConnection(urlsplit(self._url).netloc)))["tiles"]
        url = self._url.replace("http", "ws", 1) + "/api/v1/wall/pictures"
        async with connect(url, compression=None) as socket:
            await socket.send(json.dumps({"ids": [tile["id"] for tile in tiles], "width": self._width}))
            async for message in socket:
                assert isinstance(message, bytes)
                self.pictures[message[1 : 1 + message[0]].decode()] += 1
                self.picture_bytes += len(message)


def _document(connection: http.client.HTTPConnection) -> bytes:
    connection.request("GET", "/api/v1/wall")
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    return answer.read()


async def _view(url: str, width: int, pages: int) -> None:
    """Look at the wall in the child process, and report."""
    shown = [Page(url, width) for _ in range(pages)]
    tasks = [asyncio.create_task(page.watch()) for page in shown]

    def counts() -> dict[str, Any]:
        for task in tasks:
            if task.done():
                task.result()
        return {
            "tiles": min(len(page.pictures) for page in shown),
            "pictures": sum(sum(page.pictures.values()) for page in shown),
            "picture_bytes": sum(page.picture_bytes for page in shown),
            "document_bytes": sum(page.document_bytes for page in shown),
            "documents": sum(page.documents for page in shown),
        }

    emit("ready")
    await answer_until_end(counts)


async def span(side: GatewaySide, seconds: float, page: Child | None) -> dict[str, float]:
    """Return what some seconds cost the service and the workers, in cores, and what pages got a second."""
    seen = await page.report() if page is not None else {}
    before = await side.report()
    await asyncio.sleep(seconds)
    after = await side.report()
    got = await page.report() if page is not None else {}
    took = after["at"] - before["at"]

    def workers(at: dict[str, Any]) -> float:
        return float(sum(stream["worker_cpu_s"] for stream in at["streams"].values()))

    return {
        "service": (after["service_cpu_s"] - before["service_cpu_s"] - before["report_cpu_s"]) / took,
        "workers": (workers(after) - workers(before)) / took,
        **{name: (got[name] - seen[name]) / took for name in PER_SECOND if name in got},
    }


async def with_pages(side: GatewaySide, arguments: argparse.Namespace, pages: int) -> dict[str, float]:
    """Return the cost of a span with so many pages, none of them among others."""
    if not pages:
        await asyncio.sleep(SETTLE_S)
        return await span(side, arguments.seconds, None)
    view = ("benchmarks.wall", "--view", side.api_url, "--width", str(arguments.width), "--pages", str(pages))
    async with Child(*view) as child:
        for _ in range(round(START_S / 0.5)):
            if (await child.report())["tiles"] == arguments.streams:
                break
            await asyncio.sleep(0.5)
        else:
            raise SystemExit(f"not every one of {arguments.streams} tiles has a picture after {START_S:g} s")
        await asyncio.sleep(SETTLE_S)
        return await span(side, arguments.seconds, child)


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure walls of several numbers of pages by turns."""
    width, height = map(int, arguments.size.split("x"))
    cameras = CameraOptions(width=width, height=height, fps=arguments.fps)
    counts = sorted({0, *map(int, arguments.walls.split(","))})
    rounds: list[dict[int, dict[str, float]]] = []
    await compile_kernels()
    with tempfile.TemporaryDirectory() as folder:
        side = GatewaySide(Path(folder))
        async with Load(side, cameras, arguments.streams, readers=0):
            for number in range(arguments.rounds):
                order = counts if number % 2 == 0 else counts[::-1]
                rounds.append({count: await with_pages(side, arguments, count) for count in order})
                report.progress(f"round {number + 1} of {arguments.rounds}: {_words(rounds[-1])}")
    return {"streams": arguments.streams, "pages": {str(count): _middle(rounds, count) for count in counts}}


def _words(found: dict[int, dict[str, float]]) -> str:
    return ", ".join(f"{count} pages {found[count]['service'] * 100:.2f} %" for count in sorted(found))


def _middle(rounds: list[dict[int, dict[str, float]]], pages: int) -> dict[str, Any]:
    """Return the medians over the rounds, and of what is more than without pages the spread, too."""
    found: dict[str, Any] = {name: statistics.median(each[pages][name] for each in rounds) for name in rounds[0][pages]}
    for name in ("service", "workers"):
        more = [each[pages][name] - each[0][name] for each in rounds]
        found[f"{name}_more"], found[f"{name}_spread"] = statistics.median(more), [min(more), max(more)]
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.wall", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=16, help="tiles of the wall")
    parser.add_argument("--size", default="640x360", metavar="WIDTHxHEIGHT", help="of the cameras")
    parser.add_argument("--fps", type=int, default=5)
    parser.add_argument("--width", type=int, default=320, help="of a tile")
    parser.add_argument("--walls", default="1", metavar="N[,N...]", help="numbers of pages")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--view", help=argparse.SUPPRESS)
    parser.add_argument("--pages", type=int, default=1, help=argparse.SUPPRESS)
    report.add_options(parser)
    arguments = parser.parse_args()
    if arguments.view:
        asyncio.run(_view(arguments.view, arguments.width, arguments.pages))
        return
    result = asyncio.run(measure(arguments))
    table = report.Table(
        f"{arguments.streams} cameras of {arguments.size}@{arguments.fps}, {arguments.rounds} rounds",
        "pages", "service, % of a core", "the wall's", "spread", "workers, the wall's", "pictures/s", "kB a picture",
        "kB a document",
    )  # fmt: skip
    for count, found in result["pages"].items():
        low, high = found["service_spread"]
        pictures, documents = found.get("pictures"), found.get("documents")
        table.add(
            count,
            found["service"] * 100,
            found["service_more"] * 100,
            f"{low * 100:.2f}-{high * 100:.2f}",
            found["workers_more"] * 100,
            pictures,
            found["picture_bytes"] / pictures / 1000 if pictures else None,
            found["document_bytes"] / documents / 1000 if documents else None,
        )
    notes = [f"The goal is below {GOAL:.0%} of a core for the wall of one page, in the service."]
    report.finish(arguments, "wall", result, [table], notes)


if __name__ == "__main__":
    main()
