"""A worker that is asked for, dies and is replaced, and what it is told and believed; no process runs."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import structlog
import uvloop
from structlog.testing import capture_logs

from tests.service.test_worker_reports import JPEG
from tests.support.fork_server import FakeForkServer
from tests.support.suspended import Suspended
from transcoder.codecs.nal import Codec
from transcoder.errors import CommandRejected, WorkerError
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import (
    CodedMessage,
    MessageType,
    serialize_coded,
    serialize_json,
    serialize_message,
    serialize_snapshot,
)
from transcoder.service.status import WorkerStatus
from transcoder.service.worker import Worker
from transcoder.service.worker_receiver import WorkerListener
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import AudioFormat, OutputFormat, OutputOptions, Role, WorkerOptions

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


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    made = Watched(FakeForkServer())
    task = asyncio.get_running_loop().create_task(made.worker.run())
    await made.until_served()
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()


# -- life --------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[False, True], ids=["whole", "split"])
async def unneeded(request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    """A stream whose camera was never there."""
    made = Watched(FakeForkServer(), WorkerOptions(split=request.param), is_needed=False)
    task = asyncio.get_running_loop().create_task(made.worker.run())
    for _ in range(20):
        await asyncio.sleep(0)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    made.worker.stop()


async def test_a_camera_that_is_away_has_no_worker(unneeded: Watched) -> None:
    assert unneeded.server.workers == []
    with pytest.raises(CommandRejected, match="no picture yet"):
        await unneeded.worker.snapshot()
    unneeded.worker.replace("replaced on request")
    unneeded.worker.force_idr(0)
    unneeded.worker.check(100.0)
    assert unneeded.server.workers == []
    unneeded.worker.need()
    await unneeded.until_served()


async def test_the_first_picture_has_a_worker_forked_and_is_not_lost(unneeded: Watched) -> None:
    assert unneeded.worker.feed(IDR, time.monotonic())
    await unneeded.until_served()
    await unneeded.until(lambda: any(MessageType.ACCESS_UNIT in each.heard() for each in unneeded.server.workers))


async def test_a_reader_of_a_camera_that_was_never_there_gets_a_slate(unneeded: Watched) -> None:
    unneeded.worker.repeat(0, 1.0)
    unneeded.worker.repeat(0, 2.0)
    await unneeded.until_served()
    encoding = next(each for each in unneeded.server.workers if each.role is not Role.DECODING)
    heard: list[MessageType] = []

    def is_asked() -> bool:
        heard.extend(encoding.heard())
        return MessageType.REPEAT in heard

    await unneeded.until(is_asked)
    assert heard.count(MessageType.REPEAT) == 1


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize(
    ("hang_up", "exit_status"), [(True, None), (False, -9), (True, -9)], ids=["hangs up", "exits", "both"]
)
def test_a_worker_killed_at_any_await_of_its_start_is_replaced(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], hang_up: bool, exit_status: int | None
) -> None:
    async def die_at(suspension: int) -> str:
        """What the worker was when it died: "not there", "being started" or "running"."""
        watched = Watched(FakeForkServer())
        died_when = "not there"

        def hook(number: int) -> None:
            nonlocal died_when
            if number == suspension and watched.server.workers:
                died_when = "running" if watched.worker.is_running else "being started"
                watched.server.workers[0].die(hang_up=hang_up, exit_status=exit_status)

        task = asyncio.get_running_loop().create_task(Suspended(watched.worker.run(), hook).run())
        await asyncio.sleep(0.05)
        await watched.until_served()
        deaths = 0 if died_when == "not there" else 1
        assert len(watched.deaths) == watched.status.deaths == deaths
        assert len(watched.server.workers) == 1 + deaths
        assert watched.server.workers[-1].heard()[:1] == [MessageType.CONFIGURE]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watched.worker.stop()
        assert not any(worker.alive for worker in watched.server.workers)
        return died_when

    async def walk() -> list[str]:
        return list(await asyncio.gather(*map(die_at, range(12))))

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        met = runner.run(walk())
    # the walk began before there was a worker, met several awaits of its start, and went on until it ran
    assert [when for when, _ in itertools.groupby(met)] == ["not there", "being started", "running", "not there"]
    assert met.count("being started") >= 3


async def test_a_start_that_is_given_up_leaves_no_worker() -> None:
    for turns in range(8):
        watched = Watched(FakeForkServer())
        task = asyncio.get_running_loop().create_task(watched.worker.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watched.worker.stop()
        await asyncio.sleep(0)
        assert not any(worker.alive for worker in watched.server.workers), turns
        assert watched.deaths == []


async def test_a_stream_that_begins_again_has_a_worker_again(watched: Watched) -> None:
    watched.worker.stop()
    assert not watched.worker.is_running
    assert not watched.server.workers[0].alive
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    task.cancel()
    assert watched.deaths == []


async def test_a_fork_server_that_has_no_worker_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_life.RETRY_S", 0.05)
    watched = Watched(FakeForkServer())
    watched.server.refuse = WorkerError("the fork server is gone")
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: watched.problems)
    assert watched.problems[0] == "the fork server is gone"
    assert not watched.worker.is_running
    watched.server.refuse = None
    await watched.until_served()
    assert watched.deaths == []
    task.cancel()


# -- what it is told ---------------------------------------------------------------------------------------------------


async def test_a_new_worker_is_told_what_its_predecessor_knew(watched: Watched) -> None:
    first = watched.server.workers[0]
    watched.worker.set_audio(AudioFormat(encoding="PCMU", clock_rate=8000))
    assert watched.worker.feed(IDR, 1.0)
    assert watched.worker.feed(OTHER, 1.1)
    access_unit, audio_format = MessageType.ACCESS_UNIT, MessageType.AUDIO_FORMAT
    assert first.heard() == [MessageType.CONFIGURE, audio_format, access_unit, access_unit]
    first.die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    second = watched.server.workers[1]
    assert second.heard() == [MessageType.CONFIGURE, audio_format, access_unit, access_unit]
    second.die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 3)
    await watched.until_served()
    assert watched.server.workers[2].heard() == [MessageType.CONFIGURE, audio_format]  # the pictures killed two


async def test_a_worker_that_is_replaced_owes_no_slate(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its readers had pictures, and a grey one among them would be a flash."""
    fork = watched.server.fork
    asked: list[bool] = []

    async def asked_meanwhile(*args: Any) -> Any:
        asked.append(watched.worker.is_running)
        watched.worker.repeat(0, 1.0)
        return await fork(*args)

    assert watched.worker.feed(IDR, 1.0)
    monkeypatch.setattr(watched.server, "fork", asked_meanwhile)
    watched.server.workers[0].die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    assert asked == [False]
    assert watched.server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.ACCESS_UNIT]


