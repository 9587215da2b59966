"""Settings of a worker: what goes in comes out."""

import pytest

from transcoder.codecs.nal import Codec
from transcoder.worker_options import AudioFormat, Mask, OutputFormat, WorkerOptions

ALL = WorkerOptions(
    codec=Codec.H265,
    bitrate_kbps=900,
    gop_s=2.5,
    fps=12.5,
    size=(640, 360),
    display_aspect=(16, 9),
    preset="ultrafast",
    masks=(
        Mask(polygon=((0.0, 0.0), (0.5, 0.0), (0.5, 0.25)), style="blur"),
        Mask(polygon=((0.1, 0.1), (0.2, 0.1), (0.2, 0.2), (0.1, 0.2))),
    ),
    fixed=OutputFormat(width=640, height=360, frame_rate=12.5, matrix=1),
    memory_limit_mb=300,
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
