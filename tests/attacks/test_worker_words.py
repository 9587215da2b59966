"""A worker that was taken over says what it likes: nothing of it reaches readers, documents, metrics or other streams.

Every attack has a control: an honest worker's message passes, or the same words do harm where the measure is off.
"""

import asyncio
import contextlib
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from tests.service.test_coded_pictures import message, pictures
from tests.support.fork_server import FakeForkServer
from tests.support.stream_parts import KeptStream
from tests.support.watched_worker import Watched
from transcoder.api.metrics import StreamCollector
from transcoder.app import run_until_stopped
from transcoder.codecs.nal import Codec
from transcoder.config import parse
from transcoder.control.numbers import GatewayNumbers, StreamNumbers
from transcoder.errors import LimitExceeded, RemoteProtocolError, ServiceError
from transcoder.http_server.guard import HttpCounts
from transcoder.ipc.messages import MessageType, serialize_coded, serialize_json
from transcoder.ledger import Ledger
from transcoder.media.jpeg import encode_jpeg
from transcoder.media.picture import OwnPicture
from transcoder.output.status import ENCODE_BOUNDS_S
from transcoder.service.coded_pictures import CodedPictures
from transcoder.service.gateway import Gateway
from transcoder.service.observer import SCENE_EVENTS, Observation, Sample, StreamObserver, observe
from transcoder.service.status import StreamState, StreamStatus
from transcoder.service.worker_budget import WorkerBudget
from transcoder.service.worker_receiver import MAX_LINES
from transcoder.service.worker_reports import Failure, PictureFormat, SourceFormat, Statistics, parse_report
from transcoder.service.worker_words import CONDITIONS, MAX_COUNT, OTHER, OTHER_PROBLEM
from transcoder.worker_options import OutputFormat, OutputOptions, Role

HUGE = 10**4000
COUNTS = (0,) * (len(ENCODE_BOUNDS_S) + 1)
TEXT = "a password, a camera's words, a picture's pixels"
STATISTICS: dict[str, Any] = {
    "cpu_s": 1.5,
    "counters": {"decoded_pictures": 25, "decode_us": 50_000},
    "decode_errors": {"InvalidDataError": 2},
    "encoder_dropped": {"6 SEI": 1},
    "audio_errors": {"skew": 1},
    "rate_divisor": 1,
    "motion": 0.5,
    "changed_macroblocks": 0.5,
    "conditions": ["dark"],
}
SOURCE_FORMAT = {"codec": "H265", "width": 1920, "height": 1080, "pixel_format": "yuv420p", "interlaced": False}


def say(kind: MessageType, value: dict[str, Any]) -> Any:
    """Have the service read a report."""
    return parse_report(kind, memoryview(json.dumps(value).encode()), 1)


# -- numbers -----------------------------------------------------------------------------------------------------------


def sample(at: float, counters: dict[str, Any]) -> Sample:
    return Sample(at=at, is_playing=True, access_units_in=25, report={"counters": counters})


def test_a_huge_number_is_no_statistics() -> None:
    assert isinstance(say(MessageType.STATS, STATISTICS), Statistics)  # control: an honest one is
    numbers: list[Any] = [HUGE, MAX_COUNT + 1, -1, 1.5, True, "1", None, [], 1e308, float("inf"), float("nan")]
    for number in numbers:
        for name in ("counters", "decode_errors", "encoder_dropped", "audio_errors"):
            with pytest.raises(RemoteProtocolError):
                say(MessageType.STATS, STATISTICS | {name: {next(iter(STATISTICS[name])): number}})

        for name in ("cpu_s", "rate_divisor", "motion", "changed_macroblocks", "conditions"):
            is_valid = (name, number) in (("conditions", []), ("changed_macroblocks", None))
            if not is_valid and (number != 1.5 or name == "changed_macroblocks"):
                with pytest.raises(RemoteProtocolError):
                    say(MessageType.STATS, STATISTICS | {name: number})