async def test_a_new_worker_is_told_the_banner(watched: Watched) -> None:
    watched.server.workers[0].heard()
    for _ in range(2):
        watched.worker.set_banner("Front door\nno picture yet")
    assert watched.server.workers[0].heard() == [MessageType.BANNER]
    watched.server.workers[0].die(hang_up=True, exit_status=-11)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    assert watched.server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.BANNER]


async def test_a_stopgap_gets_no_pictures_and_is_replaced_when_there_are_kernels() -> None:
    server = FakeForkServer()
    server.has_kernels = False
    watched = Watched(server, WorkerOptions(memory_limit_mb=1 << 20))  # the worker's memory is that of this process
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until_served()
    watched.worker.set_banner("Front door")
    assert watched.worker.feed(IDR, 1.0)
    watched.worker.repeat(0, 1.0)
    assert server.workers[0].heard() == [MessageType.CONFIGURE, MessageType.BANNER, MessageType.REPEAT]
    assert watched.worker.began == 0  # nothing was to be decoded so far
    watched.worker.check(2.0)
    assert server.workers[0].alive
    server.has_kernels = True
    watched.worker.check(3.0)
    await watched.until(lambda: len(server.workers) == 2)
    await watched.until_served()
    assert server.workers[1].heard() == [MessageType.CONFIGURE, MessageType.ACCESS_UNIT, MessageType.BANNER]
    assert (watched.deaths, watched.status.deaths) == ([], 0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    watched.worker.stop()


async def test_settings_that_change_while_a_worker_is_started_reach_it() -> None:
    watched = Watched(FakeForkServer())
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until(lambda: watched.server.workers)
    watched.worker.configure(WorkerOptions(outputs=(OutputOptions(bitrate_kbps=500),)))
    await watched.until_served()
    assert watched.server.workers[0].heard() == [MessageType.CONFIGURE, MessageType.CONFIGURE]
    task.cancel()


async def test_what_a_worker_is_asked_for(watched: Watched) -> None:
    watched.server.workers[0].heard()
    watched.worker.force_idr(0)
    watched.worker.repeat(0, 10.0)
    watched.worker.note_unread(0)
    watched.worker.feed_audio(5, b"aac")
    watched.worker.configure(WorkerOptions(outputs=(OutputOptions(fps=5),)))
    expected = [MessageType.KEYFRAME, MessageType.REPEAT, MessageType.UNREAD, MessageType.AUDIO, MessageType.CONFIGURE]
    assert watched.server.workers[0].heard() == expected
    watched.worker.replace("replaced on request")
    assert watched.deaths == ["replaced on request"]
    watched.worker.force_idr(0)  # to nobody


# -- what it is believed -----------------------------------------------------------------------------------------------


def coded(at: float, codec: Codec = Codec.H264, number: int = 0) -> bytes:
    units = H264_IDR if codec is Codec.H264 else [b"\x26\x01"]
    return serialize_coded(number, codec, 0, round(at * 90_000), at, (0.0, 0.0, 0.0), units)


async def test_only_pictures_of_our_encoder_and_of_now_are_let_through(watched: Watched) -> None:
    worker, now = watched.server.workers[0], time.monotonic()
    for message in (coded(now), coded(now, Codec.H265), coded(now + 60), coded(now)):
        worker.say(message)
    await watched.until(lambda: len(watched.pictures) == 2)
    assert watched.status.rejected == 2
    assert worker.alive


async def test_a_worker_that_breaks_the_protocol_is_replaced(watched: Watched) -> None:
    watched.server.workers[0].say(serialize_message(MessageType.KEYFRAME))
    await watched.until(lambda: watched.deaths)
    assert watched.deaths == ["worker broke the protocol: a worker does not send KEYFRAME"]
    assert not watched.server.workers[0].alive
    await watched.until_served()


async def test_formats_and_statistics_reach_the_status(watched: Watched) -> None:
    worker = watched.server.workers[0]
    empty: dict[str, dict[str, int]] = {"decode_errors": {}, "encoder_dropped": {}, "audio_errors": {}}
    worker.say(serialize_json(MessageType.SOURCE_FORMAT, SOURCE_FORMAT))
    worker.say(serialize_json(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT, "slate": False}))
    report = {"cpu_s": 0.5, "counters": {"decoded_pictures": 3}, **empty}
    worker.say(serialize_json(MessageType.STATS, report))
    await watched.until(lambda: watched.status.report)
    assert watched.formats == {0: OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1)}
    assert watched.status.source_format == SOURCE_FORMAT
    assert watched.worker.last_decoded > watched.worker.began > 0
    assert watched.worker.cpu_s == 0.5
    worker.die(hang_up=True, exit_status=None)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    watched.server.workers[1].say(serialize_json(MessageType.STATS, report))
    await watched.until(lambda: watched.worker.cpu_s > 0.5)
    assert watched.worker.cpu_s == 1.0  # of both


