"""A stream between its source, its worker and its outputs; none of them does anything by itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.outputs import IDR_SLICE, OTHER_SLICE, PPS, SPS, FakeTiming, coded
from tests.support.stream_parts import StreamParts, source_options, stream_settings
from transcoder import clock
from transcoder.codecs.audio_codec import AudioCodec
from transcoder.codecs.nal import Codec
from transcoder.errors import CommandRejected
from transcoder.formats.served_audio import ServedAudio
from transcoder.rtsp.session import EndReason
from transcoder.service import availability
from transcoder.service.decoding_watch import DECODE_WAIT_S
from transcoder.service.host_gate import HostGate
from transcoder.service.settings import StreamSettings
from transcoder.service.status import StreamState
from transcoder.service.stream import Stream
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.source.problems import Unreadable
from transcoder.worker_options import MAIN, Mask, OutputFormat, OutputOptions

UNIT = CodedUnit(codec=Codec.H264, data=b"\0\0\0\1\x65\x88", pts=90_000, random_access=True)
FORMAT = OutputFormat(width=352, height=208, frame_rate=12.5, matrix=1)


class Watched(StreamParts):
    """A stream and what it did."""

    def __init__(self, settings: StreamSettings, gate: HostGate | None = None) -> None:
        super().__init__()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ended: list[tuple[str, EndReason]] = []
        self.timing = FakeTiming()
        no_workers: Any = None
        self.stream = Stream(
            "gate",
            settings,
            no_workers,
            lambda path, reason: self.ended.append((path, reason)),
            self._on_event,
            gate if gate is not None else HostGate(),
            timing=self.timing,
            make_worker=self.make_worker,
            make_source=self.make_source,
        )
        self.status = self.stream.status

    def _on_event(self, name: str, kind: str, detail: dict[str, Any]) -> None:
        assert name == "gate"
        self.events.append((kind, detail))

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """The events since this was asked for."""
        events, self.events = self.events, []
        return events

    def picture(self, *nal_units: bytes, number: int = 0, repeated: bool = False) -> None:
        """Let the worker make a picture."""
        units = nal_units or (SPS, PPS, IDR_SLICE)
        self.worker.listener.on_picture(*coded(*units, at=clock.monotonic(), number=number, repeated=repeated))

    async def begin(self) -> None:
        self.stream.start()
        await asyncio.sleep(0)
        if self.stream.is_enabled:
            self.source.plays_for = 5.0
            self.picture()


async def watching(*names: str, **options: Any) -> Watched:
    watched = Watched(stream_settings(*names, **options))
    await watched.begin()
    watched.worker.told_since()
    return watched


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    made = await watching()
    yield made
    await made.stream.stop()


# -- life --------------------------------------------------------------------------------------------------------------


async def test_a_stream_from_its_start_to_its_end() -> None:
    watched = Watched(stream_settings())
    assert watched.status.state is StreamState.STARTING
    watched.stream.start()
    await asyncio.sleep(0)
    assert watched.status.state is StreamState.CONNECTING
    assert (watched.source.running, watched.worker.has_process) == (True, True)
    await watched.stream.stop()
    assert (watched.source.running, watched.worker.has_process) == (False, False)


async def test_a_disabled_stream_is_not_pulled() -> None:
    watched = await watching(enabled=False)
    assert watched.status.state is StreamState.DISABLED
    assert (watched.source.running, watched.worker.has_process) == (False, False)
    await watched.stream.restart()
    assert len(watched.sources) == 1


async def test_a_restart_replaces_worker_and_connection_and_no_reader(watched: Watched) -> None:
    first = watched.source
    await watched.stream.restart()
    await asyncio.sleep(0)
    assert watched.worker.told_since() == [("replace", "replaced on request")]
    assert (len(watched.sources), first.running, watched.source.running) == (2, False, True)
    assert watched.ended == []


# -- from the source ---------------------------------------------------------------------------------------------------


def test_an_access_unit_goes_to_the_worker(watched: Watched) -> None:
    listener = watched.source.listener
    assert listener.on_coded_unit(UNIT, 7.0)
    assert watched.worker.told_since() == [("feed", UNIT, 7.0)]
    watched.worker.takes = False
    assert not listener.on_coded_unit(UNIT, 7.1)


def test_the_banner_follows_the_camera(watched: Watched) -> None:
    watched.stream.tick(clock.monotonic())
    assert watched.worker.banner == ""
    watched.source.listener.on_source_lost("the camera closed the connection", was_playing=True)
    watched.stream.tick(clock.monotonic())
    name, words = watched.worker.banner.splitlines()
    assert name == watched.stream.name
    assert words.startswith("no signal since ")
    watched.picture()
    watched.stream.tick(clock.monotonic())
    assert watched.worker.banner == ""


def test_the_banner_of_a_camera_that_is_away_is_written_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    def write(title: str, *_: object) -> str:
        written.append(title)
        return title

    monkeypatch.setattr(availability, "banner", write)
    made, wall = Watched(replace(stream_settings(), title="Yard")), 1_795_780_800.0
    for quarter in range(720):  # three minutes of ticks
        monkeypatch.setattr(clock, "wall_clock", lambda at=wall + quarter / 4: at)
        made.stream.tick(clock.monotonic())
    assert written == ["Yard"] * 3
    made.source.listener.on_source_lost("refused", was_playing=False)
    made.stream.tick(clock.monotonic())
    assert written == ["Yard"] * 4, "another state is told at once"


@pytest.mark.parametrize("ends", ["in order", "without warning"])
async def test_the_banner_tells_after_a_restart_when_the_camera_was_seen(ends: str) -> None:
    gate, after = HostGate(), HostGate()
    watched = Watched(stream_settings(), gate)
    await watched.begin()
    watched.stream.sample(clock.monotonic())
    if ends == "in order":
        await watched.stream.stop()
    assert gate.memory.has_changed
    after.memory.load(gate.memory.changes())
    again = Watched(stream_settings(), after)
    again.stream.start()
    again.stream.tick(clock.monotonic())
    assert again.worker.banner.splitlines()[1].startswith("no signal since ")
    after.memory.forget("gate")
    again.stream.tick(clock.monotonic())
    assert again.worker.banner.splitlines()[1] == "no picture yet"
    for stream in (watched.stream, again.stream):
        await stream.stop()


@pytest.mark.parametrize(
    ("settings", "expected"), [({"title": "Yard"}, "Yard\nno picture yet"), ({"has_banner": False}, "")]
)
def test_the_banner_as_it_is_configured(settings: dict[str, Any], expected: str) -> None:
    made = Watched(replace(stream_settings(), **settings))
    made.stream.tick(clock.monotonic())
    assert made.worker.banner == expected


def test_a_camera_that_is_lost_and_comes_back(watched: Watched) -> None:
    assert (watched.status.state, watched.told()) == (StreamState.PLAYING, [])
    watched.source.status.losses += 1
    watched.source.listener.on_source_lost("the camera closed the connection", was_playing=True)
    assert (watched.status.state, watched.status.problem) == (StreamState.AWAY, "the camera closed the connection")
    watched.source.listener.on_source_lost("connection refused", was_playing=False)
    assert watched.told() == [("source_lost", {"reason": "the camera closed the connection"})]
    watched.picture(repeated=True)
    assert watched.status.state is StreamState.AWAY
    watched.picture()
    assert (watched.status.state, watched.status.problem) == (StreamState.PLAYING, "")
    assert watched.told() == [("source_recovered", {})]


def test_pictures_that_are_encrypted_are_no_playing(watched: Watched) -> None:
    watched.source.listener.on_unreadable(Unreadable("encrypted", "encrypted"))
    watched.source.encrypted = True
    assert (watched.status.state, watched.status.problem) == (StreamState.AWAY, "encrypted")
    assert watched.told() == [("source_encrypted", {"reason": "encrypted"})]
    watched.picture()  # a picture from before, that was in the worker
    assert watched.status.state is StreamState.AWAY
    watched.source.encrypted = False
    watched.picture()
    assert (watched.status.state, watched.status.problem) == (StreamState.PLAYING, "")
    assert watched.told() == [("source_recovered", {})]


# -- from the worker ---------------------------------------------------------------------------------------------------


async def test_a_picture_goes_to_its_output_and_so_does_a_format() -> None:
    watched = await watching(MAIN, "sub")
    watched.picture(number=1)
    watched.picture(OTHER_SLICE, number=1)
    watched.worker.listener.on_format(PictureFormat(output_number=1, output=FORMAT, is_slate=False))
    main, sub = (watched.status.outputs[name] for name in (MAIN, "sub"))
    assert (main.pictures, sub.pictures) == (1, 2)
    assert (main.format, sub.format["width"]) == ({}, 352)
    await watched.stream.stop()


async def test_audio_goes_to_every_output_where_it_was_asked_for() -> None:
    source = source_options(audio=True)
    watched = await watching(MAIN, "sub", source=source)
    listener = watched.worker.listener
    listener.on_coded_audio(90_000_000, b"aac")  # of an unknown format
    watched.worker.audio_output = ServedAudio(clock_rate=16_000, config=b"\x14\x08")
    listener.on_coded_audio(90_000_000, b"aac")
    assert [output.audio_units for output in watched.status.outputs.values()] == [1, 1]
    other = stream_settings(MAIN, "sub", source=source)
    other = replace(other, worker=replace(other.worker, audio_codec=AudioCodec.PCMA))
    await watched.stream.reconfigure(other)
    listener.on_coded_audio(90_001_000, b"aac")  # it was on its way
    await watched.stream.reconfigure(stream_settings(MAIN, "sub"))
    listener.on_coded_audio(90_001_000, b"aac")
    assert [output.audio_units for output in watched.status.outputs.values()] == [1, 1]
    await watched.stream.stop()


def test_a_worker_that_is_lost_or_fails(watched: Watched) -> None:
    watched.worker.listener.on_worker_lost("signal 11")
    assert watched.told() == [("worker_restarted", {"reason": "signal 11"})]
    watched.worker.listener.on_worker_problem("no decoder")
    assert watched.status.problem == "no decoder"


async def test_what_outputs_ask_for_names_them() -> None:
    watched = await watching(MAIN, "sub")
    watched.stream.outputs["sub"].request_idr()
    assert ("force_idr", 1) in watched.worker.told_since()
    await watched.stream.stop()


# -- other settings ----------------------------------------------------------------------------------------------------


async def test_the_same_settings_change_nothing(watched: Watched) -> None:
    await watched.stream.reconfigure(stream_settings())
    assert (watched.worker.told_since(), len(watched.sources), watched.ended) == ([], 1, [])


async def test_another_source_is_another_connection_and_nothing_else(watched: Watched) -> None:
    first, other = watched.source, source_options("rtsp://192.0.2.7/live")
    await watched.stream.reconfigure(stream_settings(source=other))
    await asyncio.sleep(0)
    assert (len(watched.sources), watched.source.options, watched.source.running) == (2, other, True)
    assert not first.running
    assert (watched.worker.told_since(), watched.ended) == ([], [])


@pytest.mark.parametrize(
    "options",
    [
        {"outputs": (OutputOptions(bitrate_kbps=500),)},
        {"masks": (Mask(polygon=((0, 0), (1, 0), (1, 1))),)},
        {"memory_limit_mb": 300},
    ],
)
async def test_what_the_worker_can_change_leaves_readers_and_camera(watched: Watched, options: dict[str, Any]) -> None:
    settings = stream_settings(**options)
    await watched.stream.reconfigure(settings)
    told = watched.worker.told_since()
    assert told[:2] == [("configure", settings.worker), ("force_idr", 0)]
    assert (len(watched.sources), watched.ended) == (1, [])


@pytest.mark.parametrize(
    "options",
    [
        {"outputs": (OutputOptions(codec=Codec.H265),)},
        {"outputs": (OutputOptions(size=(640, 360)),)},
        {"display_aspect": (16, 9)},
    ],
)
async def test_another_shape_ends_the_readers(watched: Watched, options: dict[str, Any]) -> None:
    await watched.stream.reconfigure(stream_settings(**options))
    assert watched.ended == [("gate", EndReason.FORMAT_CHANGE)]
    assert len(watched.sources) == 1


async def test_audio_ends_the_readers_and_connects_anew(watched: Watched) -> None:
    await watched.stream.reconfigure(stream_settings(source=source_options(audio=True)))
    assert watched.ended == [("gate", EndReason.FORMAT_CHANGE)]
    assert len(watched.sources) == 2


async def test_a_stream_that_is_disabled_and_enabled_again(watched: Watched) -> None:
    settings = stream_settings()
    await watched.stream.reconfigure(replace(settings, enabled=False))
    assert watched.ended == [("gate", EndReason.STREAM_GONE)]
    assert watched.status.state is StreamState.DISABLED
    assert (watched.source.running, watched.worker.has_process) == (False, False)
    await watched.stream.reconfigure(settings)
    await asyncio.sleep(0)
    assert watched.status.state is StreamState.CONNECTING
    assert (len(watched.sources), watched.source.running, watched.worker.has_process) == (2, True, True)


async def test_another_codec_takes_a_worker_of_its_own(watched: Watched) -> None:
    settings = stream_settings()
    settings = replace(settings, worker=replace(settings.worker, outputs=(OutputOptions(codec=Codec.H265),)))
    await watched.stream.reconfigure(settings)
    told = watched.worker.told_since()
    assert told[:2] == [("configure", settings.worker), ("replace", "another codec is configured")]


async def test_an_output_that_is_added_leaves_the_readers_of_the_other(watched: Watched) -> None:
    main = watched.stream.outputs[MAIN]
    settings = stream_settings(MAIN, "sub")
    await watched.stream.reconfigure(settings)
    assert watched.worker.told_since() == [("configure", settings.worker), ("force_idr", 0), ("force_idr", 1)]
    assert {name: output.path for name, output in watched.stream.outputs.items()} == {MAIN: "gate", "sub": "gate/sub"}
    assert watched.stream.outputs[MAIN] is main
    assert list(watched.status.outputs) == [MAIN, "sub"]
    assert watched.ended == []
    await watched.stream.reconfigure(stream_settings())
    assert watched.ended == [("gate/sub", EndReason.STREAM_GONE)]
    assert not [told for told in watched.worker.told_since() if told[0] == "replace"]


async def test_another_output_in_the_place_of_one_takes_a_worker_of_its_own_and_leaves_the_other_readers() -> None:
    watched = await watching(MAIN, "a", "b")
    await watched.stream.reconfigure(stream_settings(MAIN, "b"))
    assert ("replace", "it has other outputs") in watched.worker.told_since()
    assert watched.ended == [("gate/a", EndReason.STREAM_GONE)]
    assert watched.stream.outputs["b"].number == 1
    await watched.stream.stop()


# -- watch -------------------------------------------------------------------------------------------------------------


def test_a_camera_without_a_picture_that_can_be_decoded_is_tried_anew(watched: Watched) -> None:
    now = 1000.0
    watched.worker.last_decoded = now - DECODE_WAIT_S
    watched.source.plays_for = 2 * DECODE_WAIT_S
    watched.stream.tick(now)
    assert watched.source.given_up == []
    watched.stream.tick(now + 0.25)
    assert watched.source.given_up == ["access units, but no picture could be decoded in 30 s"]


@pytest.mark.parametrize("excuse", ["encrypted", "short", "workerless", "away", "compiled just now"])
def test_unless_there_is_another_reason(watched: Watched, excuse: str) -> None:
    watched.worker.last_decoded = 0.0
    watched.source.plays_for = {"short": 5.0, "away": None}.get(excuse, 100.0)
    watched.source.encrypted = excuse == "encrypted"
    watched.worker.began = 990.0 if excuse == "compiled just now" else 0.0
    watched.worker.has_process = excuse != "workerless"
    watched.stream.tick(1000.0)
    assert watched.source.given_up == []


def test_rates_count_what_the_parts_have_counted(watched: Watched) -> None:
    watched.stream.sample(1.0)
    watched.source.status.access_units, watched.source.bytes, watched.worker.used_cpu_s = 25, 125_000, 0.3
    watched.stream.sample(2.0)
    rates = watched.status.rates
    assert (rates.fps_in, rates.kbps_in, rates.cpu) == (25.0, 1000.0, 0.3)


async def test_reception_and_snapshot_are_those_of_the_parts(watched: Watched) -> None:
    assert watched.stream.reception == {"packets": 7}
    assert await watched.stream.snapshot() == b"JPEG"


async def test_a_snapshot_of_a_rendition() -> None:
    watched = await watching(MAIN, "sub")
    assert await watched.stream.snapshot() == b"JPEG"
    assert await watched.stream.snapshot("sub") == b"JPEG1"
    with pytest.raises(CommandRejected, match="no rendition other"):
        await watched.stream.snapshot("other")
    await watched.stream.stop()