def test_the_largest_numbers_that_pass_harm_nothing_and_a_larger_one_does() -> None:
    before = Observation(sample=sample(0.0, {"decoded_pictures": 0, "decode_us": 0}))
    busy = {"decoded_pictures": 1, "decode_us": MAX_COUNT, "shed_pictures": MAX_COUNT}
    assert observe(before, sample(1.0, busy)).is_overloaded
    with pytest.raises(OverflowError):  # control
        observe(before, sample(1.0, busy | {"decode_us": HUGE}))


def metrics(numbers: StreamNumbers) -> str:
    control: Any = SimpleNamespace(
        ids=lambda: ["front"],
        info=lambda: SimpleNamespace(version="1", node="gw"),
        stats=lambda: SimpleNamespace(streams=0, rtsp_auth_failures=0, mqtt_connected=None),
        gateway_numbers=GatewayNumbers,
        state=lambda _: None,
        numbers=lambda _: numbers,
    )
    registry = CollectorRegistry()
    collector = StreamCollector(control, HttpCounts())
    found: Any = {control.numbers: [("front", numbers)], control.state: []}
    collector._each = found.__getitem__  # type: ignore[method-assign]
    registry.register(collector)
    return generate_latest(registry).decode()


def test_metrics_are_told_with_the_largest_numbers_and_fail_with_a_larger_one() -> None:
    assert 'transcoder_frames_decoded_total{stream="front"} 9.007199254740992e+15' in metrics(
        StreamNumbers(decoded=MAX_COUNT, decode_errors=30 * MAX_COUNT, encode_counts=COUNTS)
    )
    with pytest.raises(OverflowError):  # control
        metrics(StreamNumbers(decoded=HUGE, encode_counts=COUNTS))


# -- words -------------------------------------------------------------------------------------------------------------


def test_a_worker_names_nothing() -> None:
    """Text of a worker's choice is in no part of what documents, events and metrics are made of."""
    said = STATISTICS | {
        name: {TEXT: 1, TEXT + "2": 2} for name in ("counters", "decode_errors", "encoder_dropped", "audio_errors")
    }
    report = say(MessageType.STATS, said | {TEXT: TEXT, "conditions": [TEXT, "dark", {}, []]})
    assert TEXT not in repr(report)
    assert report.document["decode_errors"] == {OTHER: 3}  # counted all the same
    assert report.document["conditions"] == ["dark"]
    assert say(MessageType.STATS, STATISTICS).document == STATISTICS  # control: our own words all pass


@pytest.mark.parametrize(
    "said",
    [
        {"codec": TEXT}, {"codec": []}, {"codec": None}, {"width": 10**30}, {"width": 0}, {"width": True},
        {"height": 1.5}, {"height": "1"}, {"width": 65_536, "height": 65_536}, {"pixel_format": 7}, {"interlaced": 1},
        {"sample_aspect": 4.5}, {"sample_aspect": 0.2}, {"sample_aspect": "1"}, {"sample_aspect": float("nan")},
    ],
)  # fmt: skip
def test_a_source_format_is_one_that_cameras_have(said: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError):
        say(MessageType.SOURCE_FORMAT, SOURCE_FORMAT | said)


def test_a_source_format_holds_no_text_of_a_worker() -> None:
    assert say(MessageType.SOURCE_FORMAT, SOURCE_FORMAT) == SourceFormat(document=SOURCE_FORMAT)  # control
    found = say(MessageType.SOURCE_FORMAT, SOURCE_FORMAT | {"pixel_format": TEXT, TEXT: TEXT})
    assert found.document == SOURCE_FORMAT | {"pixel_format": OTHER}


def test_a_failure_is_told_in_our_words() -> None:
    found = say(MessageType.FAILED, {"reason": f"{TEXT}\x1b[2J\n{TEXT}" * 100})
    assert isinstance(found, Failure)
    assert (found.problem, len(found.reason), found.reason.isprintable()) == (OTHER_PROBLEM, 300, True)
    honest = say(MessageType.FAILED, {"reason": f"audio is left out: {TEXT}"})  # control
    assert (honest.problem, TEXT in honest.reason) == ("audio is left out", True)