async def test_another_interface_of_x264_is_told_once(watched: Watched) -> None:
    empty: dict[str, dict[str, int]] = {"decode_errors": {}, "encoder_dropped": {}, "audio_errors": {}}
    reports = [
        serialize_json(MessageType.STATS, {"cpu_s": float(built), "counters": {"fallback_build": built}, **empty})
        for built in range(3)
    ]
    with capture_logs() as lines:
        for message in reports:
            watched.server.workers[0].say(message)
        await watched.until(lambda: watched.worker.cpu_s == 2.0)
        watched.server.workers[0].die(hang_up=True, exit_status=None)
        await watched.until(lambda: len(watched.server.workers) == 2)
        await watched.until_served()
        watched.server.workers[1].say(reports[1])
        await watched.until(lambda: watched.worker.cpu_s == 3.0)
    told = [line for line in lines if "x264" in line["event"]]
    assert [(line["log_level"], line["reason"]) for line in told] == [("warning", "build")]


async def test_a_new_worker_keeps_to_the_format_of_the_last_one(watched: Watched) -> None:
    worker = watched.server.workers[0]
    worker.say(serialize_json(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT, "slate": False}))
    await watched.until(lambda: watched.formats)
    worker.die(hang_up=True, exit_status=None)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    peer = watched.server.workers[1]._peer
    told = WorkerOptions.from_json(peer.recv(65_536)[5:])
    assert told.outputs[0].fixed == OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1)


