"""What a worker is believed; no process runs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from tests.support.fork_server import FakeForkServer
from tests.support.watched_worker import H264_IDR, OUTPUT, SOURCE_FORMAT, Watched, watching
from transcoder.codecs.nal import Codec
from transcoder.formats.served_audio import ServedAudio
from transcoder.ipc.messages import (
    MessageType,
    serialize_coded,
    serialize_json,
    serialize_message,
)
from transcoder.worker_options import OutputFormat, OutputOptions, WorkerOptions


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with watching() as made:
        yield made


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


@pytest.mark.parametrize(
    ("reason", "told_as"),
    [
        ("build", ("warning", "x264 is called over FFmpeg's interface instead of its own", "build")),
        ("difference", ("error", "decoders show other pictures than the profile motion believes: x264 encodes", None)),
    ],
)
async def test_why_another_encoder_encodes_is_told_once(
    watched: Watched, reason: str, told_as: tuple[str, str]
) -> None:
    empty: dict[str, dict[str, int]] = {"decode_errors": {}, "encoder_dropped": {}, "audio_errors": {}}
    reports = [
        serialize_json(MessageType.STATS, {"cpu_s": float(built), "counters": {f"fallback_{reason}": built}, **empty})
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
    assert [(line["log_level"], line["event"], line.get("reason")) for line in told] == [told_as]


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


def test_the_messages_here_are_what_they_seem() -> None:
    assert json.loads(serialize_json(MessageType.FORMAT, OUTPUT)[5:]) == OUTPUT