def test_the_conditions_that_a_worker_may_name_are_those_that_there_are() -> None:
    assert tuple(SCENE_EVENTS) == CONDITIONS


# -- the watch over all streams ----------------------------------------------------------------------------------------


class Poisoned(KeptStream):
    """A stream whose observer meets a number that it can't take, as one did before numbers had bounds."""

    def sample(self, now: float) -> None:
        super().sample(now)
        if self.name == "poisoned":
            status = StreamStatus(name=self.name)
            observer = StreamObserver(status, Ledger(), structlog.get_logger(), lambda kind, detail: None)
            status.worker.report = {"counters": {"decoded_pictures": 1, "decode_us": HUGE, "shed_pictures": 1}}
            status.source.access_units = 25
            observer._last = Observation(sample=sample(now - 1, {"decoded_pictures": 0, "decode_us": 0}))
            status.state = StreamState.PLAYING
            observer.look(now, bytes_in=0, cpu_s=0.0)


async def gateway_of(*names: str) -> Gateway:
    streams = {name: {"source": "rtsp://10.0.0.2/live"} for name in names}
    config = parse(json.dumps({"streams": streams}), Path("/nonexistent"), {})
    gateway = Gateway(config, make_stream=Poisoned)
    await gateway.apply(config, names)
    return gateway


async def test_a_fault_of_one_stream_does_not_end_the_watch_over_the_others() -> None:
    gateway = await gateway_of("poisoned", "clean")
    with structlog.testing.capture_logs() as lines:
        for turn in range(120):
            await gateway.tick(float(turn), 0.0)
    clean: Any = gateway.streams["clean"]
    assert len(clean.samples) == len(clean.ticks) == gateway.watch_faults == 120
    told = [line for line in lines if line["event"] == "a stream could not be looked after"]
    assert [(line["stream"], line["faults"]) for line in told] == [("poisoned", 1), ("poisoned", 60)]
    control: Any = gateway.streams["poisoned"]
    with pytest.raises(OverflowError):  # control: without the guard this is what ends the watch
        control.sample(200.0)


async def test_the_end_of_a_task_of_the_service_ends_the_service_loudly() -> None:
    class Broken:
        stopped = 0

        def __init__(self, task: asyncio.Task[None]) -> None:
            self.tasks = [task]

        async def start(self) -> None:
            pass

        async def stop(self) -> None:
            self.stopped += 1

    async def end() -> None:
        raise OverflowError(TEXT)

    app: Any = Broken(asyncio.get_running_loop().create_task(end()))
    with structlog.testing.capture_logs() as lines, pytest.raises(ServiceError, match=r"end.*OverflowError"):
        async with asyncio.timeout(5):
            await run_until_stopped(app)
    assert [line["event"] for line in lines if line["log_level"] == "critical"] == [
        "a task of the service ended, and so does the service"
    ]
    assert app.stopped == 1


async def test_a_service_whose_tasks_live_runs_on() -> None:
    """The control of the test above."""

    class Whole:
        def __init__(self, task: asyncio.Task[None]) -> None:
            self.tasks = [task]

        async def start(self) -> None:
            pass

    task: asyncio.Task[None] = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    app: Any = Whole(task)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await run_until_stopped(app)
    task.cancel()


# -- pictures ----------------------------------------------------------------------------------------------------------


def insert(unit: bytes, text: bytes, at: int) -> bytes:
    return unit[:at] + text + unit[at:]