async def test_every_output_keeps_its_own_format_and_a_slate_is_given_up() -> None:
    two = WorkerOptions(outputs=(OutputOptions(), OutputOptions(size=(320, 180)), OutputOptions(size=(160, 90))))
    watched = Watched(FakeForkServer(), two)
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until_served()
    worker = watched.server.workers[0]
    small = OUTPUT | {"width": 320, "height": 180}
    worker.say(serialize_json(MessageType.FORMAT, {"output_number": 0, "output": OUTPUT, "slate": True}))
    worker.say(serialize_json(MessageType.FORMAT, {"output_number": 1, "output": small, "slate": False}))
    await watched.until(lambda: len(watched.formats) == 2)
    worker.die(hang_up=True, exit_status=None)
    await watched.until(lambda: len(watched.server.workers) == 2)
    await watched.until_served()
    told = WorkerOptions.from_json(watched.server.workers[1]._peer.recv(65_536)[5:])
    fixed = OutputFormat(width=320, height=180, frame_rate=12.5, matrix=1)
    assert [output.fixed for output in told.outputs] == [None, fixed, None]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    watched.worker.stop()


async def test_pictures_of_an_output_that_was_taken_away_are_passed_over() -> None:
    watched = Watched(FakeForkServer(), WorkerOptions(outputs=(OutputOptions(), OutputOptions(size=(320, 180)))))
    task = asyncio.get_running_loop().create_task(watched.worker.run())
    await watched.until_served()
    worker, now = watched.server.workers[0], time.monotonic()
    watched.worker.configure(WorkerOptions())
    small = OUTPUT | {"width": 320, "height": 180}
    worker.say(serialize_json(MessageType.FORMAT, {"output_number": 1, "output": small, "slate": False}))
    worker.say(coded(now, number=1))
    worker.say(coded(now))
    await watched.until(lambda: len(watched.pictures) == 1)
    assert (watched.formats, watched.status.rejected, worker.alive) == ({}, 0, True)
    worker.say(coded(now, number=2))  # there never was one
    await watched.until(lambda: watched.deaths)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    watched.worker.stop()


