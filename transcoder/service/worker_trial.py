"""A worker of its own decodes and encodes a built-in picture before the gateway says that it is ready.

A fork server that runs proves little: under one wrong line of a unit, or in a container without a right, each worker
ends when it begins to work.
"""

import asyncio
import contextlib
import logging
from typing import Final

import structlog
from typing_extensions import override

from transcoder import clock
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec
from transcoder.ipc.messages import CodedMessage
from transcoder.service.forkserver import ForkServer
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import WorkerOptions

PATIENCE_S: Final = 20.0
"""Seconds until a trial is given up: a worker takes some hundredths, on a machine that is four times too busy seconds.
"""
PICTURE: Final = bytes.fromhex(
    "000000016742c00adc20da1000000300100000030328f122780000000168ce0fc8"
    "000000016588843a27272727272727275d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d75d780"
)
"""A grey picture of 128x96 as x264 wrote it: SPS, PPS, IDR."""
PERIOD_S: Final = 0.04
"""Seconds between two pictures: the worker tells a rate by four of them, as from a camera."""
NAME: Final = "(trial)"
"""The worker's name, which no stream can have."""


class _Trial(WorkerListener):
    def __init__(self) -> None:
        self.is_over = asyncio.Event()
        self.problem = ""

    @property
    @override
    def has_readers(self) -> bool:
        return True  # its worker comes first: everybody waits for the answer

    @override
    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        self.is_over.set()

    @override
    def on_format(self, report: PictureFormat) -> None:
        pass

    @override
    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        pass

    @override
    def on_worker_lost(self, reason: str) -> None:
        self._fail(reason)

    @override
    def on_worker_problem(self, problem: str) -> None:
        self._fail(problem)

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self.is_over.set()


async def try_worker(
    fork_server: ForkServer, *, split: bool, patience_s: float = PATIENCE_S, quiet: bool = False
) -> str:
    """Have a new worker decode and encode a picture; return "", or in one line why it did not.

    Args:
        fork_server: forks the worker.
        split: whether the worker's work is divided between two processes.
        patience_s: seconds until the trial is given up.
        quiet: whether the lines of the worker are left out, because an earlier trial has written them.
    """
    trial = _Trial()
    log = structlog.get_logger().bind(stream=NAME)
    if quiet:
        log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    worker = Worker(NAME, WorkerOptions(split=split), fork_server, WorkerStatus(), log, trial)
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(patience_s):
            while not trial.is_over.is_set():
                now = clock.monotonic()
                pts = round(now * VIDEO_CLOCK_RATE)
                worker.feed(CodedUnit(codec=Codec.H264, data=PICTURE, pts=pts, random_access=True), now)
                await asyncio.sleep(PERIOD_S)
    except TimeoutError:
        return f"a new worker gave no picture in {patience_s:g} s"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        worker.stop()
    return trial.problem