def hostile(codec: Codec) -> dict[str, list[bytes]]:
    """Pictures that carry a text, by the place where it is."""
    idr = pictures(codec)[0]
    text, sequence, picture_set = TEXT.encode(), len(idr) - 3, len(idr) - 2
    found = {
        "behind the SPS": [*idr[:sequence], idr[sequence] + text, *idr[sequence + 1 :]],
        "behind the PPS": [*idr[:picture_set], idr[picture_set] + text, *idr[picture_set + 1 :]],
        "within the SPS": [*idr[:sequence], insert(idr[sequence], text, 8), *idr[sequence + 1 :]],
        "a second SPS": [*idr[: sequence + 1], idr[sequence][:4] + text, *idr[sequence + 1 :]],
        "in place of the slice's header": [*idr[:-1], idr[-1][:2] + text],
        "in a second slice": [*idr, idr[-1][:2] + text],
        "in 300 further units": [*idr, *([bytes((0x42,)) + text] * 300)],
        "in SPS bits": [*idr[:sequence], bytes((*idr[sequence][:-1], idr[sequence][-1] ^ 1)), *idr[sequence + 1 :]],
    }
    for index in range(len(idr)):
        unit = idr[index]
        forbidden = bytes((unit[0] | 0x80,)) + unit[1:]
        found[f"in the forbidden bit of unit {index}"] = [*idr[:index], forbidden, *idr[index + 1 :]]
    if codec is Codec.H264:
        for kind in (2, 3, 4):
            found[f"in a partition of type {kind}"] = [*idr, bytes((0x60 | kind,)) + text]
        for reference in range(3):
            found[f"in nal_ref_idc {reference}"] = [*idr[:-1], bytes((reference << 5 | 5,)) + idr[-1][1:]]
    else:
        found["in the layer"] = [*idr[:-1], bytes((idr[-1][0], 9)) + idr[-1][2:]]
        found["in the VPS"] = [idr[0] + text, *idr[1:]]
        found["in a slice of type 9"] = [*idr, bytes((9 << 1, 1)) + text]
    return found


@pytest.mark.parametrize("codec", list(Codec))
def test_text_in_headers_reaches_nobody(codec: Codec) -> None:
    for name, units in hostile(codec).items():
        assert CodedPictures(codec).types(message(codec, units)) is None, name
    assert CodedPictures(codec).types(message(codec, pictures(codec)[0])) is not None  # control