async def test_sound_is_let_through_in_time(watched: Watched) -> None:
    worker, pts = watched.server.workers[0], round(time.monotonic() * 90_000)
    worker.say(serialize_json(MessageType.AUDIO_OUTPUT, {"codec": "aac", "rate": 16_000, "config": "1408"}))
    for at in (pts, pts + 90_000_000):
        worker.say(serialize_message(MessageType.AUDIO_CODED, at.to_bytes(8, "little", signed=True) + b"aac"))
    await watched.until(lambda: watched.audio)
    await asyncio.sleep(0.05)
    assert watched.audio == [(pts, b"aac")]
    assert watched.worker.audio_output == ServedAudio(clock_rate=16_000, config=b"\x14\x08")


@pytest.mark.parametrize("frame", [b"\xd5" * 159, b"\xd5" * 161])
async def test_sound_of_a_size_that_our_encoder_does_not_make(watched: Watched, frame: bytes) -> None:
    worker, pts = watched.server.workers[0], round(time.monotonic() * 90_000)
    worker.say(serialize_json(MessageType.AUDIO_OUTPUT, {"codec": "pcma", "rate": 8000, "config": ""}))
    worker.say(serialize_message(MessageType.AUDIO_CODED, pts.to_bytes(8, "little", signed=True) + frame))
    await watched.until(lambda: watched.deaths)
    assert watched.audio == []


async def test_a_failure_is_the_streams_problem(watched: Watched) -> None:
    watched.server.workers[0].say(serialize_json(MessageType.FAILED, {"reason": "the H264 encoder failed: why"}))
    await watched.until(lambda: watched.problems == ["the H264 encoder failed"])


# -- snapshots ---------------------------------------------------------------------------------------------------------


async def test_a_snapshot_goes_to_all_who_wait_for_one(watched: Watched) -> None:
    waiting = [asyncio.ensure_future(watched.worker.snapshot()) for _ in range(2)]
    await watched.until(lambda: MessageType.SNAPSHOT in watched.server.workers[0].heard())
    watched.server.workers[0].say(serialize_snapshot(0, JPEG))
    assert await asyncio.gather(*waiting) == [JPEG] * 2


async def test_a_stream_without_a_picture_has_no_snapshot(watched: Watched) -> None:
    waiting = asyncio.ensure_future(watched.worker.snapshot())
    await watched.until(lambda: MessageType.SNAPSHOT in watched.server.workers[0].heard())
    watched.server.workers[0].say(serialize_snapshot(0, b""))
    with pytest.raises(CommandRejected, match="no picture yet"):
        await waiting


async def test_who_waits_for_a_snapshot_of_a_stream_that_is_stopped_is_told_and_not_cancelled(watched: Watched) -> None:
    waiting = asyncio.ensure_future(watched.worker.snapshot())
    await asyncio.sleep(0.01)
    watched.worker.stop()
    with pytest.raises(CommandRejected, match="stopped"):
        await waiting


async def test_a_worker_that_makes_no_snapshot(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_receiver.SNAPSHOT_WAIT_S", 0.05)
    with pytest.raises(CommandRejected, match=r"no snapshot in 0\.05 s"):
        await watched.worker.snapshot()
    watched.worker.stop()
    with pytest.raises(CommandRejected, match="has no worker"):
        await watched.worker.snapshot()


def test_the_messages_here_are_what_they_seem() -> None:
    assert json.loads(serialize_json(MessageType.FORMAT, OUTPUT)[5:]) == OUTPUT


async def test_a_machine_without_workers_fills_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transcoder.service.worker_life.RETRY_S", 0.001)
    watched = Watched(FakeForkServer())
    watched.server.refuse = WorkerError("no worker could be started: Cannot allocate memory")
    with structlog.testing.capture_logs() as lines:
        task = asyncio.get_running_loop().create_task(watched.worker.run())
        await watched.until(lambda: len(watched.problems) >= 20)
        task.cancel()
    told = [line for line in lines if line["event"] == "worker not started"]
    assert [line["log_level"] for line in told[:20]] == ["error"] + ["debug"] * 19
    assert told[0]["reason"] == watched.problems[0]
