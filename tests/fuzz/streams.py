"""`python -m tests.fuzz.streams --count 10000`: mutated streams of every codec through real, sandboxed workers.

Each codec has a worker of its own, as a stream of the service has. After each mutated stream a clean group of pictures
of the same codec has to come through, by the same worker or by the one that replaced it. A neighbour, whose camera is
clean, has to lose no picture meanwhile.
"""

import argparse
import asyncio
import collections
import contextlib
import dataclasses
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import structlog

from tests.fuzz.mutation import Mutator
from tests.support import coded_video
from transcoder.codecs.nal import Codec
from transcoder.codecs.picture_codec import PictureCodec, SourceCodec
from transcoder.ipc.messages import CodedMessage
from transcoder.service.forkserver import ForkServer
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import EncoderSettings, OutputOptions, WorkerOptions

SOURCE_CODECS: tuple[SourceCodec, ...] = (Codec.H264, Codec.H265, PictureCodec.MPEG4, PictureCodec.JPEG)
SIZES = ((96, 64), (176, 144), (322, 182))
START_CODES = (b"\0\0\1", b"\0\0\0\1", b"\0\0\1\xb6", b"\0\0\1\x20", b"\xff\xd8", b"\xff\xda", b"\xff\xc0", b"\xff\xd9")
H264_SETTINGS = (
    "",
    "cabac=0:slices=3",
    "keyint=2:aud=1:deblock=3,3",
    "keyint=3:ref=4",
    "8x8dct=1:weightp=2:partitions=all",
)
H265_SETTINGS = ("", "lossless=1", "ctu=16:tskip=1", "ref=3:weightp=1:amp=1:rect=1")
TICK_S = 0.25
COMES_BACK_S = 30.0
"""Seconds in which a clean group has to come through: a worker that was replaced waits a second at most, and the
machine may be busy."""
ASK_S = 0.04
"""Seconds between pictures of a camera: a decoder that refuses everything begins anew after some dozen of them."""
NEIGHBOUR_RATE = 10
PROGRESS = 250
"""Streams of a codec after which a line says how far it is."""
OPTIONS = WorkerOptions(
    outputs=(OutputOptions(size=(160, 96), bitrate_kbps=500, gop_s=10.0, encoder=EncoderSettings(profile="economy")),)
)


@dataclasses.dataclass
class Counts:
    """What became of one codec's streams.

    Attributes:
        streams: streams that were fed.
        pictures: pictures that were made of everything.
        deaths: reasons for which the codec's own worker ended.
        stuck: streams after which no clean picture came through.
    """

    streams: int = 0
    pictures: int = 0
    deaths: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    stuck: int = 0


def _with_pictures(encoder: str, pixel_format: str, size: tuple[int, int], **settings: int) -> list[bytes]:
    """Encode with one of FFmpeg's encoders for codecs without NAL units."""
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = pixel_format
    context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
    context.bit_rate = 400_000
    for name, value in settings.items():
        setattr(context, name, value)
    units = []
    for index in range(6):
        frame = coded_video.picture(*size, pixel_format, index=index)
        frame.pts, frame.time_base = index, context.time_base
        units += [bytes(packet) for packet in context.encode(frame)]
    return units + [bytes(packet) for packet in context.encode(None)]


def seeds(codec: SourceCodec) -> list[list[bytes]]:
    """Make clean streams of a codec, each a list of access units; the first one is the plainest."""
    if codec is Codec.H264:
        return [coded_video.encode("H264", size, 6, parameters=each) for each in H264_SETTINGS for size in SIZES]
    if codec is Codec.H265:
        return [coded_video.encode("H265", size, 6, parameters=each) for each in H265_SETTINGS for size in SIZES]
    if codec is PictureCodec.MPEG4:
        return [_with_pictures("mpeg4", "yuv420p", size, gop_size=gop) for gop in (1, 12) for size in SIZES]
    return [_with_pictures("mjpeg", each, size) for each in ("yuvj420p", "yuvj422p", "yuvj444p") for size in SIZES]


