"""Settings of a worker: what goes in comes out."""

from dataclasses import replace
from typing import Any

import pytest

from transcoder.codecs.nal import Codec
from transcoder.worker_options import AudioFormat, EncoderSettings, Mask, OutputFormat, OutputOptions, WorkerOptions

ALL = WorkerOptions(
    display_aspect=(16, 9),
    masks=(
        Mask(polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 0.25)), style="blur"),
        Mask(polygon=((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))),
    ),
    memory_limit_mb=300,
    slate_size=(1920, 1080),
    outputs=(
        OutputOptions(),
        OutputOptions(
            codec=Codec.H265,
            bitrate_kbps=900,
            gop_s=2.5,
            fps=12.5,
            size=(640, 360),
            preset="ultrafast",
            encoder=EncoderSettings(profile="quality", crf=21.5, aq_mode=1),
            fixed=OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1),
            rate_divisor=4,
        ),
    ),
)


@pytest.mark.parametrize("options", [WorkerOptions(), ALL])
def test_round_trip(options: WorkerOptions) -> None:
    wire = options.to_json()
    assert isinstance(wire, bytes)
    assert WorkerOptions.from_json(wire) == options
    assert WorkerOptions.from_json(memoryview(wire)) == options


def test_audio_format() -> None:
    audio = AudioFormat(encoding="MPEG4-GENERIC", clock_rate=16_000, channels=2, config=b"\x14\x08")
    assert AudioFormat.from_json(audio.to_json()) == audio


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"bitrate_kbps": 1, "gop_s": 9.0, "fps": 1.0, "preset": "slow", "rate_divisor": 2}, True),
        ({"fixed": OutputFormat(width=2, height=2, frame_rate=1.0)}, True),
        ({"codec": Codec.H265}, False),
        ({"size": (640, 360)}, False),
    ],
)
def test_what_ends_the_readers_of_an_output(changes: dict[str, Any], same: bool) -> None:
    output = OutputOptions()
    changed = replace(output, **changes)
    assert (changed.shape == output.shape) is same
    assert (WorkerOptions(outputs=(output, changed)).shapes == WorkerOptions(outputs=(output, output)).shapes) is same


def test_the_aspect_of_the_camera_shapes_every_output() -> None:
    assert WorkerOptions(display_aspect=(16, 9)).shapes != WorkerOptions().shapes
