"""Measure where the profile motion spends its time: milliseconds of each stage of a picture, and what they work on.

The pictures are those of a simulated camera, decoded; the map of changed macroblocks is made as the stages make it. A
stage is timed around its calls from Python, so `code` is search, residual and reconstruction together.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import material, report
from benchmarks.encoding import Encoded
from transcoder.clock import VIDEO_CLOCK_RATE
from transcoder.codecs.nal import Codec, join_byte_stream
from transcoder.lab.bench.load import CameraOptions
from transcoder.media.changes import OwnComparison
from transcoder.media.encoders import has_random_access, settings_of
from transcoder.media.encoders.motion import MotionEncoder, MotionSettings
from transcoder.media.picture import OwnPicture
from transcoder.worker_options import EncoderSettings, OutputFormat, OutputOptions
from transcoder_native import runtime

_NO_CAP = 100_000
"""kbit/s that no picture reaches."""
STAGES = ("decode", "change", "take", "test", "code", "deblock", "entropy", "copy", "rest", "IDR")
"""The stages in their order; of an IDR only the last one is timed, and the rest is Python between the calls."""


@dataclass(slots=True, kw_only=True)
class Result:
    """Holds what the pictures of a camera took.

    Attributes:
        stage_s: seconds of each stage, all pictures.
        picture_ms: milliseconds of each P picture in the encoder.
        shares: the macroblocks of each P picture that changed, were tested and were coded, as shares.
        bits: of all pictures.
    """

    stage_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    picture_ms: list[float] = field(default_factory=list)
    shares: list[tuple[float, float, float]] = field(default_factory=list)
    bits: int = 0


@contextmanager
def timed(stage_s: dict[str, float]) -> Iterator[None]:
    """Time the stages of the engine while this context lasts."""
    from transcoder_native.h264 import coding, deblock, driver, syntax  # noqa: PLC0415 - compiles

    calls = (
        ("take", driver, "take_source"),
        ("test", driver, "test_still"),
        ("code", coding, "code"),
        ("deblock", deblock, "edged"),
        ("deblock", deblock, "deblock"),
        ("entropy", syntax, "write_slice_data"),
        ("copy", driver, "copy_back"),
    )

    def around(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            started = time.thread_time()
            result = function(*arguments)
            stage_s[stage] += time.thread_time() - started
            return result

        return call

    with ExitStack() as stack:
        for stage, module, name in calls:
            stack.enter_context(patch.object(module, name, around(stage, getattr(module, name))))
        yield


def pictures(source: material.Material) -> Iterator[OwnPicture]:
    """Yield each picture of a material; it is the same object, drawn anew."""
    picture = OwnPicture(source.width, source.height)
    height, width = source.height, source.width
    for samples in source.pictures():
        flat = np.asarray(samples).ravel()
        start = 0
        for plane, half in zip(picture.planes, (1, 2, 2), strict=True):
            shape = (height // half, width // half)
            plane[: shape[0], : shape[1]] = flat[start : start + shape[0] * shape[1]].reshape(shape)
            start += shape[0] * shape[1]
        yield picture


def measure(source: material.Material, qp: int, gop_s: float) -> Result:
    """Encode all pictures and time the stages."""
    from transcoder_native.h264 import engine  # noqa: PLC0415

    output = OutputFormat(width=source.width, height=source.height, frame_rate=source.fps)
    encoder = MotionEncoder(MotionSettings(preset="superfast", crf=qp, subme=0), output, _NO_CAP, engine)
    comparison = OwnComparison(source.width, source.height)
    result = Result()
    gop = max(round(gop_s * source.fps), 1)
    with timed(result.stage_s):
        for number, picture in enumerate(pictures(source)):
            started = time.thread_time()
            changed = comparison.compare(picture)
            compared = time.thread_time()
            before = dict(result.stage_s)
            spent = sum(before.values())
            units = encoder.encode(
                picture, changed, round(number * VIDEO_CLOCK_RATE / source.fps), force_idr=number % gop == 0
            )
            took = time.thread_time() - compared
            staged = sum(result.stage_s.values()) - spent
            result.bits += 8 * sum(map(len, units))
            if has_random_access(Codec.H264, units):
                result.stage_s.clear()
                result.stage_s.update(before)
                result.stage_s["IDR"] += took
                result.stage_s["change"] += compared - started
                continue
            result.stage_s["change"] += compared - started
            result.stage_s["rest"] += took - staged
            result.picture_ms.append(1000 * took)
            result.shares.append(encoder.shares)
    return result


def encode(source: material.Material, settings: EncoderSettings, gop_s: float) -> Encoded:
    """Encode all pictures with the profile motion, as a worker does, and measure the processor time."""
    runtime.warm_h264()
    chosen = settings_of(OutputOptions(encoder=settings))
    output = OutputFormat(width=source.width, height=source.height, frame_rate=source.fps)
    encoder, comparison = chosen.open(output, _NO_CAP), OwnComparison(source.width, source.height)
    gop = max(round(gop_s * source.fps), 1)
    data, cpu_s = b"", 0.0
    for number, picture in enumerate(pictures(source)):
        changed, pts = comparison.compare(picture), round(number * VIDEO_CLOCK_RATE / source.fps)
        started = time.thread_time()
        units = encoder.encode(picture, changed, pts, force_idr=number % gop == 0)
        cpu_s += time.thread_time() - started
        data += join_byte_stream(units)
    kbps = 8 * len(data) * source.fps / source.frames / 1000
    return Encoded(cpu_ms=1000 * cpu_s / source.frames, kbps=kbps, data=data)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stages", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--material", default="day", help="scenes, footage, or files of your own, by commas")
    parser.add_argument("--frames", type=int, default=75)
    parser.add_argument("--size", default="1920x1080", help="WIDTHxHEIGHT of scenes")
    parser.add_argument("--qp", type=int, default=27, help="of P pictures")
    parser.add_argument("--gop-s", type=float, default=1.0)
    report.add_options(parser)
    arguments = parser.parse_args()
    runtime.warm_h264()
    width, _, height = arguments.size.partition("x")
    root = material.footage_folder()
    times = report.Table("ms a picture, mean over all pictures", "material", *STAGES, "P median")
    shares = report.Table(
        "macroblocks of P pictures, mean", "material", "changed", "tested", "coded", "kbit/s", "pictures"
    )
    result: dict[str, Any] = {"runs": []}
    for name in arguments.material.split(","):
        options = CameraOptions(width=int(width), height=int(height), noise=material.SCENES.get(name, 0.0))
        if name not in material.SCENES:
            path = root / material.FOOTAGE[name] if name in material.FOOTAGE and root is not None else Path(name)
            options = CameraOptions(source=path)
        source = material.from_camera(options, arguments.frames)
        taken = measure(source, arguments.qp, arguments.gop_s)
        taken.stage_s["decode"] = material.camera_figures(options, source.frames).decode_ms * source.frames / 1000
        milliseconds = {stage: 1000 * taken.stage_s.get(stage, 0.0) / source.frames for stage in STAGES}
        means = [statistics.mean(column) for column in zip(*taken.shares, strict=True)]
        kbps = taken.bits * source.fps / source.frames / 1000
        times.add(
            name, *(f"{each:.2f}" for each in milliseconds.values()), f"{statistics.median(taken.picture_ms):.2f}"
        )
        shares.add(name, *(f"{100 * mean:.1f} %" for mean in means), f"{kbps:.0f}", source.frames)
        result["runs"].append({"material": name, "ms": milliseconds, "shares": means, "kbps": kbps})
    report.finish(arguments, "stages", result, [times, shares])


if __name__ == "__main__":
    main()
