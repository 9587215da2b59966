"""Cameras and workers that die while ffmpeg and GStreamer watch."""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.support.camera_process import GStreamerCamera, encode_as_camera, read_footage
from tests.support.gateway_process import SLACK_S, GatewayProcess
from tests.support.picture_readers import FfmpegReader, GStreamerReader, PictureReader
from transcoder.lab.cameras.counter import draw_counter

pytestmark = pytest.mark.e2e

FPS = 10
GOP = 40
WIDTH = 384
CLIP = 150
"""Pictures of footage that are repeated, each with a number of its own."""
BACK_S = 5.0
"""From the return of a camera, or the end of a worker, to a new picture at the readers."""


def numbered(footage: Path, count: int) -> list[np.ndarray]:
    clip = read_footage(footage, CLIP, width=WIDTH)
    pictures = []
    for index in range(count):
        planes = clip[index % CLIP].copy()
        draw_counter(planes[: planes.shape[0] * 2 // 3], index)
        pictures.append(planes)
    return pictures


class Scene:
    """Two cameras, a gateway, and four readers."""

    def __init__(self, cameras: dict[str, GStreamerCamera], gateway: GatewayProcess, folder: Path) -> None:
        self.cameras = cameras
        self.gateway = gateway
        size = (WIDTH, WIDTH * 576 // 768)
        self.readers: dict[str, list[PictureReader]] = {
            "a": [
                FfmpegReader(gateway.url("a"), size, "tcp", folder),
                GStreamerReader(gateway.url("a"), size, "udp", folder),
            ],
            "b": [
                FfmpegReader(gateway.url("b"), size, "udp", folder),
                GStreamerReader(gateway.url("b"), size, "tcp", folder),
            ],
        }

    def all_readers(self) -> list[PictureReader]:
        return [*self.readers["a"], *self.readers["b"]]

    def last(self, stream: str) -> int:
        """The last picture that a reader of a stream saw."""
        return max(reader.pictures[-1].counter or 0 for reader in self.readers[stream])

    def wait_for(self, stream: str, is_new: Callable[[int], bool], since: float) -> list[float]:
        """How long after `since` each reader got a new picture, seconds."""
        waits = []
        for reader in self.readers[stream]:
            while True:
                new = [
                    picture.at - since
                    for picture in reader.pictures
                    if picture.at > since and picture.counter is not None and is_new(picture.counter)
                ]
                if new:
                    break
                assert reader.connected, reader.messages.read_text()[-2000:]
                assert time.monotonic() - since < BACK_S + SLACK_S, f"{reader} of {stream} sees no new picture"
                time.sleep(0.02)
            waits.append(new[0])
        return waits

    def counters(self, stream: str, since: float) -> list[list[int]]:
        """What each reader of a stream saw since then."""
        return [
            [picture.counter for picture in reader.pictures if picture.at > since and picture.counter is not None]
            for reader in self.readers[stream]
        ]


def below(number: int) -> Callable[[int], bool]:
    return lambda counter: counter < number


def above(number: int) -> Callable[[int], bool]:
    return lambda counter: counter > number


def is_gapless(counters: list[int]) -> bool:
    return all(later == earlier + 1 for earlier, later in itertools.pairwise(counters))


@pytest.fixture
def scene(request, surveillance_footage, start_gateway, tmp_path: Path) -> Iterator[Scene]:
    pictures = numbered(surveillance_footage, request.param * FPS)
    files = {
        codec: encode_as_camera(pictures, codec, FPS, tmp_path / f"{codec}.mkv", gop=GOP, quantizer=20)
        for codec in ("h264", "h265")
    }
    with ExitStack() as stack:
        cameras = {
            name: stack.enter_context(GStreamerCamera({"live": files[codec]}))
            for name, codec in (("a", "h264"), ("b", "h265"))
        }
        gateway = start_gateway({name: {"source": camera.url("live")} for name, camera in cameras.items()})
        made = Scene(cameras, gateway, tmp_path)
        for reader in made.all_readers():
            stack.enter_context(reader)
        for reader in made.all_readers():
            reader.wait_for_pictures(15, 30)
        yield made


def run(scene: Scene, times: int, outage_s: float, between_s: float) -> None:
    started = time.monotonic()
    for _ in range(times):
        before = scene.last("a")
        scene.cameras["a"].kill()
        time.sleep(outage_s)
        scene.cameras["a"].start()
        # it shows its file from the beginning; until then readers get its last picture
        waits = scene.wait_for("a", below(before), time.monotonic())
        print(f"camera back: new pictures after {waits} s")
        assert max(waits) < BACK_S
        time.sleep(between_s)
    untouched = scene.counters("b", started)
    started = time.monotonic()
    for _ in range(times):
        before = scene.last("b")
        worker = scene.gateway.wait_for_worker("b", 1)
        os.kill(worker, signal.SIGKILL)
        # what readers hold back is not new: at least a second of video later than what they showed last
        waits = scene.wait_for("b", above(before + FPS), time.monotonic())
        print(f"worker killed: new pictures after {waits} s")
        assert max(waits) < BACK_S
        time.sleep(between_s)
    untouched += scene.counters("a", started)
    for reader in scene.all_readers():
        assert reader.connected, reader.messages.read_text()[-2000:]
        presentation = reader.times()
        assert len(presentation) >= len(reader.pictures) - 1
        steps = [later - earlier for earlier, later in itertools.pairwise(presentation)]
        assert min(steps) > 0, f"{reader}: time steps back by {-min(steps)} s"
        # the last picture is repeated while the camera is away: nobody waits much longer than a second
        arrivals = [picture.at for picture in reader.pictures]
        assert max(later - earlier for earlier, later in itertools.pairwise(arrivals)) < 2.5 + SLACK_S
    scene.gateway.skip_if_overloaded()
    for counters in untouched:
        assert is_gapless(counters), counters


@pytest.mark.parametrize("scene", [40], indirect=True)
def test_a_camera_and_a_worker_die_once(scene: Scene) -> None:
    run(scene, times=1, outage_s=3.0, between_s=2.0)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("scene", [150], indirect=True)
def test_a_camera_and_a_worker_die_three_times(scene: Scene) -> None:
    run(scene, times=3, outage_s=10.0, between_s=5.0)
