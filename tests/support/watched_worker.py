"""A stream's worker among tests: what it told, and a fork server that forks nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from tests.support.fork_server import FakeForkServer
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import CodedMessage
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import OutputFormat, WorkerOptions

IDR = CodedUnit(codec=Codec.H264, data=b"\0\0\0\1\x65\x88", pts=90_000, random_access=True)
OTHER = CodedUnit(codec=Codec.H264, data=b"\0\0\0\1\x41\x9a", pts=93_600, random_access=False)
H264_IDR = [
    bytes.fromhex("67640028acb402802dd0800000030080000019078c1950"), bytes.fromhex("68ee172c"), b"\x65\x88\x84\x3f\xff",
]  # fmt: skip
"""Parameter sets that x264 wrote, and the beginning of an I slice."""
SOURCE_FORMAT = {"codec": "H264", "width": 1280, "height": 720, "pixel_format": "yuv420p", "interlaced": False}
OUTPUT = {"width": 640, "height": 360, "frame_rate": 12.5, "matrix": 1}


class Watched(WorkerListener):
    """A stream's worker and what it told."""

    def __init__(self, server: FakeForkServer, options: WorkerOptions | None = None, *, is_needed: bool = True) -> None:
        self.server = server
        self.pictures: list[CodedMessage] = []
        self.audio: list[tuple[int, bytes]] = []
        self.deaths: list[str] = []
        self.problems: list[str] = []
        self.formats: dict[int, OutputFormat] = {}
        self.status = WorkerStatus()
        self.worker = Worker("front", options or WorkerOptions(), server, self.status, structlog.get_logger(), self)
        if is_needed:
            self.worker.need()

    has_readers = False

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        self.pictures.append(picture)

    def on_format(self, report: PictureFormat) -> None:
        self.formats[report.output_number] = report.output

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        self.audio.append((pts, frame))

    def on_worker_lost(self, reason: str) -> None:
        self.deaths.append(reason)

    def on_worker_problem(self, problem: str) -> None:
        self.problems.append(problem)

    async def until(self, condition: Callable[[], object], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.005)

    async def until_served(self) -> None:
        """Until there is a worker that lives and is believed to."""
        workers = self.server.workers
        await self.until(lambda: self.worker.is_running and workers and workers[-1].alive)


@asynccontextmanager
async def watching() -> AsyncIterator[Watched]:
    """A worker that is there."""
    made = Watched(FakeForkServer())
    task = asyncio.get_running_loop().create_task(made.worker.run())
    await made.until_served()
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()
