"""A relay hands pictures on, repeats its last IDR while the camera is away, and draws nothing."""

from typing import Any

import pytest
import structlog

from tests.codecs.test_relayed_sets import H264, encoded
from transcoder import clock
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.errors import CommandRejected
from transcoder.ipc.messages import RANDOM_ACCESS, REPEATED, CodedMessage
from transcoder.service.relay import REPEAT_AFTER_S, Relay
from transcoder.service.status import WorkerStatus
from transcoder.service.worker_reports import PictureFormat
from transcoder.source.intake import CodedUnit
from transcoder.worker_options import OutputOptions, WorkerOptions

UNITS = encoded(Codec.H264, **H264, **{"x264-params": "keyint=4:min-keyint=4:scenecut=0"})


class Listener:
    """Notes everything that a relay makes."""

    has_readers = True

    def __init__(self) -> None:
        self.pictures: list[CodedMessage] = []
        self.types: list[list[int]] = []
        self.formats: list[PictureFormat] = []
        self.problems: list[str] = []

    def on_picture(self, picture: CodedMessage, types: list[int]) -> None:
        self.pictures.append(picture)
        self.types.append(types)

    def on_format(self, report: PictureFormat) -> None:
        self.formats.append(report)

    def on_worker_problem(self, problem: str) -> None:
        self.problems.append(problem)


class World:
    def __init__(self, codec: Codec = Codec.H264) -> None:
        self.listener, self.status = Listener(), WorkerStatus()
        options = WorkerOptions(outputs=(OutputOptions(codec=codec),))
        parts: Any = (None, self.status, structlog.get_logger(), self.listener)
        self.relay = Relay("front", options, *parts)

    def feed(self, index: int, codec: Codec = Codec.H264) -> None:
        data, now = join_byte_stream(UNITS[index]), clock.monotonic()
        unit = CodedUnit(codec=codec, data=data, pts=9000 * index, random_access=index % 4 == 0)
        assert self.relay.feed(unit, now)


def test_pictures_pass_in_order_with_their_times_and_no_process() -> None:
    world = World()
    for index in range(4):
        world.feed(index)
    pictures = world.listener.pictures
    assert [picture.pts for picture in pictures] == [0, 9000, 18_000, 27_000]
    assert [picture.flags for picture in pictures] == [RANDOM_ACCESS, 0, 0, 0]
    assert world.listener.types[0][:2] == [7, 8]
    assert [(made.output.width, made.output.height) for made in world.listener.formats] == [(320, 180)]
    assert (world.status.relays, world.status.pid, world.status.starts) == (True, None, 0)


def test_nothing_passes_before_an_idr() -> None:
    world = World()
    world.feed(1)
    world.feed(2)
    assert world.listener.pictures == []
    world.feed(4)
    assert len(world.listener.pictures) == 1


def test_the_last_idr_is_repeated_while_the_camera_is_away_and_no_picture_refers_across_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.feed(0)
    world.feed(1)
    now = clock.monotonic()
    world.relay.repeat(0, now)
    assert len(world.listener.pictures) == 2  # a pause of the network is no outage
    monkeypatch.setattr(clock, "monotonic", lambda: now + REPEAT_AFTER_S + 1)
    world.relay.repeat(0, now + REPEAT_AFTER_S + 1)
    repeated = world.listener.pictures[2]
    assert (repeated.flags, repeated.nal_units) == (RANDOM_ACCESS | REPEATED, world.listener.pictures[0].nal_units)
    assert repeated.pts == round((now + REPEAT_AFTER_S + 1) * 90_000)
    world.feed(2)
    assert len(world.listener.pictures) == 3
    world.feed(4)
    assert len(world.listener.pictures) == 4


def test_another_codec_is_told_and_does_not_pass() -> None:
    world = World(Codec.H265)
    world.feed(0)
    assert world.listener.pictures == []
    assert world.listener.problems == ["the camera sends H264, and video.codec is H265: a relay changes none"]


def test_what_can_not_pass_is_told_counted_and_ends_the_group() -> None:
    world = World()
    world.feed(0)
    broken = CodedUnit(codec=Codec.H264, data=join_byte_stream([b"\x67" + b"\x80" * 600]), pts=1, random_access=False)
    world.relay.feed(broken, clock.monotonic())
    world.feed(1)
    assert (len(world.listener.pictures), world.status.rejected) == (1, 1)
    assert "can't pass undecoded" in world.listener.problems[0]


async def test_there_is_no_snapshot() -> None:
    with pytest.raises(CommandRejected, match="not decoded"):
        await World().relay.snapshot()
    with pytest.raises(CommandRejected, match="not decoded"):
        await World().relay.thumbnail(0, 320)