class MutatedStreams:
    """Makes mutated streams of a codec.

    Args:
        clean: the streams to mutate.
        rng: decides everything.
    """

    def __init__(self, clean: Sequence[Sequence[bytes]], rng: random.Random) -> None:
        self._clean = clean
        self._rng = rng
        self._mutator = Mutator([unit for stream in clean for unit in stream], START_CODES, rng)

    def next_stream(self) -> list[bytes]:
        """Return the access units of a stream in which something is wrong."""
        rng = self._rng
        units = list(rng.choice(self._clean))
        for index in range(len(units)):
            if rng.random() < 0.5:
                units[index] = self._mutator.changed(units[index])
            elif rng.random() < 0.1:
                units[index] = self._mutator.next_input()
        if rng.random() < 0.2:
            rng.shuffle(units)
        if rng.random() < 0.2:
            del units[rng.randrange(len(units))]
        if rng.random() < 0.2:
            units += [rng.choice(units)] * rng.randrange(1, 8)
        return [unit for unit in units if unit]


class Fed(WorkerListener):
    """Holds a stream's worker, which is fed by hand."""

    has_readers = True

    def __init__(self, name: str, codec: SourceCodec, server: ForkServer, options: WorkerOptions) -> None:
        self.codec = codec
        self.status = WorkerStatus()
        self.pictures = 0
        self.last_pts = 0
        self.deaths: list[str] = []
        self._at = 0
        self._came = asyncio.Event()
        self.worker = Worker(name, options, server, self.status, structlog.get_logger(), self)

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        del types
        self.pictures += 1
        self.last_pts = picture.pts
        self._came.set()

    def on_format(self, report: PictureFormat) -> None:
        pass

    def on_coded_audio(self, pts: int, frame: bytes) -> None:
        pass

    def on_worker_lost(self, reason: str) -> None:
        self.deaths.append(reason)

    def on_worker_problem(self, problem: str) -> None:
        pass

    def feed(self, data: bytes, *, random_access: bool) -> int:
        """Feed an access unit as if it came now; return its time."""
        now = time.monotonic()
        self._at = max(self._at + 90, round(now * 90_000))
        self.worker.feed(CodedUnit(codec=self.codec, data=data, pts=self._at, random_access=random_access), now)
        return self._at

    async def begin(self, clean: Sequence[bytes]) -> None:
        """Feed clean pictures until some come out: the output has a format from then on."""
        async with asyncio.timeout(60):
            while self.pictures < 5:
                for index, unit in enumerate(clean):
                    self.feed(unit, random_access=index == 0)
                    await asyncio.sleep(0.04)

    async def comes_through(self, clean: bytes) -> bool:
        """Feed a clean picture, again and again, until one comes out that was fed after this call."""
        first = self.feed(clean, random_access=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMES_BACK_S):
                while self.last_pts < first:
                    self._came.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(ASK_S):
                            await self._came.wait()
                            continue
                    self.feed(clean, random_access=True)
                return True
        return False


@dataclasses.dataclass
class Neighbour:
    """What became of the stream whose camera is clean."""

    fed: int = 0
    pictures: int = 0
    starts: int = 0
    deaths: list[str] = dataclasses.field(default_factory=list)
    left_out: bool = False

    @property
    def lost(self) -> int:
        """Return how many pictures are missing."""
        return self.fed - self.pictures


async def _neighbour(
    fed: Fed, clean: Sequence[bytes], result: Neighbour, ready: asyncio.Event, stop: asyncio.Event
) -> None:
    await fed.begin(clean)
    await asyncio.sleep(0.5)  # what is on its way is none of what is counted
    result.pictures = -fed.pictures
    ready.set()
    number = 0
    while not stop.is_set() or number % len(clean):
        fed.feed(clean[number % len(clean)], random_access=number % len(clean) == 0)
        number += 1
        result.left_out |= fed.status.report.get("rate_divisor", 1) > 1
        await asyncio.sleep(1 / NEIGHBOUR_RATE)
    result.fed = number
    async with asyncio.timeout(10):
        while result.pictures + fed.pictures < number and not result.left_out:
            await asyncio.sleep(0.05)
    result.pictures += fed.pictures
    result.starts, result.deaths = fed.status.starts, fed.deaths