@pytest.mark.parametrize("codec", list(Codec))
def test_no_bit_of_a_parameter_set_is_free_but_its_few_values(codec: Codec) -> None:
    """Every other bit of a set that is changed either makes it none of ours, or one with another value of a table."""
    idr = pictures(codec)[0]
    free = 0
    for index, unit in enumerate(idr[:-1]):
        for bit in range(8 * len(unit)):
            changed = bytearray(unit)
            changed[bit // 8] ^= 0x80 >> bit % 8
            units = [*idr[:index], bytes(changed), *idr[index + 1 :]]
            free += CodedPictures(codec).types(message(codec, units)) is not None
    assert free < (8 * sum(map(len, idr[:-1]))) / 4


# -- floods ------------------------------------------------------------------------------------------------------------


async def flood(message: bytes, count: int) -> tuple[list[str], int]:
    """Have a worker say a message again and again; return why it was lost, and the lines that the log got."""
    watched = Watched(FakeForkServer())
    with structlog.testing.capture_logs() as lines:
        task = asyncio.get_running_loop().create_task(watched.worker.run())
        await watched.until_served()
        worker = watched.server.workers[0]
        worker._peer.setblocking(False)
        with contextlib.suppress(OSError, ValueError, TimeoutError):  # it is closed when the worker is given up
            async with asyncio.timeout(5):
                for _ in range(count):
                    await asyncio.get_running_loop().sock_sendall(worker._peer, message)
                    await asyncio.sleep(0)
                    if not worker.alive:
                        break
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watched.worker.stop()
    return watched.deaths, len([line for line in lines if line["event"] in {"worker reports", "source format changed"}])


async def test_a_flood_of_failures_fills_no_log_and_costs_the_worker() -> None:
    deaths, lines = await flood(serialize_json(MessageType.FAILED, {"reason": TEXT}), 3000)
    assert deaths == ["worker broke the protocol: more than 240 messages FAILED a second"]
    assert lines == MAX_LINES
    assert await flood(serialize_json(MessageType.FAILED, {"reason": TEXT}), 3) == ([], 3)  # control


async def test_a_flood_of_formats_costs_the_worker() -> None:
    output = {"width": 640, "height": 360, "frame_rate": 12.5, "matrix": 1}
    said = serialize_json(MessageType.FORMAT, {"output_number": 0, "output": output, "slate": False})
    deaths, _ = await flood(said, 300)
    assert deaths == ["worker broke the protocol: more than 16 messages FORMAT a second"]
    assert await flood(said, 3) == ([], 0)  # control


async def test_pictures_far_over_the_cap_cost_the_worker() -> None:
    """4 Mbit/s are configured; pictures of 1 MB come as fast as they are taken."""
    now = time.monotonic()
    idr = pictures(Codec.H264)[0]
    units = [*idr[:-1], idr[-1] + b"\x11" * (100 << 10)]
    said = serialize_coded(0, Codec.H264, 2, round(now * 90_000), now, (0.0, 0.0, 0.0), units)
    deaths, _ = await flood(said, 1000)
    assert deaths == ["worker broke the protocol: output 0 sends more than 3 times its cap"]
    assert await flood(said, 3) == ([], 0)  # control


# -- sizes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "passes"), [((128, 96), True), ((640, 360), False)], ids=["control", "attack"])
async def test_pictures_of_another_size_than_readers_were_told_are_refused(told: tuple[int, int], passes: bool) -> None:
    watched = Watched(FakeForkServer())
    settings = watched.worker._settings
    output = OutputFormat(width=told[0], height=told[1], frame_rate=12.5)
    settings.note_format(PictureFormat(output_number=0, output=output, is_slate=False))
    now = round(time.monotonic() * 90_000)
    for units in pictures(Codec.H264):
        data = serialize_coded(0, Codec.H264, 0, now, 0.0, (0.0, 0.0, 0.0), units)
        watched.worker._receiver.receive(Role.WHOLE, MessageType.CODED, memoryview(data)[5:])
    assert len(watched.pictures) == (4 if passes else 0)
    assert watched.status.rejected == (0 if passes else 4)


def test_one_picture_is_not_larger_than_the_buffer_of_its_cap() -> None:
    options = OutputOptions(bitrate_kbps=4000)
    WorkerBudget().count_picture(0, options, (1920, 1080), 25.0, 12_000_000, 0.0)  # control: a flood of many is allowed
    with pytest.raises(LimitExceeded, match="no buffer of its cap"):
        WorkerBudget().count_picture(0, options, (1920, 1080), 25.0, 12_000_001, 0.0)


# -- sound and snapshots -----------------------------------------------------------------------------------------------


def test_a_description_of_sound_holds_no_text() -> None:
    honest = {"codec": "aac", "rate": 16_000, "config": "140856e500"}
    assert say(MessageType.AUDIO_OUTPUT, honest).config.hex() == "140856e500"  # control
    for config in (TEXT.encode().hex(), "140856e500" + TEXT.encode().hex(), "130856e500", TEXT):
        with pytest.raises(RemoteProtocolError, match="audio"):
            say(MessageType.AUDIO_OUTPUT, honest | {"config": config})


def snapshot(jpeg: bytes) -> bytes:
    found: Any = parse_report(MessageType.SNAPSHOT_TAKEN, memoryview(b"\0" + jpeg), 1)
    return bytes(found.jpeg)


def test_a_snapshot_holds_a_picture_and_no_text() -> None:
    jpeg, text = encode_jpeg(OwnPicture(64, 48)), TEXT.encode()
    segments = {
        marker: bytes((0xFF, marker)) + (len(text) + 2).to_bytes(2) + text for marker in (0xE0, 0xE1, 0xEF, 0xFE)
    }
    for segment in segments.values():
        assert snapshot(jpeg[:2] + segment + jpeg[2:]) == snapshot(jpeg)
        assert text in jpeg[:2] + segment + jpeg[2:]  # control: without the measure it is handed on
    assert snapshot(jpeg + text) == snapshot(jpeg)
    assert snapshot(snapshot(jpeg)) == snapshot(jpeg)
    for none in (text, jpeg[:2], jpeg[:100], b"\xff\xd8" + text):
        with pytest.raises(RemoteProtocolError, match="no JPEG"):
            snapshot(none)