async def _attack(fed: Fed, clean: Sequence[Sequence[bytes]], streams: MutatedStreams, count: int) -> Counts:
    counts = Counts()
    await fed.begin(clean[0])
    for _ in range(count):
        for index, unit in enumerate(streams.next_stream()):
            fed.feed(unit, random_access=index == 0)
        counts.streams += 1
        counts.stuck += not await fed.comes_through(clean[0][0])
        if counts.streams % PROGRESS == 0:
            sys.stderr.write(f"{fed.codec.value}: {counts.streams}, {len(fed.deaths)} deaths, {counts.stuck} stuck\n")
    counts.pictures = fed.pictures
    counts.deaths.update(fed.deaths)
    return counts


@contextlib.contextmanager
def _running(feds: Sequence[Fed]) -> Iterator[None]:
    async def tick() -> None:
        while True:
            for fed in feds:
                fed.worker.check(time.monotonic())
            await asyncio.sleep(TICK_S)

    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(fed.worker.run()) for fed in feds] + [loop.create_task(tick())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for fed in feds:
            fed.worker.stop()


async def run(count: int, seed: int, folder: Path, *, split: bool = False) -> tuple[dict[str, Counts], Neighbour]:
    """Feed so many mutated streams of each codec; return what became of them and of the neighbour.

    Args:
        count: of each codec.
        seed: decides the streams.
        folder: compiled kernels are kept here, where the tests share no folder for them.
        split: whether each worker is two processes, one for decoding and one for encoding.
    """
    options = dataclasses.replace(OPTIONS, split=split)
    server = ForkServer(Path(os.environ.get("NUMBA_CACHE_DIR") or folder))
    clean = {codec: seeds(codec) for codec in SOURCE_CODECS}
    feds = [Fed(codec.value.lower(), codec, server, options) for codec in SOURCE_CODECS]
    neighbour, ready, stop = Neighbour(), asyncio.Event(), asyncio.Event()
    beside = Fed("neighbour", Codec.H264, server, options)
    try:
        with _running([*feds, beside]):
            watch = asyncio.create_task(_neighbour(beside, clean[Codec.H264][0], neighbour, ready, stop))
            await ready.wait()
            attacks = [
                _attack(fed, clean[fed.codec], _streams(clean[fed.codec], seed, fed.codec), count) for fed in feds
            ]
            results = await asyncio.gather(*attacks)
            stop.set()
            await watch
    finally:
        await server.close()
    return {fed.codec.value: counts for fed, counts in zip(feds, results, strict=True)}, neighbour


def _streams(clean: Sequence[Sequence[bytes]], seed: int, codec: SourceCodec) -> MutatedStreams:
    return MutatedStreams(clean, random.Random(f"{seed}/{codec.value}"))


def main() -> int:
    """Run; 0 where nothing went beyond a stream's own worker."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.streams", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutated streams, of all codecs together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", action="store_true", help="workers of two processes each")
    given = parser.parse_args()
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent())])
    started = time.monotonic()
    each = -(-given.count // len(SOURCE_CODECS))
    with tempfile.TemporaryDirectory() as folder:
        results, neighbour = asyncio.run(run(each, given.seed, Path(folder), split=given.split))
    for name, counts in results.items():
        sys.stdout.write(f"{name}: {json.dumps(vars(counts))}\n")
    sys.stdout.write(f"neighbour: {json.dumps(vars(neighbour))}, {neighbour.lost} pictures lost\n")
    sys.stdout.write(f"{each * len(results)} streams in {time.monotonic() - started:.0f} s, seed {given.seed}\n")
    is_stuck = any(counts.stuck for counts in results.values())
    return int(is_stuck or bool(neighbour.deaths) or (neighbour.lost > 0 and not neighbour.left_out))


if __name__ == "__main__":
    sys.exit(main())
